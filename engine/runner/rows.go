package runner

import (
	"context"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// writeFenced writes a run into its partition's transaction. When that cannot be done the transaction stays as it was and the
// run is spoilt.
func (l *lane) writeFenced(ctx context.Context, b *batch, lr *live) {
	tx := b.tx(l, lr.part)
	puts, deletes, appends, acts := len(tx.Puts), len(tx.Deletes), len(tx.Appends), len(l.trail.acts)
	defer func() {
		if p := recover(); p != nil {
			lr.spoilt = l.panicked(lr.id, p)
		}
		if lr.spoilt != nil {
			tx.Puts, tx.Deletes, tx.Appends = tx.Puts[:puts], tx.Deletes[:deletes], tx.Appends[:appends]
			l.trail.acts = l.trail.acts[:acts]
		}
	}()
	lr.spoilt = l.writeRun(ctx, tx, lr)
}

// writeRun puts a run's uncommitted facts, and the rows that follow from them, into its partition's transaction.
func (l *lane) writeRun(ctx context.Context, tx *store.Tx, lr *live) error {
	first := lr.pending[0].seq
	l.trail.of = lr
	value := appendEntry(nil, lr.pending, &l.buf.fact, &l.trail)
	lr.log.facts += len(lr.pending)
	lr.log.bytes += len(value)
	entry, chunks := value, []string(nil)
	if len(value) > maxEntry {
		var err error
		if value, chunks, err = l.r.outsource(ctx, lr.part, lr.run.Tenant, value); err != nil {
			return err
		}
	}
	lr.noteBlobs(tx, entry, chunks)
	tx.Appends = append(tx.Appends, store.Append{
		Log: store.LogID{Tenant: lr.run.Tenant, Run: lr.id}, Prev: lr.prev, First: first,
		Count: uint32(len(lr.pending)), Value: value,
	})
	lr.prev = first
	if err := l.writeDead(ctx, tx, lr); err != nil {
		return err
	}
	tx.Puts = append(tx.Puts, lr.extra.puts...)
	tx.Deletes = append(tx.Deletes, lr.extra.deletes...)
	lr.writeHeader(tx)
	lr.writeByState(tx)
	lr.writeHeld(tx)
	lr.writeLiveRow(tx)
	if lr.log.due() && !lr.run.Settled() {
		l.writeSnapshot(tx, lr)
	}
	return nil
}

// writeSnapshot keeps the run's state beside the log. One that is too large is not kept: the log alone will do.
func (l *lane) writeSnapshot(tx *store.Tx, lr *live) {
	data := encode(&snapshot{prev: lr.prev, live: lr})
	if len(data) <= maxSnapshot {
		tx.Puts = append(tx.Puts, store.Put{Key: snapshotKey(lr.run.Tenant, lr.id), Value: data})
	}
	lr.log = logWeight{snapshot: len(data)}
	l.r.crash(CrashSnapshot)
}

// outsource keeps an entry that is too large for a log in blobs, and answers the entry that names them, and which they are.
func (r *Runner) outsource(ctx context.Context, p store.Partition, tenant string, value []byte) (entry []byte, chunks []string, err error) {
	for len(value) > 0 {
		n := min(len(value), blobChunk)
		digest, err := r.store.PutBlob(ctx, p, tenant, value[:n])
		if err != nil {
			return nil, nil, fmt.Errorf("keep a large log entry: %w", err)
		}
		chunks, value = append(chunks, digest), value[n:]
	}
	return appendOutsourced(nil, chunks), chunks, nil
}

// standing is what people see of a run at a glance.
type standing struct{ state, compensation string }

func (lr *live) standing() standing {
	return standing{lr.run.Status(), lr.run.Compensation().String()}
}

// writeHeader keeps the row that lists are made of; it changes with what people see.
func (lr *live) writeHeader(tx *store.Tx) {
	if lr.standing() == lr.header {
		return
	}
	h := lr.headerRow(lr.seq)
	tx.Puts = append(tx.Puts, store.Put{Key: headerKey(lr.run.Tenant, lr.id), Value: encode(&h)})
}

func (lr *live) headerRow(seq uint64) runHeader {
	r := lr.run
	return runHeader{
		Kind: r.Kind, Workflow: r.Workflow, Digest: lr.plan.Def.Digest, State: r.Status(), Seq: seq,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, StartedBy: r.StartedBy,
		Compensation: r.Compensation(), Parent: r.Parent.Run, FromStep: lr.fromStep,
	}
}

// writeLiveRow keeps what recovery must know before it reads the run; it goes when nothing of the run is left.
func (lr *live) writeLiveRow(tx *store.Tx) {
	key := liveKey(lr.run.Tenant, lr.id)
	if lr.run.Settled() {
		if lr.row.Present {
			tx.Deletes = append(tx.Deletes, key)
		}
		lr.row = liveRow{}
		return
	}
	row := liveRow{Present: true, Outstanding: lr.run.Outstanding() || lr.run.More(), Held: int32(lr.run.Held())}
	if lr.run.Key != "" {
		row.Workflow, row.Key, row.Limit = lr.run.Workflow, lr.run.Key, int32(lr.keyLimit())
		row.Waits = lr.run.State == engine.RunPending
	}
	if !row.Outstanding {
		_, row.Due, _ = lr.timers.next()
	}
	if row != lr.row {
		tx.Puts = append(tx.Puts, store.Put{Key: key, Value: encode(&row)})
		lr.row = row
	}
}

// final tells whether the row says that the run has ended.
func (h *runHeader) final() bool { return !h.EndedAt.IsZero() }

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

	Compensation engine.Compensation
	Parent       string // the run that started it
	FromStep     string // what people call the step of it that did
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
	codec.Enum(c, &h.Compensation)
	c.String(&h.Parent)
	c.String(&h.FromStep)
}

// liveRow is what recovery must know of a run that has not ended.
type liveRow struct {
	Present     bool // not stored: the row exists
	Outstanding bool // a worker, a queue or the engine itself has something to do for it
	Due         time.Time

	Held          int32  // compensations that wait for a person
	Workflow, Key string // of a run with a concurrency key
	Limit         int32  // how many runs may have it
	Waits         bool   // the run waits for it
}

// Fields describes the stored form.
func (l *liveRow) Fields(c *codec.Codec) {
	c.Bool(&l.Outstanding)
	c.Time(&l.Due)
	c.Int32(&l.Held)
	c.String(&l.Workflow)
	c.String(&l.Key)
	c.Int32(&l.Limit)
	c.Bool(&l.Waits)
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
const snapshotVersion = 5

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
