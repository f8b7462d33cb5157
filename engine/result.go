package engine

import (
	"slices"

	"cordum.dev/cordum/saga"
)

// outcome takes how a job's attempt ended. One that is not the running attempt's changes nothing.
func (d *decision) outcome(in Outcome) error {
	if int(in.Step) >= len(d.run.Steps) || in.Step < 0 || !d.run.active() {
		return nil
	}
	s := &d.run.Steps[in.Step]
	if s.State != StepRunning || s.Attempt != in.Attempt {
		return nil
	}
	if in.Result == ResultUnsaid || in.Result == ResultSentBack {
		return &Refusal{"unknown_result", "a job does not end like this"}
	}
	if in.Judged != nil {
		d.fact(&OutputJudged{Step: in.Step, Attempt: in.Attempt, Judged: *in.Judged})
	}
	switch in.Result {
	case ResultSucceeded:
		d.accept(in.Step, in.Output)
		return nil
	case ResultQuarantined:
		d.hold(in)
		return nil
	}
	f := in.Failure
	f.Attempt = in.Attempt
	d.attemptFailed(in.Step, in.Result, badEnd{failure: f, effect: in.Effect, refused: in.Output, settles: in.Answered && !f.Unknown, attempts: in.MaxAttempts, standard: in.Attempts, rollback: in.Rollback})
	return nil
}

// jobStatus notes whether a job only waits for people.
func (d *decision) jobStatus(in JobStatus) error {
	r := d.run
	if !r.active() || in.Step < 0 || int(in.Step) >= len(r.Steps) {
		return nil
	}
	if s := &r.Steps[in.Step]; s.State == StepRunning && s.Attempt == in.Attempt && s.idle != in.Idle {
		d.fact(&JobNoted{Step: in.Step, Idle: in.Idle})
	}
	return nil
}

// attemptFailed follows an attempt that did not succeed with another one, or with the end of its node.
func (d *decision) attemptFailed(i int32, result Result, e badEnd) {
	if d.mayRetry(i, result, e) {
		d.fact(&RetrySet{
			Step: i, Failure: e.failure, Due: d.at.At.Add(d.run.backoff(i, d.run.Steps[i].Attempt)),
			Effect: e.effect, Output: e.refused, Settles: e.settles,
		})
		return
	}
	e.state = endState(result)
	d.failed(i, e)
}

// late notes a result that its job refused. What it settles is settled as long as nobody was asked to undo it.
func (d *decision) late(in Late) error {
	r := d.run
	if r.State == RunPending || in.Step < 0 || int(in.Step) >= len(r.Steps) {
		return nil
	}
	f := &LateResult{Step: in.Step, Attempt: in.Attempt, Outcome: in.Result.String()}
	if slices.Contains(r.Steps[in.Step].unknown, in.Attempt) && r.unsent(in.Step) {
		f.Settles, f.Effect = true, in.Result == ResultSucceeded || in.Effect
		if f.Effect {
			f.Output = in.Output
		}
	}
	d.fact(f)
	if f.Settles && r.active() {
		d.learn(in.Step)
	}
	return nil
}

// learn goes on with a compensation that is held, or waits for people to let it start, when it became known what its node
// did.
func (d *decision) learn(i int32) {
	r := d.run
	u := r.Steps[i].Undo
	if d.err != nil || u < 0 || (r.Steps[u].State != StepHeld && !r.asks(u)) {
		return
	}
	switch r.fate(i, r.Kept) {
	case saga.Run:
		if r.Steps[u].State == StepHeld {
			d.fact(&UndoRearmed{Step: u})
		}
	case saga.Pass:
		d.fact(&UndoSettled{Step: u, How: SettledNothing})
	}
}

// asks tells whether a compensation has never been sent: its first job waits for people to let it start.
func (r *Run) asks(u int32) bool {
	s := &r.Steps[u]
	return s.Target >= 0 && s.State == StepRunning && s.idle && s.Attempt == 1
}

// relearn does so for every one that is held because nobody knew: an answer may have come while the run was faulted.
func (d *decision) relearn() {
	r := d.run
	for i := range r.Steps {
		if s := &r.Steps[i]; s.State == StepHeld && s.Failure.Code == CodeUnknown {
			d.learn(s.Target)
		}
	}
}

// unsent tells whether nobody was asked yet to undo a node.
func (r *Run) unsent(i int32) bool {
	u := r.Steps[i].Undo
	return u < 0 || (r.Steps[u].Attempt == 0 && !r.final(u)) || r.asks(u)
}

// endState is the final state of a step whose last attempt ended like this.
func endState(r Result) StepState {
	switch r {
	case ResultTimedOut:
		return StepTimedOut
	case ResultDenied:
		return StepDenied
	case ResultRejected:
		return StepRejected
	case ResultCancelled:
		return StepCancelled
	}
	return StepFailed
}

// endOfFailure is the final state of a step that takes its last failure.
func endOfFailure(f Failure) StepState {
	switch f.Code {
	case CodeTimeout, CodeQueueTimeout, CodeHeartbeatTimeout, CodeTotalTimeout:
		return StepTimedOut
	}
	return StepFailed
}
