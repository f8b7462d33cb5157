package runner

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// CheckStore reads every run of a store and tells what does not fit together: a log that does not decode or cannot be folded, a
// snapshot that is not what its log says, rows that say something else than the run, rows and logs without each other. It needs
// no server, changes nothing and reads everything. The error says that the store could not be read.
func CheckStore(ctx context.Context, s store.Store, found func(says string)) error {
	c, err := newChecker(s, found)
	if err != nil {
		return err
	}
	for p := range store.Partition(s.Partitions()) {
		if err := c.partition(ctx, p); err != nil {
			return fmt.Errorf("check partition %d: %w", p, err)
		}
	}
	return nil
}

// checker is one check of a store.
type checker struct {
	r     *Runner // never run: it only reads
	found func(string)
}

func newChecker(s store.Store, found func(string)) (*checker, error) {
	r, err := readerOf(s)
	return &checker{r: r, found: found}, err
}

// readerOf is a runner that is never run: what only reads a store needs no more.
func readerOf(s store.Store) (*Runner, error) {
	return New(Config{Lanes: 1, Logger: slog.New(slog.DiscardHandler)}, s, bus.NewMemory())
}

func (c *checker) say(run, format string, args ...any) {
	c.found("run " + run + ": " + fmt.Sprintf(format, args...))
}

func (c *checker) partition(ctx context.Context, p store.Partition) error {
	known := map[runKey]bool{}
	err := c.each(ctx, p, store.TableHeader, func(rec store.Record) error {
		known[runKey{rec.Key.Tenant, rec.Key.ID}] = true
		return c.run(ctx, p, rec)
	})
	if err != nil {
		return err
	}
	err = c.each(ctx, p, store.TableLive, func(rec store.Record) error {
		if !known[runKey{rec.Key.Tenant, rec.Key.ID}] {
			c.say(rec.Key.ID, "it is said to be live and has no header")
		}
		return nil
	})
	w, walks := c.r.store.(store.Walker)
	if err != nil || !walks {
		return err
	}
	return w.Walk(ctx, p, func(i store.Item) error {
		if e := i.Entry; e != nil && e.First == 1 && !known[runKey{e.Log.Tenant, e.Log.Run}] {
			c.headless(ctx, p, e)
		}
		return nil
	})
}

// headless looks at a log without a header: a single job that was taken out of every list has one.
func (c *checker) headless(ctx context.Context, p store.Partition, e *store.LogEntry) {
	job := false
	err := c.r.visit(ctx, e.Log.Tenant, p, e.Entry, func(f stamped) error {
		begun, is := f.fact.(*engine.RunStarted)
		job = job || is && begun.RunKind == engine.KindJob
		return nil
	})
	if !job {
		c.say(e.Log.Run, "it has a log and no header (%v)", err)
	}
}

func (c *checker) each(ctx context.Context, p store.Partition, t store.Table, do func(store.Record) error) error {
	at := store.Range{Table: t}
	for more := true; more; more = at.After != nil {
		page, err := c.r.store.Scan(ctx, p, at)
		if err != nil {
			return fmt.Errorf("read table %d: %w", t, err)
		}
		for _, rec := range page.Records {
			if err := do(rec); err != nil {
				return err
			}
		}
		at.After = page.Next
	}
	return nil
}

// run checks one run by its header.
func (c *checker) run(ctx context.Context, p store.Partition, rec store.Record) error {
	tenant, run := rec.Key.Tenant, rec.Key.ID
	if at, err := id.Partition(run); err != nil || at != int(p) {
		c.say(run, "it lies in partition %d", p)
		return nil
	}
	var h runHeader
	if err := codec.Decode(rec.Value, &h); err != nil {
		c.say(run, "its header does not decode: %v", err)
		return nil
	}
	lr, err := c.fold(ctx, tenant, run, h.Digest)
	switch {
	case errors.Is(err, ErrUnavailable) || ctx.Err() != nil:
		return err
	case err != nil:
		c.say(run, "%v", err)
		return nil
	}
	c.compareHeader(lr, h)
	return c.compareLive(ctx, tenant, lr)
}

// fold makes a run from its log alone, and compares its snapshot on the way.
func (c *checker) fold(ctx context.Context, tenant, run, digest string) (lr *live, err error) {
	defer func() {
		if p := recover(); p != nil {
			lr, err = nil, fmt.Errorf("folding its log: %w: %v", errPanicked, p)
		}
	}()
	plan, err := c.r.defs.plan(ctx, tenant, digest)
	if err != nil {
		return nil, fmt.Errorf("its definition %.12s: %w", digest, err)
	}
	if plan, err = c.r.pinnedPlan(ctx, tenant, run, plan); err != nil {
		return nil, err
	}
	kept, err := newLive(run, plan)
	if err != nil {
		return nil, err
	}
	kept.run.Tenant, kept.settings = tenant, &c.r.fleet
	if err := c.r.loadSnapshot(ctx, tenant, kept); errors.Is(err, ErrUnavailable) {
		return nil, err
	} else if err != nil && !c.otherVersion(ctx, tenant, kept) {
		return nil, fmt.Errorf("its snapshot: %w", err)
	} else if err != nil {
		kept.seq = 0 // nobody reads it
	}
	if lr, err = newLive(run, plan); err != nil {
		return nil, err
	}
	lr.run.Tenant, lr.settings = tenant, &c.r.fleet
	err = c.r.replay(ctx, tenant, lr, func(f stamped) error {
		if f.seq == kept.seq && !bytes.Equal(encode(essence{lr}), encode(essence{kept})) {
			c.say(run, "its snapshot of fact %d is not what its log says", f.seq)
		}
		return nil
	})
	if err == nil && (lr.seq == 0 || lr.seq < kept.seq) {
		err = fmt.Errorf("its log ends at fact %d, its snapshot is of fact %d", lr.seq, kept.seq)
	}
	return lr, err
}

// otherVersion tells whether a run's snapshot is of another version, which is not read: the run is folded from its first fact.
func (c *checker) otherVersion(ctx context.Context, tenant string, lr *live) bool {
	rec, err := c.r.store.Get(ctx, lr.part, snapshotKey(tenant, lr.id))
	v, n := binary.Uvarint(rec.Value)
	return err == nil && n > 0 && v > 0 && v != snapshotVersion
}

// essence is what of a run's state follows from its facts and from nothing else.
type essence struct{ live *live }

// Fields describes the form that is compared.
func (e essence) Fields(c *codec.Codec) {
	c.Uint(&e.live.seq)
	e.live.run.Fields(c)
	for _, j := range e.live.jobs {
		if j != nil {
			j.Fields(c)
		}
	}
	e.live.approvalFields(c)
}

// compareHeader compares what lists show of a run with what it is. A run that was set aside says why instead.
func (c *checker) compareHeader(lr *live, h runHeader) {
	if h.Fault != "" {
		return
	}
	is := lr.headerRow(h.Seq)
	is.FromStep = h.FromStep // a name that the run which started it gave
	if h.Seq > lr.seq {
		c.say(lr.id, "its header is of fact %d, its log ends at %d", h.Seq, lr.seq)
	} else if !bytes.Equal(encode(&is), encode(&h)) {
		c.say(lr.id, "its header says %s, compensation %s; its log says %s, %s", h.State, h.Compensation, is.State, is.Compensation)
	}
}

// compareLive compares what recovery would do with what the run needs.
func (c *checker) compareLive(ctx context.Context, tenant string, lr *live) error {
	rec, err := c.r.store.Get(ctx, lr.part, liveKey(tenant, lr.id))
	var row liveRow
	switch {
	case errors.Is(err, store.ErrNotFound):
		if !lr.run.Settled() {
			c.say(lr.id, "it has not ended, and nothing would take it up")
		}
	case err != nil:
		return fmt.Errorf("read run %s: %w", lr.id, err)
	case codec.Decode(rec.Value, &row) != nil:
		c.say(lr.id, "its row among the live ones does not decode")
	case lr.run.Settled():
		c.say(lr.id, "it has ended, and is said to be live")
	case !row.Outstanding && (lr.run.Outstanding() || lr.run.More()): // the other way round costs a start one look
		c.say(lr.id, "something of it is outstanding, and its row says that nothing is")
	}
	return nil
}
