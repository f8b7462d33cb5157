package runner

import (
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
)

// eventVersion is the v of an event: its fields are only added to.
const eventVersion = 1

// event is a fact as people see it. Every fact is shown, so an event's prev is the number before its own.
func event(run string, plan *steps.Workflow, f stamped) Event {
	kind, step, data := describe(f)
	e := Event{
		Seq: f.seq, Prev: f.seq - 1, RunID: run, Type: kind, At: f.at.At, V: eventVersion, Actor: f.at.Actor, Data: data,
	}
	if step >= 0 && step < len(plan.Def.Steps) {
		e.Step = plan.Def.Steps[step].ID
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
		putTime(d, "timeout_at", f.TimeoutAt)
		return "run_started", d
	case *engine.RunPaused:
		return "run_paused", nil
	case *engine.RunResumed:
		return "run_resumed", nil
	case *engine.StopBegun:
		return "run_stopping", map[string]any{"stop": f.Stop.String(), "handlers": f.Handlers}
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
		return "step_succeeded", d
	}
	return describeStep(f)
}

func describeStep(f engine.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *engine.StepEnded:
		d := map[string]any{}
		putFailure(d, f.Failure)
		return "step_" + f.State.String(), d
	case *engine.StepSkippedFact:
		return "step_skipped", map[string]any{"reason": f.Reason.String()}
	case *engine.RetrySet:
		d := map[string]any{"retry_at": f.Due}
		putFailure(d, f.Failure)
		return "step_retrying", d
	case *engine.RetryDue:
		return "step_retry_due", nil
	case *engine.JobStopAsked:
		return "job_stop_asked", map[string]any{"force": f.Force}
	case *engine.SignalReceived:
		return "signal_received", map[string]any{"name": f.Name}
	case *engine.LateResult:
		return "late_result", map[string]any{"attempt": f.Attempt, "result": f.Outcome}
	case *engine.Swept:
		return "stop_progressed", map[string]any{"steps": f.Next}
	}
	return "unknown", nil
}

func describeJob(f scheduler.Fact) (string, map[string]any) {
	switch f := f.(type) {
	case *scheduler.JobDecided:
		d := map[string]any{"decision": f.Verdict, "rule_id": f.Rule, "snapshot": f.Snapshot, "job_hash": f.Hash}
		put(d, "why", f.Reason)
		return "job_decided", d
	case *scheduler.JobReleased:
		return "job_released", map[string]any{"send": f.Send}
	case *scheduler.JobSent:
		return "job_dispatched", map[string]any{"worker_id": f.Worker}
	case *scheduler.JobBegun:
		d := map[string]any{"worker_id": f.Worker}
		putTime(d, "timeout_at", f.TimeoutAt)
		return "job_running", d
	case *scheduler.JobProgressed:
		d := map[string]any{"percent": f.Percent}
		put(d, "message", f.Message)
		return "job_progress", d
	case *scheduler.JobCancelling:
		return "job_cancelling", map[string]any{"grace_until": f.GraceAt}
	case *scheduler.JobEnded:
		d := map[string]any{"state": f.State.String()}
		put(d, "worker_id", f.Worker)
		return "job_ended", d
	}
	return "unknown", nil
}

func describeApproval(f safety.ApprovalFact) (string, map[string]any) {
	switch f := f.(type) {
	case *safety.ApprovalOpened:
		return "approval_requested", map[string]any{"hash": f.Hash, "requested_by": f.RequestedBy}
	case *safety.ApprovalClosed:
		d := map[string]any{"decision": f.State.String(), "by": f.By}
		put(d, "comment", f.Comment)
		return "approval_" + f.State.String(), d
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
