package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// docWrite is records beside runs, of one partition, written with the lane's batch and atomically.
type docWrite struct {
	part    store.Partition
	puts    []store.Put
	deletes []store.Key
	drops   []store.LogID
	sweeps  []store.Sweep
	acts    []docAct    // what it is in the audit log
	touches familySet   // what other processes have to know of it
	done    func(error) // may be nil
}

func encode(v codec.Fielder) []byte { return codec.Append(nil, v) }

// batch is what one commit writes: a transaction for each partition that has something to write.
type batch struct {
	txs []store.Tx
	at  map[store.Partition]int
	// refused are partitions that do not commit this time, and why.
	refused map[store.Partition]error
}

func (b *batch) refuse(p store.Partition, err error) {
	if b.refused == nil {
		b.refused = make(map[store.Partition]error)
	}
	b.refused[p] = err
}

func (b *batch) tx(l *lane, p store.Partition) *store.Tx {
	i, ok := b.at[p]
	if !ok {
		i = len(b.txs)
		b.at[p] = i
		epoch := l.r.epoch(p)
		if epoch == 0 && !l.r.alone() {
			b.refuse(p, ErrMoved)
		}
		b.txs = append(b.txs, store.Tx{Partition: p, Epoch: epoch})
	}
	return &b.txs[i]
}

// commit writes everything the batch decided: one transaction per partition, one wait for durability. Then it tells who
// waits and does what the committed facts ask for. What those effects lead to is the next commit's.
func (l *lane) commit(ctx context.Context) {
	l.keepLimits()
	if len(l.dirty) == 0 && len(l.docs) == 0 {
		return
	}
	dirty, docs := l.dirty, l.docs
	l.dirty, l.docs = nil, nil
	b := batch{at: make(map[store.Partition]int, len(l.r.epochs)/len(l.r.lanes)+1)}
	for _, lr := range dirty {
		switch {
		case len(lr.pending) > 0:
			l.writeFenced(ctx, &b, lr)
		case lr.extra.any(): // a command that changed nothing is remembered, too
			tx := b.tx(l, lr.part)
			tx.Puts, tx.Deletes = append(tx.Puts, lr.extra.puts...), append(tx.Deletes, lr.extra.deletes...)
		}
	}
	for _, d := range docs {
		tx := b.tx(l, d.part)
		tx.Puts, tx.Deletes = append(tx.Puts, d.puts...), append(tx.Deletes, d.deletes...)
		tx.Drops, tx.Sweeps = append(tx.Drops, d.drops...), append(tx.Sweeps, d.sweeps...)
		l.trail.doc(&d, audit.Record{At: l.r.now()})
	}
	l.audit(ctx, &b)
	errs := l.write(ctx, &b)
	l.audited(errs)
	clear(l.keys)
	for _, d := range docs {
		if d.done != nil {
			d.done(wrapCommit(errs[d.part]))
		}
	}
	l.settle(dirty, errs)
}

// write commits and answers what became of each partition; nil is durable.
func (l *lane) write(ctx context.Context, b *batch) map[store.Partition]error {
	if len(b.txs) == 0 {
		return nil
	}
	errs := b.refused
	if errs != nil {
		b.txs = slices.DeleteFunc(b.txs, func(tx store.Tx) bool { return errs[tx.Partition] != nil })
	}
	began := time.Now()
	answers := l.r.store.Commit(ctx, b.txs...)
	l.r.metrics.replicas.commit(began, answers)
	for i, err := range answers {
		if err == nil {
			continue
		}
		if errs == nil {
			errs = make(map[store.Partition]error)
		}
		p, epoch := b.txs[i].Partition, b.txs[i].Epoch
		errs[p] = l.r.committed(p, epoch, err)
	}
	return errs
}

// settle takes every run of a commit over the line first, so that what the effects of one decide about another is that
// one's next commit, and then tells who waits and acts.
func (l *lane) settle(dirty []*live, errs map[store.Partition]error) {
	for _, lr := range dirty {
		lr.queued = false
		if err := errors.Join(lr.spoilt, l.fate(lr, errs)); err != nil {
			l.undo(lr, err)
		} else {
			l.settled(lr)
		}
	}
	for _, lr := range dirty {
		if len(lr.effects) > 0 && l.lost(lr.part) != nil { // the answer came late: who has the partition now does what is to be done
			clear(lr.effects)
			lr.effects = lr.effects[:0]
		}
		for _, f := range lr.effects {
			f()
		}
		clear(lr.effects)
		lr.effects = lr.effects[:0]
		if l.runs[lr.id] == lr {
			l.schedule(lr)
			l.rest(lr)
		}
	}
}

// fate is what became of a run's facts; one that had nothing to write shares nobody's.
func (l *lane) fate(lr *live, errs map[store.Partition]error) error {
	if len(lr.pending) == 0 && !lr.extra.any() {
		return l.lost(lr.part)
	}
	return errs[lr.part]
}

// settled makes what was decided of a run its committed state.
func (l *lane) settled(lr *live) {
	facts, was := lr.pending, lr.header
	lr.pending = nil // shown below, then used again
	lr.extra = extraWrites{}
	lr.firm, lr.softAt = false, time.Time{}
	lr.committed, lr.header = lr.seq, lr.standing()
	l.moves = append(l.moves, lr.moves...)
	clear(lr.moves)
	lr.moves = lr.moves[:0]
	if len(facts) > 0 {
		l.guard(lr.id, func() { l.r.hub.publish(lr, facts, was != lr.header) })
		clear(facts)
		lr.pending = facts[:0]
	}
	replies := lr.replies
	lr.replies = nil
	for _, reply := range replies {
		l.guard(lr.id, func() { reply(nil) })
	}
	lr.effects, lr.then = lr.then, lr.effects[:0]
	l.followKey(lr)
	l.countHeld(lr)
	l.tellParent(lr)
}

// guard fences what shows a run to people: it must not cost the lane.
func (l *lane) guard(run string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			_ = l.panicked(run, p)
		}
	}()
	f()
}

// undo forgets a run whose commit did not happen, or may not have: what is in the store decides, and it is read again.
func (l *lane) undo(lr *live, err error) {
	tenant, id := lr.run.Tenant, lr.id
	spoilt := lr.spoilt
	l.forget(lr, wrapCommit(err))
	l.log.Error("commit failed", "run_id", id, "partition", lr.part, "error", err)
	switch {
	case errors.Is(spoilt, errPanicked):
		l.mending[id] = tenant
		l.inbox.push(task{part: on(lr.part), do: func(t *turn) { l.markFaulted(context.Background(), tenant, id, spoilt) }})
	case errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrRolledBack) || errors.Is(err, store.ErrClosed) || errors.Is(err, ErrMoved):
	default:
		l.mending[id] = tenant
		l.later(retryPause, l.recoverTask(tenant, id))
	}
}

// wrapCommit is a failed commit as callers see it.
func wrapCommit(err error) error {
	if err == nil {
		return nil
	}
	failed := fmt.Errorf("the outcome could not be made durable: %w", errors.Join(ErrUnavailable, err))
	if refusedCommit(err) {
		return failed
	}
	return unsure{failed}
}

// committed notes what a commit said of a partition, and answers it as callers see it: one that lost its owner or its records
// stops.
func (r *Runner) committed(p store.Partition, epoch store.Epoch, err error) error {
	switch {
	case errors.Is(err, store.ErrFenced):
		r.losePartition(p, epoch, "fenced: another process owns it now")
		if !r.alone() { // nothing was written
			return errors.Join(ErrMoved, err)
		}
	case errors.Is(err, store.ErrRolledBack):
		r.losePartition(p, epoch, rolledBack)
	}
	return err
}

// rolledBack is why a partition stops whose records are gone.
const rolledBack = "its log is shorter than what was acknowledged: the store was rolled back"
