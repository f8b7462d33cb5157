package runner

import (
	"context"
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
)

// jobStep is the id of the one step of a job's run.
const jobStep = "job"

// Submit starts a single job: a run of one step. The bool says that the idempotency key was seen before.
func (r *Runner) Submit(ctx context.Context, c Caller, req JobRequest) (JobView, bool, error) {
	source, err := json.Marshal(jobDefinition(req))
	if err != nil {
		return JobView{}, false, &InvalidError{Code: "invalid_argument", Message: "the job cannot be encoded"}
	}
	plan, diags := compile(source, FormatJSON)
	if plan == nil {
		return JobView{}, false, &InvalidError{Code: "invalid_job", Message: firstError(diags), Diagnostics: diags}
	}
	if _, err := r.defs.put(ctx, c, plan, false); err != nil {
		return JobView{}, false, err
	}
	started, err := r.start(ctx, c, plan, engine.KindJob, StartRequest{
		Input: req.Input, Context: req.Context, Labels: req.Labels, IdempotencyKey: req.IdempotencyKey,
	})
	if err != nil {
		return JobView{}, false, err
	}
	v, err := r.Job(ctx, c, id.Job(started.RunID, jobStep, 0))
	return v, started.Replayed, err
}

// jobDefinition is the definition of a job's run. What differs from job to job (input, labels) is the run's, so that alike
// jobs share one definition.
func jobDefinition(req JobRequest) map[string]any {
	step := map[string]any{"id": jobStep, "input": "${input}", "idempotent": req.Idempotent == nil || *req.Idempotent}
	put := func(name, value string) {
		if value != "" {
			step[name] = value
		}
	}
	put("topic", req.Topic)
	put("pack", req.Pack)
	put("tool", req.Tool)
	put("preferred_worker_id", req.PreferredWorkerID)
	put("preferred_pool", req.PreferredPool)
	put("priority", req.Priority)
	if len(req.Requires) > 0 {
		step["requires"] = req.Requires
	}
	if req.TimeoutSec != 0 {
		step["timeout_sec"] = req.TimeoutSec
	}
	if req.MaxAttempts != 0 {
		step["retry"] = map[string]any{"max_attempts": req.MaxAttempts}
	}
	return map[string]any{"id": "job", "steps": []any{step}}
}

// Job answers one job, of the jobs API or of a workflow's step.
func (r *Runner) Job(ctx context.Context, c Caller, jobID string) (JobView, error) {
	ref, err := id.ParseJob(jobID)
	if err != nil {
		return JobView{}, fmt.Errorf("job %.64q: %w", jobID, ErrNotFound)
	}
	return readRun(ctx, r, c.Tenant, ref.Run, func(lr *live) (JobView, error) {
		node, j := lr.job(ref)
		if j == nil {
			return JobView{}, fmt.Errorf("job %.64q: %w", jobID, ErrNotFound)
		}
		return lr.jobView(node), nil
	})
}

// Jobs lists the jobs of the jobs API, newest first.
func (r *Runner) Jobs(ctx context.Context, c Caller, f Filter) ([]JobView, string, error) {
	state := f.State
	f.State, f.Kind = "", "job"
	rows, next, err := r.Runs(ctx, c, f)
	if err != nil {
		return nil, "", err
	}
	out := make([]JobView, 0, len(rows))
	for _, row := range rows {
		v, err := r.Job(ctx, c, id.Job(row.ID, jobStep, 0))
		if err != nil {
			r.cfg.Logger.Warn("job of a list cannot be read", "run_id", row.ID, "error", err)
			continue
		}
		if state == "" || state == v.State {
			out = append(out, v)
		}
	}
	return out, next, nil
}

// CancelJob cancels a job of the jobs API. A job of a workflow is its run's to cancel.
func (r *Runner) CancelJob(ctx context.Context, c Caller, jobID string) (JobView, error) {
	v, err := r.Job(ctx, c, jobID)
	if err != nil {
		return v, err
	}
	if v.Workflow != "" {
		return v, fmt.Errorf("job %s belongs to workflow %s: cancel its run %s: %w", v.ID, v.Workflow, v.RunID, ErrConflict)
	}
	if _, err := r.Command(ctx, c, v.RunID, Command{Verb: VerbCancel}); err != nil {
		return v, err
	}
	return r.Job(ctx, c, jobID)
}
