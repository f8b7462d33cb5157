package runner

import (
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// turn is one task at work on one run: what it decides is recorded in the run and committed with the lane's batch.
type turn struct {
	lane *lane
	live *live // nil until a fresh task made it
	now  time.Time
	err  error // deciding failed: the run is faulted

	inputs []engine.Input         // asked for by facts, not decided yet
	why    string                 // the reason of what its jobs record; "" but for what is done to all of them
	judged *safety.OutputDecision // what the output policy said of the result that the task brings

	fresh  string    // the run to make, of a fresh task
	once   *onceKey  // to be kept with what the task causes
	before *answered // the task was done before: its answer
}

func (t *turn) runID() string {
	if t.live == nil {
		return ""
	}
	return t.live.id
}

// system is the stamp of what happens by itself.
func (t *turn) system(reason string) engine.Stamp {
	return engine.Stamp{At: t.now, Actor: systemActor, Reason: reason}
}

// systemActor is who does what happens by itself.
const systemActor = "system"

// by is the stamp of what a caller asked for.
func (t *turn) by(c Caller) engine.Stamp {
	return engine.Stamp{At: t.now, Actor: c.Actor, Reason: c.Reason}
}

// reply registers who waits for the commit; err is nil when everything decided so far is durable.
func (t *turn) reply(f func(err error)) {
	t.live.replies = append(t.live.replies, f)
	t.lane.queue(t.live)
}

// decline answers a refusal with fail: at once, or, where the run has facts that are not durable yet, when they are. Who is refused for
// facts that never come to be would believe in them.
func (t *turn) decline(fail func(error), why error) {
	if t.live == nil || len(t.live.pending) == 0 {
		fail(why)
		return
	}
	t.reply(func(err error) {
		if err == nil {
			err = why
		}
		fail(err)
	})
}

// after registers an effect of committed facts.
func (t *turn) after(f func()) { t.live.then = append(t.live.then, f) }

// tellFleet registers what the fleet is told after the commit.
func (t *turn) tellFleet(m move) { t.live.moves = append(t.live.moves, m) }

// decide gives the run an input and follows what its facts ask for until nothing asks. A *engine.Refusal is answered,
// any other error faults the run.
func (t *turn) decide(in engine.Input) error {
	facts, err := engine.Decide(t.live.run, in)
	if err != nil {
		if _, refused := err.(*engine.Refusal); !refused { //nolint:errorlint // Decide returns it bare
			t.err = err
		}
		return err
	}
	t.note(engine.StampOf(in), facts)
	for len(t.inputs) > 0 && t.err == nil {
		next := t.inputs[0]
		t.inputs = t.inputs[1:]
		facts, err := engine.Decide(t.live.run, next)
		if err != nil {
			t.err = err
			return err
		}
		t.note(engine.StampOf(next), facts)
	}
	if t.live.run.More() {
		t.goOn()
	}
	t.touch()
	return t.err
}

// note records the engine's facts and carries out what they ask of the other machines.
func (t *turn) note(at engine.Stamp, facts []engine.Fact) {
	for _, f := range facts {
		t.record(at, f)
	}
	for _, f := range facts {
		t.consequence(at, f)
	}
}

func (t *turn) record(at engine.Stamp, f codec.Fielder) {
	if t.err == nil {
		t.err = t.live.record(at, f, false)
	}
}

// consequence answers a fact that asks.
func (t *turn) consequence(at engine.Stamp, f engine.Fact) {
	switch f := f.(type) {
	case *engine.RunStarted:
		t.lane.r.metrics.started.Inc()
	case *engine.JobAsked:
		t.jobAsked(f)
	case *engine.JobStopAsked:
		t.stopJob(f)
	case *engine.ApprovalAsked:
		t.openApproval(at, f)
	case *engine.StepEnded:
		t.closeApproval(at, f.Step)
		if t.live.run.Steps[f.Step].State.Final() { // else it was set back at once, and its job is that of the next round
			t.closeJob(f.Step)
		}
		t.traceStep(f.Step)
		t.lane.r.metrics.stepEnded(f.State.String(), f.Failure.Code)
	case *engine.StepSucceededFact:
		t.stepSucceeded(f.Step)
	case *engine.StepSkippedFact:
		t.lane.r.metrics.stepEnded("skipped", f.Reason.String())
	case *engine.RunPaused:
		t.withholdJobs()
	case *engine.RunResumed:
		t.refence() // it may have been faulted when that was due
		t.takeUp()
		t.pendingJobs()
	case *engine.RunEnded:
		t.endRun()
	default:
		t.consequenceBelow(at, f)
	}
}

// consequenceBelow answers a fact about a sub-workflow, a held output or a compensation.
func (t *turn) consequenceBelow(at engine.Stamp, f engine.Fact) {
	l, lr := t.lane, t.live
	switch f := f.(type) {
	case *engine.ChildAsked:
		t.after(func() { l.askChild(lr, f.Step) })
	case *engine.ChildStopAsked:
		t.after(func() { l.stopChild(lr, f.Step) })
	case *engine.ChildUndoAsked:
		t.after(func() { l.undoChild(lr, f.Step) })
	case *engine.OutputHeld:
		t.askRelease(at, f.Step)
	case *engine.UndoingBegun:
		t.undoBegun()
	case *engine.UndoHeld:
		t.closeApproval(at, f.Step)
		t.undoHeld(f)
	case *engine.UndoSettled:
		t.closeApproval(at, f.Step)
		t.closeJob(f.Step)
		t.crashBetweenUndos()
	case *engine.UndoingEnded:
		t.undoEnded(at)
	}
}

// stepSucceeded counts a step, or a compensation, that ended well.
func (t *turn) stepSucceeded(node int32) {
	t.traceStep(node)
	if t.live.run.IsUndo(node) {
		t.crashBetweenUndos()
		return
	}
	t.lane.r.metrics.succeeded.Inc()
}

// goOn makes the lane feed the run a Continue in a later batch.
func (t *turn) goOn() {
	l, lr := t.lane, t.live
	t.after(func() {
		l.inbox.push(task{run: lr.id, tenant: lr.run.Tenant, do: func(t *turn) {
			if t.live.run.More() {
				_ = t.decide(engine.Continue{Stamp: t.system("")})
			}
		}})
	})
}

// touch puts the run where its uncommitted facts are written: into this batch, or soon when they are all soft.
func (t *turn) touch() {
	lr := t.live
	switch {
	case lr.firm || len(lr.then) > 0 || len(lr.moves) > 0:
		t.lane.queue(lr)
	case len(lr.pending) > 0:
		t.lane.soften(lr)
	}
}

// job gives a step's job an input and follows its ruling. It answers what the worker is told.
func (t *turn) job(step int32, in scheduler.JobInput, result *engine.Outcome) scheduler.Ruling {
	lr := t.live
	j := lr.jobs[step]
	if j == nil {
		return scheduler.Ruling{Reply: scheduler.ReplyStale}
	}
	before := lr.attemptOf(step)
	ruling := scheduler.Decide(j, step, t.now, lr.terms(step), in)
	for _, f := range ruling.Facts {
		t.record(t.system(t.why), f)
	}
	if ruling.Cancel {
		t.tellCancel(before)
	}
	if ruling.Release && t.err == nil {
		t.announce(step)
	}
	if ruling.End != scheduler.NotEnded {
		t.ended(step, j, before, ruling, result)
	}
	return ruling
}

// attemptOf is what is known of a send before a ruling changes it.
type attemptOf struct {
	id, worker string
	token      []byte
	held       bool // somebody may have it
}

func (lr *live) attemptOf(step int32) attemptOf {
	j := lr.jobs[step]
	return attemptOf{id: lr.attemptID(step), worker: j.Worker, token: j.Token, held: j.Worker != "" || j.CAP}
}

// ended tells the fleet and the engine that an attempt is over.
func (t *turn) ended(step int32, j *scheduler.Job, a attemptOf, ruling scheduler.Ruling, result *engine.Outcome) {
	r := t.lane.r
	t.tellFleet(move{kind: moveEnded, attempt: a.id})
	r.metrics.jobEnded(j)
	if j.CAP {
		t.forgetPointers(a.id)
	}
	t.traceAttempt(step)
	out := engine.Outcome{Stamp: t.system(""), Step: step, Attempt: j.Attempt, MaxAttempts: maxAttempts(j), Attempts: int32(t.live.standardOf(step).MaxAttempts)}
	t.unreserve(step)
	t.endLog(step, j, a)
	if result != nil {
		out.Result, out.Output, out.Failure, out.Effect = result.Result, result.Output, result.Failure, result.Effect
		out.Rollback, out.Judged = result.Rollback, result.Judged
		out.Answered = ruling.End == scheduler.EndAnswered
	} else {
		out.Result, out.Failure = verdictOf(ruling)
	}
	t.inputs = append(t.inputs, out)
}

// denial says which rule of the policy keeps a job from starting, and why.
func denial(ruling scheduler.Ruling) string {
	for _, f := range ruling.Facts {
		d, is := f.(*scheduler.JobDecided)
		if !is {
			continue
		}
		text := "the policy denies this job"
		if d.Rule != "" {
			text += ": rule " + d.Rule
		}
		if d.Reason != "" {
			text += ": " + d.Reason
		}
		return text
	}
	return "the policy denies this job"
}

// verdictOf is how the engine sees an attempt that ended without its worker's answer.
func verdictOf(ruling scheduler.Ruling) (engine.Result, engine.Failure) {
	f := engine.Failure{Retryable: true, Unknown: ruling.Unknown}
	switch ruling.End {
	case scheduler.EndDenied:
		f.Code, f.Message, f.Retryable = engine.CodeDenied, denial(ruling), false
		return engine.ResultDenied, f
	case scheduler.EndCancelled:
		f.Code, f.Message, f.Retryable = engine.CodeCancelled, "the job was cancelled", false
		return engine.ResultCancelled, f
	case scheduler.EndTimeout:
		f.Code, f.Message = engine.CodeTimeout, "the attempt took longer than its timeout"
		return engine.ResultTimedOut, f
	case scheduler.EndQueueTimeout:
		f.Code, f.Message = engine.CodeQueueTimeout, "no worker took the job within queue_timeout"
		return engine.ResultTimedOut, f
	case scheduler.EndHeartbeatTimeout:
		f.Code, f.Message = engine.CodeHeartbeatTimeout, "the worker was silent for longer than heartbeat_timeout"
		return engine.ResultTimedOut, f
	}
	f.Code, f.Message = engine.CodeWorkerLost, "the worker that had the job is gone; whether it had its effect is unknown"
	return engine.ResultLost, f
}

// settle decides what is still asked, for callers of job outside a decide.
func (t *turn) settle() {
	if len(t.inputs) == 0 {
		t.touch()
		return
	}
	next := t.inputs[0]
	t.inputs = t.inputs[1:]
	_ = t.decide(next)
}

// fireDue feeds every due timer of the run to the machine it belongs to, but for those that may have to wait for what the lane has not
// come to.
func (t *turn) fireDue() {
	lr := t.live
	for t.err == nil && lr.run.Fault == "" {
		ref, due, ok := lr.timers.next()
		if !ok || due.After(t.now) || due.After(t.lane.backlog.until) {
			break
		}
		if lr.waitsForWorker(ref) && lr.timers.putOff(ref, t.now) {
			continue
		}
		lr.timers.clear(ref)
		t.lane.r.crash(CrashTimer)
		switch {
		case ref.kind == timerApproval:
			t.lapse(ref.step)
		case ref.kind >= uint8(scheduler.TimerQueue):
			t.job(ref.step, scheduler.Due{Timer: scheduler.JobTimer(ref.kind)}, nil)
			t.settle()
		default:
			_ = t.decide(engine.TimerDue{Stamp: t.system("timer"), Timer: engine.Timer(ref.kind), Step: ref.step})
		}
	}
}

// tellCancel asks the worker that has an attempt to stop, after the commit.
func (t *turn) tellCancel(a attemptOf) {
	if !a.held {
		return
	}
	r := t.lane.r
	t.after(func() { r.dispatch.cancel(a) })
}
