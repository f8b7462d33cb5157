package main

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/audit"
)

// auditSettings are what a server can be told about its audit log.
type auditSettings struct {
	Key     string        // PEM, or a seed; default none: heads are not signed
	KeyFile string        // a file with it; default none
	Every   time.Duration // between two signed heads; default 5 min
	Keep    time.Duration // default 0: for ever
}

func auditRows() []setting {
	keep := duration("audit-retention", "CORDUM_AUDIT_RETENTION", "audit records older than this are removed, but for those under a legal hold; 0 keeps them for ever",
		func(c *serveConfig) *time.Duration { return &c.Audit.Keep })
	positive := keep.set
	keep.set = func(c *serveConfig, v string) error {
		if v == "0" || v == "0s" {
			c.Audit.Keep = 0
			return nil
		}
		return positive(c, v)
	}
	return []setting{
		secret("audit_key", "CORDUM_AUDIT_KEY", func(c *serveConfig) *string { return &c.Audit.Key }),
		str("audit-key-file", "CORDUM_AUDIT_KEY_FILE", "the Ed25519 key that signs the audit log's heads, as openssl genpkey -algorithm ed25519 makes it (or its text: CORDUM_AUDIT_KEY)", func(c *serveConfig) *string { return &c.Audit.KeyFile }),
		duration("audit-head-interval", "CORDUM_AUDIT_HEAD_INTERVAL", "between two signed heads of the audit log, when something was recorded", func(c *serveConfig) *time.Duration { return &c.Audit.Every }),
		keep,
	}
}

// key reads the private key; nil when there is none. A file that others can read is refused: it is a secret.
func (s *auditSettings) key() (ed25519.PrivateKey, error) {
	text := s.Key
	switch {
	case s.Key != "" && s.KeyFile != "":
		return nil, fmt.Errorf("CORDUM_AUDIT_KEY and --audit-key-file are both set: keep one")
	case s.KeyFile != "":
		stat, err := os.Stat(s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--audit-key-file: %w", err)
		}
		if stat.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("--audit-key-file: %s can be read by other users: chmod 600 %s", s.KeyFile, s.KeyFile)
		}
		raw, err := os.ReadFile(s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--audit-key-file: %w", err)
		}
		text = string(raw)
	case text == "":
		return nil, nil
	}
	return audit.ParsePrivateKey(text)
}

// refuseAudit says why the audit log could not be kept like this.
func (c *serveConfig) refuseAudit(say func(string, ...any)) {
	key, err := c.Audit.key()
	switch {
	case err != nil:
		say("%v", err)
	case key == nil && c.Audit.Keep > 0:
		say("--audit-retention needs a key that signs what is removed: set --audit-key-file (make one with: openssl genpkey -algorithm ed25519 -out audit.pem)")
	}
}

// auditConfig is what the engine is told; refuseAudit has looked at it.
func (c *serveConfig) auditConfig() (runner.AuditConfig, error) {
	key, err := c.Audit.key()
	return runner.AuditConfig{Key: key, Every: c.Audit.Every, Keep: c.Audit.Keep}, err
}
