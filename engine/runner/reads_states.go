package runner

import (
	"context"
	"slices"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// walkStates goes through the runs of a kind that are in one of some states; a run that goes from one to another meanwhile may come
// twice, one behind the other.
func (r *Runner) walkStates(tenant string, kind engine.Kind, states []string, below string, n int) *rowsWalk {
	prefixes := make([]string, len(states))
	for i, state := range states {
		prefixes[i] = statePrefix(kind.String(), state)
	}
	return r.walkRows(store.TableByState, tenant, prefixes, below, n)
}

// liveStates are the states of a run of a workflow that has not ended, as people see them.
var liveStates = []string{"pending", "running", "waiting", "paused", "faulted"}

// runsAmongJobs goes on with a page of Runs where most runs are jobs of the jobs API: their headers lie among the others.
func (r *Runner) runsAmongJobs(ctx context.Context, tenant string, f Filter, below string, n int, out []RunHeader) ([]RunHeader, string, error) {
	// Live ones first: one that ends meanwhile is met among those that have ended.
	w := r.walkStates(tenant, engine.KindWorkflow, slices.Concat(liveStates, endStates(engine.KindWorkflow)), below, n)
	for {
		row, err := w.next(ctx)
		switch {
		case err != nil:
			return nil, "", err
		case row.id == "":
			return out, "", nil
		case row.order == below:
			continue
		case len(out) >= n:
			return out, encodeCursor(below), nil
		}
		below = row.order
		h, err := r.header(ctx, tenant, row.id)
		if err != nil {
			r.cfg.Logger.Warn("run of a list cannot be read", "run_id", row.id, "error", err)
			continue
		}
		if h.Kind.String() == f.Kind {
			out = append(out, h.view(row.id))
		}
	}
}
