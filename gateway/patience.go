package gateway

import (
	"context"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// patient gives what changes a run, a job, an approval or a dead letter a time to be answered in. A call that is not answered then goes on or not: the caller is told that
// nobody knows, and where to look.
type patient struct {
	Engine
	most time.Duration
}

func within[T any](ctx context.Context, most time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return call(ctx)
}

func (p patient) Start(ctx context.Context, c runner.Caller, req runner.StartRequest) (runner.Started, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.Started, error) { return p.Engine.Start(ctx, c, req) })
}

func (p patient) Rerun(ctx context.Context, c runner.Caller, run string) (runner.Started, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.Started, error) { return p.Engine.Rerun(ctx, c, run) })
}

func (p patient) Fork(ctx context.Context, c runner.Caller, run string, req runner.ForkRequest) (runner.Forked, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.Forked, error) { return p.Engine.Fork(ctx, c, run, req) })
}

func (p patient) Submit(ctx context.Context, c runner.Caller, req runner.JobRequest) (view runner.JobView, seen bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	return p.Engine.Submit(ctx, c, req)
}

func (p patient) Command(ctx context.Context, c runner.Caller, run string, cmd runner.Command) (runner.RunView, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.RunView, error) { return p.Engine.Command(ctx, c, run, cmd) })
}

func (p patient) CancelJob(ctx context.Context, c runner.Caller, id string) (runner.JobView, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.JobView, error) { return p.Engine.CancelJob(ctx, c, id) })
}

func (p patient) DeleteJob(ctx context.Context, c runner.Caller, id string) error {
	ctx, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	return p.Engine.DeleteJob(ctx, c, id)
}

func (p patient) RetryDead(ctx context.Context, c runner.Caller, job string) (runner.DeadRetried, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.DeadRetried, error) { return p.Engine.RetryDead(ctx, c, job) })
}

func (p patient) DeleteDead(ctx context.Context, c runner.Caller, job string) error {
	ctx, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	return p.Engine.DeleteDead(ctx, c, job)
}

func (p patient) Decide(ctx context.Context, c runner.Caller, id string, d runner.Decision) (runner.ApprovalView, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.ApprovalView, error) { return p.Engine.Decide(ctx, c, id, d) })
}

func (p patient) EditJob(ctx context.Context, c runner.Caller, id string, e runner.Edit) (runner.ApprovalView, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.ApprovalView, error) { return p.Engine.EditJob(ctx, c, id, e) })
}

func (p patient) Delegate(ctx context.Context, c runner.Caller, id string, d runner.Delegation) (runner.ApprovalView, error) {
	return within(ctx, p.most, func(ctx context.Context) (runner.ApprovalView, error) { return p.Engine.Delegate(ctx, c, id, d) })
}

// unknownProblem says that it is not known whether something was done, and where it would be seen.
func unknownProblem(u *runner.UnknownError) *Problem {
	p := newProblem("outcome_unknown", "It may have been done or not, or be done soon. If it was sent with an Idempotency-Key, repeat it with "+
		"the same one; else look before you repeat it.").
		with("Retry-After", "1")
	switch {
	case u.Job != "":
		p.Detail += " The job in Location is where it would be seen; that it is not there yet does not say that it was not submitted."
		p.with("Location", jobPath(u.Job))
	case u.Run != "":
		p.Detail += " The run in Location is where it would be seen; that it is not there yet does not say that it was not started."
		p.with("Location", runPath(u.Run))
	}
	return p
}
