package kernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/safety"
)

// ShadowInfo says what is evaluated beside what is in force.
type ShadowInfo struct {
	Digest string    `json:"snapshot"`
	Rules  int       `json:"rules"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// shadowRecord is the document of the shadow.
type shadowRecord struct {
	ShadowInfo
	Default string `json:"default"`
	Texts   []Text `json:"texts"`
}

// shadowed is a shadow with its snapshot.
type shadowed struct {
	etag     string
	info     ShadowInfo
	snapshot *safety.Snapshot
}

// SetShadow evaluates a candidate beside what is in force from now on. Both answers are recorded, one counts. The errors are
// those of Candidate.
func (k *Kernel) SetShadow(ctx context.Context, who Who, c Candidate) (ShadowInfo, error) {
	if err := k.begin(ctx); err != nil {
		return ShadowInfo{}, err
	}
	defer k.end()
	made, err := k.candidate(ctx, c)
	if err != nil {
		return ShadowInfo{}, err
	}
	rec := shadowRecord{Texts: made.texts, Default: made.fallback.String(), ShadowInfo: ShadowInfo{
		Digest: made.snapshot.Digest(), Rules: made.snapshot.RuleCount(), By: who.Actor, At: time.Now().UTC(), Reason: clip(who.Reason, MaxReason),
	}}
	value := encode(rec)
	if len(value) > MaxCanonicalBytes {
		return ShadowInfo{}, fmt.Errorf("%w: the record of all bundles has more than %d bytes", ErrTooLarge, MaxCanonicalBytes)
	}
	if err := k.cfg.Documents.ChangeDocs(ctx, who, ActShadow, "policy shadow "+rec.Digest, Change{Kind: kindShadow, Name: onlyName, Value: value}); err != nil {
		return ShadowInfo{}, unavailable(err)
	}
	k.shadow.Store(&shadowed{etag: digestOf(value), info: rec.ShadowInfo, snapshot: made.snapshot})
	return rec.ShadowInfo, nil
}

// ClearShadow ends the shadow. ErrNotFound when there is none.
func (k *Kernel) ClearShadow(ctx context.Context, who Who) error {
	if err := k.begin(ctx); err != nil {
		return err
	}
	defer k.end()
	s := k.shadow.Load()
	if s == nil {
		return fmt.Errorf("shadow: %w", ErrNotFound)
	}
	if err := k.cfg.Documents.ChangeDocs(ctx, who, ActShadow, "policy shadow "+s.info.Digest+" ends", Change{Kind: kindShadow, Name: onlyName}); err != nil {
		return unavailable(err)
	}
	k.shadow.Store(nil)
	return nil
}

// readShadow follows the document of the shadow. A shadow that cannot be used is none: it counts for nothing.
func (k *Kernel) readShadow(ctx context.Context) error {
	doc, err := k.cfg.Documents.Doc(ctx, kindShadow, onlyName)
	now := k.shadow.Load()
	switch {
	case errors.Is(err, ErrNotFound):
		k.shadow.Store(nil)
		return nil
	case err != nil:
		return fmt.Errorf("which policy is the shadow: %w", err)
	case now != nil && now.etag == doc.ETag:
		return nil
	}
	next := &shadowed{etag: doc.ETag}
	var rec shadowRecord
	if err := decode(doc, &rec); err != nil {
		return err
	}
	next.info = rec.ShadowInfo
	c, err := k.compile(rec.Texts, defaultOf(rec.Default))
	if err != nil {
		k.raise("shadow", fmt.Errorf("the stored shadow is not used: %w", err))
	} else {
		next.snapshot = c.snapshot
	}
	k.shadow.Store(next)
	return nil
}
