package remote

import (
	"context"
	"time"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// knowledge is what the client has last heard of the kernel. It is replaced, never changed.
type knowledge struct {
	snapshot *safety.Snapshot // nil: nothing was heard, or it could not be read
	heard    time.Time        // when the kernel last said that it is in force
	why      error            // the latest try failed; nil: it did not
	next     chan struct{}    // closed when this is replaced
}

// Active is the digest of the snapshot that the kernel decides by, as heard at most MaxStale ago; "" when it is not known.
func (c *Client) Active() string {
	if s := c.Snapshot(); s != nil {
		return s.Digest()
	}
	return ""
}

// Snapshot is the snapshot that the kernel decides by, as heard at most MaxStale ago; nil when it is not known. It serves
// what is decided near the data, such as the rules for outputs, and previews.
func (c *Client) Snapshot() *safety.Snapshot {
	k := c.known.Load()
	if k.snapshot == nil || time.Since(k.heard) > MaxStale {
		return nil
	}
	return k.snapshot
}

// Health tells whether jobs can be decided about now, and if not, why.
func (c *Client) Health() error {
	k := c.known.Load()
	switch {
	case c.Snapshot() != nil:
		return nil
	case k.why != nil:
		return k.why
	}
	return ErrUnavailable
}

// confirm sees that a digest is the one in force. An answer by new rules may come before the client has heard of them, so
// it asks once more before it refuses.
func (c *Client) confirm(ctx context.Context, digest string) error {
	// The first answer that comes now may have been asked for before the decision was made; the second was not.
	for range 2 {
		k := c.known.Load()
		if digest == c.Active() {
			return nil
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
		select {
		case <-k.next:
		case <-ctx.Done():
			return answerErrorf("it is by snapshot %.12s, which is not known to be in force", digest)
		}
	}
	if digest == c.Active() {
		return nil
	}
	return answerErrorf("it is by snapshot %.12s, which is not in force", digest)
}

// watch asks again and again which snapshot is in force, until ctx ends.
func (c *Client) watch(ctx context.Context, conn *connection) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		c.ask(ctx, conn)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.wake:
		}
	}
}

// ask asks once, and replaces what is known.
func (c *Client) ask(ctx context.Context, conn *connection) {
	before, asked := c.known.Load(), time.Now()
	s, err := c.fetch(ctx, conn, before.snapshot)
	now := *c.known.Load() // fetch may have made the old snapshot unknown
	now.next = make(chan struct{})
	if now.why = err; err == nil {
		now.snapshot, now.heard = s, asked
	}
	c.known.Store(&now)
	close(before.next)
	c.tell(before, &now)
}

// fetch answers the snapshot in force: have when it still is, else a new one read from its rules.
func (c *Client) fetch(ctx context.Context, conn *connection, have *safety.Snapshot) (*safety.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, MaxStale)
	defer cancel()
	known := ""
	if have != nil {
		known = have.Digest()
	}
	digest, rules, err := c.listSnapshots(ctx, conn, known)
	if err != nil {
		return nil, err
	}
	if digest == known {
		return have, nil
	}
	c.forget()
	return readRules(rules, digest)
}

// forget makes the old snapshot unknown while the new one is being read.
func (c *Client) forget() {
	k := *c.known.Load()
	k.snapshot = nil
	c.known.Store(&k)
}

// readRules reads a snapshot from its canonical form. What does not have the digest that was said is refused.
func readRules(rules []byte, digest string) (*safety.Snapshot, error) {
	root, err := yamlx.Parse(rules, yamlx.JSON)
	if err != nil {
		return nil, answerErrorf("the rules of snapshot %.12s cannot be read: %w", digest, err)
	}
	s, problems := safety.ParsePolicy(root, "")
	if safety.Refused(problems) {
		return nil, answerErrorf("the rules of snapshot %.12s cannot be used: %s", digest, problems[0])
	}
	if s.Digest() != digest {
		return nil, answerErrorf("the rules of snapshot %.12s are those of %.12s", digest, s.Digest())
	}
	return s, nil
}

// tell logs when the kernel comes, goes, or changes its rules.
func (c *Client) tell(before, now *knowledge) {
	log := c.cfg.Logger
	switch {
	case now.why != nil && before.why == nil:
		log.Warn("the safety kernel does not answer; jobs wait until it does", "addr", c.cfg.Addr, "error", now.why)
	case now.why == nil && (before.why != nil || before.snapshot == nil):
		log.Info("the safety kernel answers", "addr", c.cfg.Addr, "snapshot", now.snapshot.Digest())
	case now.why == nil && before.snapshot != now.snapshot:
		log.Info("the safety kernel decides by another snapshot", "addr", c.cfg.Addr, "snapshot", now.snapshot.Digest())
	}
}
