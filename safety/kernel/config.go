package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/safety"
)

// Who asks for a change, or to look. It is recorded with what is done.
type Who struct {
	Tenant, Actor, Reason string
	Roles, Groups         []string
	ActorType, Owner      string // "human" or "service"; of a key: whose it is
}

// Doc is a document that the whole installation shares. Value is the reader's own.
type Doc struct {
	Kind, Name string
	Value      []byte
	ETag       string // SHA-256 of Value, in hex
}

// Change is one document to be written or deleted.
type Change struct {
	Kind, Name string
	Value      []byte  // nil deletes
	IfMatch    *string // the ETag that is to be replaced; "": there must be none yet; nil: whatever is there
}

// Documents is where the policy store keeps everything. Implementations are safe for concurrent use.
type Documents interface {
	// Doc reads one document. ErrNotFound when there is none; any other error: it could not be read.
	Doc(ctx context.Context, kind, name string) (Doc, error)
	// Docs lists up to limit documents of a kind by name, behind the name after; next is "" when no more are left.
	Docs(ctx context.Context, kind, after string, limit int) (docs []Doc, next string, err error)
	// ChangeDocs makes all changes or none, in one commit with the audit record of act on subject. ErrConflict: an
	// IfMatch did not hold, nothing changed. Any other error: unknown whether it was done. No changes: the record alone.
	ChangeDocs(ctx context.Context, who Who, act, subject string, changes ...Change) error
}

// The acts of the policy store in the audit log.
const (
	ActDraft      = "policy.draft"
	ActPublish    = "policy.publish"
	ActRollback   = "policy.rollback"
	ActAlert      = "policy.alert"
	ActShadow     = "config.change" // on subjects that begin with "policy shadow"
	ActReplay     = "replay"
	ActBreakGlass = "break_glass"
)

// Config is what a kernel is made with.
type Config struct {
	// Documents keep drafts and history. Required; NewMemory for a kernel that has only its file.
	Documents Documents
	// Past has the recorded decisions. Default: none are known, and replays are of nothing.
	Past Past
	// Base is the operator's own policy, a file or an address. Default: none.
	Base Source
	// Tenant owns the records of what the kernel does by itself: alerts, and the file that is read. Default: "default".
	Tenant string
	// Default decides where no rule does and Base says nothing: safety.Deny, the zero value, or safety.Allow.
	Default safety.Verdict
	// Keys may have signed bundles. Default: none; signatures are kept and say nothing.
	Keys Keys
	// SignatureRequired takes only what one of Keys signed. Default: false.
	SignatureRequired bool
	// MaxBytes bounds a bundle and Base. Default: DefaultMaxBytes.
	MaxBytes int
	// Reload is how often Base is looked at. Default: DefaultReload.
	Reload time.Duration
	// Changed is called after another snapshot came into force, or none is any more, and answers when nothing is sent that was
	// decided by the one before. It must not change policies. Default: nobody is told.
	Changed func(context.Context) error
	// Followed is called in place of Changed when the snapshot is what another process published: that one has everybody go by
	// it, this one answers for itself. Default: Changed.
	Followed func(context.Context) error
	// Shared says that other processes publish to the same documents, each with a base of its own. Then a base that another one
	// has superseded is not taken again, unless this process saw its own change back to it; see docs/policy-publishing.md. Default: false.
	Shared bool
	// Logger hears of alerts and of what came into force. Default: slog.Default().
	Logger *slog.Logger
	// Registry gets the metrics. Default: one of its own.
	Registry prometheus.Registerer
}

func (c Config) withDefaults() Config {
	if c.Tenant == "" {
		c.Tenant = "default"
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Reload == 0 {
		c.Reload = DefaultReload
	}
	if c.Followed == nil {
		c.Followed = c.Changed
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	return c
}

func (c *Config) check() error {
	switch {
	case c.Documents == nil:
		return errors.New("policy store: documents are needed")
	case c.Default != safety.Allow && c.Default != safety.Deny:
		return fmt.Errorf("policy store: the default is ALLOW or DENY, not %s", c.Default)
	case c.SignatureRequired && len(c.Keys) == 0:
		return errors.New("policy store: signatures are required, and no public key is configured: set SAFETY_POLICY_PUBLIC_KEY")
	case c.MaxBytes < 0 || c.MaxBytes > MaxSetBytes:
		return fmt.Errorf("policy store: a bundle may have up to %d bytes, not %d", MaxSetBytes, c.MaxBytes)
	case c.Reload < 0:
		return errors.New("policy store: the time between two looks at the file must be positive")
	}
	return nil
}
