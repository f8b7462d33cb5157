package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// keyTenant owns the rows of keys: the caller's tenant is part of what is hashed.
const keyTenant = "system"

// onceKey makes a call repeatable: the second one with the same scope is answered like the first.
type onceKey struct {
	scope string // whose key it is, of which call
	body  string // hash of what was asked: another one under the same key is an error
	ttl   time.Duration
}

// answered is what a key was answered with.
type answered struct {
	Body     string
	Run      string
	Workflow string
	Digest   string
	Expires  time.Time
}

// Fields describes the stored form; fields are only added at the end.
func (a *answered) Fields(c *codec.Codec) {
	c.String(&a.Body)
	c.String(&a.Run)
	c.String(&a.Workflow)
	c.String(&a.Digest)
	c.Time(&a.Expires)
}

// commandOnce is the key of a caller's command on a run; nil when the caller did not name one.
func commandOnce(c Caller, run, what string) *onceKey {
	if c.Command == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(what))
	return &onceKey{
		scope: "command\x00" + c.Tenant + "\x00" + c.Actor + "\x00" + run + "\x00" + c.Command,
		body:  hex.EncodeToString(sum[:]), ttl: commandTTL,
	}
}

// key is the stored row of a scope. It hides behind a digest what the caller sent: any bytes may be in it.
func (k *onceKey) key() store.Key {
	sum := sha256.Sum256([]byte(k.scope))
	return store.Key{Table: store.TableCommand, Tenant: keyTenant, ID: hex.EncodeToString(sum[:])}
}

// asked finds out whether a call was made before: in this batch, or as stored. The answer is the key to keep, or what the
// first call was answered with.
func (l *lane) asked(ctx context.Context, t *task) (*onceKey, *answered, error) {
	known, seen := l.keys[t.once.scope]
	if !seen {
		rec, err := l.r.store.Get(ctx, l.r.partOf(t.run), t.once.key())
		switch {
		case err == nil:
			seen = codec.Decode(rec.Value, &known) == nil && known.Expires.After(l.r.now())
		case !errors.Is(err, store.ErrNotFound):
			return nil, nil, fmt.Errorf("key of the call: %w", errors.Join(ErrUnavailable, err))
		}
	}
	switch {
	case !seen:
		return t.once, nil, nil
	case known.Body != t.once.body:
		return nil, nil, ErrIdempotency
	}
	return nil, &known, nil
}

// keep remembers the call's key in the commit that it causes.
func (t *turn) keep() {
	if t.once == nil {
		return
	}
	lr := t.live
	a := answered{
		Body: t.once.body, Run: lr.id, Workflow: lr.plan.Def.ID, Digest: lr.plan.Def.Digest, Expires: t.now.Add(t.once.ttl),
	}
	t.lane.keys[t.once.scope] = a
	key := t.once.key()
	lr.extra.puts = append(lr.extra.puts,
		store.Put{Key: key, Value: encode(&a)},
		store.Put{Key: store.Key{Table: store.TableDedupe, Tenant: keyTenant, ID: dueID(a.Expires) + key.ID}, Value: []byte{1}})
}

// unkey forgets the keys of this batch that a forgotten run would have answered.
func (l *lane) unkey(run string) {
	for scope, a := range l.keys {
		if a.Run == run {
			delete(l.keys, scope)
		}
	}
}

// dueID orders by time in byte order.
func dueID(t time.Time) string { return fmt.Sprintf("%016x/", uint64(t.UnixNano())) }

// sweep removes keys that are no longer remembered, a bounded number from each partition. It commits by itself, before
// the batch could use one of them again.
func (l *lane) sweep(ctx context.Context, now time.Time) {
	l.sweepAt = now.Add(sweepEvery)
	for p := range l.r.epochs {
		if l.r.lanes[p%len(l.r.lanes)] != l || l.has != nil && !l.has[p] {
			continue
		}
		if l.sweepPartition(ctx, store.Partition(p), now) {
			l.sweepAt = now.Add(retryPause)
		}
	}
	l.commit(ctx)
}

// sweepPartition tells whether more is left.
func (l *lane) sweepPartition(ctx context.Context, p store.Partition, now time.Time) (more bool) {
	page, err := l.r.store.Scan(ctx, p, store.Range{
		Table: store.TableDedupe, Tenant: keyTenant, To: dueID(now), Limit: sweepRows,
	})
	if err != nil {
		l.log.Warn("old keys not swept", "partition", p, "error", err)
		return false
	}
	var gone []store.Key
	for _, rec := range page.Records {
		gone = append(gone, rec.Key)
		key := store.Key{Table: store.TableCommand, Tenant: keyTenant, ID: rec.Key.ID[min(len(dueID(now)), len(rec.Key.ID)):]}
		if key.ID != "" && l.expired(ctx, p, key, now) {
			gone = append(gone, key)
		}
	}
	if len(gone) > 0 {
		l.docs = append(l.docs, docWrite{part: p, deletes: gone})
	}
	return page.Next != nil
}

// expired tells whether what a key was answered with is no longer remembered: the key may have been used again since.
func (l *lane) expired(ctx context.Context, p store.Partition, key store.Key, now time.Time) bool {
	rec, err := l.r.store.Get(ctx, p, key)
	if err != nil {
		return false
	}
	var a answered
	return codec.Decode(rec.Value, &a) != nil || !a.Expires.After(now)
}
