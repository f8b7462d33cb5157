package main

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety/kernel"
	"cordum.dev/cordum/steps/builtin"
)

// serveConfig is everything that a server can be told. Each field is a row of serveSettings.
type serveConfig struct {
	Dev        bool   // no keys, loopback only; default false
	Config     string // a YAML file with settings; default none
	Addr       string // HTTP; default :8081, 127.0.0.1:8081 with Dev
	NATSAddr   string // workers connect here; default 127.0.0.1:4222
	DataDir    string // default ./.cordum
	Partitions int    // of a new store, 1 to 256; default 64
	Lanes      int    // default 0: one per core

	crash *crasher // fails on purpose, in tests; no setting, no flag and no variable makes one. Default nil
	stubs bool     // its client does the work of the built-in worker, too: see crashServe. Default false

	APIKeys        []string // default none: needed unless Dev
	APIKeysFile    string   // one key a line; default none
	WorkerUser     string   // what workers show on NATS: user and password, or a token; needed unless Dev
	WorkerPassword string
	WorkerToken    string
	Tenant         string // default "default"
	PolicyFile     string // default none: what no rule speaks of is allowed with Dev, denied without

	PolicyURL           string // fetched in place of a file; default none
	PolicyKey           string // public keys of who may sign policies; default none
	PolicySignature     string // of the file; default none
	PolicySignaturePath string // a file with it; default PolicyFile.sig
	PolicySigned        bool   // takes signed policies only; default false, but in production
	PolicyReload        time.Duration
	PolicyMaxBytes      int

	Roles  []string       // gateway, engine or both; default both
	NATS   natsSettings   // of servers that are no part of this process
	Kernel kernelSettings // of a safety kernel in a process of its own
	Audit  auditSettings
	CAP    capSettings
	Fleet  fleetSettings
	Trust  trustSettings
	Dead   deadSettings
	Retain retainSettings // of what has ended
	Backup backupSettings
	Store  storeSettings
	Drain  time.Duration // of the whole process; default 30s

	EgressAllow []string         // what http steps may call besides public addresses; default none
	SecretsDir  string           // DIR/TENANT/NAME holds the value of secrets.NAME; default none
	Channels    builtin.Channels // of notifications, besides the log; default none

	Approvers []string // ADDRESS=ROLE+ROLE of people who answer approvals by links in e-mails; default none
	PublicURL string   // under which people outside reach this server; default where it listens

	Origins       []string // of pages elsewhere that may call the API; default none
	Hosts         []string // names under which the server may be called; default any, loopback with Dev
	MetricsPublic bool     // /metrics for other machines too; default false
	Ping          time.Duration
	Rate          gateway.Rate
	PublicRate    gateway.Rate

	LogFormat    string     // json, text or auto (text on a terminal); default auto
	LogLevel     slog.Level // default info
	OTLPEndpoint string     // traces go there; default none

	Production bool // CORDUM_ENV=production or CORDUM_PRODUCTION=true
}

const (
	defaultAddr     = ":8081"
	defaultDevAddr  = "127.0.0.1:8081"
	defaultNATSAddr = "127.0.0.1:4222"
	defaultDataDir  = "./.cordum"
	// defaultPartitions is enough to spread over many replicas, few enough to own all of them.
	defaultPartitions = 64
)

func defaultServeConfig() serveConfig {
	return serveConfig{
		Roles: []string{roleGateway, roleEngine}, NATSAddr: defaultNATSAddr, DataDir: defaultDataDir, Partitions: defaultPartitions, Tenant: "default",
		Ping:       gateway.PingInterval,
		Rate:       gateway.Rate{PerSecond: gateway.DefaultRPS, Burst: gateway.DefaultBurst},
		PublicRate: gateway.Rate{PerSecond: gateway.DefaultPublicRPS, Burst: gateway.DefaultPublicBurst},
		LogFormat:  "auto",

		Audit:  auditSettings{Every: runner.DefaultHeadEvery},
		CAP:    defaultCAPSettings(),
		Fleet:  defaultFleetSettings(),
		Trust:  defaultTrustSettings(),
		Dead:   defaultDeadSettings(),
		Retain: retainSettings{Every: runner.DefaultRetainEvery},
		Store:  defaultStoreSettings(),
		Drain:  defaultDrain,

		PolicyReload: kernel.DefaultReload, PolicyMaxBytes: kernel.DefaultMaxBytes,
	}
}

// setting is one row: a flag of serve, environment variables, and a key of the file (the flag's name with "_").
type setting struct {
	flag   string   // empty: no flag, because other users of the machine see arguments
	key    string   // of the file; empty: made of flag
	env    []string // the first that is set counts
	doc    string
	isBool bool
	set    func(*serveConfig, string) error
	get    func(*serveConfig) string // the default as the help shows it
}

func (s *setting) fileKey() string {
	if s.key != "" {
		return s.key
	}
	return strings.ReplaceAll(s.flag, "-", "_")
}

// serveSettings is the one table of what serve can be told.
func serveSettings() []setting {
	return append([]setting{
		boolean("dev", "", "no keys, loopback only, data under ./.cordum", func(c *serveConfig) *bool { return &c.Dev }),
		str("config", "CORDUM_CONFIG", "a YAML file with settings", func(c *serveConfig) *string { return &c.Config }),
		address("addr", "GATEWAY_HTTP_ADDR", "HTTP listens here; port 0 takes a free one (default :8081, with --dev 127.0.0.1:8081)", func(c *serveConfig) *string { return &c.Addr }),
		address("nats-addr", "CORDUM_NATS_ADDR", "NATS listens here for workers; port 0 takes a free one", func(c *serveConfig) *string { return &c.NATSAddr }),
		str("data-dir", "CORDUM_DATA_DIR", "everything is kept in this folder", func(c *serveConfig) *string { return &c.DataDir }),
		whole("partitions", "CORDUM_PARTITIONS", "partitions of a new store; an old one keeps its own", 1, id.MaxPartitions, func(c *serveConfig) *int { return &c.Partitions }),
		whole("lanes", "CORDUM_LANES", "threads of decisions; 0 is one per core", 0, 1024, func(c *serveConfig) *int { return &c.Lanes }),

		secretList("api_keys", []string{"CORDUM_API_KEYS"}, func(c *serveConfig) *[]string { return &c.APIKeys }),
		str("api-keys-file", "CORDUM_API_KEYS_PATH", "a file with API keys, one a line", func(c *serveConfig) *string { return &c.APIKeysFile }),
		str("worker-user", "CORDUM_WORKER_USER", "the user that workers show on NATS (its password: CORDUM_WORKER_PASSWORD)", func(c *serveConfig) *string { return &c.WorkerUser }),
		secret("worker_password", "CORDUM_WORKER_PASSWORD", func(c *serveConfig) *string { return &c.WorkerPassword }),
		secret("worker_token", "CORDUM_WORKER_TOKEN", func(c *serveConfig) *string { return &c.WorkerToken }),
		str("tenant-id", "TENANT_ID", "the tenant that API keys belong to", func(c *serveConfig) *string { return &c.Tenant }),
		str("policy", "SAFETY_POLICY_PATH", "the policy file, such as: default: ALLOW; what no rule speaks of is allowed with --dev, denied without", func(c *serveConfig) *string { return &c.PolicyFile }),
		str("policy-url", "SAFETY_POLICY_URL", "fetch the policy from here in place of a file", func(c *serveConfig) *string { return &c.PolicyURL }),
		str("policy-public-key", "SAFETY_POLICY_PUBLIC_KEY", "who may sign policies: ECDSA P-256 or Ed25519, as PEM, or DER or 32 bytes in base64 or hex", func(c *serveConfig) *string { return &c.PolicyKey }),
		str("policy-signature", "SAFETY_POLICY_SIGNATURE", "the signature of the policy file, in base64 or hex", func(c *serveConfig) *string { return &c.PolicySignature }),
		str("policy-signature-path", "SAFETY_POLICY_SIGNATURE_PATH", "the file with that signature (default: the policy file with .sig behind its name, if there is one)", func(c *serveConfig) *string { return &c.PolicySignaturePath }),
		boolean("policy-signature-required", "SAFETY_POLICY_SIGNATURE_REQUIRED", "take signed policies only, as production always does", func(c *serveConfig) *bool { return &c.PolicySigned }),
		duration("policy-reload-interval", "SAFETY_POLICY_RELOAD_INTERVAL", "between two looks at the policy file", func(c *serveConfig) *time.Duration { return &c.PolicyReload }),
		whole("policy-max-bytes", "SAFETY_POLICY_MAX_BYTES", "the largest policy file or bundle", 1, kernel.MaxSetBytes, func(c *serveConfig) *int { return &c.PolicyMaxBytes }),

		listOf("egress-allow", []string{"CORDUM_EGRESS_ALLOW"}, "what http steps may call besides public addresses: ranges, addresses and hosts, such as 10.0.0.0/8,*.intranet.example:8443", func(c *serveConfig) *[]string { return &c.EgressAllow }),
		str("secrets-dir", "CORDUM_SECRETS_DIR", "the value of secrets.NAME is in DIR/TENANT/NAME; with --dev also in CORDUM_SECRET_NAME", func(c *serveConfig) *string { return &c.SecretsDir }),
		secret("notify_webhook_url", "CORDUM_NOTIFY_WEBHOOK_URL", func(c *serveConfig) *string { return &c.Channels.WebhookURL }),
		secret("notify_webhook_secret", "CORDUM_NOTIFY_WEBHOOK_SECRET", func(c *serveConfig) *string { return &c.Channels.WebhookSecret }),
		secret("notify_slack_url", "CORDUM_NOTIFY_SLACK_URL", func(c *serveConfig) *string { return &c.Channels.SlackURL }),
		secret("notify_smtp_url", "CORDUM_NOTIFY_SMTP_URL", func(c *serveConfig) *string { return &c.Channels.SMTP }),
		str("notify-smtp-from", "CORDUM_NOTIFY_SMTP_FROM", "the sender of notifications by e-mail (the server: CORDUM_NOTIFY_SMTP_URL)", func(c *serveConfig) *string { return &c.Channels.MailFrom }),
		listOf("notify-smtp-to", []string{"CORDUM_NOTIFY_SMTP_TO"}, "the recipients of notifications by e-mail", func(c *serveConfig) *[]string { return &c.Channels.MailTo }),

		listOf("approvers", []string{"CORDUM_APPROVERS"}, "people who answer approvals by links in e-mails, with their roles, such as ann@example.com=sre+oncall", func(c *serveConfig) *[]string { return &c.Approvers }),
		str("public-url", "CORDUM_PUBLIC_URL", "the address under which people reach this server, for links to it (default: where it listens)", func(c *serveConfig) *string { return &c.PublicURL }),

		listOf("allowed-origins", []string{"CORDUM_ALLOWED_ORIGINS", "CORDUM_CORS_ALLOW_ORIGINS", "CORS_ALLOW_ORIGINS"}, "exact origins of pages elsewhere that may call the API", func(c *serveConfig) *[]string { return &c.Origins }),
		listOf("allowed-hosts", []string{"CORDUM_ALLOWED_HOSTS"}, "names under which the server may be called", func(c *serveConfig) *[]string { return &c.Hosts }),
		boolean("metrics-public", "GATEWAY_METRICS_PUBLIC", "/metrics for other machines too", func(c *serveConfig) *bool { return &c.MetricsPublic }),
		duration("ws-ping-interval", "GATEWAY_WS_PING_INTERVAL", "between two pings of a live stream", func(c *serveConfig) *time.Duration { return &c.Ping }),
		number("rate-rps", "API_RATE_LIMIT_RPS", "requests a second of one key; negative is no limit", func(c *serveConfig) *float64 { return &c.Rate.PerSecond }),
		whole("rate-burst", "API_RATE_LIMIT_BURST", "requests of one key at once", 1, 1_000_000, func(c *serveConfig) *int { return &c.Rate.Burst }),
		number("public-rate-rps", "API_PUBLIC_RATE_LIMIT_RPS", "requests a second of one address without a key; negative is no limit", func(c *serveConfig) *float64 { return &c.PublicRate.PerSecond }),
		whole("public-rate-burst", "API_PUBLIC_RATE_LIMIT_BURST", "requests of one address without a key at once", 1, 1_000_000, func(c *serveConfig) *int { return &c.PublicRate.Burst }),

		oneOf("log-format", "CORDUM_LOG_FORMAT", "json, text, or auto: text on a terminal", []string{"auto", "json", "text"}, func(c *serveConfig) *string { return &c.LogFormat }),
		logLevel(),
		str("otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "send traces to this OTLP/HTTP address", func(c *serveConfig) *string { return &c.OTLPEndpoint }),
	}, slices.Concat(roleRows(), natsRows(), askKernelSettings(), auditRows(), capRows(), trustRows(), deadRows(), retainRows(), backupRows(), storeRows(), lifeRows(), fleetRows())...)
}

func envs(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

func str(flag, env, doc string, at func(*serveConfig) *string) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc,
		set: func(c *serveConfig, v string) error { *at(c) = v; return nil },
		get: func(c *serveConfig) string { return *at(c) },
	}
}

func secret(key, env string, at func(*serveConfig) *string) setting {
	s := str("", env, "", at)
	s.key = key
	return s
}

func secretList(key string, env []string, at func(*serveConfig) *[]string) setting {
	s := listOf("", env, "", at)
	s.key = key
	return s
}

func listOf(flag string, env []string, doc string, at func(*serveConfig) *[]string) setting {
	return setting{
		flag: flag, env: env, doc: doc,
		set: func(c *serveConfig, v string) error {
			*at(c) = nil
			for item := range strings.SplitSeq(v, ",") {
				if item = strings.TrimSpace(item); item != "" {
					*at(c) = append(*at(c), item)
				}
			}
			return nil
		},
		get: func(c *serveConfig) string { return strings.Join(*at(c), ",") },
	}
}

func boolean(flag, env, doc string, at func(*serveConfig) *bool) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc, isBool: true,
		set: func(c *serveConfig, v string) (err error) {
			if *at(c), err = strconv.ParseBool(v); err != nil {
				return fmt.Errorf("%q is neither true nor false", v)
			}
			return nil
		},
		get: func(c *serveConfig) string { return strconv.FormatBool(*at(c)) },
	}
}

func whole(flag, env, doc string, least, most int, at func(*serveConfig) *int) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc,
		set: func(c *serveConfig, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < least || n > most {
				return fmt.Errorf("%q is no whole number from %d to %d", v, least, most)
			}
			*at(c) = n
			return nil
		},
		get: func(c *serveConfig) string { return strconv.Itoa(*at(c)) },
	}
}

func number(flag, env, doc string, at func(*serveConfig) *float64) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc,
		set: func(c *serveConfig, v string) error {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil || n != n || n == 0 || n > 1e9 {
				return fmt.Errorf("%q is no number of requests a second", v)
			}
			*at(c) = n
			return nil
		},
		get: func(c *serveConfig) string { return strconv.FormatFloat(*at(c), 'g', -1, 64) },
	}
}

func duration(flag, env, doc string, at func(*serveConfig) *time.Duration) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc,
		set: func(c *serveConfig, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d <= 0 {
				return fmt.Errorf("%q is no positive duration such as 30s", v)
			}
			*at(c) = d
			return nil
		},
		get: func(c *serveConfig) string { return at(c).String() },
	}
}

func oneOf(flag, env, doc string, words []string, at func(*serveConfig) *string) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc,
		set: func(c *serveConfig, v string) error {
			for _, word := range words {
				if v == word {
					*at(c) = v
					return nil
				}
			}
			return fmt.Errorf("%q is not one of %s", v, strings.Join(words, ", "))
		},
		get: func(c *serveConfig) string { return *at(c) },
	}
}

func logLevel() setting {
	return setting{
		flag: "log-level", env: envs("CORDUM_LOG_LEVEL"), doc: "debug, info, warn or error",
		set: func(c *serveConfig, v string) error {
			if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
				return fmt.Errorf("%q is not one of debug, info, warn, error", v)
			}
			return nil
		},
		get: func(c *serveConfig) string { return strings.ToLower(c.LogLevel.String()) },
	}
}

func address(flag, env, doc string, at func(*serveConfig) *string) setting {
	return setting{
		flag: flag, env: envs(env), doc: doc,
		set: func(c *serveConfig, v string) error {
			if err := checkAddress(v); err != nil {
				return err
			}
			*at(c) = v
			return nil
		},
		get: func(c *serveConfig) string { return *at(c) },
	}
}

// checkAddress accepts HOST:PORT with a host that is empty, a name or an address, IPv6 in brackets.
func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is no address: write HOST:PORT, such as 127.0.0.1:8081 or [::1]:8081", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is no port: write 0 to 65535 (0 takes a free one)", port)
	} else if strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q is no port: write it without sign and leading zeros", port)
	}
	if strings.ContainsAny(host, " /@") {
		return fmt.Errorf("%q is no host name", host)
	}
	return nil
}

// isLoopback tells whether an address reaches this machine only. A name other than localhost may resolve to anything.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
