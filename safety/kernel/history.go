package kernel

import (
	"context"
	"encoding/json"
	"fmt"
)

// version reads one entry of the history.
func (k *Kernel) version(ctx context.Context, n int64) (Version, error) {
	doc, err := k.cfg.Documents.Doc(ctx, kindPublished, versionName(n))
	if err != nil {
		return Version{}, fmt.Errorf("policy version %d: %w", n, err)
	}
	var v Version
	return v, decode(doc, &v)
}

// textsOf reads the sources of a version.
func (k *Kernel) textsOf(ctx context.Context, n int64) ([]Text, error) {
	doc, err := k.cfg.Documents.Doc(ctx, kindTexts, versionName(n))
	if err != nil {
		return nil, fmt.Errorf("texts of policy version %d: %w", n, err)
	}
	var t texts
	return t.Texts, decode(doc, &t)
}

// Versions lists the history, newest first, from the one before before (0: from the newest). next is what to send as
// before for the next page; 0 when no more are left.
func (k *Kernel) Versions(ctx context.Context, before int64, limit int) (list []Version, next int64, err error) {
	newest := k.state.Load().active.Version
	if before <= 0 || before > newest {
		before = newest + 1
	}
	for n := before - 1; n > 0; n-- {
		if len(list) == limit {
			return list, n + 1, nil
		}
		v, err := k.version(ctx, n)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, v)
	}
	return list, 0, nil
}

// Canonical is the canonical form of a snapshot of the history: its SHA-256 is the digest. ErrNotFound.
func (k *Kernel) Canonical(ctx context.Context, digest string) (json.RawMessage, error) {
	doc, err := k.cfg.Documents.Doc(ctx, kindSnapshot, digest)
	if err != nil {
		return nil, fmt.Errorf("snapshot %.64q: %w", digest, err)
	}
	if got := digestOf(doc.Value); got != digest {
		return nil, fmt.Errorf("snapshot %s: what is stored has the digest %s", digest, got)
	}
	return doc.Value, nil
}

// Texts are the sources of a version as they were written.
func (k *Kernel) Texts(ctx context.Context, version int64) ([]Text, error) {
	return k.textsOf(ctx, version)
}
