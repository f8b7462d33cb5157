package engine

import (
	"encoding/json"
	"slices"

	"cordum.dev/cordum/dag"
)

// Apply makes a fact true of a run: the one place where a run changes. Decide calls it for each fact it produces, and
// recovery for each fact of the log. A fact that does not fit the run is an ErrBadFact and changes nothing.
func Apply(r *Run, at Stamp, f Fact) error {
	if err := r.fits(f); err != nil {
		return err
	}
	switch f := f.(type) {
	case *RunStarted:
		r.applyStarted(at, f)
	case *RunAdmitted:
		r.begin()
	case *RunPaused:
		r.Paused = true
	case *RunResumed:
		r.applyResumed()
	case *StopBegun:
		r.applyStop(f)
	case *RunEnded:
		r.applyEnded(at, f)
	case *RunFaultedFact:
		r.Fault = f.Error
		if r.State == RunRunning { // what has ended stays so: its compensation stands still
			r.moveRun(RunFaulted)
		}
	case *SignalReceived:
		r.Signals = append(r.Signals, Signal{Name: f.Name, Payload: f.Payload, At: at.At})
	case *Swept:
		r.sweep = f.Next
	case *UndoingBegun:
		r.applyUndoing(f)
	case *UndoingEnded:
		r.Undoing = false
	case *SetBack:
		r.applySetBack(f)
	default:
		r.applyStep(at, f)
	}
	return nil
}

// applyStep makes a fact about one node true.
func (r *Run) applyStep(at Stamp, f Fact) {
	switch f := f.(type) {
	case *JobAsked:
		r.applyAsked(at, f.Step, f.Attempt, f.Input)
		r.moveStep(f.Step, StepRunning)
	case *ChildAsked:
		r.applyAsked(at, f.Step, f.Attempt, f.Input)
		r.moveStep(f.Step, StepInside)
	case *ApprovalAsked:
		r.waits(at, f.Step)
	case *DelaySet:
		r.waits(at, f.Step)
	case *SignalAwaited:
		r.waits(at, f.Step)
		r.waiters = append(r.waiters, f.Step)
	case *SignalTaken:
		r.Signals = slices.Delete(r.Signals, int(f.Index), int(f.Index)+1)
	case *StepSucceededFact:
		r.applySucceeded(at, f)
	case *StepEnded:
		r.applyAnswer(f.Step, f.Failure, f.Effect, f.Output, f.Settles)
		r.end(at, f.Step, f.State)
	case *StepSkippedFact:
		r.Steps[f.Step].Reason = f.Reason
		r.end(at, f.Step, StepSkipped)
	case *RetrySet:
		r.applyAnswer(f.Step, f.Failure, f.Effect, f.Output, f.Settles)
		r.moveStep(f.Step, StepRetrying)
	case *RetryDue:
		r.moveStep(f.Step, StepReady)
	case *JobStopAsked:
		s := &r.Steps[f.Step]
		s.stopping = s.stopping || f.Force
	case *ChildStopAsked:
		s := &r.Steps[f.Step]
		s.stopping, s.overdue = true, s.overdue || f.Overdue
	case *ChildNoted:
		r.rest(&r.Steps[f.Step], f.Idle)
	case *JobNoted:
		r.rest(&r.Steps[f.Step], f.Idle)
	case *InputEdited:
		r.Steps[f.Step].Input = f.Input
	case *OutputHeld:
		r.applyHeld(f)
	case *OutputJudged:
		// Only tells why what follows follows.
	case *LateResult:
		r.applyLate(f)
	case *FannedOut:
		r.applyFannedOut(at, f)
	case *RoundBegun:
		r.applyRound(at, f)
	case *Reopened:
		r.applyReopened(at, f)
	case *ClosingBegun:
		r.applyClosing(at, f)
	default:
		r.applyUndo(at, f)
	}
}

// applyUndo makes a fact about one compensation true.
func (r *Run) applyUndo(at Stamp, f Fact) {
	switch f := f.(type) {
	case *UndoBegun:
		r.applyUndoBegun(f)
	case *UndoHeld:
		r.Steps[f.Step].Failure = f.Failure
		r.moveStep(f.Step, StepHeld)
	case *UndoRearmed:
		r.Steps[f.Step].base = r.Steps[f.Step].Attempt
		r.moveStep(f.Step, StepReady)
	case *UndoSettled:
		to := StepSkipped
		switch f.How {
		case SettledDone:
			to = StepSucceeded
		case SettledSkipped:
			r.Left++
		}
		r.end(at, f.Step, to)
	case *ChildUndoAsked:
		r.moveStep(f.Step, StepInside)
	case *ChildUndoNoted:
		s := &r.Steps[f.Step]
		s.done++
		if f.Undone {
			s.succeeded++
		}
		r.moveStep(f.Step, StepReady)
	}
}

func (r *Run) applyStarted(at Stamp, f *RunStarted) {
	r.Tenant, r.Kind, r.Workflow, r.RerunOf = f.Tenant, f.RunKind, f.Workflow, f.RerunOf
	r.Labels, r.Input, r.Context = f.Labels, f.Input, f.Context
	r.Parent, r.ForkOf, r.Key = f.Parent, f.ForkOf, f.Key
	r.Roles, r.ActorType, r.Keyed, r.Owner, r.Author = f.Roles, f.ActorType, f.Keyed, f.Owner, f.Author
	r.StartedBy, r.StartedAt, r.TimeoutAt = at.Actor, at.At, f.TimeoutAt
	for _, u := range f.Reused {
		s := &r.Steps[u.Step]
		s.reused, s.Output, s.Reason = true, u.Output, u.Reason
		r.end(at, u.Step, u.State)
	}
	if !f.Queued {
		r.begin()
	}
}

// begin lets the steps have their turn that wait for nothing, or only for what another run did.
func (r *Run) begin() {
	r.moveRun(RunRunning)
	r.settleJoins(0, int32(r.Plan.Def.Scopes[0].Count))
}

func (r *Run) applyResumed() {
	r.Paused, r.Fault = false, ""
	if r.State == RunFaulted {
		r.moveRun(RunRunning)
	}
}

// applyStop begins to look at every node again, from the first. Whose turn would have come to start is left to the sweep:
// what was decided before the stop comes first.
func (r *Run) applyStop(f *StopBegun) {
	r.Stop = max(r.Stop, f.Stop)
	r.stopHandlers = r.stopHandlers || f.Handlers
	if f.Stop >= StopTimeout {
		if r.Target.To != "" && !r.Target.Auto {
			r.Rollback = false // it came with a person's wish to go on from there, which is over
		}
		r.Target = Target{}
	}
	if f.Rollback {
		r.Rollback, r.Target = true, f.Target
	}
	if f.Stop == StopCancel {
		r.Paused = false // a person's word: also handlers may start
	}
	r.sweep, r.sweptFrom = 0, 0
	r.ready = slices.DeleteFunc(r.ready, r.swept)
}

func (r *Run) applyEnded(at Stamp, f *RunEnded) {
	if r.State == RunFaulted {
		r.Undoing = false // ended by force: what is half undone stays so
	}
	r.moveRun(f.State)
	r.EndedAt = at.At
	r.Output = f.Output
	r.Failure = f.Failure
	r.Paused = false
}

// applyAsked notes an attempt. The first one of an allowance brings the input.
func (r *Run) applyAsked(at Stamp, i, attempt int32, input Payload) {
	s := &r.Steps[i]
	if s.Attempt == s.base {
		s.StartedAt, s.Input = at.At, input
	}
	s.Attempt = attempt
	s.stopping, s.overdue = false, false
}

func (r *Run) waits(at Stamp, i int32) {
	r.moveStep(i, StepWaiting)
	r.Steps[i].StartedAt = at.At
}

func (r *Run) applySucceeded(at Stamp, f *StepSucceededFact) {
	r.Steps[f.Step].Output = f.Output
	if c, is := r.Spec(f.Step).Spec.(chooser); is && !r.IsUndo(f.Step) {
		r.passBy(f.Step, c.Branches(), f.Chosen)
	}
	r.end(at, f.Step, StepSucceeded)
}

// chooser is a step that decides which of its dependents run.
type chooser interface{ Branches() []string }

// passedBy tells whether a switch that has ended names a node and did not choose it.
func (r *Run) passedBy(i int32) (is bool) {
	id := r.Plan.Def.Steps[r.Steps[i].Def].ID
	r.dependencies(i, func(d int32) {
		if c, choice := r.Spec(d).Spec.(chooser); choice && r.Steps[d].State == StepSucceeded {
			is = is || slices.Contains(c.Branches(), id) && !slices.Contains(r.chosen(d), id)
		}
	})
	return is
}

// chosen is the branch that a switch took, as its output says.
func (r *Run) chosen(i int32) []string {
	var out struct {
		Steps []string `json:"steps"`
	}
	if json.Unmarshal(r.Steps[i].Output.Data, &out) != nil {
		return nil
	}
	return out.Steps
}

// passBy decides the steps that a switch names and did not choose.
func (r *Run) passBy(i int32, named, chosen []string) {
	for _, id := range named {
		if slices.Contains(chosen, id) {
			continue
		}
		at := r.sibling(i, int32(r.Plan.ByID[id]))
		if s := &r.Steps[at]; s.State == StepPending {
			s.verdict = skipBranchNotTaken
			r.moveStep(at, StepReady)
		}
	}
}

// applyAnswer keeps how an attempt failed, and what is known of its effect.
func (r *Run) applyAnswer(i int32, f Failure, effect bool, refused Payload, settles bool) {
	s := &r.Steps[i]
	s.Failure = f
	if settles && r.Spec(i).Idempotent {
		s.unknown = nil // under one idempotency key it speaks for all attempts
	}
	if effect {
		s.effect, s.Output = true, refused
	}
	if f.Unknown && f.Attempt > 0 && !slices.Contains(s.unknown, f.Attempt) {
		s.unknown = append(s.unknown, f.Attempt)
	}
}

// applyLate keeps what a late answer settles.
func (r *Run) applyLate(f *LateResult) {
	s := &r.Steps[f.Step]
	switch {
	case !f.Settles:
		// Changes nothing: that is its meaning.
	case f.Effect:
		s.effect, s.unknown = true, nil
		if s.State != StepSucceeded { // else a later attempt has said what the step's output is
			s.Output = f.Output
		}
	case r.Spec(f.Step).Idempotent:
		s.unknown = nil
	default:
		s.unknown = slices.DeleteFunc(s.unknown, func(a int32) bool { return a == f.Attempt })
	}
}

// end makes a node final and counts it for whoever waits for it: the joins behind it, what it is part of, and what must not
// be undone before it.
func (r *Run) end(at Stamp, i int32, state StepState) {
	if s := &r.Steps[i]; s.State == StepWaiting {
		r.waiters = slices.DeleteFunc(r.waiters, func(w int32) bool { return w == i })
	}
	r.seen(i)
	r.moveStep(i, state)
	s := &r.Steps[i]
	s.EndedAt = at.At
	if s.Target >= 0 {
		if state == StepSucceeded {
			r.Undone++
		}
		r.undoOver(s.Target)
		return
	}
	if r.failsRun(i) {
		r.failed = true
		if r.Failure.Code == "" {
			r.Failure = s.Failure
		}
	}
	if s.Parent >= 0 {
		r.partEnded(i)
	}
	bad := endedBadly(s)
	r.dependents(i, func(d int32) { r.arrive(d, state == StepSucceeded, bad) })
}

// failsRun tells whether the end of a node makes its run a failed one: it is a step of the workflow itself, bad by itself
// and nobody tolerates it.
func (r *Run) failsRun(i int32) bool {
	return r.Steps[i].Parent < 0 && r.Steps[i].Target < 0 && r.badByItself(i)
}

// badByItself tells whether a node is bad not because of another (skipped behind it, cancelled by a stop), and not tolerated.
func (r *Run) badByItself(i int32) bool {
	switch r.Steps[i].State {
	case StepSucceeded, StepSkipped:
		return false
	case StepCancelled:
		if r.level(i) != free {
			return false
		}
	}
	return r.Steps[i].Item >= 0 || r.Plan.Def.Steps[r.Steps[i].Def].OnFailure != dag.Continue
}

// endedBadly tells whether a final node counts as a failure for the joins behind it.
func endedBadly(s *Step) bool {
	switch s.State {
	case StepSucceeded:
		return false
	case StepSkipped:
		return !s.Reason.Clean()
	}
	return s.State.Final()
}

// arrive counts one ended dependency of node d and settles its join when that decides it.
func (r *Run) arrive(d int32, succeeded, bad bool) {
	s := &r.Steps[d]
	s.done++
	if succeeded {
		s.succeeded++
	}
	if bad {
		s.bad++
	}
	r.settleJoin(d)
}

// settleJoin lets a pending node have its turn when its join is settled. Before a run begins nothing has one.
func (r *Run) settleJoin(d int32) {
	s := &r.Steps[d]
	if s.State != StepPending || s.Item >= 0 || r.State == RunPending {
		return
	}
	for _, c := range r.Plan.Choosers(int(s.Def)) {
		if !r.final(r.sibling(d, c)) {
			return // a switch that names it has the first word, whatever order things end in
		}
	}
	s.verdict = settle(r.Plan.Def.Steps[s.Def].Join, r.Plan.Graph.InDegree[s.Def], s.done, s.succeeded, s.bad)
	if s.verdict != undecided {
		r.moveStep(d, StepReady)
	}
}
