package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
)

// This file is what beside its lane follows a partition that comes or goes: dead letters, logs, who is told of approvals, and
// what is done once for a whole installation.

// Elsewhere reaches the owners of partitions that are not this process's.
type Elsewhere interface {
	// RetryDead and DeleteDead are those of the owner of the job's run.
	RetryDead(ctx context.Context, c Caller, job string) (DeadRetried, error)
	DeleteDead(ctx context.Context, c Caller, job string) error
}

// Reach says how the owners of other partitions are reached. It is called before Run; without it what would need them is left
// undone, and said.
func (r *Runner) Reach(e Elsewhere) { r.reach = e }

// followParts registers what follows partitions. Alone there is nothing to follow.
func (r *Runner) followParts() {
	r.whenTaken(func(p store.Partition) {
		r.dead.setShare(len(r.owned()), len(r.epochs))
		r.asked.missed() // somebody may wait there who was not told yet
		ring(r.restored)
		if p == docPartition {
			r.audit.forgetLast()
			ring(r.agreed.bell)
			ring(r.dead.lead)
		}
	})
	r.whenLost(func(p store.Partition) {
		r.logs.lost(p)
		r.dead.lost(p)
		if p == docPartition {
			r.dead.leaveRedrives()
		}
	})
}

// retryAnywhere is RetryDead of whoever owns the job's run.
func (r *Runner) retryAnywhere(ctx context.Context, c Caller, job string) error {
	_, err := r.RetryDead(ctx, c, job)
	if errors.Is(err, ErrMoved) && r.reach != nil {
		_, err = r.reach.RetryDead(ctx, c, job)
	}
	return err
}

// removeElsewhere removes entries of runs that other processes own, one after another, and answers how many were there.
func (r *Runner) removeElsewhere(ctx context.Context, c Caller, places []deadPlace) (removed int, err error) {
	if len(places) > 0 && r.reach == nil {
		return 0, fmt.Errorf("%d dead letters are of runs that other engines own: %w", len(places), ErrMoved)
	}
	for _, p := range places {
		switch err := r.reach.DeleteDead(ctx, c, p.job); {
		case err == nil:
			removed++
		case !errors.Is(err, ErrNotFound):
			return removed, err
		}
	}
	return removed, nil
}
