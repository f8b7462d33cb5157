package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// docWrite is a record beside runs, written with the lane's batch.
type docWrite struct {
	part store.Partition
	put  store.Put
	done func(error) // may be nil
}

func encode(v codec.Fielder) []byte { return codec.Append(nil, v) }

// commit writes everything the batch decided: one transaction per partition, one wait for durability. Then it tells who
// waits and does what the committed facts ask for.
func (l *lane) commit(ctx context.Context) {
	if len(l.dirty) == 0 && len(l.docs) == 0 {
		return
	}
	dirty, docs := l.dirty, l.docs
	l.dirty, l.docs = nil, nil
	txs, fates := l.transactions(dirty, docs)
	errs := l.r.store.Commit(ctx, txs...)
	for i, tx := range txs {
		fates[tx.Partition] = errs[i]
		l.r.committed(tx.Partition, errs[i])
	}
	clear(l.keys)
	for _, d := range docs {
		if d.done != nil {
			d.done(wrapCommit(fates[d.part]))
		}
	}
	for _, lr := range dirty {
		lr.queued = false
		l.settleRun(lr, fates[lr.part])
	}
	if len(l.dirty) > 0 {
		l.inbox.ring()
	}
}

// transactions builds one transaction per partition. The fate of a partition that has nothing to write is nil: done.
func (l *lane) transactions(dirty []*live, docs []docWrite) ([]store.Tx, map[store.Partition]error) {
	var txs []store.Tx
	at := make(map[store.Partition]int, 4)
	tx := func(p store.Partition) *store.Tx {
		i, ok := at[p]
		if !ok {
			i = len(txs)
			at[p] = i
			txs = append(txs, store.Tx{Partition: p, Epoch: l.r.epoch(p)})
		}
		return &txs[i]
	}
	for _, lr := range dirty {
		if len(lr.pending) > 0 {
			l.write(tx(lr.part), lr)
		}
	}
	for _, d := range docs {
		t := tx(d.part)
		t.Puts = append(t.Puts, d.put)
	}
	return txs, make(map[store.Partition]error, len(txs))
}

// write puts a run's uncommitted facts, and the rows that follow from them, into its partition's transaction.
func (l *lane) write(tx *store.Tx, lr *live) {
	first := lr.pending[0].seq
	value := appendEntry(nil, lr.pending, &l.buf.fact)
	tx.Appends = append(tx.Appends, store.Append{
		Log: store.LogID{Tenant: lr.run.Tenant, Run: lr.id}, Prev: lr.prev, First: first,
		Count: uint32(len(lr.pending)), Value: value,
	})
	lr.prev = first
	lr.log.facts += len(lr.pending)
	lr.log.bytes += len(value)
	tx.Puts = append(tx.Puts, lr.extra.puts...)
	tx.Deletes = append(tx.Deletes, lr.extra.deletes...)
	l.writeHeader(tx, lr)
	l.writeLiveRow(tx, lr)
	if lr.log.due() && !lr.run.State.Final() {
		data := encode(&snapshot{prev: lr.prev, live: lr})
		tx.Puts = append(tx.Puts, store.Put{Key: snapshotKey(lr.run.Tenant, lr.id), Value: data})
		lr.log = logWeight{snapshot: len(data)}
	}
}

// writeHeader keeps the row that lists are made of; it changes with the state that people see.
func (l *lane) writeHeader(tx *store.Tx, lr *live) {
	state := lr.run.Status()
	if state == lr.header {
		return
	}
	h := lr.headerRow(lr.seq)
	tx.Puts = append(tx.Puts, store.Put{Key: headerKey(lr.run.Tenant, lr.id), Value: encode(&h)})
}

func (lr *live) headerRow(seq uint64) runHeader {
	r := lr.run
	return runHeader{
		Kind: r.Kind, Workflow: r.Workflow, Digest: lr.plan.Def.Digest, State: r.Status(), Seq: seq,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, StartedBy: r.StartedBy, Fault: r.Fault,
	}
}

// writeLiveRow keeps what recovery must know before it reads the run; it goes when the run ends.
func (l *lane) writeLiveRow(tx *store.Tx, lr *live) {
	if lr.run.State.Final() {
		if lr.row.Present {
			tx.Deletes = append(tx.Deletes, liveKey(lr.run.Tenant, lr.id))
		}
		lr.row = liveRow{}
		return
	}
	_, due, _ := lr.timers.next()
	row := liveRow{Present: true, Outstanding: lr.run.Outstanding() || lr.run.More(), Due: due}
	if row != lr.row {
		tx.Puts = append(tx.Puts, store.Put{Key: liveKey(lr.run.Tenant, lr.id), Value: encode(&row)})
		lr.row = row
	}
}

// settleRun tells who waits for a run's commit what became of it, and acts on it when it is durable.
func (l *lane) settleRun(lr *live, err error) {
	if err != nil {
		l.undo(lr, err)
		return
	}
	facts, was := lr.pending, lr.header
	then, replies := lr.then, lr.replies
	lr.pending, lr.then, lr.replies = nil, nil, nil
	lr.extra = extraWrites{}
	lr.firm, lr.softAt = false, time.Time{}
	lr.committed, lr.header = lr.seq, lr.run.Status()
	if len(facts) > 0 {
		l.r.hub.publish(lr, facts, was != lr.header)
	}
	for _, reply := range replies {
		reply(nil)
	}
	for _, f := range then {
		f()
	}
	l.schedule(lr)
	l.rest(lr)
}

// undo forgets a run whose commit did not happen, or may not have: what is in the store decides, and it is read again.
func (l *lane) undo(lr *live, err error) {
	tenant := lr.run.Tenant
	l.forget(lr, wrapCommit(err))
	l.log.Error("commit failed", "run_id", lr.id, "partition", lr.part, "error", err)
	if errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrRolledBack) || errors.Is(err, store.ErrClosed) {
		return
	}
	l.r.afterPause(func() {
		l.inbox.push(task{run: lr.id, tenant: tenant, do: func(t *turn) { t.recover() }})
	})
}

// wrapCommit is a failed commit as callers see it.
func wrapCommit(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the outcome could not be made durable: %w", errors.Join(ErrUnavailable, err))
}

// committed notes what a commit said of a partition: one that lost its owner or its records stops.
func (r *Runner) committed(p store.Partition, err error) {
	switch {
	case err == nil:
	case errors.Is(err, store.ErrFenced):
		r.losePartition(p, "fenced: another process owns it now")
	case errors.Is(err, store.ErrRolledBack):
		r.losePartition(p, "its log is shorter than what was acknowledged: the store was rolled back")
	}
}

// faultOf is a run's error for views.
func faultOf(r *engine.Run) *ErrorView {
	if r.State == engine.RunFaulted {
		return &ErrorView{Code: "faulted", Message: r.Fault}
	}
	return nil
}
