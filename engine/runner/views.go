package runner

import (
	"encoding/json"
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
		State: r.Status(), Compensation: "none", Seq: lr.committed, StartedAt: r.StartedAt, EndedAt: optional(r.EndedAt),
		StartedBy: r.StartedBy, Labels: r.Labels, RerunOf: r.RerunOf, Input: r.Input.Data, Context: r.Context.Data,
		Output: r.Output.Data, Error: failureView(r.Failure), Steps: make([]StepView, len(r.Steps)),
	}
	if r.State == engine.RunFaulted {
		v.Error = &ErrorView{Code: "faulted", Message: r.Fault}
	}
	for i := range r.Steps {
		v.Steps[i] = lr.stepView(int32(i))
	}
	return v
}

func (lr *live) stepView(i int32) StepView {
	s, def := &lr.run.Steps[i], &lr.plan.Def.Steps[i]
	v := StepView{
		ID: def.ID, Name: def.Name, Type: lr.plan.Steps[i].Kind, State: s.State.String(), Reason: s.Reason.String(),
		Attempt: int(s.Attempt), StartedAt: optional(s.StartedAt), EndedAt: optional(s.EndedAt), Output: s.Output.Data,
	}
	if s.State != engine.StepSucceeded {
		v.Error = failureView(s.Failure)
	}
	if s.State == engine.StepWaiting {
		v.Reason = "timer"
		if lr.approvals[i] != nil {
			v.Reason = "approval"
		}
	}
	if j := lr.jobs[i]; j != nil {
		v.JobID, v.JobState, v.Worker = lr.jobID(i), j.State.String(), j.Worker
		if j.Percent > 0 || j.Message != "" {
			v.Progress = &ProgressView{Percent: int(j.Percent), Message: j.Message}
		}
		if v.Reason == "" && j.State == scheduler.JobScheduled {
			v.Reason = "queued"
		}
	}
	return v
}

// jobView is a step's job as people see it.
func (lr *live) jobView(i int32) JobView {
	s, j := &lr.run.Steps[i], lr.jobs[i]
	v := JobView{
		ID: lr.jobID(i), RunID: lr.id, Topic: j.Topic, Pack: j.Pack, Tool: j.Tool, State: j.State.String(),
		Attempt: int(j.Attempt), Worker: j.Worker, CreatedAt: j.CreatedAt, EndedAt: optional(s.EndedAt), Output: s.Output.Data,
	}
	if lr.run.Kind == engine.KindWorkflow {
		v.Workflow, v.Step = lr.run.Workflow, lr.plan.Def.Steps[i].ID
	}
	if s.State != engine.StepSucceeded {
		v.Error = failureView(s.Failure)
	}
	return v
}

// approvalView is a step's approval as people see it; what they are shown only when asked for.
func (lr *live) approvalView(step int32, shown bool) ApprovalView {
	a := lr.approvals[step]
	v := ApprovalView{
		ID: lr.jobID(step), RunID: lr.id, Workflow: lr.run.Workflow, Step: lr.plan.Def.Steps[step].ID, Title: a.Title,
		State: a.State.String(), Hash: a.Hash, RequestedAt: a.RequestedAt, RequestedBy: a.RequestedBy,
		ExpiresAt: optional(a.ExpiresAt), DecidedAt: optional(a.DecidedAt), DecidedBy: a.DecidedBy, Comment: a.Comment,
	}
	if shown {
		v.Context = a.Context
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

// workers are the workers as the fleet sees them.
func (d *dispatch) workers() []WorkerView {
	d.mu.Lock()
	states := d.fleet.Workers(d.r.now())
	d.mu.Unlock()
	out := make([]WorkerView, 0, len(states))
	for _, w := range states {
		out = append(out, WorkerView{
			ID: w.Worker, Pool: w.Pool, Topics: w.Topics, Capabilities: w.Capabilities, Labels: w.Labels, Active: w.Active,
			Reserved: w.Reserved, Max: w.Max, CPU: w.CPU, GPU: w.GPU, State: w.State, LastSeen: w.LastSeen,
		})
	}
	return out
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

// compact answers JSON small enough to stand in an event, else its size.
func compact(raw json.RawMessage) any {
	switch {
	case len(raw) == 0:
		return nil
	case len(raw) > eventPayload:
		return map[string]any{"bytes": len(raw)}
	}
	return raw
}

// eventPayload is the largest payload shown in an event; the run's view has larger ones.
const eventPayload = 16 << 10
