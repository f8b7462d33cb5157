package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// logPage is how many entries recovery reads at once.
const logPage = 512

// runHeader is the small row per run that lists are made of.
type runHeader struct {
	Kind      engine.Kind
	Workflow  string
	Digest    string
	State     string
	Seq       uint64 // of the last fact when the row was written
	StartedAt time.Time
	EndedAt   time.Time
	StartedBy string
	Fault     string // why the run could not be read or gone on with
}

// Fields describes the stored form; fields are only added at the end.
func (h *runHeader) Fields(c *codec.Codec) {
	codec.Enum(c, &h.Kind)
	c.String(&h.Workflow)
	c.String(&h.Digest)
	c.String(&h.State)
	c.Uint(&h.Seq)
	c.Time(&h.StartedAt)
	c.Time(&h.EndedAt)
	c.String(&h.StartedBy)
	c.String(&h.Fault)
}

// liveRow is what recovery must know of a run that has not ended.
type liveRow struct {
	Present     bool // not stored: the row exists
	Outstanding bool // a worker, a queue or the engine itself has something to do for it
	Due         time.Time
}

// Fields describes the stored form.
func (l *liveRow) Fields(c *codec.Codec) {
	c.Bool(&l.Outstanding)
	c.Time(&l.Due)
}

func headerKey(tenant, run string) store.Key {
	return store.Key{Table: store.TableHeader, Tenant: tenant, ID: run}
}

func liveKey(tenant, run string) store.Key {
	return store.Key{Table: store.TableLive, Tenant: tenant, ID: run}
}

func snapshotKey(tenant, run string) store.Key {
	return store.Key{Table: store.TableSnapshot, Tenant: tenant, ID: run}
}

// snapshotVersion is the first number of a snapshot. It grows with every change of what a state's fields are: a snapshot of
// another version is not read, and the run is folded from its first fact.
const snapshotVersion = 1

// snapshot is the stored form of a run's state: the log entry it stands behind, then the state.
type snapshot struct {
	version uint64
	prev    uint64
	live    *live
}

// Fields describes the stored form.
func (s *snapshot) Fields(c *codec.Codec) {
	s.version = snapshotVersion
	c.Uint(&s.version)
	if s.version != snapshotVersion {
		return
	}
	c.Uint(&s.prev)
	s.live.Fields(c)
}

// readHeader reads the row of a run, or answers ErrNotFound.
func (r *Runner) readHeader(ctx context.Context, tenant, run string) (runHeader, error) {
	var h runHeader
	p, err := id.Partition(run)
	if err != nil || p >= r.store.Partitions() || !id.IsRun(run) {
		return h, fmt.Errorf("run %.64q: %w", run, ErrNotFound)
	}
	rec, err := r.store.Get(ctx, store.Partition(p), headerKey(tenant, run))
	if errors.Is(err, store.ErrNotFound) {
		return h, fmt.Errorf("run %s: %w", run, ErrNotFound)
	}
	if err != nil {
		return h, fmt.Errorf("read header of run %s: %w", run, errors.Join(ErrUnavailable, err))
	}
	if err := codec.Decode(rec.Value, &h); err != nil {
		return h, fmt.Errorf("header of run %s: %w", run, err)
	}
	return h, nil
}

// load rebuilds a run from its snapshot and the log behind it: what every commit so far made true. The answer is the
// caller's own.
func (r *Runner) load(ctx context.Context, tenant, run string) (*live, error) {
	h, err := r.readHeader(ctx, tenant, run)
	if err != nil {
		return nil, err
	}
	plan, err := r.defs.plan(ctx, tenant, h.Digest)
	if err != nil {
		return nil, fmt.Errorf("definition of run %s: %w", run, err)
	}
	lr, err := newLive(run, plan)
	if err != nil {
		return nil, err
	}
	lr.run.Tenant = tenant
	if err := r.loadSnapshot(ctx, tenant, lr); err != nil {
		return nil, fmt.Errorf("snapshot of run %s: %w", run, err)
	}
	if err := r.replay(ctx, tenant, lr); err != nil {
		return nil, fmt.Errorf("log of run %s: %w", run, err)
	}
	if lr.seq == 0 {
		return nil, fmt.Errorf("run %s has a header and no facts: %w", run, codec.ErrCorrupt)
	}
	lr.committed, lr.header = lr.seq, h.State
	lr.row = liveRow{Present: !lr.run.State.Final()}
	return lr, nil
}

func (r *Runner) loadSnapshot(ctx context.Context, tenant string, lr *live) error {
	rec, err := r.store.Get(ctx, lr.part, snapshotKey(tenant, lr.id))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s := snapshot{live: lr}
	if err := codec.Decode(rec.Value, &s); err != nil {
		return err
	}
	if s.version != snapshotVersion {
		return nil
	}
	lr.prev = s.prev
	lr.log.snapshot = len(rec.Value)
	return lr.run.Payloads(func(p *engine.Payload) error { return r.fill(ctx, lr.part, tenant, p) })
}

// replay folds the facts behind the snapshot over it.
func (r *Runner) replay(ctx context.Context, tenant string, lr *live) error {
	l := store.LogID{Tenant: tenant, Run: lr.id}
	for {
		entries, err := r.store.ReadLog(ctx, lr.part, l, lr.seq+1, logPage)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.First != lr.seq+1 {
				return fmt.Errorf("%w: entry %d follows fact %d", codec.ErrCorrupt, e.First, lr.seq)
			}
			err := readEntry(e.First, e.Value, func(f stamped) error {
				if fact, ok := f.fact.(engine.Fact); ok {
					if err := engine.Payloads(fact, func(p *engine.Payload) error { return r.fill(ctx, lr.part, tenant, p) }); err != nil {
						return err
					}
				}
				return lr.fold(f)
			})
			if err != nil {
				return err
			}
			lr.prev = e.First
			lr.log.facts += int(e.Count)
			lr.log.bytes += len(e.Value)
		}
		if len(entries) < logPage {
			return nil
		}
	}
}

// fill reads a payload that is kept as a blob.
func (r *Runner) fill(ctx context.Context, part store.Partition, tenant string, p *engine.Payload) error {
	if p.Blob == "" || p.Data != nil {
		return nil
	}
	data, err := r.store.GetBlob(ctx, part, tenant, p.Blob)
	if err != nil {
		return fmt.Errorf("blob %s: %w", p.Blob, err)
	}
	p.Data = data
	return nil
}

// freshen prepares a loaded run for its new owner: a worker's silence counts from now, since nobody listened before.
func (lr *live) freshen(now time.Time) {
	for i, j := range lr.jobs {
		if j != nil && j.Begun && !j.State.Final() {
			lr.heard(int32(i), now)
		}
	}
}
