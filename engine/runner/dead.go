package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// This file is which jobs of a run are dead letters: those that ended badly for good, and compensations that are held. The notes
// are derived from the run's facts; their rows are written in the commit that decides them.

// deadNote is one death of a node's job. Every death has rows of its own, so that whoever removes one never takes a later one
// with it.
type deadNote struct {
	seq   uint64    // of the fact that ended it
	at    time.Time // of that fact
	first time.Time // when it died for the first time
	times int32     // how often it has died
	again bool      // it is being done again
}

// deadNotes are those of a run, and what the commit to come writes of them.
type deadNotes struct {
	by map[int32]deadNote

	fresh map[int32]death // since the last commit
	moved map[int32]bool  // are done again since then
	stale []deadPlace     // rows that go
}

// death is how a job ended.
type death struct {
	state   engine.StepState
	failure engine.Failure
}

// deadPlace is where the rows of one death are.
type deadPlace struct {
	at  time.Time
	seq uint64
	job string
}

// fields describes the stored form.
func (d *deadNotes) fields(c *codec.Codec) {
	nodes := sortedKeys(d.by)
	n := c.Len(len(nodes))
	if c.Reading() {
		d.by, nodes = nil, make([]int32, n)
	}
	for i := range nodes {
		note := d.by[nodes[i]]
		c.Int32(&nodes[i])
		c.Uint(&note.seq)
		c.Time(&note.at)
		c.Time(&note.first)
		c.Int32(&note.times)
		c.Bool(&note.again)
		if c.Reading() {
			d.set(nodes[i], note)
		}
	}
}

func (d *deadNotes) set(node int32, note deadNote) {
	if d.by == nil {
		d.by = make(map[int32]deadNote)
	}
	d.by[node] = note
}

// written is called when the rows are as the notes say.
func (d *deadNotes) written() { d.fresh, d.moved, d.stale = nil, nil, nil }

// followDead follows a fact that ends a job for good or has it done again.
func (lr *live) followDead(at engine.Stamp, f engine.Fact) {
	switch f := f.(type) {
	case *engine.StepEnded:
		if diesOf(f.State) && lr.jobs[f.Step] != nil {
			lr.die(f.Step, at.At, death{f.State, f.Failure})
		} else {
			lr.resolve(f.Step)
		}
	case *engine.UndoHeld:
		lr.die(f.Step, at.At, death{engine.StepHeld, f.Failure})
	case *engine.StepSucceededFact:
		lr.resolve(f.Step)
	case *engine.StepSkippedFact:
		lr.resolve(f.Step)
	case *engine.UndoSettled:
		lr.resolve(f.Step)
	case *engine.UndoRearmed:
		lr.doAgain(f.Step)
	case *engine.SetBack:
		lr.rearmed(f.Target.Then != dag.ThenFail)
	case *engine.Reopened:
		lr.rearmed(true)
	}
}

// diesOf tells whether a job that ends like this is a dead letter. What people cancelled or refused is not.
func diesOf(s engine.StepState) bool {
	return s == engine.StepFailed || s == engine.StepTimedOut || s == engine.StepDenied
}

// die notes a death. The rows of the one before go.
func (lr *live) die(node int32, at time.Time, how death) {
	d := &lr.dead
	note := deadNote{seq: lr.seq, at: at, first: at, times: 1}
	if before, again := d.by[node]; again {
		note.first, note.times = before.first, before.times+1
		lr.resolve(node)
	}
	d.set(node, note)
	if d.fresh == nil {
		d.fresh = make(map[int32]death)
	}
	d.fresh[node] = how
}

// resolve forgets a death: the job succeeded after all, or nobody needs it any more.
func (lr *live) resolve(node int32) {
	d := &lr.dead
	note, dead := d.by[node]
	if !dead {
		return
	}
	delete(d.by, node)
	delete(d.fresh, node)
	delete(d.moved, node)
	d.stale = append(d.stale, deadPlace{note.at, note.seq, lr.jobID(node)})
}

// doAgain notes that a dead job is being done again.
func (lr *live) doAgain(node int32) {
	d := &lr.dead
	note, dead := d.by[node]
	if !dead || note.again {
		return
	}
	note.again = true
	d.by[node] = note
	if _, fresh := d.fresh[node]; fresh { // died and was set back in one commit: nobody saw it dead
		delete(d.fresh, node)
		return
	}
	if d.moved == nil {
		d.moved = make(map[int32]bool)
	}
	d.moved[node] = true
}

// rearmed looks at what a set-back or a reopened fan-out did with dead jobs. goesOn: what is pending now has its turn.
func (lr *live) rearmed(goesOn bool) {
	for _, node := range sortedKeys(lr.dead.by) {
		switch s := &lr.run.Steps[node]; {
		case s.Gone:
			lr.resolve(node)
		case goesOn && s.State != engine.StepHeld && !diesOf(s.State):
			lr.doAgain(node)
		}
	}
}

// writeDead puts the rows of a run's dead jobs into its commit.
func (l *lane) writeDead(ctx context.Context, tx *store.Tx, lr *live) error {
	d, tenant := &lr.dead, lr.run.Tenant
	if len(d.fresh)+len(d.moved)+len(d.stale) == 0 {
		return nil
	}
	var change int
	for _, p := range d.stale {
		_, there, err := l.r.deadThere(ctx, lr.part, tenant, p)
		if err != nil {
			return err
		}
		if there {
			tx.Deletes = append(tx.Deletes, p.key(tenant), p.recentKey(lr.part, tenant))
			change--
		}
	}
	for _, node := range sortedKeys(d.moved) {
		p := lr.deadPlace(node)
		row, there, err := l.r.deadThere(ctx, lr.part, tenant, p)
		if err != nil {
			return err
		}
		if there { // unless somebody removed it
			row.Again = true
			tx.Puts = append(tx.Puts, row.puts(lr.part, tenant, p)...)
		}
	}
	var died []*deadRow
	for _, node := range sortedKeys(d.fresh) {
		row := lr.deadRow(node, d.fresh[node])
		tx.Puts = append(tx.Puts, row.puts(lr.part, tenant, lr.deadPlace(node))...)
		died = append(died, row)
		change++
	}
	d.written()
	l.afterDead(lr, change, died)
	return nil
}

// afterDead counts the entries and tells of new ones when the commit is durable.
func (l *lane) afterDead(lr *live, change int, died []*deadRow) {
	r, tenant := l.r, lr.run.Tenant
	lr.then = append(lr.then, func() {
		r.dead.count(lr.part, tenant, change)
		for _, row := range died {
			r.dead.metrics.written.WithLabelValues(reasonFamily(row.Reason)).Inc()
			r.tellDead(row)
		}
	})
}

func (lr *live) deadPlace(node int32) deadPlace {
	note := lr.dead.by[node]
	return deadPlace{note.at, note.seq, lr.jobID(node)}
}

// deadThere answers the row of a death, if it is there and nobody is about to remove it. One that cannot be read is there.
func (r *Runner) deadThere(ctx context.Context, part store.Partition, tenant string, p deadPlace) (row deadRow, there bool, err error) {
	key := p.key(tenant)
	if r.dead.isGoing(key) {
		return row, false, nil
	}
	rec, err := r.store.Get(ctx, part, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return row, false, nil
	case err != nil:
		return row, false, fmt.Errorf("read a dead letter: %w", errors.Join(ErrUnavailable, err))
	}
	if err := codec.Decode(rec.Value, &row); err != nil {
		r.cfg.Logger.Error("dead letter cannot be read", "job_id", p.job, "error", err)
	}
	return row, true, nil
}
