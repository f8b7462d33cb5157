package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// jobStep is the id of the one step of a job's run.
const jobStep = "job"

// Submit starts a single job: a run of one step. The bool says that the idempotency key was seen before.
func (r *Runner) Submit(ctx context.Context, c Caller, req JobRequest) (JobView, bool, error) {
	plan, err := r.jobPlan(&req)
	if err != nil {
		return JobView{}, false, err
	}
	if err := checkJobInput(req.Input); err != nil {
		return JobView{}, false, err
	}
	if _, err := r.defs.put(ctx, c, plan, false); err != nil {
		return JobView{}, false, err
	}
	started, err := r.start(ctx, c, plan, engine.KindJob, StartRequest{
		Input: req.Input, Context: req.Context, Labels: req.Labels, IdempotencyKey: req.IdempotencyKey,
	})
	if err != nil {
		return JobView{}, false, aboutJob(err)
	}
	v, err := r.Job(ctx, c, jobOf(started.RunID))
	return v, started.Replayed, begunJob(started.RunID, err)
}

// begunJob says of a job that was begun, or cancelled, and could not be looked at then, where it is: a plain refusal would say that
// nothing was done.
func begunJob(run string, err error) error {
	if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrOverloaded) {
		return err
	}
	return &UnknownError{Run: run, Job: jobOf(run), Cause: err}
}

// checkJobInput refuses an input that its worker could not be given: it is the value of an expression, whose parts are bounded.
func checkJobInput(raw json.RawMessage) error {
	if len(raw) <= smallInput {
		return nil
	}
	v, err := expr.DecodeJSON(raw)
	if err != nil {
		return nil //nolint:nilerr // start refuses it, with its place
	}
	if tooLarge := (*expr.Error)(nil); errors.As(expr.Fits(v), &tooLarge) {
		return &InvalidError{Code: "payload_too_large", Message: "the input of a job: " + tooLarge.Message + ": keep it elsewhere and pass where it is"}
	}
	return nil
}

// jobOf is the id of the job whose run this is.
func jobOf(run string) string { return id.Job(run, jobStep, 0) }

// jobPlan checks a single job, and answers the plan of its run.
func (r *Runner) jobPlan(req *JobRequest) (*steps.Workflow, error) {
	source, err := json.Marshal(jobDefinition(*req))
	if err != nil {
		return nil, &InvalidError{Code: "invalid_argument", Message: "the job cannot be encoded"}
	}
	plan, diags := compile(source, FormatJSON)
	if plan == nil {
		return nil, &InvalidError{Code: "invalid_job", Message: firstError(diags), Diagnostics: diags}
	}
	return plan, r.admitJob(req)
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
	if req.ResourceLock != "" {
		step["resource_lock"] = lockDefinition(req)
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
	v, err := r.job(ctx, c, jobID)
	v.Placement.ask(r.dispatch)
	return v, err
}

// job is Job but for what it waits for.
func (r *Runner) job(ctx context.Context, c Caller, jobID string) (JobView, error) {
	ref, err := id.ParseJob(jobID)
	if err != nil {
		return JobView{}, fmt.Errorf("job %.64q: %w", jobID, ErrNotFound)
	}
	return r.jobOf(ctx, c.Tenant, ref)
}

func (r *Runner) jobOf(ctx context.Context, tenant string, ref id.JobRef) (JobView, error) {
	return readRun(ctx, r, tenant, ref.Run, func(lr *live) (JobView, error) { return lr.viewOf(ref) })
}

// viewOf is a job of the run, or ErrNotFound.
func (lr *live) viewOf(ref id.JobRef) (JobView, error) {
	node, j := lr.job(ref)
	if j == nil {
		return JobView{}, fmt.Errorf("job %.64q: %w", id.Job(ref.Run, ref.Step, ref.Iteration), ErrNotFound)
	}
	return lr.jobView(node), nil
}

// Jobs lists the jobs of the jobs API, newest first. Of many that wait for a worker only the first few say what for.
func (r *Runner) Jobs(ctx context.Context, c Caller, f Filter) ([]JobView, string, error) {
	f.Kind = engine.KindJob.String()
	rows, next, err := r.Runs(ctx, c, f)
	if err != nil {
		return nil, "", err
	}
	out := r.jobsOf(ctx, c.Tenant, rows)
	if f.State != "" { // it may have changed meanwhile
		out = slices.DeleteFunc(out, func(v JobView) bool { return v.State != f.State })
	}
	left := maxPlacements
	for i := range out {
		out[i].Placement = out[i].Placement.askOf(r.dispatch, &left)
	}
	return out, next, nil
}

// jobsOf are the jobs of runs of a list, but for those that cannot be read; a few are read at a time. One that has ended is read from
// the store: no lane waits for it.
func (r *Runner) jobsOf(ctx context.Context, tenant string, rows []RunHeader) []JobView {
	views, errs := make([]JobView, len(rows)), make([]error, len(rows))
	var all sync.WaitGroup
	for first := range min(readAtOnce, len(rows)) {
		all.Go(func() {
			for i := first; i < len(rows); i += readAtOnce {
				ref := id.JobRef{Run: rows[i].ID, Step: jobStep, Attempt: 1}
				if rows[i].EndedAt == nil {
					views[i], errs[i] = r.jobOf(ctx, tenant, ref)
					continue
				}
				lr, err := r.loadFenced(ctx, tenant, ref.Run)
				if err == nil {
					views[i], err = lr.viewOf(ref)
				}
				errs[i] = err
			}
		})
	}
	all.Wait()
	out := make([]JobView, 0, len(rows))
	for i, err := range errs {
		if err != nil {
			r.cfg.Logger.Warn("job of a list cannot be read", "run_id", rows[i].ID, "error", err)
			continue
		}
		out = append(out, views[i])
	}
	return out
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
		return v, aboutJob(err)
	}
	after, err := r.Job(ctx, c, jobID)
	return after, begunJob(v.RunID, err)
}
