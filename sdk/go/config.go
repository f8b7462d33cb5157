package cordum

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
)

// WorkerConfig says where a worker connects and what it can take.
type WorkerConfig struct {
	// URL of the server, or several with commas. Default "nats://127.0.0.1:4222". The worker connects in Run, and
	// waits for a server that is not there yet.
	URL string
	// User and Password, or Token, are the credentials the server wants. Default: none.
	User, Password, Token string
	// Credential is the worker's own, as "cordum worker credential create" showed it: with it the worker can only speak for
	// itself. User, Password and Token must be empty then. Default: none.
	Credential string
	// Options are added to the connection's: TLS, a credentials file, nats.InProcessServer.
	Options []nats.Option
	// Conn is a connection to use in place of making one; it is not closed. URL, credentials and Options must be empty.
	Conn *nats.Conn

	// ID names the worker: letters, digits, "-" and "_", at most 128; unique among those that run, best the same after
	// a restart. Default: the host's name and a random part.
	ID string
	// Pool groups workers that are alike. Default: none.
	Pool string
	// Capacity is how many jobs run together. Default: one per CPU.
	Capacity int
	// Capabilities are what steps can require. Default: none.
	Capabilities []string
	// Labels describe the worker, for placement and people. Default: none.
	Labels map[string]string
	// Heartbeat is the time between two heartbeats. Default 5 s; an engine believes a worker lost after 15 s without.
	Heartbeat time.Duration
	// DrainTimeout is how long Run waits, once told to stop, for tools to return and results to be acknowledged.
	// Default 30 s.
	DrainTimeout time.Duration
	// Redact are texts that no job's log shows: passwords, tokens, keys. Those shorter than 4 bytes are not hidden.
	Redact []string
	// DecisionKey is the server's public key: a job under constraints is refused, as CodeUnsignedDecision, unless it comes with
	// the signature of the policy's decision. Default: none, and the connection is trusted.
	DecisionKey ed25519.PublicKey
	// Logger gets what goes wrong. Default: nothing is written.
	Logger *slog.Logger
}

var workerID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// filled checks a configuration and fills in the defaults.
func (cfg WorkerConfig) filled() (WorkerConfig, error) {
	if cfg.Conn != nil && (cfg.URL != "" || cfg.User != "" || cfg.Token != "" || len(cfg.Options) > 0) {
		return cfg, errors.New("cordum: a worker takes a Conn or what is needed to make one, not both")
	}
	if cfg.Credential != "" && (cfg.Conn != nil || cfg.User != "" || cfg.Token != "") {
		return cfg, errors.New("cordum: a worker shows its Credential, or a User or Token that it shares with others, not both")
	}
	if n := len(cfg.DecisionKey); n != 0 && n != ed25519.PublicKeySize {
		return cfg, fmt.Errorf("cordum: DecisionKey has %d bytes, an Ed25519 public key has %d", n, ed25519.PublicKeySize)
	}
	if cfg.URL == "" {
		cfg.URL = nats.DefaultURL
	}
	if cfg.ID == "" {
		cfg.ID = defaultID()
	}
	if !workerID.MatchString(cfg.ID) {
		return cfg, fmt.Errorf("cordum: worker id %q: use 1 to 128 letters, digits, \"-\" and \"_\"", cfg.ID)
	}
	switch {
	case cfg.Capacity < 0:
		return cfg, fmt.Errorf("cordum: capacity %d is negative", cfg.Capacity)
	case cfg.Heartbeat < 0, cfg.DrainTimeout < 0:
		return cfg, errors.New("cordum: Heartbeat and DrainTimeout cannot be negative")
	}
	if err := cfg.checkText(); err != nil {
		return cfg, err
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = runtime.GOMAXPROCS(0)
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = defaultHeartbeat
	}
	if cfg.DrainTimeout == 0 {
		cfg.DrainTimeout = defaultDrain
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	cfg.Logger = cfg.Logger.With("worker", cfg.ID)
	return cfg, nil
}

// checkText refuses what no packet can carry.
func (cfg WorkerConfig) checkText() error {
	texts := append([]string{cfg.Pool}, cfg.Capabilities...)
	for k, v := range cfg.Labels {
		texts = append(texts, k, v)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return fmt.Errorf("cordum: pool, capabilities and labels must be UTF-8, %q is not", s)
		}
	}
	return nil
}

func defaultID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	host = regexp.MustCompile(`[^A-Za-z0-9_-]+`).ReplaceAllString(host, "-")
	return host[:min(len(host), 100)] + "-" + strings.ToLower(rand.Text()[:8])
}
