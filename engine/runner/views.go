package runner

import (
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// view is the run as people see it, as of its last commit.
func (lr *live) view() RunView {
	r := lr.run
	v := RunView{
		ID: lr.id, Kind: r.Kind.String(), Workflow: r.Workflow, Digest: lr.plan.Def.Digest, Version: lr.plan.Def.Version,
		State: r.Status(), Compensation: r.Compensation().String(), Seq: lr.committed, StartedAt: r.StartedAt,
		EndedAt: optional(r.EndedAt), StartedBy: r.StartedBy, Labels: r.Labels, RerunOf: r.RerunOf, ForkOf: r.ForkOf,
		Parent: lr.parentView(), Held: lr.heldViews(), Input: r.Input.Data, Context: r.Context.Data,
		Output: r.Output.Data, Error: failureView(r.Failure), Steps: lr.stepViews(),
	}
	if r.Fault != "" {
		v.Error = &ErrorView{Code: "faulted", Message: r.Fault}
	}
	for _, node := range r.Kept {
		v.Kept = append(v.Kept, r.Name(node))
	}
	return v
}

func (lr *live) stepView(i int32) StepView {
	r, s := lr.run, &lr.run.Steps[i]
	spec, path := r.Spec(i), r.Name(i)
	v := StepView{
		ID: path, Path: path, Name: spec.Def.Name, Type: spec.Kind, State: stateName(s.State), Reason: s.Reason.String(),
		Attempt: int(s.Attempt), StartedAt: optional(s.StartedAt), EndedAt: optional(s.EndedAt), Output: lr.outputView(i),
	}
	lr.placeView(i, &v)
	if s.State != engine.StepSucceeded {
		v.Error = failureView(s.Failure)
	}
	if s.State == engine.StepWaiting {
		v.Reason = lr.waitsFor(i)
	}
	if j := lr.jobs[i]; j != nil {
		v.JobID, v.JobState, v.Worker = lr.jobID(i), j.State.String(), j.Worker
		if j.Percent > 0 || j.Message != "" {
			v.Progress = &ProgressView{Percent: int(j.Percent), Message: j.Message}
		}
		v.Placement = lr.placementOf(i)
		lr.jobWaits(i, j, &v)
	}
	return v
}

// jobWaits says what a job waits for that no worker has.
func (lr *live) jobWaits(i int32, j *scheduler.Job, v *StepView) {
	switch {
	case v.Reason != "":
	case j.State == scheduler.JobScheduled:
		v.Reason = "queued"
	case lr.limitAwaited(i) != "":
		v.Reason = lr.limitAwaited(i)
	case undecided(j) && lr.putOff[i] != "":
		v.Reason = lr.putOff[i]
	case lr.asked(i):
		v.State, v.Reason = engine.StepWaiting.String(), "approval"
	}
}

// jobView is a step's job as people see it.
func (lr *live) jobView(i int32) JobView {
	s, j := &lr.run.Steps[i], lr.jobs[i]
	v := JobView{
		ID: lr.jobID(i), RunID: lr.id, Topic: j.Topic, Pack: j.Pack, Tool: j.Tool, State: j.State.String(),
		Attempt: int(j.Attempt), Worker: j.Worker, Placement: lr.placementOf(i), CreatedAt: j.CreatedAt, EndedAt: optional(s.EndedAt), Output: lr.outputView(i),
	}
	if lr.run.Kind == engine.KindWorkflow {
		v.Workflow, v.Step = lr.run.Workflow, lr.run.Name(i)
	}
	if s.State != engine.StepSucceeded {
		v.Error = failureView(s.Failure)
	}
	return v
}

func failureView(f engine.Failure) *ErrorView {
	if f.Code == "" {
		return nil
	}
	return &ErrorView{Code: f.Code, Message: f.Message, Retryable: f.Retryable, Attempt: int(f.Attempt), Details: f.Details}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func effectName(e dag.Effect) string {
	switch e {
	case dag.EffectNone:
		return "none"
	case dag.EffectRead:
		return "read"
	case dag.EffectIrreversible:
		return "irreversible"
	}
	return "write"
}

// shown is a payload as an event shows it: what is small enough, else its size; the same for a fact in memory and one of the
// log.
func shown(p engine.Payload) any {
	switch {
	case p.Blob != "":
		return map[string]any{"blob": p.Blob}
	case len(p.Data) == 0:
		return nil
	case len(p.Data) > eventPayload:
		return map[string]any{"bytes": len(p.Data)}
	}
	return p.Data
}

var priorityNames = map[dag.Priority]string{dag.Batch: "batch", dag.Interactive: "interactive", dag.Critical: "critical"}

// priorityName is a priority as policies name it; "" when nothing is said.
func priorityName(p dag.Priority) string { return priorityNames[p] }

// stateName is a node's state as people see it: what goes on inside a fan-out, a loop or a sub-workflow is running.
func stateName(s engine.StepState) string {
	if s == engine.StepInside {
		s = engine.StepRunning
	}
	return s.String()
}
