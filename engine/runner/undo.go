package runner

import (
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
)

// undoNotes is what is kept of a run's compensation beside its state, derived from its facts.
type undoNotes struct {
	since    time.Time // when the last one began
	byParent bool      // the run that started this one asked for it
	before   int32     // compensations that had succeeded then
	held     map[int32]time.Time
}

// Fields describes the stored form.
func (u *undoNotes) fields(c *codec.Codec) {
	c.Time(&u.since)
	c.Bool(&u.byParent)
	c.Int32(&u.before)
	nodes := sortedKeys(u.held)
	n := c.Len(len(nodes))
	if c.Reading() {
		u.held, nodes = nil, make([]int32, n)
	}
	for i := range nodes {
		at := u.held[nodes[i]]
		c.Int32(&nodes[i])
		c.Time(&at)
		if c.Reading() {
			u.hold(nodes[i], at)
		}
	}
}

// hold notes since when a compensation waits for a person.
func (u *undoNotes) hold(node int32, at time.Time) {
	if u.held == nil {
		u.held = make(map[int32]time.Time)
	}
	u.held[node] = at
}

// asked notes a rollback that the run's parent asked for.
func (u *undoNotes) asked(at engine.Stamp, r *engine.Run) {
	if at.Actor == systemActor && at.Reason == parentUndoes {
		u.byParent, u.before = true, r.Undone
	}
}

// undoBegun, undoHeld and undoEnded count and report what becomes of a compensation.

func (t *turn) undoBegun() {
	t.lane.r.metrics.rollbacks.Inc()
}

// undoHeld raises the alarm: a compensation waits for a person.
func (t *turn) undoHeld(f *engine.UndoHeld) {
	t.closeJob(f.Step)
	l, lr := t.lane, t.live
	l.r.metrics.undoFailed.Inc()
	name, job := lr.run.Name(f.Step), lr.jobID(f.Step)
	t.after(func() {
		l.log.Error("compensation held: a person must retry it, skip it or mark it done",
			"run_id", lr.id, "workflow", lr.run.Workflow, "step", name, "job_id", job, "code", f.Failure.Code, "reason", f.Failure.Message)
	})
}

// crashBetweenUndos is where a process may end when one compensation is durable and the next is not.
func (t *turn) crashBetweenUndos() {
	r := t.lane.r
	if r.cfg.Crash != nil && t.live.run.Undoing {
		t.after(func() { r.crash(CrashUndone) })
	}
}

func (t *turn) undoEnded(at engine.Stamp) {
	if since := t.live.undo.since; !since.IsZero() {
		t.lane.r.metrics.undoDuration.Observe(at.At.Sub(since).Seconds())
	}
}
