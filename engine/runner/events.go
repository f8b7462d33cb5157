package runner

import (
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// eventVersion is the v of an event: its fields are only added to.
const eventVersion = 1

// event is a fact as people see it. Every fact is shown, so an event's prev is the number before its own.
func event(run string, called names, f stamped) Event {
	kind, step, data := describe(f)
	e := Event{
		Seq: f.seq, Prev: f.seq - 1, RunID: run, Type: kind, At: f.at.At, V: eventVersion, Actor: f.at.Actor, Data: data,
	}
	if step >= 0 {
		e.Step = called(int32(step))
	}
	switch fact := f.fact.(type) {
	case *engine.UndoBegun:
		e.Step = "undo:" + e.Step
	case *engine.UndoingEnded:
		e.Data["kept"] = keptNames(called, fact.Kept)
	}
	if f.at.Reason != "" {
		e.add("reason", f.at.Reason)
	}
	return e
}

func (e *Event) add(key string, v any) {
	if e.Data == nil {
		e.Data = make(map[string]any)
	}
	if _, taken := e.Data[key]; !taken {
		e.Data[key] = v
	}
}

func keptNames(called names, kept []int32) []string {
	out := make([]string, len(kept))
	for i, node := range kept {
		out[i] = called(node)
	}
	return out
}

// describe names a fact and says what is in it.
func describe(f stamped) (kind string, step int, data map[string]any) {
	switch fact := f.fact.(type) {
	case engine.Fact:
		kind, data = describeRun(fact)
		return kind, engine.StepOf(fact), data
	case scheduler.Fact:
		kind, data = describeJob(fact)
		return kind, int(fact.Of()), data
	case safety.ApprovalFact:
		kind, data = describeApproval(fact)
		return kind, int(fact.Of()), data
	}
	return "unknown", -1, nil
}

func describeRun(f engine.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *engine.RunStarted:
		d := map[string]any{"workflow": f.Workflow, "digest": f.Digest}
		put(d, "rerun_of", f.RerunOf)
		put(d, "fork_of", f.ForkOf)
		put(d, "parent_run", f.Parent.Run)
		put(d, "concurrency_key", f.Key)
		if f.Queued {
			d["queued"] = true
		}
		if len(f.Reused) > 0 {
			d["reused_steps"] = len(f.Reused)
		}
		putTime(d, "timeout_at", f.TimeoutAt)
		return "run_started", d
	case *engine.RunAdmitted:
		return "run_admitted", nil
	case *engine.RunPaused:
		return "run_paused", nil
	case *engine.RunResumed:
		return "run_resumed", nil
	case *engine.StopBegun:
		d := map[string]any{"stop": f.Stop.String(), "handlers": f.Handlers, "rollback": f.Rollback}
		putTarget(d, f.Target)
		return "run_stopping", d
	case *engine.RunEnded:
		d := map[string]any{"state": f.State.String()}
		putAny(d, "output", shown(f.Output))
		putFailure(d, f.Failure)
		return "run_" + f.State.String(), d
	case *engine.RunFaultedFact:
		return "run_faulted", map[string]any{"error": f.Error}
	case *engine.JobAsked:
		d := map[string]any{"attempt": f.Attempt, "topic": f.Topic}
		put(d, "pack", f.Pack)
		put(d, "tool", f.Tool)
		put(d, "lock", f.Lock)
		return "step_started", d
	case *engine.ApprovalAsked:
		d := map[string]any{"title": f.Title}
		putTime(d, "expires_at", f.ExpiresAt)
		return "step_waiting", d
	case *engine.DelaySet:
		return "step_waiting", map[string]any{"until": f.Due}
	case *engine.StepSucceededFact:
		d := map[string]any{}
		putAny(d, "output", shown(f.Output))
		if f.Chosen != nil {
			d["chosen"] = f.Chosen
		}
		return "step_succeeded", d
	}
	return describeStep(f)
}

func describeStep(f engine.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *engine.StepEnded:
		d := map[string]any{}
		putFailure(d, f.Failure)
		putEffect(d, f.Failure, f.Effect)
		return "step_" + f.State.String(), d
	case *engine.OutputJudged:
		d := map[string]any{"attempt": f.Attempt, "decision": f.Verdict, "rule": f.Rule, "snapshot": f.Snapshot}
		put(d, "reason", f.Reason)
		putAny(d, "rules", f.Rules)
		if len(f.Findings) > 0 {
			d["findings"] = f.Findings
		}
		return "output_judged", d
	case *engine.OutputHeld: // nobody sees it
		return "output_quarantined", nil
	case *engine.StepSkippedFact:
		return "step_skipped", map[string]any{"reason": f.Reason.String()}
	case *engine.RetrySet:
		d := map[string]any{"retry_at": f.Due}
		putFailure(d, f.Failure)
		putEffect(d, f.Failure, f.Effect)
		return "step_retrying", d
	case *engine.RetryDue:
		return "step_retry_due", nil
	case *engine.JobStopAsked:
		return "job_stop_asked", map[string]any{"force": f.Force}
	case *engine.SignalReceived:
		return "signal_received", map[string]any{"name": f.Name}
	case *engine.LateResult:
		d := map[string]any{"attempt": f.Attempt, "result": f.Outcome}
		if f.Settles {
			d["settles"], d["effect"] = true, effectWord(f.Effect)
		}
		return "late_result", d
	case *engine.Swept:
		return "stop_progressed", map[string]any{"steps": f.Next}
	}
	return describeParts(f)
}

// putEffect says what is known of the effect of an attempt that did not succeed, where that is not plain.
func putEffect(d map[string]any, f engine.Failure, had bool) {
	switch {
	case had:
		d["effect"] = effectWord(true)
	case f.Unknown:
		d["effect"] = "unknown"
	}
}

func effectWord(had bool) string {
	if had {
		return "had"
	}
	return "none"
}

func describeJob(f scheduler.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *scheduler.JobDecided:
		d := map[string]any{"decision": f.Verdict, "rule_id": f.Rule, "snapshot": f.Snapshot, "job_hash": f.Hash}
		put(d, "why", f.Reason)
		put(d, "shadow", f.Shadow)
		if len(f.Rules) > 0 {
			d["rules"] = f.Rules
		}
		if len(f.Constraints) > 0 {
			d["constraints"] = f.Constraints
		}
		return "job_decided", d
	case *scheduler.JobApprovalAsked:
		return "job_waiting", map[string]any{"for": "approval"}
	case *scheduler.JobWithheld:
		return "job_withheld", map[string]any{"why": f.Reason}
	case *scheduler.JobReleased:
		return "job_released", map[string]any{"send": f.Send}
	case *scheduler.JobSent:
		d := map[string]any{"worker_id": f.Worker}
		put(d, "why", f.Why)
		if f.CAP {
			d["cap"] = true
		}
		return "job_dispatched", d
	case *scheduler.JobPosted:
		if f.Unheard {
			return "job_unheard", nil
		}
		return "job_posted", nil
	case *scheduler.JobBegun:
		d := map[string]any{"worker_id": f.Worker}
		putTime(d, "timeout_at", f.TimeoutAt)
		return "job_running", d
	case *scheduler.JobProgressed:
		d := map[string]any{"percent": f.Percent}
		put(d, "message", f.Message)
		return "job_progress", d
	case *scheduler.JobLogged:
		d := map[string]any{"attempt": f.Attempt, "lines": f.Lines}
		if f.Dropped > 0 {
			d["dropped"] = f.Dropped
		}
		return "job_logged", d
	case *scheduler.JobCancelling:
		return "job_cancelling", map[string]any{"grace_until": f.GraceAt}
	case *scheduler.JobEnded:
		d := map[string]any{"state": f.State.String()}
		put(d, "worker_id", f.Worker)
		return "job_ended", d
	}
	return "unknown", nil
}

func put(d map[string]any, key, v string) {
	if v != "" {
		d[key] = v
	}
}

func putAny(d map[string]any, key string, v any) {
	if v != nil {
		d[key] = v
	}
}

func putTime(d map[string]any, key string, t time.Time) {
	if !t.IsZero() {
		d[key] = t
	}
}

func putFailure(d map[string]any, f engine.Failure) {
	if f.Code != "" {
		d["error"] = failureView(f)
	}
}
