package gateway

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/steps"
)

// fakeEngine is a small real engine: it keeps workflows, runs that advance when a test says so, and their events, in
// memory and by tenant.
type fakeEngine struct {
	holds     fakeHolds
	locks     fakeLocks
	dead      fakeDead
	audit     fakeAudit
	fleet     fakeFleet
	mu        sync.Mutex
	workflows map[string][]runner.WorkflowVersion // by tenant/id, oldest first
	runs      map[string]*fakeRun                 // by tenant/id
	order     []string
	keys      map[string]fakeKey
	jobs      map[string]runner.JobView
	approvals map[string]runner.ApprovalView
	watches   map[*fakeWatch]struct{}
	callers   []runner.Caller
	sick      error
	boom      bool
	docs      fakeDocs
	// registered are schemas, topics and workers' credentials.
	registered fakeRegistered
	stubborn   map[string]bool // runs whose commands make the engine panic
}

type fakeRun struct {
	tenant   string
	view     runner.RunView
	events   []runner.Event
	commands []runner.Command
	forked   runner.ForkRequest // the last request
}

type fakeKey struct{ body, run, digest string }

func newFake() *fakeEngine {
	return &fakeEngine{
		workflows: map[string][]runner.WorkflowVersion{}, runs: map[string]*fakeRun{}, keys: map[string]fakeKey{},
		jobs: map[string]runner.JobView{}, approvals: map[string]runner.ApprovalView{}, watches: map[*fakeWatch]struct{}{},
		docs: fakeDocs{values: map[string][]byte{}},
	}
}

func (f *fakeEngine) lock(c runner.Caller) func() {
	f.mu.Lock()
	f.callers = append(f.callers, c)
	if f.boom {
		f.mu.Unlock()
		panic("boom: secret-of-the-engine")
	}
	return f.mu.Unlock
}

func (f *fakeEngine) lastCaller() runner.Caller {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.callers[len(f.callers)-1]
}

func (f *fakeEngine) count() (workflows, runs, jobs int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.workflows), len(f.runs), len(f.jobs)
}

func (f *fakeEngine) CheckWorkflow(_ context.Context, source []byte, format runner.Format) (runner.WorkflowVersion, []dag.Diagnostic) {
	w, diags := steps.Load(source, languageFormat(format), false)
	if w == nil {
		return runner.WorkflowVersion{}, diags
	}
	return runner.WorkflowVersion{
		ID: w.Def.ID, Name: w.Def.Name, Version: w.Def.Version, Digest: w.Def.Digest, Steps: len(w.Steps), Source: w.Def.Canonical,
		CreatedAt: time.Unix(0, 0).UTC(),
	}, diags
}

func (f *fakeEngine) PutWorkflow(ctx context.Context, c runner.Caller, source []byte, format runner.Format) (runner.WorkflowVersion, error) {
	defer f.lock(c)()
	v, diags := f.CheckWorkflow(ctx, source, format)
	if v.ID == "" {
		return v, &runner.InvalidError{Code: "invalid_definition", Message: "no", Diagnostics: diags}
	}
	v.Graph = &runner.GraphView{Nodes: []runner.GraphNode{{ID: "a", Type: "worker"}}}
	key := c.Tenant + "/" + v.ID
	f.workflows[key] = append(f.workflows[key], v)
	return v, nil
}

func (f *fakeEngine) Workflow(_ context.Context, c runner.Caller, id, digest string) (runner.WorkflowVersion, error) {
	defer f.lock(c)()
	for _, v := range slices.Backward(f.workflows[c.Tenant+"/"+id]) {
		if digest == "" || digest == v.Digest {
			return v, nil
		}
	}
	return runner.WorkflowVersion{}, runner.ErrNotFound
}

func (f *fakeEngine) Workflows(_ context.Context, c runner.Caller, _ runner.Filter) ([]runner.WorkflowVersion, string, error) {
	defer f.lock(c)()
	var out []runner.WorkflowVersion
	for key, versions := range f.workflows {
		if key == c.Tenant+"/"+versions[0].ID {
			out = append(out, versions[len(versions)-1])
		}
	}
	return out, "", nil
}

func (f *fakeEngine) Start(_ context.Context, c runner.Caller, req runner.StartRequest) (runner.Started, error) {
	defer f.lock(c)()
	versions := f.workflows[c.Tenant+"/"+req.Workflow]
	if len(versions) == 0 {
		return runner.Started{}, fmt.Errorf("workflow: %w", runner.ErrNotFound)
	}
	body := fmt.Sprint(req.Workflow, req.Digest, string(req.Input), string(req.Context), req.Labels)
	key := c.Tenant + "\x00" + req.IdempotencyKey
	if seen, ok := f.keys[key]; ok && req.IdempotencyKey != "" {
		if seen.body != body {
			return runner.Started{}, runner.ErrIdempotency
		}
		return runner.Started{RunID: seen.run, Workflow: req.Workflow, Digest: seen.digest, Replayed: true}, nil
	}
	run := &fakeRun{tenant: c.Tenant, view: runner.RunView{
		ID: runID(len(f.order)), Kind: "workflow", Workflow: req.Workflow, Digest: versions[len(versions)-1].Digest,
		State: "running", Compensation: "none", StartedBy: c.Actor, Input: req.Input, Context: req.Context, Labels: req.Labels,
		Steps: []runner.StepView{{ID: "a", Type: "worker", State: "running", JobID: runID(len(f.order)) + ".a~0"}},
	}}
	f.runs[c.Tenant+"/"+run.view.ID] = run
	f.order = append(f.order, run.view.ID)
	f.keys[key] = fakeKey{body, run.view.ID, run.view.Digest}
	f.add(run, "run_started")
	return runner.Started{RunID: run.view.ID, Workflow: req.Workflow, Digest: run.view.Digest}, nil
}

func (f *fakeEngine) Seen(_ context.Context, c runner.Caller, key string) (runner.Started, error) {
	defer f.lock(c)()
	seen, ok := f.keys[c.Tenant+"\x00"+key]
	if !ok {
		return runner.Started{}, runner.ErrNotFound
	}
	return runner.Started{RunID: seen.run, Digest: seen.digest, Replayed: true}, nil
}

// runID makes real run ids: partition 07 and a ULID.
func runID(n int) string { return fmt.Sprintf("0701JDPV6V2K8Q0000000000%04d", n) }

// advance adds n events to a run.
func (f *fakeEngine) advance(id string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.add(f.runs["default/"+id], "step_progress")
	}
}

// hold lets a compensation of a run be held.
func (f *fakeEngine) hold(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs["default/"+id].view.Compensation = "held"
}

func (f *fakeEngine) finish(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	run := f.runs["default/"+id]
	now := time.Unix(1, 0).UTC()
	run.view.State, run.view.EndedAt = "succeeded", &now
	f.add(run, "run_succeeded")
}

func (f *fakeEngine) add(run *fakeRun, kind string) {
	run.view.Seq++
	e := runner.Event{Seq: run.view.Seq, Prev: run.view.Seq - 1, RunID: run.view.ID, Type: kind, V: 1, At: time.Unix(0, 0).UTC()}
	run.events = append(run.events, e)
	for w := range f.watches {
		switch {
		case w.run == run:
			w.put(runner.Message{Kind: "event", Event: &e})
		case w.run == nil && w.tenant == run.tenant && (w.workflow == "*" || w.workflow == run.view.Workflow):
			w.put(runner.Message{Kind: "header", Header: headerOf(run)})
		}
	}
}

func headerOf(run *fakeRun) *runner.RunHeader {
	v := run.view
	return &runner.RunHeader{
		ID: v.ID, Kind: v.Kind, Workflow: v.Workflow, Digest: v.Digest, State: v.State, Compensation: v.Compensation, Seq: v.Seq,
		StartedAt: v.StartedAt, StartedBy: v.StartedBy,
	}
}

func (f *fakeEngine) find(c runner.Caller, id string) (*fakeRun, error) {
	run := f.runs[c.Tenant+"/"+id]
	if run == nil {
		return nil, fmt.Errorf("run: %w", runner.ErrNotFound)
	}
	return run, nil
}

func (f *fakeEngine) Rerun(ctx context.Context, c runner.Caller, id string) (runner.Started, error) {
	unlock := f.lock(c)
	run, err := f.find(c, id)
	unlock()
	if err != nil {
		return runner.Started{}, err
	}
	return f.Start(ctx, c, runner.StartRequest{Workflow: run.view.Workflow, Input: run.view.Input})
}

func (f *fakeEngine) Submit(_ context.Context, c runner.Caller, req runner.JobRequest) (runner.JobView, bool, error) {
	defer f.lock(c)()
	job := runner.JobView{
		ID: runID(9000+len(f.jobs)) + ".job~0", Topic: req.Topic, Pack: req.Pack, Tool: req.Tool, State: "pending",
		Worker: req.PreferredWorkerID, Output: req.Input,
	}
	f.jobs[c.Tenant+"/"+job.ID] = job
	return job, false, nil
}

func (f *fakeEngine) Command(_ context.Context, c runner.Caller, id string, cmd runner.Command) (runner.RunView, error) {
	defer f.lock(c)()
	run, err := f.find(c, id)
	if err != nil {
		return runner.RunView{}, err
	}
	if f.stubborn[id] {
		panic("boom: secret-of-the-engine")
	}
	again := cmd.Verb == runner.VerbRollback || cmd.Verb == runner.VerbRetry || cmd.Verb == runner.VerbCompensation
	if run.view.EndedAt != nil && !again {
		return runner.RunView{}, fmt.Errorf("%w: the run has ended", runner.ErrConflict)
	}
	run.commands = append(run.commands, cmd)
	f.add(run, "run_"+string(cmd.Verb))
	return run.view, nil
}

func (f *fakeEngine) View(_ context.Context, c runner.Caller, id string) (runner.RunView, error) {
	defer f.lock(c)()
	run, err := f.find(c, id)
	if err != nil {
		return runner.RunView{}, err
	}
	return run.view, nil
}

func (f *fakeEngine) WaitRun(ctx context.Context, c runner.Caller, id string, since uint64) (runner.RunView, error) {
	w, err := f.Watch(ctx, c, runner.WatchRequest{Run: id}, 10)
	if err != nil {
		return runner.RunView{}, err
	}
	defer w.Close()
	for {
		view, err := f.View(ctx, c, id)
		if err != nil || view.Seq > since || view.EndedAt != nil {
			return view, err
		}
		if _, err := w.Next(ctx); err != nil {
			return f.View(context.WithoutCancel(ctx), c, id)
		}
	}
}

func (f *fakeEngine) LatestRun(_ context.Context, c runner.Caller, workflow string) (string, error) {
	defer f.lock(c)()
	for _, id := range slices.Backward(f.order) {
		if run := f.runs[c.Tenant+"/"+id]; run != nil && run.view.Workflow == workflow {
			return id, nil
		}
	}
	return "", runner.ErrNotFound
}

func (f *fakeEngine) Runs(_ context.Context, c runner.Caller, filter runner.Filter) ([]runner.RunHeader, string, error) {
	defer f.lock(c)()
	below := len(f.order)
	if filter.Cursor != "" {
		n, err := strconv.Atoi(filter.Cursor)
		if err != nil {
			return nil, "", runner.ErrInvalidCursor
		}
		below = n
	}
	var out []runner.RunHeader
	for i := below - 1; i >= 0; i-- {
		if len(out) == filter.Limit {
			return out, strconv.Itoa(i + 1), nil
		}
		run := f.runs[c.Tenant+"/"+f.order[i]]
		if run != nil && (filter.Workflow == "" || filter.Workflow == run.view.Workflow) && (filter.State == "" || filter.State == run.view.State) {
			out = append(out, *headerOf(run))
		}
	}
	return out, "", nil
}

func (f *fakeEngine) Timeline(_ context.Context, c runner.Caller, id string, after uint64, limit int) ([]runner.Event, bool, error) {
	defer f.lock(c)()
	run, err := f.find(c, id)
	if err != nil {
		return nil, false, err
	}
	rest := run.events[min(after, uint64(len(run.events))):]
	return rest[:min(limit, len(rest))], len(rest) > limit, nil
}

func (f *fakeEngine) Job(_ context.Context, c runner.Caller, id string) (runner.JobView, error) {
	defer f.lock(c)()
	job, ok := f.jobs[c.Tenant+"/"+id]
	if !ok {
		return job, runner.ErrNotFound
	}
	return job, nil
}

func (f *fakeEngine) Jobs(_ context.Context, c runner.Caller, filter runner.Filter) ([]runner.JobView, string, error) {
	defer f.lock(c)()
	var out []runner.JobView
	for _, j := range f.jobs {
		if filter.State == "" || filter.State == j.State {
			out = append(out, j)
		}
	}
	return out, "", nil
}

func (f *fakeEngine) CancelJob(ctx context.Context, c runner.Caller, id string) (runner.JobView, error) {
	job, err := f.Job(ctx, c, id)
	job.State = "cancelled"
	return job, err
}

func (f *fakeEngine) Workers(_ context.Context, c runner.Caller) ([]runner.WorkerView, error) {
	defer f.lock(c)()
	return []runner.WorkerView{{ID: "w1", State: "alive"}, {ID: "w2", State: "lost"}}, nil
}

func (f *fakeEngine) Health(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sick
}
