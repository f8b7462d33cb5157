package runner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// Limits of a list.
const (
	defaultLimit = 50
	maxLimit     = 1000
	// maxTimeline is how many events one page of a timeline has at most.
	maxTimeline = 10_000
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

// read shows a run to see: the lane's own when it is in memory, else what is stored. see must not keep what it is given.
func (r *Runner) read(ctx context.Context, tenant, run string, see func(*live)) error {
	l := r.laneOf(run)
	if l == nil || !id.IsRun(run) {
		return fmt.Errorf("run %.64q: %w", run, ErrNotFound)
	}
	var seen bool
	answer := make(chan error, 1)
	ok := l.inbox.offer(task{run: run, do: func(t *turn) {
		lr := t.live
		if lr.run.Tenant != tenant {
			answer <- fmt.Errorf("run %s: %w", run, ErrNotFound)
			return
		}
		if len(lr.pending) == 0 {
			see(lr)
			seen = true
			answer <- nil
			return
		}
		t.reply(func(err error) { // decided, not durable yet
			if err == nil {
				see(lr)
				seen = true
			}
			answer <- err
		})
	}, fail: func(error) { answer <- nil }})
	if !ok {
		return fmt.Errorf("run %s: %w", run, ErrOverloaded)
	}
	if err := await(ctx, answer); err != nil || seen {
		return err
	}
	lr, err := r.loadForReading(ctx, tenant, run)
	if err != nil {
		return err
	}
	see(lr)
	return nil
}

// loadForReading loads a run outside its lane. One that cannot be decoded is shown by its header.
func (r *Runner) loadForReading(ctx context.Context, tenant, run string) (lr *live, err error) {
	defer func() {
		if p := recover(); p != nil {
			lr, err = nil, fmt.Errorf("run %s cannot be folded: %v: %w", run, p, ErrUnavailable)
		}
	}()
	lr, err = r.load(ctx, tenant, run)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = errors.Join(ErrUnavailable, err)
	}
	return lr, err
}

// View answers a run.
func (r *Runner) View(ctx context.Context, c Caller, run string) (RunView, error) {
	var v RunView
	err := r.read(ctx, c.Tenant, run, func(lr *live) { v = lr.view() })
	if err == nil || errors.Is(err, ErrNotFound) {
		return v, err
	}
	h, herr := r.readHeader(ctx, c.Tenant, run)
	if herr != nil || h.Fault == "" {
		return v, err
	}
	v = RunView{
		ID: run, Kind: h.Kind.String(), Workflow: h.Workflow, Digest: h.Digest, State: h.State, Compensation: "none", Seq: h.Seq,
		StartedAt: h.StartedAt, StartedBy: h.StartedBy, Error: &ErrorView{Code: "quarantined", Message: h.Fault},
	}
	return v, nil
}

// WaitRun answers a run as soon as it has a fact after since or has ended; as it is when ctx ends first.
func (r *Runner) WaitRun(ctx context.Context, c Caller, run string, since uint64) (RunView, error) {
	w, err := r.Watch(ctx, c, WatchRequest{Run: run}, 1)
	if err != nil {
		return RunView{}, err
	}
	defer w.Close()
	for {
		v, err := r.View(context.WithoutCancel(ctx), c, run)
		if err != nil || v.Seq > since || v.EndedAt != nil || ctx.Err() != nil {
			return v, err
		}
		if _, err := w.Next(ctx); err != nil && ctx.Err() == nil {
			return v, err
		}
	}
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

// Runs lists runs, newest first. Jobs of the jobs API are only shown when Kind asks for them.
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
	if err != nil {
		return nil, "", err
	}
	var out []RunHeader
	for len(out) < n {
		ids, more, err := r.newest(ctx, c.Tenant, f.Workflow, below, n)
		if err != nil {
			return nil, "", err
		}
		for i, run := range ids {
			below = run[2:]
			h, err := r.readHeader(ctx, c.Tenant, run)
			if err != nil {
				r.cfg.Logger.Warn("run of a list cannot be read", "run_id", run, "error", err)
				continue
			}
			if h.Kind.String() != f.Kind || (f.State != "" && h.State != f.State) {
				continue
			}
			out = append(out, h.view(run))
			if len(out) == n && (more || i < len(ids)-1) {
				return out, encodeCursor(below), nil
			}
		}
		if !more {
			break
		}
	}
	return out, "", nil
}

// ulidCursor reads the place behind which a list goes on.
func ulidCursor(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	last, err := decodeCursor(cursor)
	if err != nil || !id.IsRun("00"+last) {
		return "", ErrInvalidCursor
	}
	return last, nil
}

// newest merges the ordered rows of all partitions: ids of runs below a ULID, newest first.
func (r *Runner) newest(ctx context.Context, tenant, workflow, below string, n int) (ids []string, more bool, err error) {
	for p := range r.epochs {
		table, from, to := store.TableHeader, fmt.Sprintf("%02X", p), fmt.Sprintf("%02X~", p)
		prefix := ""
		if workflow != "" {
			table, prefix = store.TableRecent, workflow+"\x01"
			from, to = prefix+from, prefix+to
		}
		if below != "" {
			to = fmt.Sprintf("%s%02X%s", prefix, p, below)
		}
		page, err := r.store.Scan(ctx, store.Partition(p), store.Range{
			Table: table, Tenant: tenant, From: from, To: to, Reverse: true, Limit: n,
		})
		if err != nil {
			return nil, false, fmt.Errorf("list runs: %w", errors.Join(ErrUnavailable, err))
		}
		for _, rec := range page.Records {
			ids = append(ids, strings.TrimPrefix(rec.Key.ID, prefix))
		}
		more = more || page.Next != nil
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b[2:], a[2:]) })
	if len(ids) > n {
		ids, more = ids[:n], true
	}
	return ids, more, nil
}

func (h *runHeader) view(run string) RunHeader {
	return RunHeader{
		ID: run, Kind: h.Kind.String(), Workflow: h.Workflow, Digest: h.Digest, State: h.State, Seq: h.Seq,
		StartedAt: h.StartedAt, EndedAt: optional(h.EndedAt), StartedBy: h.StartedBy,
	}
}

// Timeline answers the events of a run after a seq, oldest first; more says that some are left.
func (r *Runner) Timeline(ctx context.Context, c Caller, run string, after uint64, limit int) ([]Event, bool, error) {
	if limit <= 0 || limit > maxTimeline {
		limit = maxLimit
	}
	h, err := r.readHeader(ctx, c.Tenant, run)
	if err != nil {
		return nil, false, err
	}
	plan, err := r.defs.plan(ctx, c.Tenant, h.Digest)
	if err != nil {
		return nil, false, err
	}
	out := []Event{}
	l := store.LogID{Tenant: c.Tenant, Run: run}
	full := errors.New("page is full")
	for next := after + 1; ; {
		entries, err := r.store.ReadLog(ctx, r.partOf(run), l, next, logPage)
		if err != nil {
			return nil, false, fmt.Errorf("timeline of run %s: %w", run, errors.Join(ErrUnavailable, err))
		}
		for _, e := range entries {
			err := readEntry(e.First, e.Value, func(f stamped) error {
				if f.seq <= after {
					return nil
				}
				if len(out) == limit {
					return full
				}
				out = append(out, event(run, plan, f))
				return nil
			})
			if errors.Is(err, full) {
				return out, true, nil
			}
			if err != nil {
				return out, false, fmt.Errorf("timeline of run %s: %w", run, errors.Join(ErrUnavailable, err))
			}
			next = e.First + uint64(e.Count)
		}
		if len(entries) < logPage {
			return out, false, nil
		}
	}
}

// Approvals lists approvals, those that wait first, newest first.
func (r *Runner) Approvals(ctx context.Context, c Caller, f Filter) ([]ApprovalView, string, error) {
	n, err := f.limit()
	if err != nil {
		return nil, "", err
	}
	below := ""
	if f.Cursor != "" {
		if below, err = decodeCursor(f.Cursor); err != nil {
			return nil, "", err
		}
	}
	var all []approvalRow
	for p := range r.epochs {
		page, err := r.store.Scan(ctx, store.Partition(p), store.Range{Table: store.TableApproval, Tenant: c.Tenant, Limit: store.MaxScan})
		if err != nil {
			return nil, "", fmt.Errorf("list approvals: %w", errors.Join(ErrUnavailable, err))
		}
		for _, rec := range page.Records {
			var v ApprovalView
			if err := json.Unmarshal(rec.Value, &v); err != nil {
				r.cfg.Logger.Error("approval row cannot be read", "key", rec.Key.ID, "error", err)
				continue
			}
			row := approvalRow{order: approvalOrder(v), view: v}
			if row.order > below && (f.State == "" || f.State == v.State) && (f.Workflow == "" || f.Workflow == v.Workflow) {
				all = append(all, row)
			}
		}
	}
	slices.SortFunc(all, func(a, b approvalRow) int { return strings.Compare(a.order, b.order) })
	out := []ApprovalView{}
	for i, row := range all {
		if i == n {
			return out, encodeCursor(all[i-1].order), nil
		}
		out = append(out, row.view)
	}
	return out, "", nil
}

type approvalRow struct {
	order string
	view  ApprovalView
}

// approvalOrder sorts those that wait first, then the newest.
func approvalOrder(v ApprovalView) string {
	open := "1"
	if v.State == "waiting" {
		open = "0"
	}
	return fmt.Sprintf("%s%016x%s", open, ^uint64(v.RequestedAt.UnixNano()), v.ID)
}

// Approval answers one approval.
func (r *Runner) Approval(ctx context.Context, c Caller, approval string) (ApprovalView, error) {
	ref, err := id.ParseJob(approval)
	missing := fmt.Errorf("approval %.64q: %w", approval, ErrNotFound)
	if err != nil {
		return ApprovalView{}, missing
	}
	var v ApprovalView
	found := false
	err = r.read(ctx, c.Tenant, ref.Run, func(lr *live) {
		step, ok := lr.plan.ByID[ref.Step]
		if ok && ref.Iteration == 0 && lr.approvals[int32(step)] != nil {
			v, found = lr.approvalView(int32(step), true), true
		}
	})
	if err == nil && !found {
		err = missing
	}
	return v, err
}

// Workers answers the workers that the fleet knows.
func (r *Runner) Workers(context.Context, Caller) ([]WorkerView, error) {
	return r.dispatch.workers(), nil
}

// saveApproval writes the row that the list of approvals is made of; what is shown stays with the run.
func (t *turn) saveApproval(step int32) {
	lr := t.live
	v := lr.approvalView(step, false)
	row, err := json.Marshal(v)
	if err != nil {
		t.err = fmt.Errorf("encode approval row: %w", err)
		return
	}
	key := func(state string) store.Key {
		return store.Key{Table: store.TableApproval, Tenant: lr.run.Tenant, ID: state + v.ID}
	}
	if v.State == "waiting" {
		lr.extra.puts = append(lr.extra.puts, store.Put{Key: key("0"), Value: row})
		return
	}
	lr.extra.deletes = append(lr.extra.deletes, key("0"))
	lr.extra.puts = append(lr.extra.puts, store.Put{Key: key("1"), Value: row})
}
