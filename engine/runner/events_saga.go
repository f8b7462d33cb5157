package runner

import (
	"cordum.dev/cordum/engine"
)

// describeParts names facts about fan-outs, loops, waits and sub-workflows.
func describeParts(f engine.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *engine.FannedOut:
		return "step_fanned_out", map[string]any{"items": f.Count}
	case *engine.RoundBegun:
		return "round_started", nil
	case *engine.Reopened:
		return "step_reopened", nil
	case *engine.ClosingBegun:
		return "step_closing", map[string]any{"running_stopped": f.Hard}
	case *engine.SignalAwaited:
		d := map[string]any{"signal": f.Signal}
		putTime(d, "until", f.Due)
		return "signal_awaited", d
	case *engine.SignalTaken:
		return "signal_consumed", map[string]any{"index": f.Index}
	case *engine.JobNoted:
		return "job_waiting", map[string]any{"waiting": f.Idle}
	case *engine.InputEdited:
		d := map[string]any{}
		putAny(d, "input", shown(f.Input))
		return "input_edited", d
	case *engine.ChildAsked:
		d := map[string]any{"attempt": f.Attempt, "child_run": f.Run, "workflow": f.Workflow}
		put(d, "version", f.Version)
		putTime(d, "timeout_at", f.DueAt)
		return "child_started", d
	case *engine.ChildNoted:
		return "child_waiting", map[string]any{"waiting": f.Idle}
	case *engine.ChildStopAsked:
		return "child_cancelling", map[string]any{"timed_out": f.Overdue, "grace_until": f.GraceAt}
	}
	return describeUndo(f)
}

// describeUndo names facts about compensations and set-backs.
func describeUndo(f engine.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *engine.UndoingBegun:
		d := map[string]any{}
		putTarget(d, f.Target)
		return "compensation_started", d
	case *engine.UndoBegun:
		return "undo_started", nil
	case *engine.UndoHeld:
		d := map[string]any{}
		putFailure(d, f.Failure)
		return "undo_held", d
	case *engine.UndoRearmed:
		return "undo_retried", nil
	case *engine.UndoSettled:
		return "undo_settled", map[string]any{"how": f.How.String()}
	case *engine.ChildUndoAsked:
		return "child_undo_asked", map[string]any{"attempt": f.Attempt, "child_run": f.Run}
	case *engine.ChildUndoNoted:
		return "child_undone", map[string]any{"undone": f.Undone}
	case *engine.UndoingEnded:
		return "compensation_ended", map[string]any{"undone": f.Undone}
	case *engine.SetBack:
		d := map[string]any{"paused": f.Paused}
		putTarget(d, f.Target)
		return "run_set_back", d
	}
	return "unknown", nil
}

// putTarget says how far a rollback goes.
func putTarget(d map[string]any, t engine.Target) {
	if t.To == "" {
		return
	}
	key := "checkpoint"
	if t.Included {
		key = "step"
	}
	d[key] = t.To
	put(d, "then", thenNames[t.Then])
	put(d, "feedback", t.Feedback)
}
