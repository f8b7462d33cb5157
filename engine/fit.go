package engine

import (
	"errors"
	"fmt"

	"cordum.dev/cordum/dag"
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
		ok = i >= 0 && int(i) < len(r.Steps) && r.stepFits(f, i)
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
		return r.State == RunPending && !r.queued() && r.reusable(f.Reused) && (!f.Queued || f.Key != "")
	case *RunAdmitted:
		return r.queued()
	case *RunPaused:
		return r.State == RunRunning
	case *RunResumed:
		return r.State == RunRunning || r.State == RunFaulted || r.Fault != ""
	case *StopBegun:
		return r.State == RunRunning && f.Stop > StopNone && f.Stop <= StopCancel && f.Step >= none && int(f.Step) < len(r.Steps) && r.aims(f.Target)
	case *RunEnded:
		return f.State.Final() && legal(runMoves[r.State], f.State) && (r.State != RunPending || r.queued())
	case *RunFaultedFact:
		return r.active()
	case *SignalReceived:
		return !r.StartedAt.IsZero() && !r.State.Final()
	case *Swept:
		return r.active() && f.Next >= r.sweep && int(f.Next) <= len(r.Steps)
	case *UndoingBegun:
		return !r.Undoing && (r.State == RunRunning && r.open() == 0 || r.State.Final()) && r.aims(f.Target)
	case *UndoingEnded:
		return r.Undoing && r.openUndos == 0
	case *SetBack:
		return (r.State == RunRunning && r.open() == 0 || r.State.Final()) && !r.Undoing && r.aims(f.Target)
	}
	return false
}

// aims tells whether a rollback's target is something of this workflow.
func (r *Run) aims(t Target) bool {
	if t.To == "" {
		return t.Then <= dag.ThenFail
	}
	if t.Included {
		i, ok := r.Plan.ByID[t.To]
		return ok && i < r.Plan.Def.Scopes[0].Count && t.Then <= dag.ThenFail
	}
	_, ok := r.Plan.Checkpoint[t.To]
	return ok && t.Then <= dag.ThenFail
}

// reusable tells whether what a fork takes over is made of ended steps, each named once.
func (r *Run) reusable(list []Reused) bool {
	seen := map[int32]bool{}
	for _, u := range list {
		fits := u.State == StepSucceeded || (u.State == StepSkipped && u.Reason > NotSkipped && u.Reason < skipReasons)
		if !fits || seen[u.Step] || u.Step < 0 || int(u.Step) >= r.Plan.Def.Scopes[0].Count {
			return false
		}
		seen[u.Step] = true
	}
	return true
}

// stepFits checks a fact about one node.
func (r *Run) stepFits(f Fact, i int32) bool {
	s := &r.Steps[i]
	if late, is := f.(*LateResult); is {
		return r.State != RunPending && late.Attempt >= 0
	}
	if !r.active() {
		return false
	}
	moves := r.movesOf(s)[s.State]
	switch f := f.(type) {
	case *JobAsked:
		return legal(moves, StepRunning) && f.Attempt == s.Attempt+1
	case *ChildAsked:
		return legal(moves, StepInside) && f.Attempt == s.Attempt+1 && r.nests(i) && s.Target < 0
	case *ApprovalAsked, *DelaySet, *SignalAwaited:
		return s.State == StepReady && legal(moves, StepWaiting) && s.Target < 0
	case *OutputHeld:
		return s.State == StepRunning && legal(moves, StepWaiting) && s.Target < 0
	case *SignalTaken:
		return f.Index >= 0 && int(f.Index) < len(r.Signals) && !s.State.Final()
	case *StepSucceededFact:
		return legal(moves, StepSucceeded)
	case *StepEnded:
		return f.State >= StepFailed && f.State <= StepCancelled && legal(moves, f.State) && s.Target < 0
	case *StepSkippedFact:
		return f.Reason > NotSkipped && f.Reason < skipReasons && legal(moves, StepSkipped) && s.Target < 0
	case *RetrySet:
		return legal(moves, StepRetrying)
	case *RetryDue:
		return s.State == StepRetrying
	case *JobStopAsked, *JobNoted, *InputEdited, *OutputJudged:
		return s.State == StepRunning
	case *ChildStopAsked, *ChildNoted:
		return s.State == StepInside && s.Target < 0 && r.nests(i)
	}
	return r.partsFit(f, i) || r.undoFits(f, i)
}

// partsFit checks a fact about a fan-out or a loop.
func (r *Run) partsFit(f Fact, i int32) bool {
	s := &r.Steps[i]
	if s.Target >= 0 {
		return false
	}
	switch f := f.(type) {
	case *FannedOut:
		return s.State == StepReady && s.parts == nil && r.fansOut(i) && f.Count >= 0 && f.Count <= dag.MaxItems
	case *RoundBegun:
		p := s.parts
		return r.loops(i) && (p == nil && s.State == StepReady || p != nil && s.State == StepInside && p.ended == p.count && len(p.rounds) < maxRounds)
	case *Reopened:
		return s.State == StepReady && s.parts != nil
	case *ClosingBegun:
		return s.State == StepInside && s.parts != nil && (s.parts.closing == free || f.Hard && s.parts.closing < hard)
	}
	return false
}

// maxRounds bounds the rounds of a loop over all its allowances.
const maxRounds = 10 * dag.MaxRounds

// undoFits checks a fact about a compensation.
func (r *Run) undoFits(f Fact, i int32) bool {
	s := &r.Steps[i]
	if _, is := f.(*UndoBegun); is {
		return r.Undoing && s.Target < 0 && s.undo.phase == undoTurn
	}
	if !r.Undoing || s.Target < 0 {
		return false
	}
	moves := undoMoves[s.State]
	switch f := f.(type) {
	case *UndoHeld:
		return legal(moves, StepHeld)
	case *UndoRearmed:
		return s.State == StepHeld
	case *UndoSettled:
		switch f.How {
		case SettledNothing, SettledSkipped:
			return legal(moves, StepSkipped) && (s.State != StepRunning || r.asks(i))
		case SettledDone:
			return legal(moves, StepSucceeded)
		}
	case *ChildUndoAsked:
		return legal(moves, StepInside) && r.nests(s.Target)
	case *ChildUndoNoted:
		return (s.State == StepInside || s.State == StepHeld) && r.nests(s.Target)
	}
	return false
}

// stepOf is the node a fact is about.
func stepOf(f Fact) (int32, bool) {
	switch f := f.(type) {
	case *JobAsked:
		return f.Step, true
	case *ApprovalAsked:
		return f.Step, true
	case *DelaySet:
		return f.Step, true
	case *StepSucceededFact:
		return f.Step, true
	case *StepEnded:
		return f.Step, true
	case *StepSkippedFact:
		return f.Step, true
	case *RetrySet:
		return f.Step, true
	case *RetryDue:
		return f.Step, true
	case *JobStopAsked:
		return f.Step, true
	case *LateResult:
		return f.Step, true
	}
	return partOf(f)
}

// partOf is the node that a fact about something of parts, or elsewhere, is about.
func partOf(f Fact) (int32, bool) {
	switch f := f.(type) {
	case *FannedOut:
		return f.Step, true
	case *RoundBegun:
		return f.Step, true
	case *Reopened:
		return f.Step, true
	case *ClosingBegun:
		return f.Step, true
	case *SignalAwaited:
		return f.Step, true
	case *SignalTaken:
		return f.Step, true
	case *ChildAsked:
		return f.Step, true
	case *ChildNoted:
		return f.Step, true
	case *JobNoted:
		return f.Step, true
	case *InputEdited:
		return f.Step, true
	case *OutputHeld:
		return f.Step, true
	case *OutputJudged:
		return f.Step, true
	case *ChildStopAsked:
		return f.Step, true
	case *UndoBegun:
		return f.Target, true
	case *UndoHeld:
		return f.Step, true
	case *UndoRearmed:
		return f.Step, true
	case *UndoSettled:
		return f.Step, true
	case *ChildUndoAsked:
		return f.Step, true
	case *ChildUndoNoted:
		return f.Step, true
	}
	return 0, false
}

// StepOf answers the node a fact is about, or -1.
func StepOf(f Fact) int {
	if i, ok := stepOf(f); ok {
		return int(i)
	}
	if s, ok := f.(*StopBegun); ok {
		return int(s.Step)
	}
	return -1
}
