package runner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

func (f Filter) limit() (int, error) {
	switch {
	case f.Limit == 0:
		return defaultLimit, nil
	case f.Limit < 0 || f.Limit > maxLimit:
		return 0, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("limit must be 1 to %d", maxLimit)}
	}
	return f.Limit, nil
}

const cursorPrefix = "c1:"

func encodeCursor(last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + last))
}

func decodeCursor(s string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	last, ok := strings.CutPrefix(string(raw), cursorPrefix)
	if err != nil || !ok || len(last) > 256 || strings.ContainsRune(last, 0) {
		return "", ErrInvalidCursor
	}
	return last, nil
}

// readRun answers what see makes of a run: the lane's own when it is in memory, else what is stored. see must not keep the run.
func readRun[T any](ctx context.Context, r *Runner, tenant, run string, see func(*live) (T, error)) (T, error) {
	type sight struct {
		value T
		err   error
		seen  bool
	}
	answer := newPromise[sight]()
	look := func(lr *live) {
		v, err := see(lr)
		answer.give(sight{v, err, true})
	}
	l := r.laneOf(run)
	if l == nil || !id.IsRun(run) {
		var none T
		return none, fmt.Errorf("run %.64q: %w", run, ErrNotFound)
	}
	err := l.inbox.offer(task{run: run, do: func(t *turn) {
		lr := t.live
		switch {
		case lr.run.Tenant != tenant:
			answer.fail(fmt.Errorf("run %s: %w", run, ErrNotFound))
		case len(lr.pending) == 0:
			look(lr)
		default: // decided, not durable yet
			t.reply(func(err error) {
				if err != nil {
					answer.fail(err)
					return
				}
				look(lr)
			})
		}
	}, fail: func(error) { answer.give(sight{}) }})
	if errors.Is(err, ErrOverloaded) {
		answer.fail(fmt.Errorf("run %s: %w", run, err))
	} else if err != nil {
		answer.give(sight{}) // the lane has ended: what is stored can be read all the same
	}
	s, err := answer.wait(ctx)
	if err != nil || s.seen {
		return s.value, errors.Join(err, s.err)
	}
	lr, err := r.loadFenced(ctx, tenant, run)
	if err != nil {
		return s.value, asUnavailable(err)
	}
	return see(lr)
}

// asUnavailable is an error of reading as callers see it: what is there and cannot be read is not "not found", and what
// cannot be decoded will not be a moment later either.
func asUnavailable(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return errors.Join(errSetAside, ErrUnavailable, err)
}

// View answers a run. One whose records cannot be read is shown by its header, faulted, with the error.
func (r *Runner) View(ctx context.Context, c Caller, run string) (RunView, error) {
	v, err := readRun(ctx, r, c.Tenant, run, func(lr *live) (RunView, error) { return lr.view(), nil })
	r.placements(v.Steps)
	if err == nil || errors.Is(err, ErrNotFound) {
		return v, err
	}
	h, herr := r.header(ctx, c.Tenant, run)
	if herr != nil || (transient(err) && h.Fault == "") {
		return v, err
	}
	if h.Fault == "" {
		h.State, h.Fault = engine.RunFaulted.String(), err.Error()
	}
	return RunView{
		ID: run, Kind: h.Kind.String(), Workflow: h.Workflow, Digest: h.Digest, State: h.State, Compensation: h.Compensation.String(), Seq: h.Seq,
		StartedAt: h.StartedAt, EndedAt: optional(h.EndedAt), StartedBy: h.StartedBy,
		Error: &ErrorView{Code: "quarantined", Message: h.Fault},
	}, nil
}

// settled tells whether nothing happens to a run any more by itself.
func settled(v *RunView) bool {
	return v.EndedAt != nil && v.Compensation != engine.CompensationRunning.String() && v.Compensation != engine.CompensationHeld.String()
}

// WaitRun answers a run as soon as it has a fact after since or is settled: it has ended, and its compensation too; as it
// is when ctx ends first.
func (r *Runner) WaitRun(ctx context.Context, c Caller, run string, since uint64) (RunView, error) {
	w, err := r.Watch(ctx, c, WatchRequest{Run: run}, 1)
	if err != nil {
		return RunView{}, err
	}
	defer w.Close()
	for {
		m, err := w.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return r.View(context.WithoutCancel(ctx), c, run)
		case err != nil:
			return RunView{}, err
		case m.Kind == "snapshot":
			if m.Snapshot.Seq > since || settled(m.Snapshot) {
				return *m.Snapshot, nil
			}
		case mayBeNews(m, since):
			if v, err := r.View(ctx, c, run); err != nil || v.Seq > since || settled(&v) {
				return v, err
			}
		}
	}
}

// mayBeNews tells whether it is worth looking at the run again: it has come far enough, or it may have ended before that.
func mayBeNews(m Message, since uint64) bool {
	switch m.Kind {
	case "event":
		return m.Event.Seq > since || strings.HasPrefix(m.Event.Type, "run_") || m.Event.Type == "compensation_ended"
	case "gap":
		return true
	}
	return false
}

// LatestRun answers the newest run of a workflow.
func (r *Runner) LatestRun(ctx context.Context, c Caller, workflow string) (string, error) {
	rows, _, err := r.Runs(ctx, c, Filter{Workflow: workflow, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", fmt.Errorf("runs of workflow %.64q: %w", workflow, ErrNotFound)
	}
	return rows[0].ID, nil
}

// Runs lists runs, newest first. Jobs of the jobs API are only shown when Kind asks for them; they are of no workflow.
func (r *Runner) Runs(ctx context.Context, c Caller, f Filter) ([]RunHeader, string, error) {
	n, err := f.limit()
	if err != nil {
		return nil, "", err
	}
	if f.Kind == "" {
		f.Kind = engine.KindWorkflow.String()
	}
	if !validDocName(f.Workflow) {
		return nil, "", fmt.Errorf("workflow %.64q: %w", f.Workflow, ErrNotFound)
	}
	below, err := ulidCursor(f.Cursor)
	switch {
	case err != nil:
		return nil, "", err
	case f.Workflow != "" && f.Kind == engine.KindJob.String():
		return nil, "", nil
	case f.Workflow != "" && f.State != "":
		return r.runsOfBoth(ctx, c.Tenant, f, below, n)
	}
	return r.runsOfOne(ctx, c.Tenant, f, below, n)
}

// runsOfOne is a page of Runs from the one index that serves the filter. All of its rows fit but those that changed meanwhile; only
// where all runs are asked for, jobs lie among them.
func (r *Runner) runsOfOne(ctx context.Context, tenant string, f Filter, below string, n int) (out []RunHeader, next string, err error) {
	table, prefix := indexOf(f)
	w := r.walkRows(table, tenant, []string{prefix}, below, n)
	for others := 0; ; {
		row, err := w.next(ctx)
		switch {
		case err != nil:
			return nil, "", err
		case row.id == "":
			return out, "", nil
		case len(out) == n || others >= maxLooked:
			return out, encodeCursor(below), nil
		case others > n && table == store.TableHeader:
			return r.runsAmongJobs(ctx, tenant, f, below, n, out)
		}
		below = row.order
		h, err := r.headerOf(ctx, tenant, row)
		if err != nil {
			r.cfg.Logger.Warn("run of a list cannot be read", "run_id", row.id, "error", err)
		}
		if err != nil || h.Kind.String() != f.Kind || (f.State != "" && f.Kind != engine.KindJob.String() && h.State != f.State) {
			others++
			continue
		}
		out = append(out, h.view(row.id))
	}
}

// headerOf answers the header of a listed run, which the list holds already unless it is a workflow's.
func (r *Runner) headerOf(ctx context.Context, tenant string, row listed) (h runHeader, err error) {
	if row.table == store.TableHeader && codec.Decode(row.value, &h) == nil && h.Digest != "" {
		return h, nil
	}
	return r.header(ctx, tenant, row.id)
}

// ulidCursor reads the place behind which a list goes on.
func ulidCursor(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	last, err := decodeCursor(cursor)
	if err != nil || !id.IsRun("00"+strings.TrimSuffix(last, behindRuns)) { // a place just behind a run is one, too
		return "", ErrInvalidCursor
	}
	return last, nil
}

// indexOf is the index that serves a filter by one thing, and what its rows begin with.
func indexOf(f Filter) (table store.Table, prefix string) {
	switch {
	case f.Workflow != "":
		return store.TableRecent, f.Workflow + "\x01"
	case f.State != "":
		return store.TableByState, statePrefix(f.Kind, f.State)
	case f.Kind == engine.KindJob.String():
		return store.TableRecent, allJobs + "\x01"
	}
	return store.TableHeader, ""
}

func (h *runHeader) view(run string) RunHeader {
	return RunHeader{
		ID: run, Kind: h.Kind.String(), Workflow: h.Workflow, Digest: h.Digest, State: h.State, Seq: h.Seq,
		Compensation: h.Compensation.String(), StartedAt: h.StartedAt, EndedAt: optional(h.EndedAt), StartedBy: h.StartedBy,
	}
}

// Workers answers the workers that the fleet knows.
func (r *Runner) Workers(context.Context, Caller) ([]WorkerView, error) {
	return r.dispatch.workers(), nil
}
