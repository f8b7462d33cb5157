package engine

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/dag"
)

// Refusal says that a run's state does not allow a command. Nothing changed.
type Refusal struct {
	Code    string // "already_ended", "not_paused", "too_many_signals", …
	Message string
}

func (e *Refusal) Error() string { return e.Code + ": " + e.Message }

// Decide answers what becomes true because of an input, already applied to the run, in order. A repeated or late input
// gives no facts. A *Refusal is for whoever sent a command. After an error of any other kind, or a panic, the run is in an
// unknown state: its holder forgets it and loads it again.
func Decide(r *Run, in Input) ([]Fact, error) {
	d := decision{run: r, at: in.stamp(), budget: MaxMoves}
	if err := d.take(in); err != nil {
		return nil, err
	}
	d.advance()
	return d.facts, d.err
}

// decision is one Decide under way.
type decision struct {
	run    *Run
	at     Stamp
	facts  []Fact
	budget int
	err    error
}

// take is the table of contents: each family of inputs has a file.
func (d *decision) take(in Input) error {
	switch in := in.(type) {
	case Submit:
		return d.submit(in)
	case Outcome:
		return d.outcome(in)
	case Late:
		return d.late(in)
	case Answer:
		return d.answer(in)
	case ChildEnded:
		return d.childEnded(in)
	case ChildStatus:
		return d.childStatus(in)
	case JobStatus:
		return d.jobStatus(in)
	case EditInput:
		return d.edit(in)
	case ChildUndone:
		return d.childUndone(in)
	case TimerDue:
		return d.timer(in)
	case Pause:
		return d.pause()
	case Resume:
		return d.resume()
	case Cancel:
		return d.cancel(in)
	case Rollback:
		return d.rollback(in)
	case Retry:
		return d.retry(in)
	case Resolve:
		return d.resolve(in)
	case Admit:
		return d.admit()
	case SignalIn:
		return d.signal(in)
	case Fault:
		return d.fault(in)
	case Continue:
		return nil
	}
	return &Refusal{"unknown_input", "this version does not know the input"}
}

// fact makes a fact true and keeps it.
func (d *decision) fact(f Fact) {
	if d.err != nil {
		return
	}
	if d.err = Apply(d.run, d.at, f); d.err == nil {
		d.facts = append(d.facts, f)
	}
}

// advance follows consequences until nothing is left or the bound is reached: nodes whose turn it is, fan-outs and loops to be
// looked at, compensations whose turn it is, then what a stop has still to look at, then the end.
func (d *decision) advance() {
	r := d.run
	for d.err == nil && r.active() && d.budget > 0 {
		switch {
		case r.next() >= 0:
			d.budget--
			d.turn(r.ready[r.next()])
		case len(r.due) > 0:
			d.budget--
			d.look(r.due[0])
		case len(r.undoable) > 0:
			d.budget--
			d.undo(r.undoable[0])
		case int(r.sweep) < len(r.Steps):
			d.sweep()
		case r.through() && r.Undoing:
			d.undone()
		case r.through():
			d.afterForward()
		default:
			return
		}
	}
}

// badEnd is how a step ended, not well.
type badEnd struct {
	state   StepState
	failure Failure
	effect  bool    // it had its effect all the same
	refused Payload // of an effect: what was refused
	settles bool    // its worker's word
	// attempts are all that the policy allows; 0: as many as the step says.
	attempts int32
	// standard are the attempts of an idempotent step that says no retry.
	standard int32
	// rollback: it says itself that everything is to be undone (on_expiry).
	rollback bool
}

// fail ends a node badly and follows what its badness says for the run. A step that asked for nothing but to tell
// somebody succeeds all the same: its output says that nobody was told. A compensation never ends like this: a person decides.
func (d *decision) fail(i int32, state StepState, f Failure) {
	d.failed(i, badEnd{state: state, failure: f})
}

func (d *decision) failed(i int32, e badEnd) {
	switch {
	case d.run.IsUndo(i):
		d.fact(&UndoHeld{Step: i, Failure: e.failure})
		return
	case d.forgives(i, e.state):
		d.fact(&StepSucceededFact{Step: i, Output: undelivered(e.failure)})
		return
	}
	d.fact(&StepEnded{Step: i, State: e.state, Failure: e.failure, Effect: e.effect, Output: e.refused, Settles: e.settles})
	if d.err != nil || !d.run.failsRun(i) {
		return
	}
	r := d.run
	switch policy := d.onFailure(i); {
	case r.Stop >= StopTimeout:
	case (d.ownRollback(i) || e.rollback) && !r.Target.Full:
		d.fact(&StopBegun{Stop: StopHalt, Step: i, Rollback: true, Target: Target{Full: true}})
	case policy == dag.Rollback && !r.Rollback:
		d.fact(&StopBegun{Stop: StopHalt, Step: i, Rollback: true})
	case policy == dag.Halt && r.Stop == StopNone:
		d.fact(&StopBegun{Stop: StopHalt, Step: i})
	}
}

// ownRollback tells whether a step itself says rollback: everything, whatever the workflow's on_failure comes back to.
func (d *decision) ownRollback(i int32) bool {
	return d.run.Plan.Def.Steps[d.run.Steps[i].Def].OnFailure == dag.Rollback
}

// onFailure is what a bad step does to its run: its own word, then the workflow's, then rollback when there is anything that
// says how to undo itself, else halt.
func (d *decision) onFailure(i int32) dag.OnFailure {
	r := d.run
	if own := r.Plan.Def.Steps[r.Steps[i].Def].OnFailure; own != dag.FailureUnsaid {
		return own
	}
	return r.Plan.OnFailure()
}

// forgives tells whether the failure of a step's job is no failure of the step. A policy's denial and a cancel are.
func (d *decision) forgives(i int32, state StepState) bool {
	s := &d.run.Steps[i]
	return s.Attempt > 0 && (state == StepFailed || state == StepTimedOut) && d.run.Plan.ToleratesFailure(int(s.Def))
}

// undelivered is the output of a forgiven step, in the shape that a delivered one has.
func undelivered(f Failure) Payload {
	out, _ := json.Marshal(struct { // two plain fields: it cannot fail
		Delivered bool   `json:"delivered"`
		Reason    string `json:"reason"`
	}{Reason: f.Code})
	return Payload{Data: out}
}

// after is an absolute due time, or zero for none.
func (d *decision) after(t time.Duration) time.Time {
	if t <= 0 {
		return time.Time{}
	}
	return d.at.At.Add(t)
}
