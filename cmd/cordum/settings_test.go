package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// loadWith reads settings as serve does.
func loadWith(t *testing.T, environ []string, args ...string) (serveConfig, []string, error) {
	t.Helper()
	a := &app{environ: environ}
	var cfg serveConfig
	var warnings []string
	cmd := &cobra.Command{Use: "serve", SilenceErrors: true, SilenceUsage: true}
	src := addSettings(cmd.Flags(), serveSettings())
	cmd.RunE = func(*cobra.Command, []string) (err error) {
		cfg, warnings, err = src.load(a)
		return err
	}
	cmd.SetArgs(args)
	err := cmd.Execute()
	return cfg, warnings, err
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagOverVariableOverFileOverDefault(t *testing.T) {
	file := writeFile(t, "c.yaml", "addr: 127.0.0.1:1\ntenant_id: file\nworker_password: geheim\nallowed_origins: [https://a.example, https://b.example]\nmetrics_public: true\nrate_rps: 7\n")
	environ := []string{"GATEWAY_HTTP_ADDR=127.0.0.1:2", "CORDUM_CONFIG=" + file, "TENANT_ID="}
	cfg, _, err := loadWith(t, environ, "--rate-burst", "9", "--addr", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "127.0.0.1:3" || cfg.Rate.Burst != 9 {
		t.Errorf("the flag does not win: %+v", cfg)
	}
	if cfg.Tenant != "file" || cfg.WorkerPassword != "geheim" || len(cfg.Origins) != 2 || !cfg.MetricsPublic || cfg.Rate.PerSecond != 7 {
		t.Errorf("the file does not count, or an empty variable does: %+v", cfg)
	}
	if cfg.NATSAddr != defaultNATSAddr || cfg.DataDir != defaultDataDir {
		t.Errorf("the defaults are gone: %+v", cfg)
	}
	if cfg, _, err = loadWith(t, environ); err != nil || cfg.Addr != "127.0.0.1:2" {
		t.Errorf("the variable does not win over the file: %s, %v", cfg.Addr, err)
	}
	if cfg, _, _ = loadWith(t, nil); cfg.Addr != defaultAddr {
		t.Errorf("address %s", cfg.Addr)
	}
	if cfg, _, _ = loadWith(t, nil, "--dev"); cfg.Addr != defaultDevAddr {
		t.Errorf("address with --dev %s", cfg.Addr)
	}
}

func TestBadSettingsAreUsageErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		environ []string
		args    []string
		want    string
	}{
		{"duration", []string{"GATEWAY_WS_PING_INTERVAL=5 lightyears"}, nil, "GATEWAY_WS_PING_INTERVAL"},
		{"no time", nil, []string{"--ws-ping-interval", "0s"}, "no positive duration"},
		{"port too high", []string{"GATEWAY_HTTP_ADDR=127.0.0.1:99999"}, nil, "no port"},
		{"port with a sign", nil, []string{"--addr", "127.0.0.1:+1"}, "no port"},
		{"no port", nil, []string{"--nats-addr", "localhost"}, "HOST:PORT"},
		{"IPv6 without brackets", nil, []string{"--addr", "::1:80"}, "HOST:PORT"},
		{"number", []string{"API_RATE_LIMIT_RPS=NaN"}, nil, "API_RATE_LIMIT_RPS"},
		{"burst", nil, []string{"--rate-burst", "-1"}, "whole number"},
		{"partitions", nil, []string{"--partitions", "1000"}, "1 to 256"},
		{"boolean", []string{"GATEWAY_METRICS_PUBLIC=maybe"}, nil, "neither true nor false"},
		{"word", nil, []string{"--log-format", "xml"}, "auto, json, text"},
		{"level", nil, []string{"--log-level", "loud"}, "debug, info"},
		{"no file", nil, []string{"--config", "/nowhere.yaml"}, "--config"},
		{"key of the file", nil, []string{"--config", writeFile(t, "a.yaml", "addr: :1\nlog_levl: info\n")}, "a.yaml:2:1: log_levl: there is no such setting (did you mean log_level?)"},
		{"value of the file", nil, []string{"--config", writeFile(t, "b.yaml", "partitions: {}\n")}, "partitions"},
		{"file within a file", nil, []string{"--config", writeFile(t, "c.yaml", "config: x\n")}, "no such setting"},
		{"readable keys", nil, []string{"--api-keys-file", readable(t)}, "chmod 600"},
	} {
		_, _, err := loadWith(t, tc.environ, tc.args...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want something with %q", tc.name, err, tc.want)
		}
	}
	for _, good := range []string{"[::1]:80", "localhost:0", ":8081", "example.com:65535"} {
		if err := checkAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func readable(t *testing.T) string {
	path := writeFile(t, "keys", "k\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnknownVariablesAreNamed(t *testing.T) {
	_, warnings, err := loadWith(t, []string{"CORDUM_DATADIR=x", "CORDUM_JWT_REQUIRED=true", "CORDUM_DATA_DIR=d", "CORDUM_API_KEY=k", "HOME=/"})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(warnings, "\n")
	if len(warnings) != 2 || !strings.Contains(got, "CORDUM_DATADIR is set, but nothing reads it (did you mean CORDUM_DATA_DIR?)") || !strings.Contains(got, "CORDUM_JWT_REQUIRED") {
		t.Errorf("warnings:\n%s", got)
	}
}

// TestVariablesThatAreNotTaken: what others set for other installations is not passed over in silence.
func TestVariablesThatAreNotTaken(t *testing.T) {
	_, warnings, err := loadWith(t, []string{"ARTIFACT_TTL_AUDIT=720h", "REDIS_DATA_TTL=24h", "JOB_META_TTL=", "LANG=C"})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], "ARTIFACT_TTL_AUDIT") || !strings.Contains(warnings[1], "REDIS_DATA_TTL") {
		t.Errorf("warnings: %q", warnings)
	}
	for name := range notTaken {
		for _, s := range serveSettings() {
			if slices.Contains(s.env, name) {
				t.Errorf("%s is taken, by --%s", name, s.flag)
			}
		}
	}
}

// TestSecretsInVariables: they are for development, and nobody should believe that they are in force elsewhere.
func TestSecretsInVariables(t *testing.T) {
	for args, want := range map[string]int{"--dev": 0, "--dev=false": 1} {
		_, warnings, err := loadWith(t, []string{"CORDUM_SECRET_TOKEN=canary"}, args)
		if err != nil || len(warnings) != want || strings.Contains(strings.Join(warnings, ""), "canary") {
			t.Errorf("%s: %q, %v", args, warnings, err)
		}
	}
}

func TestWhatIsMissingOrUnsafeIsRefused(t *testing.T) {
	key := "CORDUM_API_KEYS=" + strings.Repeat("a", 32)
	worker := []string{"CORDUM_WORKER_USER=w", "CORDUM_WORKER_PASSWORD=p"}
	for _, tc := range []struct {
		name    string
		environ []string
		args    []string
		want    []string // one line each
	}{
		{"nothing", nil, nil, []string{"no API key", "no NATS credentials"}},
		{"all there", append(worker, key), nil, nil},
		{"a token", []string{key, "CORDUM_WORKER_TOKEN=t"}, nil, nil},
		{"short key", append(worker, "CORDUM_API_KEYS=short"), nil, []string{"5 characters"}},
		{"half a credential", []string{key, "CORDUM_WORKER_USER=w"}, nil, []string{"without CORDUM_WORKER_PASSWORD"}},
		{"two credentials", append(worker, key, "CORDUM_WORKER_TOKEN=t"), nil, []string{"both set"}},
		{"production", append(worker, key, "CORDUM_ENV=production"), nil, []string{"needs TLS", "SAFETY_POLICY_PUBLIC_KEY"}},
		{"production that asks a kernel", append(worker, key, "CORDUM_ENV=production", "SAFETY_KERNEL_ADDR=kernel.example:50052"), nil, []string{"needs TLS"}},
		{"production and an old TLS", append(worker, key, "CORDUM_ENV=production", "SAFETY_KERNEL_ADDR=kernel.example:50052", "CORDUM_TLS_MIN_VERSION=1.2"), nil, []string{"needs TLS", "CORDUM_TLS_MIN_VERSION"}},
		{"production and any origin", append(worker, key, "CORDUM_PRODUCTION=true", "CORDUM_ALLOWED_ORIGINS=*"), nil, []string{"needs TLS", "origins", "SAFETY_POLICY_PUBLIC_KEY"}},
		{"dev", nil, []string{"--dev"}, nil},
		{"dev, IPv6", nil, []string{"--dev", "--addr", "[::1]:0"}, nil},
		{"dev everywhere", nil, []string{"--dev", "--addr", "0.0.0.0:8081"}, []string{"--addr 0.0.0.0:8081 is refused"}},
		{"dev without a host", nil, []string{"--dev", "--addr", ":8081", "--nats-addr", "[::]:4222"}, []string{"--addr", "--nats-addr"}},
		{"dev by a name that may be anything", nil, []string{"--dev", "--addr", "example.com:80"}, []string{"--addr"}},
		{"dev in production", []string{"CORDUM_ENV=production"}, []string{"--dev"}, []string{"production", "SAFETY_POLICY_PUBLIC_KEY"}},
		{"a store that is a cluster", []string{"REDIS_CLUSTER_ADDRESSES=x:1,y:2"}, []string{"--dev"}, nil},
		{"nodes that are none", []string{"REDIS_CLUSTER_ADDRESSES=x:1,:hush@y:2"}, []string{"--dev"}, []string{"REDIS_CLUSTER_ADDRESSES: write HOST:PORT"}},
		{"a store by the installation's Redis", []string{"REDIS_URL=redis://x", "NATS_URL=nats://x:1"}, []string{"--dev", "--roles", "engine", "--init-store"}, nil},
		{"an engine without a store", []string{"NATS_URL=nats://x:1"}, []string{"--dev", "--roles", "engine"}, []string{"REDIS_URL or --store"}},
		{"a Redis that is none", []string{"REDIS_URL=http://:hush@x"}, []string{"--dev"}, []string{"REDIS_URL: \"http\" is no kind of store"}},
		{"payloads that are none", []string{"REDIS_URL=http://:hush@x"}, []string{"--dev", "--store", "folder"}, []string{"REDIS_URL: \"http\" is no kind of store"}},
		{"a backup of Redis", []string{"REDIS_URL=redis://x"}, []string{"--dev", "--backup-dir", "/tmp"}, []string{"REDIS_URL names a Redis"}},
		{"a folder, and what a Redis needs", []string{"REDIS_URL=redis://x"}, []string{"--dev", "--store", "folder", "--init-store"}, []string{"--init-store is for a store in Redis"}},
		{"payloads in two places", []string{"REDIS_URL=redis://x"}, []string{"--dev", "--redis-addr", "127.0.0.1:0"}, []string{"REDIS_URL"}},
		{"payloads in Redis", []string{"REDIS_URL=redis://x"}, []string{"--dev", "--redis-addr", "off"}, nil},
		{"payloads for other machines", nil, []string{"--dev", "--redis-addr", "0.0.0.0:6379"}, []string{"this machine only"}},
		{"payloads for anybody here", append(worker, key), []string{"--redis-addr", "127.0.0.1:0"}, []string{"CORDUM_REDIS_PASSWORD"}},
		{"payloads with a short password", append(worker, key, "CORDUM_REDIS_PASSWORD=p"), []string{"--redis-addr", "127.0.0.1:0"}, []string{"16 or more"}},
		{"payloads with a password", append(worker, key, "CORDUM_REDIS_PASSWORD=0123456789abcdef"), []string{"--redis-addr", "127.0.0.1:0"}, nil},
		{"copies that nobody has", []string{"NATS_JS_REPLICAS=3"}, []string{"--dev"}, []string{"one copy"}},
		{"egress that is no range", nil, []string{"--dev", "--egress-allow", "10.0.0.0/8,10.*"}, []string{"built-in worker: egress"}},
		{"no folder of secrets", nil, []string{"--dev", "--secrets-dir", "/nowhere"}, []string{"built-in worker: the folder of secrets"}},
		{"half a mail server", []string{"CORDUM_NOTIFY_SMTP_URL=smtp://mail.example"}, []string{"--dev"}, []string{"built-in worker: the sender"}},
		{"a channel elsewhere", []string{"CORDUM_NOTIFY_SLACK_URL=slack.example"}, []string{"--dev"}, []string{"built-in worker: the address of the channel slack"}},
		{"all channels", []string{
			"CORDUM_NOTIFY_SLACK_URL=https://hooks.example/x", "CORDUM_NOTIFY_WEBHOOK_URL=http://10.0.0.1/", "CORDUM_NOTIFY_SMTP_URL=smtps://u:p@mail.example",
			"CORDUM_NOTIFY_SMTP_FROM=cordum@example.com", "CORDUM_NOTIFY_SMTP_TO=a@example.com, b@example.com",
		}, []string{"--dev", "--egress-allow", "10.0.0.0/8, *.intranet.example:8443"}, nil},
		{"a key without a role", append(worker, "CORDUM_API_KEYS=ci:"+strings.Repeat("a", 32)), nil, []string{"NAME:ROLE+ROLE:TENANT:KEY"}},
		{"a key with a role", append(worker, "CORDUM_API_KEYS=ci:viewer+sre::"+strings.Repeat("a", 32)), nil, nil},
		{"approvers without an address", append(worker, key, "CORDUM_APPROVERS=zoe@example.com"), nil, []string{"--public-url"}},
		{"approvers without mail", append(worker, key, "CORDUM_APPROVERS=zoe@example.com"), []string{"--public-url", "https://c.example"}, []string{"CORDUM_NOTIFY_SMTP_URL"}},
		{"approvers that are none", nil, []string{"--dev", "--approvers", "zoe,ann@x=admin"}, []string{"number 1", "number 2"}},
		{"an address that is none", nil, []string{"--dev", "--public-url", "c.example"}, []string{"--public-url"}},
		{"pings rarer than the patience", nil, []string{"--dev", "--ws-ping-interval", "2m"}, []string{"--ws-ping-interval"}},
	} {
		cfg, _, err := loadWith(t, tc.environ, tc.args...)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		why := cfg.refuse(&app{environ: tc.environ})
		if len(why) != len(tc.want) {
			t.Errorf("%s: %d lines, want %d: %q", tc.name, len(why), len(tc.want), why)
			continue
		}
		for i := range why {
			if !strings.Contains(why[i], tc.want[i]) {
				t.Errorf("%s: %q, want something with %q", tc.name, why[i], tc.want[i])
			}
		}
	}
}
