package kernel

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// commit writes a version and puts it in force. v has what the caller says of it: act, who and why. extra goes into the
// same commit. With the turn.
func (k *Kernel) commit(ctx context.Context, who Who, act string, next *compiled, v Version, seen string, extra ...Change) (*state, error) {
	st := k.state.Load()
	v.Version, v.Digest, v.At, v.By = st.active.Version+1, next.snapshot.Digest(), time.Now().UTC(), who.Actor
	v.Default, v.DefaultFrom, v.Rules = next.fallback.String(), next.defaultFrom, next.snapshot.RuleCount()
	v.Parts = []Part{}
	for i := range next.texts {
		v.Parts = append(v.Parts, next.texts[i].part())
	}
	for _, p := range next.warnings {
		v.Warnings = append(v.Warnings, p.String())
		k.log.Warn("policy", "problem", p.String())
	}
	now := active{Version: v.Version, Digest: v.Digest, Seen: seen, Before: st.active.before(seen), Marks: st.active.raised(next.texts)}
	activeDoc := encode(now)
	etag, none := st.etag, ""
	record := encode(texts{Texts: next.texts})
	if len(record) > MaxCanonicalBytes {
		return nil, fmt.Errorf("%w: the record of all bundles has more than %d bytes", ErrTooLarge, MaxCanonicalBytes)
	}
	changes := append([]Change{
		{Kind: kindPublished, Name: versionName(v.Version), Value: encode(v), IfMatch: &none},
		{Kind: kindTexts, Name: versionName(v.Version), Value: record},
		{Kind: kindSnapshot, Name: v.Digest, Value: next.snapshot.Canonical()},
		{Kind: kindActive, Name: onlyName, Value: activeDoc, IfMatch: &etag},
	}, extra...)
	err := k.cfg.Documents.ChangeDocs(ctx, who, act, fmt.Sprintf("version %d %s", v.Version, v.Digest), changes...)
	if err != nil && !k.done(ctx, err, activeDoc) {
		return nil, err
	}
	made := &state{active: now, etag: digestOf(activeDoc), version: v, texts: next.texts, snapshot: next.snapshot}
	k.known, k.pending, k.unknown = time.Now(), false, false
	k.enforce(made)
	return made, nil
}

// done tells, after a commit whose outcome is not known, whether it was made after all.
func (k *Kernel) done(ctx context.Context, err error, activeDoc []byte) bool {
	if errors.Is(err, ErrConflict) {
		return false
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	doc, readErr := k.cfg.Documents.Doc(look, kindActive, onlyName)
	return readErr == nil && doc.ETag == digestOf(activeDoc)
}
