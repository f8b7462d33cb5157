package remote

import (
	"context"

	"cordum.dev/cordum/engine/runner"
)

// This file is the calls about runs, jobs and approvals. Their contracts
// are those of the methods of *runner.Runner of the same names; where each goes is in methods.go.

// Rerun is the call of that name.
func (c *Client) Rerun(ctx context.Context, who runner.Caller, run string) (runner.Started, error) {
	return one[runner.Started](ctx, c, "Rerun", who, run)
}

// Fork is the call of that name.
func (c *Client) Fork(ctx context.Context, who runner.Caller, run string, req runner.ForkRequest) (runner.Forked, error) {
	return one[runner.Forked](ctx, c, "Fork", who, run, req)
}

// Command is the call of that name.
func (c *Client) Command(ctx context.Context, who runner.Caller, run string, cmd runner.Command) (runner.RunView, error) {
	return one[runner.RunView](ctx, c, "Command", who, run, cmd)
}

// Seen is the call of that name.
func (c *Client) Seen(ctx context.Context, who runner.Caller, key string) (runner.Started, error) {
	return one[runner.Started](ctx, c, "Seen", who, key)
}

// View is the call of that name.
func (c *Client) View(ctx context.Context, who runner.Caller, run string) (runner.RunView, error) {
	return one[runner.RunView](ctx, c, "View", who, run)
}

// LatestRun is the call of that name.
func (c *Client) LatestRun(ctx context.Context, who runner.Caller, workflow string) (string, error) {
	return one[string](ctx, c, "LatestRun", who, workflow)
}

// Runs is the call of that name.
func (c *Client) Runs(ctx context.Context, who runner.Caller, f runner.Filter) ([]runner.RunHeader, string, error) {
	return two[[]runner.RunHeader, string](ctx, c, "Runs", who, f)
}

// Timeline is the call of that name.
func (c *Client) Timeline(ctx context.Context, who runner.Caller, run string, after uint64, limit int) ([]runner.Event, bool, error) {
	return two[[]runner.Event, bool](ctx, c, "Timeline", who, run, after, limit)
}

// Effects is the call of that name.
func (c *Client) Effects(ctx context.Context, who runner.Caller, run, cursor string, limit int) (runner.EffectPage, error) {
	return one[runner.EffectPage](ctx, c, "Effects", who, run, cursor, limit)
}

// Logs is the call of that name.
func (c *Client) Logs(ctx context.Context, who runner.Caller, q runner.LogQuery) (runner.LogPage, error) {
	return one[runner.LogPage](ctx, c, "Logs", who, q)
}

// Iterations is the call of that name.
func (c *Client) Iterations(ctx context.Context, who runner.Caller, run, step, cursor string, limit int) ([]runner.StepView, string, error) {
	return two[[]runner.StepView, string](ctx, c, "Iterations", who, run, step, cursor, limit)
}

// Held is the call of that name.
func (c *Client) Held(ctx context.Context, who runner.Caller, cursor string, limit int) ([]runner.HeldView, string, error) {
	return two[[]runner.HeldView, string](ctx, c, "Held", who, cursor, limit)
}

// Job is the call of that name.
func (c *Client) Job(ctx context.Context, who runner.Caller, id string) (runner.JobView, error) {
	return one[runner.JobView](ctx, c, "Job", who, id)
}

// Jobs is the call of that name.
func (c *Client) Jobs(ctx context.Context, who runner.Caller, f runner.Filter) ([]runner.JobView, string, error) {
	return two[[]runner.JobView, string](ctx, c, "Jobs", who, f)
}

// CancelJob is the call of that name.
func (c *Client) CancelJob(ctx context.Context, who runner.Caller, id string) (runner.JobView, error) {
	return one[runner.JobView](ctx, c, "CancelJob", who, id)
}

// DeleteJob is the call of that name.
func (c *Client) DeleteJob(ctx context.Context, who runner.Caller, id string) error {
	return none(ctx, c, "DeleteJob", who, id)
}

// JobDecisions is the call of that name.
func (c *Client) JobDecisions(ctx context.Context, who runner.Caller, id string) ([]runner.DecisionView, error) {
	return one[[]runner.DecisionView](ctx, c, "JobDecisions", who, id)
}

// Approvals is the call of that name.
func (c *Client) Approvals(ctx context.Context, who runner.Caller, f runner.Filter) ([]runner.ApprovalView, string, error) {
	return two[[]runner.ApprovalView, string](ctx, c, "Approvals", who, f)
}

// Approval is the call of that name.
func (c *Client) Approval(ctx context.Context, who runner.Caller, id string) (runner.ApprovalView, error) {
	return one[runner.ApprovalView](ctx, c, "Approval", who, id)
}

// Decide is the call of that name.
func (c *Client) Decide(ctx context.Context, who runner.Caller, id string, d runner.Decision) (runner.ApprovalView, error) {
	return one[runner.ApprovalView](ctx, c, "Decide", who, id, d)
}

// EditJob is the call of that name.
func (c *Client) EditJob(ctx context.Context, who runner.Caller, id string, e runner.Edit) (runner.ApprovalView, error) {
	return one[runner.ApprovalView](ctx, c, "EditJob", who, id, e)
}

// Delegate is the call of that name.
func (c *Client) Delegate(ctx context.Context, who runner.Caller, id string, d runner.Delegation) (runner.ApprovalView, error) {
	return one[runner.ApprovalView](ctx, c, "Delegate", who, id, d)
}

// Deliveries is the call of that name.
func (c *Client) Deliveries(ctx context.Context, who runner.Caller, id string) ([]runner.Delivery, error) {
	return one[[]runner.Delivery](ctx, c, "Deliveries", who, id)
}
