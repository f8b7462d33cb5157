package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"cordum.dev/cordum/store/redis"
)

// Ports of what is named without one.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// redisConfig is how the store is opened, which is in Redis.
func (c *storeSettings) redisConfig() (redis.Config, error) { return c.configOf(c.at()) }

// configOf reads the address of a Redis and the files that it needs. The text of the address is in no error: it may hold a
// password.
func (c *storeSettings) configOf(at redisPlace) (redis.Config, error) {
	cfg := redis.Config{
		Prefix: c.Prefix, InitEmpty: c.Init, AllowLoss: c.AllowLoss, WaitReplicas: c.WaitReplicas, Pool: c.Pool,
	}
	secure, err := c.readAddress(&cfg, at)
	if err != nil {
		return cfg, fmt.Errorf("%s: %w", at.name, err)
	}
	switch {
	case secure:
		cfg.TLS, err = c.tls()
	case c.saysTLS() && !c.at().secure() && !c.payloads().secure():
		err = fmt.Errorf("%s: REDIS_TLS_… is set, but the address does not say TLS: begin it with rediss", at.name)
	}
	return cfg, err
}

// readAddress reads an address, and tells whether it says TLS.
func (c *storeSettings) readAddress(cfg *redis.Config, at redisPlace) (secure bool, err error) {
	u, err := parseStoreURL(at.url)
	if err != nil {
		return false, err
	}
	kind, secure, err := storeKind(u.Scheme)
	if err != nil {
		return false, err
	}
	cfg.Username = u.User.Username()
	if cfg.Password, _ = u.User.Password(); cfg.Password == "" {
		cfg.Password = c.Password
	}
	return secure, at.place(cfg, u, kind)
}

// parseStoreURL parses an address whose host may be a list, which url.Parse does not know.
func parseStoreURL(text string) (*url.URL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, errors.New("write it like redis://HOST:6379")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@') + 1
	u, err := url.Parse(scheme + "://" + rest[:at] + "hosts" + rest[end:])
	if err != nil {
		return nil, errors.New("the address cannot be read: write it like redis://:PASSWORD@HOST:6379, with %XX for what is special in a password")
	}
	u.Host = rest[at:end]
	return u, nil
}

// storeKind reads a scheme: which kind of Redis, and whether TLS is spoken.
func storeKind(scheme string) (kind string, secure bool, err error) {
	base, kind, _ := strings.Cut(scheme, "+")
	if base != "redis" && base != "rediss" || kind != "" && kind != "sentinel" && kind != "cluster" {
		return "", false, fmt.Errorf("%q is no kind of store: it begins with redis://, redis+sentinel:// or redis+cluster://, or with rediss for TLS", scheme)
	}
	return kind, base == "rediss", nil
}

// place reads hosts, path and query.
func (at redisPlace) place(cfg *redis.Config, u *url.URL, kind string) error {
	port := redisPort
	if kind == "sentinel" {
		port = sentinelPort
	}
	var err error
	if cfg.Addrs, err = hostList(u.Host, port); err != nil {
		return err
	}
	nodes, err := hostList(strings.Join(at.nodes, ","), redisPort)
	if err != nil {
		return fmt.Errorf("%s: %w", clusterVariable, err)
	}
	if kind == "" && len(nodes) > 0 {
		kind, cfg.Addrs = "cluster", nodes
	}
	path, query := strings.Trim(u.Path, "/"), u.Query()
	switch kind {
	case "sentinel":
		cfg.MasterName, cfg.SentinelUsername, cfg.SentinelPassword = path, query.Get("sentinel_username"), query.Get("sentinel_password")
		query.Del("sentinel_username")
		query.Del("sentinel_password")
		if path == "" {
			return errors.New("the name by which Sentinels know the primary is missing: redis+sentinel://HOST:26379,HOST:26379/NAME")
		}
		path = query.Get("db")
		query.Del("db")
	case "cluster":
		if len(cfg.Addrs) == 0 {
			cfg.Addrs = nodes
		}
	default:
		if len(cfg.Addrs) > 1 {
			return errors.New("several addresses are of a cluster or of Sentinels: begin it with redis+cluster:// or redis+sentinel://")
		}
	}
	if len(cfg.Addrs) == 0 {
		return errors.New("it names no host: write it like redis://HOST:6379")
	}
	for name := range query {
		return fmt.Errorf("there is no option %q", name)
	}
	if path == "" {
		return nil
	}
	if cfg.DB, err = strconv.Atoi(path); err != nil || cfg.DB < 0 {
		return fmt.Errorf("%q is no number of a database", path)
	}
	if kind == "cluster" && cfg.DB != 0 {
		return errors.New("a cluster has only database 0")
	}
	return nil
}

// hostList reads HOST:PORT,HOST,….
func hostList(text, port string) ([]string, error) {
	var out []string
	for host := range strings.SplitSeq(text, ",") {
		if host = strings.TrimSpace(host); host == "" {
			continue
		}
		if strings.ContainsAny(host, "@/") {
			return nil, errors.New("write HOST:PORT,HOST:PORT and nothing else; a password belongs in CORDUM_STORE_PASSWORD")
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		if name, number, err := net.SplitHostPort(host); err != nil || name == "" || !isPort(number) {
			return nil, fmt.Errorf("%q is no HOST:PORT", host)
		}
		out = append(out, host)
	}
	return out, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// tls reads the files that secure the connections to Redis.
func (c *storeSettings) tls() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName, InsecureSkipVerify: c.Insecure}
	if c.CA != "" {
		raw, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("REDIS_TLS_CA: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("REDIS_TLS_CA: %s holds no certificate in PEM", c.CA)
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("REDIS_TLS_CERT and REDIS_TLS_KEY go together")
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("REDIS_TLS_CERT, REDIS_TLS_KEY: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
