package runner

import (
	"context"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/store"
)

// countHeld keeps the gauge of held compensations as a run's committed state says.
func (l *lane) countHeld(lr *live) {
	if held := lr.run.Held(); held != lr.heldSeen {
		l.r.countUndosHeld(lr.part, held-lr.heldSeen)
		lr.heldSeen = held
	}
}

// countUndosHeld keeps the gauge of held compensations, and of which partition they are.
func (r *Runner) countUndosHeld(p store.Partition, more int) {
	r.metrics.undosHeld.Add(float64(more))
	if s := r.shared; s != nil {
		s.parts[p].held.Add(int64(more))
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
	out := []HeldView{}
	for w := r.walkRows(store.TableByState, c.Tenant, []string{heldPrefix}, below, n); ; {
		row, err := w.next(ctx)
		switch {
		case err != nil:
			return nil, "", err
		case row.id == "":
			return out, "", nil
		case len(out) >= n:
			return out, encodeCursor(below), nil
		}
		below = row.order
		held, err := readRun(ctx, r, c.Tenant, row.id, func(lr *live) ([]HeldView, error) { return lr.heldViews(), nil })
		if err != nil {
			r.cfg.Logger.Warn("run with a held compensation cannot be read", "run_id", row.id, "error", err)
			continue
		}
		out = append(out, held...)
	}
}

// heldPrefix begins the rows of the runs with a held compensation in the index of states: no kind of run is called so.
const heldPrefix = "held\x01"

// writeHeld keeps the row by which the list of held compensations finds the run.
func (lr *live) writeHeld(tx *store.Tx) {
	held := lr.run.Held() > 0
	if held == lr.heldRow {
		return
	}
	key := byStateKey(lr.run.Tenant, heldPrefix+lr.id)
	if lr.heldRow = held; held {
		tx.Puts = append(tx.Puts, store.Put{Key: key, Value: []byte{1}})
	} else {
		tx.Deletes = append(tx.Deletes, key)
	}
}
