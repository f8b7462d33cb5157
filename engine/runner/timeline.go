package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
)

// Timeline answers the events of a run after a seq, oldest first; more says that some are left.
func (r *Runner) Timeline(ctx context.Context, c Caller, run string, after uint64, limit int) ([]Event, bool, error) {
	if limit <= 0 || limit > maxTimeline {
		limit = maxLimit
	}
	h, err := r.header(ctx, c.Tenant, run)
	if err != nil {
		return nil, false, asUnavailable(err)
	}
	plan, err := r.defs.plan(ctx, c.Tenant, h.Digest)
	if err != nil {
		return nil, false, asUnavailable(err)
	}
	facts, more, err := r.facts(ctx, c.Tenant, run, after, limit)
	out := make([]Event, 0, len(facts))
	if len(facts) > 0 {
		called, nameErr := r.namesFor(ctx, c.Tenant, run, plan, facts)
		if nameErr != nil {
			return nil, false, fmt.Errorf("timeline of run %s: %w", run, nameErr)
		}
		for _, f := range facts {
			out = append(out, event(run, called, f))
		}
	}
	if err != nil {
		return out, false, fmt.Errorf("timeline of run %s: %w", run, err)
	}
	return out, more, nil
}

// facts reads a page of a run's log, behind a seq. What could be read comes with an error, too.
func (r *Runner) facts(ctx context.Context, tenant, run string, after uint64, limit int) (out []stamped, more bool, err error) {
	take := func(f stamped) error {
		switch {
		case f.seq <= after:
			return nil
		case len(out) == limit:
			return errPageFull
		}
		out = append(out, f)
		return nil
	}
	l := store.LogID{Tenant: tenant, Run: run}
	for next := after + 1; ; {
		entries, err := r.store.ReadLog(ctx, r.partOf(run), l, next, min(logPage, limit+1))
		if err != nil {
			return nil, false, errors.Join(ErrUnavailable, err)
		}
		if len(entries) == 0 {
			return out, false, nil
		}
		for _, e := range entries {
			switch err := r.visit(ctx, tenant, r.partOf(run), e, take); {
			case errors.Is(err, errPageFull):
				return out, true, nil
			case err != nil:
				return out, false, asUnavailable(err)
			}
			next = e.First + uint64(e.Count)
		}
	}
}

// errPageFull ends reading a log early.
var errPageFull = errors.New("the page is full")
