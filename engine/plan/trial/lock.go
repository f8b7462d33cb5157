package trial

import (
	"time"

	"cordum.dev/cordum/scheduler"
)

// This file is resource locks: a job that needs one is not sent before it has it. Who is let in next is decided by the machine that a
// server has, over all runs of the case.

// locks are those that jobs of a case asked for, by name.
type locks struct {
	byName map[string]*scheduler.Limit
	askers map[string]asker // by the names under which jobs ask
	turns  uint64
}

// asker is a job that asked for a lock.
type asker struct {
	m    *member
	node int32
}

// holder is the name under which a node's job asks.
func (m *member) holder(node int32) string { return m.id + "/" + m.run.Name(node) }

// letStart releases a job that was decided well, as soon as it has its lock. A paused run starts nothing new: its resume asks again.
func (m *member) letStart(node int32) {
	j := m.jobs[node]
	j.waits = false
	switch {
	case j.job.Lock == "":
		m.job(node, scheduler.Leave{Token: m.token()}, nil)
		return
	case m.run.Paused:
		j.waits = true
		return
	}
	j.waits = true
	lock := m.run.DefOf(node).ResourceLock
	m.w.locks.askers[m.holder(node)] = asker{m, node}
	m.w.toLock(j.job.Lock, scheduler.LimitAsk{
		Job: m.holder(node), Turn: m.w.nextTurn(), Attempt: j.job.Attempt, Since: j.job.CreatedAt, Priority: m.run.Spec(node).Priority,
		Terms: scheduler.LimitTerms{Max: 1, Shared: lock != nil && lock.Shared},
	})
}

// unlock gives back what a job has of its lock, or its place in the line, when what its run makes of that is decided.
func (m *member) unlock(node int32) {
	j := m.jobs[node]
	if j.job.Lock == "" {
		return
	}
	j.waits = false
	name, attempt := j.job.Lock, j.job.Attempt
	m.w.later(0, func() {
		m.w.toLock(name, scheduler.LimitRelease{Job: m.holder(node), Turn: m.w.nextTurn(), Attempt: attempt})
	})
}

// toLock tells a lock something, and releases the jobs that it lets in.
func (w *world) toLock(name string, in scheduler.LimitInput) {
	l := w.locks.byName[name]
	if l == nil {
		l = scheduler.NewLock(&scheduler.Fence{}, time.Hour) // nobody is silent here
		w.locks.byName[name] = l
	}
	for _, a := range l.Take(w.now, in).Answers {
		to := w.locks.askers[a.Job]
		j := to.m.jobs[to.node]
		switch {
		case a.Waits || !j.waits:
		case to.m.run.Paused:
			to.m.unlock(to.node)
			j.waits = true
		default:
			j.waits = false
			to.m.job(to.node, scheduler.Leave{Token: to.m.token(), Fence: a.Token}, nil)
		}
	}
}

// nextTurn orders what is said to locks.
func (w *world) nextTurn() scheduler.Turn {
	w.locks.turns++
	return scheduler.Turn{Epoch: 1, N: w.locks.turns}
}
