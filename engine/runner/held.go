package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// countHeld keeps the gauge of held compensations as a run's committed state says.
func (l *lane) countHeld(lr *live) {
	if held := lr.run.Held(); held != lr.heldSeen {
		l.r.metrics.undosHeld.Add(float64(held - lr.heldSeen))
		lr.heldSeen = held
	}
}

// heldViews are the compensations of a run that wait for a person.
func (lr *live) heldViews() (out []HeldView) {
	if lr.run.Held() == 0 {
		return nil
	}
	for i := range lr.run.Steps {
		s := &lr.run.Steps[i]
		if s.State != engine.StepHeld {
			continue
		}
		out = append(out, HeldView{
			RunID: lr.id, Workflow: lr.run.Workflow, Step: lr.run.Name(s.Target), JobID: lr.jobID(int32(i)),
			HeldAt: lr.undo.held[int32(i)], Error: failureView(s.Failure),
		})
	}
	return out
}

// Held lists the compensations of all runs that wait for a person, the newest runs first. A page holds whole runs, so it
// may have a few more entries than limit, which is 1 to 1,000; 0 means 50.
func (r *Runner) Held(ctx context.Context, c Caller, cursor string, limit int) ([]HeldView, string, error) {
	n, err := Filter{Limit: limit}.limit()
	if err != nil {
		return nil, "", err
	}
	below, err := ulidCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	runs, err := r.heldRuns(ctx, c.Tenant)
	if err != nil {
		return nil, "", err
	}
	out := []HeldView{}
	for _, run := range runs {
		if below != "" && order(run) >= below {
			continue
		}
		if len(out) >= n {
			return out, encodeCursor(below), nil
		}
		below = order(run)
		held, err := readRun(ctx, r, c.Tenant, run, func(lr *live) ([]HeldView, error) { return lr.heldViews(), nil })
		if err != nil {
			r.cfg.Logger.Warn("run with a held compensation cannot be read", "run_id", run, "error", err)
			continue
		}
		out = append(out, held...)
	}
	return out, "", nil
}

// heldRuns are the runs of a tenant with a held compensation, newest first: their live rows say so.
func (r *Runner) heldRuns(ctx context.Context, tenant string) (runs []string, err error) {
	for p := range r.epochs {
		at := store.Range{Table: store.TableLive, Tenant: tenant, Limit: store.MaxScan}
		for {
			page, err := r.store.Scan(ctx, store.Partition(p), at)
			if err != nil {
				return nil, fmt.Errorf("find held compensations: %w", errors.Join(ErrUnavailable, err))
			}
			for _, rec := range page.Records {
				var row liveRow
				if codec.Decode(rec.Value, &row) == nil && row.Held > 0 {
					runs = append(runs, rec.Key.ID)
				}
			}
			if page.Next == nil {
				break
			}
			at.After = page.Next
		}
	}
	slices.SortFunc(runs, func(a, b string) int { return strings.Compare(order(b), order(a)) })
	return runs, nil
}
