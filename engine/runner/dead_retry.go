package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// DeadRetried is a dead letter that is being done again, and what goes with it.
type DeadRetried struct {
	DeadLetter
	// Also are other dead letters of its run that are done again with it: a run is tried again as a whole.
	Also []string `json:"also,omitempty" doc:"Other dead letters of the same run that are done again with it"`
}

// RetryDead has a dead job done again within its run, as it was: the same input, the same fields, the same idempotency key. A
// failed run is tried again as a whole, so its other dead jobs go with it; of a held compensation only that one. One that is
// being done again already is answered as it is. ErrConflict says what to do in its place.
func (r *Runner) RetryDead(ctx context.Context, c Caller, job string) (DeadRetried, error) {
	row, at, err := r.readDead(ctx, c.Tenant, job)
	if err != nil {
		return DeadRetried{}, err
	}
	if row.Again {
		return DeadRetried{DeadLetter: r.deadDetail(&row)}, nil
	}
	if c.Reason == "" {
		c.Reason = "retry of dead letter " + job
	}
	also, err := r.deadOfRun(ctx, c.Tenant, job) // before: what is done again may have gone well by the time that it is looked at
	if err != nil {
		return DeadRetried{}, err
	}
	err = r.retryDead(ctx, c, &row)
	switch {
	case errors.Is(err, ErrNotFound): // the run is gone
		_, dropped := r.dropDead(ctx, c.Tenant, []deadPlace{at}, "run_gone")
		return DeadRetried{}, errors.Join(err, dropped)
	case err != nil:
		return DeadRetried{}, err
	}
	row.Again = true
	if row.Undo {
		also = nil
	}
	return DeadRetried{DeadLetter: r.deadDetail(&row), Also: also}, nil
}

func (r *Runner) retryDead(ctx context.Context, c Caller, row *deadRow) error {
	run := id.RunOf(row.Job)
	if row.Undo {
		_, err := r.Command(ctx, c, run, Command{Verb: VerbCompensation, Compensation: row.Job, Action: "retry"})
		return err
	}
	if err := r.retriable(ctx, c, run, row.Job); err != nil {
		return err
	}
	_, err := r.Command(ctx, c, run, Command{Verb: VerbRetry})
	return err
}

// retriable says of a run that cannot be tried again what to do in place of it. The engine has the last word.
func (r *Runner) retriable(ctx context.Context, c Caller, run, job string) error {
	ref, err := id.ParseJob(job)
	if err != nil {
		return fmt.Errorf("dead letter %.64q: %w", job, ErrNotFound)
	}
	_, err = readRun(ctx, r, c.Tenant, run, func(lr *live) (struct{}, error) {
		var none struct{}
		instead := lr.insteadOfRetry()
		if node, known := lr.node(ref); known && instead == "" {
			instead = lr.doneWithout(node)
		}
		if instead != "" {
			return none, fmt.Errorf("%s: %w", instead, ErrConflict)
		}
		return none, nil
	})
	return err
}

// insteadOfRetry says why a run is not tried again and what to do; "" when nothing speaks against it.
func (lr *live) insteadOfRetry() string {
	run := lr.run
	switch {
	case run.Fault != "":
		return "run " + lr.id + " is faulted: resume it first"
	case run.Parent.Run != "":
		return "the job belongs to run " + lr.id + ", which a step of run " + run.Parent.Run + " started: retry that run, which does the step again"
	case !run.State.Final():
		return "run " + lr.id + " is " + run.Status() + ": retry when it has ended, or cancel it first"
	case run.State == engine.RunSucceeded:
		return "run " + lr.id + " succeeded without this job: do the step again in a new run with fork"
	case run.State != engine.RunFailed:
		return "run " + lr.id + " is " + run.State.String() + ", and only a failed run is tried again: start it again with rerun, or from the step with fork"
	}
	return ""
}

// doneWithout says that what a job is part of succeeded without it; "" when it did not.
func (lr *live) doneWithout(node int32) string {
	for at := lr.run.Steps[node].Parent; at >= 0; at = lr.run.Steps[at].Parent {
		if lr.run.Steps[at].State == engine.StepSucceeded {
			return "step " + lr.run.Name(at) + " succeeded without this job: do it again in a new run with fork"
		}
	}
	return ""
}

// deadOfRun are the other dead letters of a job's run that a retry of the run does again.
func (r *Runner) deadOfRun(ctx context.Context, tenant, job string) ([]string, error) {
	run := id.RunOf(job)
	// A job's id is the run's, a dot, and more; '/' follows '.'.
	page, err := r.store.Scan(ctx, r.partOf(run), store.Range{
		Table: store.TableDeadLetter, Tenant: tenant, From: run + ".", To: run + "/", Limit: maxDeadAlso,
	})
	if err != nil {
		return nil, fmt.Errorf("read the dead letters of a run: %w", errors.Join(ErrUnavailable, err))
	}
	var also []string
	for _, rec := range page.Records {
		other, _, _ := strings.Cut(rec.Key.ID, "/")
		var row deadRow
		if codec.Decode(rec.Value, &row) == nil && !row.Undo && other != job {
			also = append(also, other)
		}
	}
	return also, nil
}
