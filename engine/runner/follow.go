package runner

import (
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// follow keeps what is derived across the machines: a job begins with the engine's question, timers with what set them. It
// must come to the same whether the facts of a decision come one by one, from the log, or after all of them were applied.
func (lr *live) follow(at engine.Stamp, f codec.Fielder) {
	switch f := f.(type) {
	case engine.Fact:
		if lr.askedFor(at, f) {
			lr.mover = at.Actor
		}
		lr.followDead(at, f)
		if !lr.followRun(at, f) && !lr.followStep(at, f) {
			lr.followNested(at, f)
		}
	case scheduler.Fact:
		lr.followJob(at, f)
	case safety.ApprovalFact:
		lr.timers.set(timerRef{timerApproval, f.Of()}, lr.approvals[f.Of()].Due(at.At))
	}
}

// askedFor tells whether a person has the run do again, or undo, what it did. Whoever denies or sends back an approval does not
// ask for what the workflow says follows from it.
func (lr *live) askedFor(at engine.Stamp, f engine.Fact) bool {
	if at.Actor == systemActor || at.Actor == "" {
		return false
	}
	switch f := f.(type) {
	case *engine.StopBegun:
		return f.Stop == engine.StopCancel && f.Rollback
	case *engine.UndoingBegun:
		return !lr.run.Rollback
	case *engine.SetBack:
		return f.Target.To == ""
	case *engine.UndoRearmed:
		return true
	}
	return false
}

var runTimer = timerRef{uint8(engine.TimerRun), -1}

// followRun follows facts about the run itself and tells whether f is one.
func (lr *live) followRun(at engine.Stamp, f engine.Fact) bool {
	switch f := f.(type) {
	case *engine.RunStarted:
		lr.timers.set(runTimer, f.TimeoutAt)
	case *engine.StopBegun:
		if f.Stop == engine.StopTimeout {
			lr.timers.clear(runTimer)
		}
		lr.undo.asked(at, lr.run)
	case *engine.RunEnded:
		lr.timers.clearForward(lr.run)
	case *engine.UndoingBegun:
		lr.undo.asked(at, lr.run)
		lr.undo.since = at.At
	case *engine.SetBack:
		lr.timers.set(runTimer, lr.deadline(at.At, f))
	default:
		return false
	}
	return true
}

// deadline is when the timeout of a run that was set back is over: one that came back by itself has what is left of it, one
// that a person brought back has it anew.
func (lr *live) deadline(at time.Time, f *engine.SetBack) time.Time {
	switch due := lr.run.TimeoutAt; {
	case due.IsZero(), f.Target.Auto:
		return due
	default:
		return at.Add(due.Sub(lr.run.StartedAt))
	}
}

// followStep follows facts about a node of any kind and tells whether f is one.
func (lr *live) followStep(at engine.Stamp, f engine.Fact) bool {
	switch f := f.(type) {
	case *engine.JobAsked:
		if lr.jobs[f.Step] == nil {
			lr.jobs[f.Step] = &scheduler.Job{}
		}
		if floor := lr.run.Floor(f.Step); floor > 0 && f.Attempt == floor+1 {
			lr.jobs[f.Step].Afresh() // what it had done so far is undone
		}
		lr.jobs[f.Step].Ask(at.At, f.Attempt, f.Topic, f.Pack, f.Tool)
		lr.jobs[f.Step].Lock = f.Lock
		lr.setTotal(f.Step, f.TotalAt)
	case *engine.ApprovalAsked:
		if lr.approvals[f.Step] == nil {
			lr.setApproval(f.Step, &safety.Approval{})
		}
		lr.approvals[f.Step].Title, lr.approvals[f.Step].Context = f.Title, f.Context
	case *engine.DelaySet:
		lr.timers.set(timerRef{uint8(engine.TimerDelay), f.Step}, f.Due)
	case *engine.SignalAwaited:
		lr.timers.set(timerRef{uint8(engine.TimerWait), f.Step}, f.Due)
	case *engine.RetrySet:
		lr.clearChild(f.Step)
		lr.timers.set(timerRef{uint8(engine.TimerRetry), f.Step}, f.Due)
	case *engine.OutputHeld:
		lr.timers.clear(timerRef{uint8(engine.TimerTotal), f.Step})
	case *engine.RetryDue:
		lr.timers.clear(timerRef{uint8(engine.TimerRetry), f.Step})
	case *engine.StepSucceededFact:
		lr.clearStep(f.Step)
		lr.shed(f.Step)
	case *engine.StepEnded:
		lr.clearStep(f.Step)
	case *engine.StepSkippedFact:
		lr.clearStep(f.Step)
	default:
		return false
	}
	return true
}

// followNested follows facts about sub-workflows and compensations.
func (lr *live) followNested(at engine.Stamp, f engine.Fact) {
	switch f := f.(type) {
	case *engine.ChildAsked:
		lr.timers.set(timerRef{uint8(engine.TimerChild), f.Step}, f.DueAt)
		lr.setTotal(f.Step, f.TotalAt)
	case *engine.ChildStopAsked:
		lr.timers.clear(timerRef{uint8(engine.TimerChild), f.Step})
		lr.timers.set(timerRef{uint8(engine.TimerGrace), f.Step}, f.GraceAt)
	case *engine.UndoHeld:
		lr.clearStep(f.Step)
		lr.undo.hold(f.Step, at.At)
	case *engine.UndoRearmed:
		delete(lr.undo.held, f.Step)
	case *engine.UndoSettled:
		lr.clearStep(f.Step)
		delete(lr.undo.held, f.Step)
	}
}

// setTotal sets when all attempts of an allowance must be over; only the first one's question says so.
func (lr *live) setTotal(node int32, at time.Time) {
	if !at.IsZero() {
		lr.timers.set(timerRef{uint8(engine.TimerTotal), node}, at)
	}
}

func (lr *live) followJob(at engine.Stamp, f scheduler.Fact) {
	switch f := f.(type) {
	case *scheduler.JobReleased:
		lr.timers.set(timerRef{uint8(scheduler.TimerQueue), f.Step}, f.QueueAt)
		lr.timers.clear(timerRef{uint8(scheduler.TimerAttempt), f.Step})
		lr.timers.clear(timerRef{uint8(scheduler.TimerHeartbeat), f.Step})
	case *scheduler.JobWithheld:
		lr.timers.clear(timerRef{uint8(scheduler.TimerQueue), f.Step})
	case *scheduler.JobApprovalAsked:
		lr.timers.clear(timerRef{uint8(scheduler.TimerQueue), f.Step})
	case *scheduler.JobBegun:
		lr.timers.clear(timerRef{uint8(scheduler.TimerQueue), f.Step})
		lr.timers.set(timerRef{uint8(scheduler.TimerAttempt), f.Step}, f.TimeoutAt)
		lr.heard(f.Step, at.At)
	case *scheduler.JobProgressed:
		lr.heard(f.Step, at.At)
	case *scheduler.JobPosted:
		if f.Unheard {
			lr.timers.set(timerRef{uint8(scheduler.TimerQueue), f.Step}, f.QueueAt)
			lr.timers.clear(timerRef{uint8(scheduler.TimerAttempt), f.Step})
			lr.timers.clear(timerRef{uint8(scheduler.TimerHeartbeat), f.Step})
		}
	case *scheduler.JobCancelling:
		lr.timers.set(timerRef{uint8(scheduler.TimerGrace), f.Step}, f.GraceAt)
	case *scheduler.JobEnded:
		for _, k := range jobTimers {
			lr.timers.clear(timerRef{uint8(k), f.Step})
		}
	}
}

var (
	jobTimers  = []scheduler.JobTimer{scheduler.TimerQueue, scheduler.TimerAttempt, scheduler.TimerGrace, scheduler.TimerHeartbeat}
	stepTimers = []engine.Timer{engine.TimerDelay, engine.TimerRetry, engine.TimerTotal, engine.TimerWait}
)

// clearStep forgets the engine's timers of a node that ended.
func (lr *live) clearStep(node int32) {
	for _, k := range stepTimers {
		lr.timers.clear(timerRef{uint8(k), node})
	}
	lr.clearChild(node)
}

// clearChild forgets the timers of a sub-workflow that is over.
func (lr *live) clearChild(node int32) {
	lr.timers.clear(timerRef{uint8(engine.TimerChild), node})
	lr.timers.clear(timerRef{uint8(engine.TimerGrace), node})
}

// heard starts the silence of a job's worker anew.
func (lr *live) heard(node int32, at time.Time) {
	if j := lr.jobs[node]; j.CAP && j.Worker == "" {
		return // whoever listened on its topic has it: nobody knows whose heartbeats to wait for
	}
	if silence := lr.run.DefOf(node).HeartbeatTimeout; silence > 0 {
		lr.timers.set(timerRef{uint8(scheduler.TimerHeartbeat), node}, at.Add(silence))
	}
}
