package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/store"
)

// errBadHeader says that a run's row does not decode.
var errBadHeader = errors.New("the run's header cannot be read")

// readHeader reads the row of a run, or answers ErrNotFound.
func (r *Runner) readHeader(ctx context.Context, tenant, run string) (runHeader, error) {
	var h runHeader
	p, err := id.Partition(run)
	if err != nil || p >= len(r.epochs) || !id.IsRun(run) {
		return h, fmt.Errorf("run %.64q: %w", run, ErrNotFound)
	}
	rec, err := r.store.Get(ctx, store.Partition(p), headerKey(tenant, run))
	if errors.Is(err, store.ErrNotFound) {
		return h, fmt.Errorf("run %s: %w", run, ErrNotFound)
	}
	if err != nil {
		return h, fmt.Errorf("read header of run %s: %w", run, errors.Join(ErrUnavailable, err))
	}
	if err := codec.Decode(rec.Value, &h); err != nil || h.Digest == "" {
		return runHeader{}, fmt.Errorf("header of run %s: %w", run, errors.Join(errBadHeader, err))
	}
	return h, nil
}

// header reads the row of a run. One that does not decode is made again from the run's first fact: it is derived.
func (r *Runner) header(ctx context.Context, tenant, run string) (runHeader, error) {
	h, err := r.readHeader(ctx, tenant, run)
	if !errors.Is(err, errBadHeader) {
		return h, err
	}
	entries, readErr := r.store.ReadLog(ctx, r.partOf(run), store.LogID{Tenant: tenant, Run: run}, 1, 1)
	if readErr != nil {
		return h, errors.Join(ErrUnavailable, readErr)
	}
	if len(entries) == 0 {
		return h, err
	}
	visitErr := r.visit(ctx, tenant, r.partOf(run), entries[0], func(f stamped) error {
		if begun, ok := f.fact.(*engine.RunStarted); ok {
			h = runHeader{
				Kind: begun.RunKind, Workflow: begun.Workflow, Digest: begun.Digest, Seq: f.seq, StartedAt: f.at.At, StartedBy: f.at.Actor,
				Parent: begun.Parent.Run,
			}
		}
		return nil
	})
	if h.Digest == "" {
		return h, errors.Join(err, visitErr)
	}
	return h, nil
}

// loadFenced loads a run; folding its log may panic, which costs that run.
func (r *Runner) loadFenced(ctx context.Context, tenant, run string) (lr *live, err error) {
	defer func() {
		if p := recover(); p != nil {
			lr, err = nil, fmt.Errorf("folding the log: %w: %v", errPanicked, p)
		}
	}()
	return r.load(ctx, tenant, run)
}

// load rebuilds a run from its snapshot and the log behind it: what every commit so far made true. The answer is the
// caller's own. An error is ErrNotFound, ErrUnavailable when the store could not be read, or says which record cannot be.
func (r *Runner) load(ctx context.Context, tenant, run string) (*live, error) {
	h, err := r.header(ctx, tenant, run)
	if err != nil {
		return nil, err
	}
	plan, err := r.defs.plan(ctx, tenant, h.Digest)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("run %s: %w: its definition %.12s is gone", run, codec.ErrCorrupt, h.Digest)
	}
	if err != nil {
		return nil, fmt.Errorf("definition of run %s: %w", run, err)
	}
	if plan, err = r.pinnedPlan(ctx, tenant, run, plan); err != nil {
		return nil, err
	}
	lr, err := r.begin(ctx, tenant, run, plan)
	if err != nil {
		return nil, err
	}
	if err := r.replay(ctx, tenant, lr, nil); err != nil {
		return nil, fmt.Errorf("log of run %s: %w", run, err)
	}
	if lr.seq == 0 {
		return nil, fmt.Errorf("run %s has a header and no facts: %w", run, codec.ErrCorrupt)
	}
	lr.committed, lr.header, lr.fromStep = lr.seq, standing{h.State, h.Compensation.String()}, h.FromStep
	lr.row = liveRow{Present: !lr.run.Settled()}
	lr.byState = lr.stateRow()
	lr.heldSeen, lr.heldRow = lr.run.Held(), lr.run.Held() > 0
	lr.dead.written()
	return lr, nil
}

// begin answers a run as its snapshot has it, or as it is before its first fact. A snapshot that cannot be read costs time,
// not the run: the log has everything.
func (r *Runner) begin(ctx context.Context, tenant, run string, plan *steps.Workflow) (*live, error) {
	lr, err := newLive(run, plan)
	if err != nil {
		return nil, err
	}
	lr.run.Tenant, lr.settings = tenant, &r.fleet
	err = r.loadSnapshot(ctx, tenant, lr)
	if err == nil || transient(err) {
		return lr, err
	}
	r.cfg.Logger.Error("snapshot cannot be read: the run is rebuilt from its log", "run_id", run, "error", err)
	if lr, err = newLive(run, plan); err == nil {
		lr.run.Tenant, lr.settings = tenant, &r.fleet
	}
	return lr, err
}

func (r *Runner) loadSnapshot(ctx context.Context, tenant string, lr *live) (err error) {
	rec, err := r.store.Get(ctx, lr.part, snapshotKey(tenant, lr.id))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	s := snapshot{live: lr}
	if err := codec.Decode(rec.Value, &s); err != nil {
		return err
	}
	if s.prev == 0 || s.prev > lr.seq {
		return fmt.Errorf("%w: snapshot of fact %d behind entry %d", codec.ErrCorrupt, lr.seq, s.prev)
	}
	lr.prev = s.prev
	lr.log.snapshot = len(rec.Value)
	return lr.run.Payloads(func(p *engine.Payload) error { return r.fill(ctx, lr.part, tenant, p) })
}

// replay folds the facts behind the snapshot over it. seen, unless nil, is told of each when it is folded.
func (r *Runner) replay(ctx context.Context, tenant string, lr *live, seen func(stamped) error) error {
	l := store.LogID{Tenant: tenant, Run: lr.id}
	fold := func(f stamped) error {
		if fact, ok := f.fact.(engine.Fact); ok {
			if err := engine.Payloads(fact, func(p *engine.Payload) error { return r.fill(ctx, lr.part, tenant, p) }); err != nil {
				return err
			}
		}
		if err := lr.fold(f); err != nil || seen == nil {
			return err
		}
		return seen(f)
	}
	for {
		entries, err := r.store.ReadLog(ctx, lr.part, l, lr.seq+1, logPage)
		if err != nil {
			return errors.Join(ErrUnavailable, err)
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			if e.First != lr.seq+1 {
				return fmt.Errorf("%w: entry %d follows fact %d", codec.ErrCorrupt, e.First, lr.seq)
			}
			if err := r.visit(ctx, tenant, lr.part, e, fold); err != nil {
				return err
			}
			if last := e.First + uint64(e.Count) - 1; lr.seq != last {
				return fmt.Errorf("%w: entry %d has facts up to %d, not %d", codec.ErrCorrupt, e.First, lr.seq, last)
			}
			lr.prev = e.First
			lr.log.facts += int(e.Count)
			lr.log.bytes += len(e.Value)
		}
	}
}

// visit hands each fact of a log entry to f, wherever the entry is kept.
func (r *Runner) visit(ctx context.Context, tenant string, p store.Partition, e store.Entry, f func(stamped) error) error {
	value := e.Value
	chunks, err := outsourced(value)
	if err != nil {
		return err
	}
	if chunks != nil {
		value = nil
	}
	for _, digest := range chunks {
		data, err := r.blob(ctx, p, tenant, digest)
		if err != nil {
			return err
		}
		value = append(value, data...)
	}
	return readEntry(e.First, value, f)
}

// fill reads a payload that is kept as a blob.
func (r *Runner) fill(ctx context.Context, part store.Partition, tenant string, p *engine.Payload) error {
	if p.Blob == "" || p.Data != nil {
		return nil
	}
	data, err := r.blob(ctx, part, tenant, p.Blob)
	p.Data = data
	return err
}

// blob reads what a fact names. One that is gone is a record that cannot be read; a store that does not answer is not.
func (r *Runner) blob(ctx context.Context, p store.Partition, tenant, digest string) ([]byte, error) {
	data, err := r.store.GetBlob(ctx, p, tenant, digest)
	switch {
	case errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid):
		return nil, fmt.Errorf("%w: blob %s is gone", codec.ErrCorrupt, digest)
	case err != nil:
		return nil, fmt.Errorf("blob %s: %w", digest, errors.Join(ErrUnavailable, err))
	}
	return data, nil
}

// freshen prepares a loaded run for its new owner: a worker's silence counts from now, since nobody listened before.
func (lr *live) freshen(now time.Time) {
	for i, j := range lr.jobs {
		if j != nil && j.Begun && !j.State.Final() {
			lr.heard(int32(i), now)
		}
	}
}
