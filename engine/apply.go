package engine

import (
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
		r.moveRun(RunFaulted)
	case *JobAsked:
		r.applyJobAsked(at, f)
	case *ApprovalAsked:
		r.moveStep(f.Step, StepWaiting)
		r.Steps[f.Step].StartedAt = at.At
	case *DelaySet:
		r.moveStep(f.Step, StepWaiting)
		r.Steps[f.Step].StartedAt = at.At
	case *StepSucceededFact:
		r.Steps[f.Step].Output = f.Output
		r.end(at, f.Step, StepSucceeded)
	case *StepEnded:
		r.Steps[f.Step].Failure = f.Failure
		r.end(at, f.Step, f.State)
	case *StepSkippedFact:
		r.Steps[f.Step].Reason = f.Reason
		r.end(at, f.Step, StepSkipped)
	case *RetrySet:
		r.Steps[f.Step].Failure = f.Failure
		r.moveStep(f.Step, StepRetrying)
	case *RetryDue:
		r.moveStep(f.Step, StepReady)
	case *JobStopAsked:
		s := &r.Steps[f.Step]
		s.stopping = s.stopping || f.Force
	case *SignalReceived:
		r.Signals = append(r.Signals, Signal{Name: f.Name, Payload: f.Payload, At: at.At})
	case *LateResult:
		// Changes nothing: that is its meaning.
	case *Swept:
		r.sweep = f.Next
	}
	return nil
}

// stepOf is the step a fact is about.
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
	return 0, false
}

// StepOf answers the step a fact is about, or -1.
func StepOf(f Fact) int {
	if i, ok := stepOf(f); ok {
		return int(i)
	}
	if s, ok := f.(*StopBegun); ok {
		return int(s.Step)
	}
	return -1
}

func (r *Run) applyStarted(at Stamp, f *RunStarted) {
	r.moveRun(RunRunning)
	r.Tenant, r.Kind, r.Workflow, r.RerunOf = f.Tenant, f.RunKind, f.Workflow, f.RerunOf
	r.Labels, r.Input, r.Context = f.Labels, f.Input, f.Context
	r.StartedBy, r.StartedAt = at.Actor, at.At
	for _, i := range r.Plan.Graph.Roots {
		r.Steps[i].verdict = run
		r.moveStep(i, StepReady)
	}
}

func (r *Run) applyResumed() {
	r.Paused = false
	if r.State == RunFaulted {
		r.Fault = ""
		r.moveRun(RunRunning)
	}
}

// applyStop begins to look at every step again, from the first. Whose turn would have come to start is left to the sweep:
// what was decided before the stop comes first.
func (r *Run) applyStop(f *StopBegun) {
	r.Stop = max(r.Stop, f.Stop)
	r.stopHandlers = r.stopHandlers || f.Handlers
	if f.Stop == StopCancel {
		r.Paused = false // a person's word: also handlers may start
	}
	r.sweep = 0
	r.ready = slices.DeleteFunc(r.ready, r.swept)
}

func (r *Run) applyEnded(at Stamp, f *RunEnded) {
	r.moveRun(f.State)
	r.EndedAt = at.At
	r.Output = f.Output
	r.Failure = f.Failure
	r.Paused = false
}

func (r *Run) applyJobAsked(at Stamp, f *JobAsked) {
	r.moveStep(f.Step, StepRunning)
	s := &r.Steps[f.Step]
	s.Attempt = f.Attempt
	if f.Attempt == 1 {
		s.StartedAt = at.At
		s.Input = f.Input
	}
}

// end makes a step final and counts it for the joins behind it.
func (r *Run) end(at Stamp, i int32, state StepState) {
	r.moveStep(i, state)
	s := &r.Steps[i]
	s.EndedAt = at.At
	bad := r.isBad(s)
	if r.failsRun(i) {
		r.failed = true
		if r.Failure.Code == "" {
			r.Failure = s.Failure
		}
	}
	for _, d := range r.Plan.Graph.Dependents[i] {
		r.arrive(d, s.State == StepSucceeded, bad)
	}
}

// failsRun tells whether the end of a step makes its run a failed one: it is bad by itself (not skipped behind another, not
// cancelled by a stop) and nobody tolerates it.
func (r *Run) failsRun(i int32) bool {
	switch r.Steps[i].State {
	case StepSucceeded, StepSkipped:
		return false
	case StepCancelled:
		if r.Stop != StopNone {
			return false
		}
	}
	return r.Plan.Def.Steps[i].OnFailure != dag.Continue
}

// isBad tells whether a final step counts as a failure for the joins behind it.
func (r *Run) isBad(s *Step) bool {
	switch s.State {
	case StepSucceeded:
		return false
	case StepSkipped:
		return !s.Reason.Clean()
	}
	return true
}

// arrive counts one ended dependency of step d and settles its join when that decides it.
func (r *Run) arrive(d int32, succeeded, bad bool) {
	s := &r.Steps[d]
	s.done++
	if succeeded {
		s.succeeded++
	}
	if bad {
		s.bad++
	}
	if s.State != StepPending {
		return
	}
	s.verdict = settle(r.Plan.Def.Steps[d].Join, r.Plan.Graph.InDegree[d], s.done, s.succeeded, s.bad)
	if s.verdict != undecided {
		r.moveStep(d, StepReady)
	}
}
