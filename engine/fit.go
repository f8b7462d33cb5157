package engine

import (
	"errors"
	"fmt"
)

// ErrBadFact says that a fact does not fit the run: it names what the run does not have, or says what its state rules out.
// A log that was written by Decide has none.
var ErrBadFact = errors.New("engine: fact does not fit its run")

// fits checks a fact against the run before it changes anything, so that a damaged log is an error and never half applied.
func (r *Run) fits(f Fact) error {
	if f == nil {
		return fmt.Errorf("%w: no fact of this version", ErrBadFact)
	}
	ok := false
	if i, about := stepOf(f); about {
		ok = i >= 0 && int(i) < len(r.Steps) && r.stepFits(f, &r.Steps[i])
	} else {
		ok = r.runFits(f)
	}
	if !ok {
		return fmt.Errorf("%w: kind %d, step %d, run %s", ErrBadFact, f.Kind(), StepOf(f), r.State)
	}
	return nil
}

// runFits checks a fact about the run itself.
func (r *Run) runFits(f Fact) bool {
	switch f := f.(type) {
	case *RunStarted:
		return legal(runMoves[r.State], RunRunning) && r.State == RunPending
	case *RunPaused:
		return r.State == RunRunning
	case *RunResumed:
		return r.State == RunRunning || r.State == RunFaulted
	case *StopBegun:
		return r.State == RunRunning && f.Stop > StopNone && f.Stop <= StopCancel && f.Step >= -1 && int(f.Step) < len(r.Steps)
	case *RunEnded:
		return f.State.Final() && legal(runMoves[r.State], f.State)
	case *RunFaultedFact:
		return legal(runMoves[r.State], RunFaulted)
	case *SignalReceived:
		return r.State != RunPending && !r.State.Final()
	case *Swept:
		return r.State == RunRunning && r.Stop != StopNone && f.Next >= r.sweep && int(f.Next) <= len(r.Steps)
	}
	return false
}

// stepFits checks a fact about one step.
func (r *Run) stepFits(f Fact, s *Step) bool {
	if late, is := f.(*LateResult); is {
		return r.State != RunPending && late.Attempt >= 0
	}
	if r.State != RunRunning {
		return false
	}
	moves := stepMoves[s.State]
	switch f := f.(type) {
	case *JobAsked:
		return legal(moves, StepRunning) && f.Attempt == s.Attempt+1
	case *ApprovalAsked, *DelaySet:
		return legal(moves, StepWaiting) && s.Attempt == 0
	case *StepSucceededFact:
		return legal(moves, StepSucceeded)
	case *StepEnded:
		return f.State >= StepFailed && f.State <= StepCancelled && legal(moves, f.State)
	case *StepSkippedFact:
		return f.Reason > NotSkipped && f.Reason <= Halted && legal(moves, StepSkipped)
	case *RetrySet:
		return legal(moves, StepRetrying)
	case *RetryDue:
		return legal(moves, StepReady) && s.State == StepRetrying
	case *JobStopAsked:
		return s.State == StepRunning
	}
	return false
}
