package engine

import (
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/steps"
)

// ChildRun is the id of the run that was an attempt of a step.
func (r *Run) ChildRun(i, attempt int32) string {
	return id.Child(r.ID, int(i), int(attempt), r.StartedAt)
}

// child asks for a run of another workflow.
func (d *decision) child(i int32, c steps.Child, input json.RawMessage) {
	r := d.run
	if r.Parent.Depth+1 >= dag.MaxDepth {
		d.fail(i, StepFailed, Failure{Code: CodeDepth, Message: fmt.Sprintf("sub-workflows nest at most %d deep", dag.MaxDepth)})
		return
	}
	s, def := &r.Steps[i], r.DefOf(i)
	f := &ChildAsked{
		Step: i, Attempt: s.Attempt + 1, Run: r.ChildRun(i, s.Attempt+1), Workflow: c.Workflow, Version: c.Version,
		Depth: r.Parent.Depth + 1, DueAt: d.after(def.Timeout),
	}
	f.Input = s.Input
	if s.Attempt == s.base {
		f.Input, f.TotalAt = Payload{Data: input}, d.after(def.TotalTimeout)
	}
	d.fact(f)
}

// openChild tells whether an attempt of a step is a sub-workflow under way.
func (r *Run) openChild(i, attempt int32) bool {
	return i >= 0 && int(i) < len(r.Steps) && r.Steps[i].State == StepInside && r.Steps[i].Attempt == attempt && !r.IsUndo(i) && r.nests(i)
}

// childEnded takes how a sub-workflow ended.
func (d *decision) childEnded(in ChildEnded) error {
	r := d.run
	if r.State != RunRunning || !r.openChild(in.Step, in.Attempt) {
		return nil
	}
	f := in.Failure
	f.Attempt = in.Attempt
	if in.State != RunSucceeded && f.Code == "" {
		f.Code, f.Message = in.State.String(), "the sub-workflow is "+in.State.String()
	}
	s := &r.Steps[in.Step]
	switch in.State {
	case RunSucceeded:
		d.accept(in.Step, in.Output)
	case RunCancelled:
		if s.overdue {
			f.Code, f.Message = CodeTimeout, "the sub-workflow took longer than the step's timeout"
			d.attemptFailed(in.Step, ResultTimedOut, badEnd{failure: f})
			return nil
		}
		d.fail(in.Step, StepCancelled, f)
	case RunTimedOut:
		d.attemptFailed(in.Step, ResultTimedOut, badEnd{failure: f})
	case RunFailed:
		d.attemptFailed(in.Step, ResultFailed, badEnd{failure: f})
	default:
		return &Refusal{"not_ended", "the sub-workflow has not ended"}
	}
	return nil
}

// childStatus notes whether a sub-workflow only waits.
func (d *decision) childStatus(in ChildStatus) error {
	r := d.run
	if r.State == RunRunning && r.openChild(in.Step, in.Attempt) && r.Steps[in.Step].idle != in.Idle {
		d.fact(&ChildNoted{Step: in.Step, Idle: in.Idle})
	}
	return nil
}

// stopChild asks a sub-workflow to cancel itself; when it does not answer, its step ends without.
func (d *decision) stopChild(i int32, overdue bool) {
	grace := d.run.Plan.Def.CancelGrace
	if grace == 0 {
		grace = dag.DefaultCancelGrace
	}
	d.fact(&ChildStopAsked{Step: i, Overdue: overdue, GraceAt: d.at.At.Add(2 * grace)})
}

// childSilent ends a step whose sub-workflow did not answer a cancel.
func (d *decision) childSilent(i int32) {
	s := &d.run.Steps[i]
	f := Failure{Code: CodeCancelled, Message: "the sub-workflow was cancelled and did not end in time", Attempt: s.Attempt}
	state := StepCancelled
	if s.overdue {
		f.Code, state = CodeTimeout, StepTimedOut
	}
	d.fail(i, state, f)
}

// undoChild asks the next of a step's sub-workflows, the newest first, to undo what it did; or ends when none is left.
func (d *decision) undoChild(i int32) {
	r := d.run
	s := &r.Steps[i]
	t := &r.Steps[s.Target]
	attempt := t.Attempt - s.done
	switch {
	case attempt > t.floor:
		d.fact(&ChildUndoAsked{Step: i, Attempt: attempt, Run: r.ChildRun(s.Target, attempt)})
	case s.succeeded > 0:
		d.fact(&StepSucceededFact{Step: i})
	default:
		d.fact(&UndoSettled{Step: i, How: SettledNothing})
	}
}

// childUndone takes how far a sub-workflow has undone what it did.
func (d *decision) childUndone(in ChildUndone) error {
	r := d.run
	if !r.Undoing || !r.active() || in.Step < 0 || int(in.Step) >= len(r.Steps) || !r.IsUndo(in.Step) {
		return nil
	}
	s := &r.Steps[in.Step]
	if in.Attempt != r.Steps[s.Target].Attempt-s.done || !r.nests(s.Target) {
		return nil
	}
	switch in.Compensation {
	case CompensationNone, CompensationDone:
		if s.State == StepInside || s.State == StepHeld {
			d.fact(&ChildUndoNoted{Step: in.Step, Undone: in.Compensation == CompensationDone})
		}
	case CompensationHeld:
		if s.State == StepInside {
			d.fact(&UndoHeld{Step: in.Step, Failure: Failure{
				Code: CodeChildHeld, Message: "a compensation of the sub-workflow's run " + r.ChildRun(s.Target, in.Attempt) + " is held",
			}})
		}
	case CompensationRunning:
		if s.State == StepHeld {
			d.fact(&UndoRearmed{Step: in.Step})
		}
	}
	return nil
}

// childDue is when the timeout of a step's sub-workflow ends.
func (d *decision) childDue(i int32) {
	if !d.run.Steps[i].stopping {
		d.stopChild(i, true)
	}
}
