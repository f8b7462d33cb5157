package runner

import (
	"errors"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// errPendingJob cannot happen: a job is asked for and judged in one commit.
var errPendingJob = errors.New("a committed job has no decision")

// announce offers a released attempt to the fleet after the commit.
func (t *turn) announce(step int32) {
	if t.live.run.Paused {
		return // resume announces it
	}
	l, req := t.lane, t.live.demand(step)
	t.after(func() { l.r.dispatch.announce(l, req) })
}

// demand is what the fleet must know of a released attempt.
func (lr *live) demand(step int32) scheduler.Request {
	def, j := &lr.plan.Def.Steps[step], lr.jobs[step]
	return scheduler.Request{
		Attempt: lr.attemptID(step), Tenant: lr.run.Tenant, Topic: j.Topic, Requires: def.Requires,
		PreferredWorker: def.PreferredWorkerID, PreferredPool: def.PreferredPool,
		Priority: lr.plan.Steps[step].Priority, ReleasedAt: j.CreatedAt,
	}
}

// announceScheduled offers every released attempt that nobody has: after a resume.
func (t *turn) announceScheduled() {
	for i, j := range t.live.jobs {
		if j != nil && j.State == scheduler.JobScheduled {
			t.announce(int32(i))
		}
	}
}

// withholdJobs takes attempts that no worker has yet out of the queue: a paused run starts nothing new.
func (t *turn) withholdJobs() {
	r := t.lane.r
	for i, j := range t.live.jobs {
		if j != nil && j.State == scheduler.JobScheduled {
			attempt := t.live.attemptID(int32(i))
			t.after(func() { r.dispatch.withdraw(attempt) })
		}
	}
}

// stopJob asks a job to end: at once when nobody has it, by its worker's answer otherwise.
func (t *turn) stopJob(f *engine.JobStopAsked) {
	j := t.live.jobs[f.Step]
	if j == nil || j.State.Final() {
		return
	}
	attempt := t.live.attemptID(f.Step)
	held := j.Holds() || t.lane.r.dispatch.holds(attempt)
	if !held {
		t.lane.r.dispatch.withdraw(attempt)
	}
	t.job(f.Step, scheduler.Stop{Force: f.Force, Held: held}, nil)
}

// granted sends an attempt to the worker that the fleet chose, if it is still to be sent. Which worker it was is a soft
// fact, written with the run's next commit.
func (t *turn) granted(step int32, g scheduler.Grant) {
	lr := t.live
	j := lr.jobs[step]
	if j == nil || j.Begun || (j.State != scheduler.JobScheduled && j.State != scheduler.JobDispatched) ||
		lr.attemptID(step) != g.Attempt || lr.run.State != engine.RunRunning {
		t.lane.r.dispatch.ended(g.Attempt)
		return
	}
	switch {
	case lr.run.Paused:
		t.lane.r.dispatch.withdraw(g.Attempt)
		return
	case j.Cancel: // it was to be stopped while the grant was under way, and nobody has it
		t.lane.r.dispatch.ended(g.Attempt)
		t.job(step, scheduler.Stop{Force: true}, nil)
		t.settle()
		return
	}
	if err := t.lane.r.dispatch.send(lr, step, g, &t.lane.buf); err != nil {
		t.lane.log.Warn("attempt could not be sent", "run_id", lr.id, "job_id", g.Attempt, "worker_id", g.Worker, "error", err)
	}
	t.given(step, g.Worker)
}

// given notes who has an attempt.
func (t *turn) given(step int32, worker string) {
	for _, f := range scheduler.Decide(t.live.jobs[step], step, t.now, t.live.terms(step), scheduler.Sent{Worker: worker}).Facts {
		if t.err == nil {
			t.err = t.live.record(t.system(""), f, true)
		}
	}
	t.touch()
}

// lost tells a job that the worker it was given to is gone.
func (t *turn) lost(step, send int32) {
	t.job(step, scheduler.Lost{Send: send, Token: t.lane.r.token(t.live.run.Tenant)}, nil)
	t.settle()
}

// endRun frees what the run's jobs hold in the fleet.
func (t *turn) endRun() {
	r, lr := t.lane.r, t.live
	r.metrics.runEnded(lr.run)
	t.traceRun(lr.run)
	for i, j := range lr.jobs {
		if j != nil && !j.State.Final() && j.Send > 0 {
			attempt := lr.attemptID(int32(i))
			t.after(func() { r.dispatch.withdraw(attempt); r.dispatch.ended(attempt) })
		}
	}
}

// adopted notes that a worker's heartbeat lists an attempt that was to be given away: it has it.
func (t *turn) adopted(step int32, g scheduler.Grant) {
	if t.live.jobs[step].State == scheduler.JobScheduled && t.live.attemptID(step) == g.Attempt {
		t.given(step, g.Worker)
	}
}

// orphaned takes a worker's loss to the job. One that was only given back is announced again as it is.
func (t *turn) orphaned(step int32, lost scheduler.LostJob) {
	if t.live.attemptID(step) != lost.Attempt || t.live.jobs[step].State.Final() {
		return
	}
	if lost.Reason == scheduler.LostReturned {
		t.announce(step)
		t.touch()
		return
	}
	t.lost(step, t.live.jobs[step].Send)
}

// recover takes up what a run had under way when its owner went: a worker that is known to have an attempt gets a lease to
// show up in; what nobody is known to have is announced after a grace in which workers say what they have.
func (t *turn) recover() {
	l, lr := t.lane, t.live
	waiting := false
	for i, j := range lr.jobs {
		if j == nil || j.State.Final() {
			continue
		}
		step := int32(i)
		switch {
		case j.State == scheduler.JobPending:
			t.err = errPendingJob
			return
		case j.Worker != "":
			if def := &lr.plan.Def.Steps[i]; def.HeartbeatTimeout > 0 {
				l.r.dispatch.watch(lr.attemptID(step), step)
			}
			l.r.dispatch.adopt(lr.attemptID(step), j.Worker)
		default:
			waiting = true
		}
	}
	if lr.run.More() {
		t.goOn()
		t.touch()
	}
	if waiting {
		l.r.afterGrace(func() {
			l.inbox.push(task{run: lr.id, tenant: lr.run.Tenant, do: func(t *turn) {
				t.announceScheduled()
				t.touch()
			}})
		})
	}
}

// softJob gives a job an input whose facts nobody waits for: they are written with the run's next commit, or soon.
func (t *turn) softJob(step int32, in scheduler.JobInput) {
	ruling := scheduler.Decide(t.live.jobs[step], step, t.now, t.live.terms(step), in)
	for _, f := range ruling.Facts {
		if t.err == nil {
			t.err = t.live.record(t.system(""), f, true)
		}
	}
	t.touch()
}

// returned takes an attempt back that its worker did not begin.
func (t *turn) returned(step int32, b *wire.JobReturn) scheduler.Ruling {
	j := t.live.jobs[step]
	if !j.Mine(b.Token) || j.Begun {
		return scheduler.Ruling{Reply: scheduler.ReplyStale}
	}
	attempt, d := t.live.attemptID(step), t.lane.r.dispatch
	if j.Cancel {
		return t.job(step, scheduler.Stop{Force: true}, nil)
	}
	t.after(func() { d.returned(attempt, b.WorkerId, b.Reason) })
	t.lane.queue(t.live)
	return scheduler.Ruling{Reply: scheduler.ReplyOK}
}

// lateAllowed bounds how many late results a run notes.
func (t *turn) lateAllowed() bool {
	t.live.late++
	return t.live.late <= maxLate
}

// maxLate is how many late results of a run are noted while it is in memory: a broken worker must not grow its log.
const maxLate = 16
