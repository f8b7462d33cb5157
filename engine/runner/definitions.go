package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// docPartition is the system partition: definitions are its documents.
const docPartition store.Partition = 0

// definitions keeps compiled definitions by digest and knows which are stored.
type definitions struct {
	r  *Runner
	mu sync.Mutex
	// plans are compiled definitions by tenant and digest; newest the newest version of each workflow.
	plans  map[string]*steps.Workflow
	newest map[string]WorkflowVersion
	stays  map[string]time.Time // definitions of single jobs, and when the store said that they stay
	// forgot counts how often newest was emptied: what was read before that is not kept.
	forgot int
}

func newDefinitions(r *Runner) *definitions {
	return &definitions{r: r, plans: make(map[string]*steps.Workflow), newest: make(map[string]WorkflowVersion), stays: make(map[string]time.Time)}
}

func definitionKey(tenant, digest string) store.Key {
	return store.Key{Table: store.TableDoc, Tenant: tenant, ID: "def/" + digest}
}

// versionKey orders the versions of a workflow; newestKey is its row in the list of workflows.
func versionKey(tenant, workflow, digest string) store.Key {
	return store.Key{Table: store.TableDocIndex, Tenant: tenant, ID: "version/" + workflow + "/" + digest}
}

func newestKey(tenant, workflow string) store.Key {
	return store.Key{Table: store.TableDocIndex, Tenant: tenant, ID: "workflow/" + workflow}
}

// compile checks a source and makes it ready to run.
func compile(source []byte, f Format) (*steps.Workflow, []dag.Diagnostic) {
	return steps.Load(source, yamlFormat(f), false)
}

func yamlFormat(f Format) yamlx.Format {
	switch f {
	case FormatJSON:
		return yamlx.JSON
	case FormatYAML:
		return yamlx.YAML
	}
	return yamlx.Auto
}

// plan answers the compiled definition of a digest.
func (d *definitions) plan(ctx context.Context, tenant, digest string) (*steps.Workflow, error) {
	key := tenant + "\x00" + digest
	d.mu.Lock()
	plan := d.plans[key]
	d.mu.Unlock()
	if plan != nil {
		return plan, nil
	}
	rec, err := d.r.store.Get(ctx, docPartition, definitionKey(tenant, digest))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("definition %.12s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("definition %.12s: %w", digest, errors.Join(ErrUnavailable, err))
	}
	plan, diags := compile(rec.Value, FormatJSON)
	if plan == nil {
		return nil, fmt.Errorf("stored definition %.12s no longer compiles: %s", digest, firstError(diags))
	}
	if plan.Def.Digest != digest {
		return nil, fmt.Errorf("stored definition %.12s has digest %.12s", digest, plan.Def.Digest)
	}
	d.keep(key, plan)
	return plan, nil
}

func (d *definitions) keep(key string, plan *steps.Workflow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.plans) >= cachedPlans {
		for old := range d.plans { // any one: it can be compiled again
			delete(d.plans, old)
			break
		}
	}
	d.plans[key] = plan
}

func firstError(diags []dag.Diagnostic) string {
	for _, g := range diags {
		if g.Severity == dag.Error {
			return g.Rule + ": " + g.Message
		}
	}
	return "unknown"
}

// put stores a definition and, unless it is a job's, makes it its workflow's newest version. Storing what is stored writes
// nothing.
func (d *definitions) put(ctx context.Context, c Caller, plan *steps.Workflow, list bool) (WorkflowVersion, error) {
	v := WorkflowVersion{
		ID: plan.Def.ID, Name: plan.Def.Name, Version: plan.Def.Version, Digest: plan.Def.Digest, Steps: len(plan.Steps),
		CreatedAt: d.r.now().UTC(), CreatedBy: c.Actor,
	}
	key := c.Tenant + "\x00" + plan.Def.Digest
	if list {
		if err := d.r.mayChangeDocs(ctx); err != nil {
			return v, err
		}
	}
	if !list {
		if d.jobStays(ctx, c.Tenant, plan.Def.Digest) {
			return v, nil
		}
	} else if old, err := d.version(ctx, c.Tenant, v.ID, ""); err == nil && old.Digest == v.Digest {
		return old, nil
	}
	writes := []store.Put{{Key: definitionKey(c.Tenant, v.Digest), Value: plan.Def.Canonical}}
	if list {
		if old, err := d.version(ctx, c.Tenant, v.ID, v.Digest); err == nil {
			v = old // the newest again, as it was first stored
		}
		row, err := json.Marshal(v)
		if err != nil {
			return v, fmt.Errorf("encode workflow row: %w", err)
		}
		writes = append(writes, store.Put{Key: versionKey(c.Tenant, v.ID, v.Digest), Value: row},
			store.Put{Key: newestKey(c.Tenant, v.ID), Value: row})
		writes = append(writes, useNotes(c.Tenant, plan)...)
	}
	w := docWrite{part: docPartition, puts: writes, acts: []docAct{{
		caller: c, name: string(audit.ConfigChange), subject: "workflow " + v.ID + " " + shortDigest(v.Digest),
	}}}
	if list {
		w.touches = setOf(familyDefinitions)
	} else {
		if d.r.level() >= store.LevelNames {
			w.puts = append(w.puts, store.Put{Key: stayKey(c.Tenant, v.Digest), Value: []byte{1}})
		}
		w.deletes = append(w.deletes, goKey(c.Tenant, v.Digest))
	}
	if err := d.r.writeDocs(ctx, w); err != nil {
		return v, err
	}
	d.keep(key, plan)
	if list {
		d.mu.Lock()
		forgot := d.forgot
		d.mu.Unlock()
		d.remember(c.Tenant, v, forgot)
	} else {
		d.saw(key)
	}
	return v, nil
}

// forgetNewest has the newest version of every workflow read again: another process may have stored one.
func (d *definitions) forgetNewest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgot++
	clear(d.newest)
}

// remember keeps a workflow's newest version, as it was when forgetNewest had been called so often.
func (d *definitions) remember(tenant string, v WorkflowVersion, forgot int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if forgot != d.forgot {
		return
	}
	if len(d.newest) >= cachedPlans {
		clear(d.newest)
	}
	d.newest[tenant+"\x00"+v.ID] = v
}

// version answers a version of a workflow; digest "" is the newest.
func (d *definitions) version(ctx context.Context, tenant, workflow, digest string) (WorkflowVersion, error) {
	key := newestKey(tenant, workflow)
	var forgot int
	if digest == "" {
		d.mu.Lock()
		v, ok := d.newest[tenant+"\x00"+workflow]
		forgot = d.forgot
		d.mu.Unlock()
		if ok {
			return v, nil
		}
	} else {
		key = versionKey(tenant, workflow, digest)
	}
	var v WorkflowVersion
	if !validDocName(workflow) || !validDocName(digest) {
		return v, fmt.Errorf("workflow %.64q: %w", workflow, ErrNotFound)
	}
	rec, err := d.r.store.Get(ctx, docPartition, key)
	if errors.Is(err, store.ErrNotFound) {
		return v, fmt.Errorf("workflow %.64q: %w", workflow, ErrNotFound)
	}
	if err != nil {
		return v, fmt.Errorf("workflow %.64q: %w", workflow, errors.Join(ErrUnavailable, err))
	}
	if err := json.Unmarshal(rec.Value, &v); err != nil {
		return v, fmt.Errorf("workflow %.64q: row: %w", workflow, err)
	}
	if digest == "" {
		d.remember(tenant, v, forgot)
	}
	return v, nil
}

// named answers the version of a workflow that somebody calls by its digest or by its author's label; "" is the newest. Of
// several with one label the newest is meant.
func (d *definitions) named(ctx context.Context, tenant, workflow, version string) (WorkflowVersion, error) {
	v, err := d.version(ctx, tenant, workflow, version)
	if version == "" || !errors.Is(err, ErrNotFound) || !validDocName(workflow) {
		return v, err
	}
	var found WorkflowVersion
	from := versionKey(tenant, workflow, "").ID
	at := store.Range{Table: store.TableDocIndex, Tenant: tenant, From: from, To: from + "~", Limit: maxLimit}
	for more := true; more; more = at.After != nil {
		page, err := d.r.store.Scan(ctx, docPartition, at)
		if err != nil {
			return found, fmt.Errorf("versions of workflow %.64q: %w", workflow, errors.Join(ErrUnavailable, err))
		}
		for _, rec := range page.Records {
			var v WorkflowVersion
			if json.Unmarshal(rec.Value, &v) == nil && v.Version == version && v.CreatedAt.After(found.CreatedAt) {
				found = v
			}
		}
		at.After = page.Next
	}
	if found.Digest == "" {
		return found, fmt.Errorf("version %.64q of workflow %.64q: %w", version, workflow, ErrNotFound)
	}
	return found, nil
}

// author is who stored a version of a workflow; "" when it is no workflow that anybody stored, as of a single job.
func (d *definitions) author(ctx context.Context, tenant string, plan *steps.Workflow) string {
	v, err := d.version(ctx, tenant, plan.Def.ID, "")
	if err == nil && v.Digest != plan.Def.Digest {
		v, err = d.version(ctx, tenant, plan.Def.ID, plan.Def.Digest)
	}
	if err != nil {
		return ""
	}
	return v.CreatedBy
}

// validDocName keeps strangers' names out of keys they could not name.
func validDocName(s string) bool { return len(s) <= 128 && !strings.ContainsAny(s, "/\x00") }

// writeDocs writes records beside runs through the lane that owns their partition; it is ErrMoved where that is another
// process's. What others go by is answered as ChangeDocs does.
func (r *Runner) writeDocs(ctx context.Context, w docWrite) error {
	answer := newPromise[revision]()
	l := r.lanes[int(w.part)%len(r.lanes)]
	err := l.inbox.offer(task{part: on(w.part), fail: answer.fail, do: func(t *turn) {
		var rev revision
		w.done = func(err error) { answer.put(answerOf[revision]{rev, err}) }
		rev = r.agreed.revise(&w, w.touches)
		t.lane.docs = append(t.lane.docs, w)
		t.lane.loadings.touchAll(w.part) // it may be about the header of a run
	}})
	if err != nil {
		return fmt.Errorf("store documents: %w", err)
	}
	rev, err := answer.wait(ctx)
	if err != nil {
		return err
	}
	return r.settleDocs(ctx, w.touches, rev)
}

// PutWorkflow stores a definition as its workflow's newest version; the same content twice is one version. What cannot be
// accepted is an *InvalidError with every diagnostic, and nothing is stored.
func (r *Runner) PutWorkflow(ctx context.Context, c Caller, source []byte, f Format) (WorkflowVersion, error) {
	plan, diags := compile(source, f)
	if plan == nil {
		return WorkflowVersion{}, &InvalidError{Code: "invalid_definition", Message: firstError(diags), Diagnostics: diags}
	}
	if diags := r.unknownSchemas(plan); len(diags) > 0 {
		return WorkflowVersion{}, &InvalidError{Code: "invalid_definition", Message: firstError(diags), Diagnostics: diags}
	}
	return r.defs.put(ctx, c, plan, true)
}

// CheckWorkflow lints a definition: it stores nothing.
func (r *Runner) CheckWorkflow(_ context.Context, source []byte, f Format) (WorkflowVersion, []dag.Diagnostic) {
	return CheckDefinition(source, f)
}

// CheckDefinition says what is wrong with a definition, without an engine, and what it is when nothing is. It answers a version
// that is not stored.
func CheckDefinition(source []byte, f Format) (WorkflowVersion, []dag.Diagnostic) {
	plan, diags := compile(source, f)
	if plan == nil {
		return WorkflowVersion{}, diags
	}
	return WorkflowVersion{
		ID: plan.Def.ID, Name: plan.Def.Name, Version: plan.Def.Version, Digest: plan.Def.Digest, Steps: len(plan.Steps),
	}, diags
}

// Workflow answers a stored version with its definition and graph; digest "" is the newest.
func (r *Runner) Workflow(ctx context.Context, c Caller, workflow, digest string) (WorkflowVersion, error) {
	v, err := r.defs.version(ctx, c.Tenant, workflow, digest)
	if err != nil {
		return v, err
	}
	plan, err := r.defs.plan(ctx, c.Tenant, v.Digest)
	if err != nil {
		return v, err
	}
	v.Source = plan.Def.Canonical
	v.Graph = graphOf(plan)
	return v, nil
}

// Workflows lists the newest versions, by id.
func (r *Runner) Workflows(ctx context.Context, c Caller, f Filter) ([]WorkflowVersion, string, error) {
	const prefix = "workflow/"
	n, err := f.limit()
	if err != nil {
		return nil, "", err
	}
	from := prefix
	if f.Cursor != "" {
		last, err := decodeCursor(f.Cursor)
		if err != nil {
			return nil, "", err
		}
		from = prefix + last + "\x01"
	}
	page, err := r.store.Scan(ctx, docPartition, store.Range{
		Table: store.TableDocIndex, Tenant: c.Tenant, From: from, To: "workflow0", Limit: n,
	})
	if err != nil {
		return nil, "", fmt.Errorf("list workflows: %w", errors.Join(ErrUnavailable, err))
	}
	out := make([]WorkflowVersion, 0, len(page.Records))
	for _, rec := range page.Records {
		var v WorkflowVersion
		if err := json.Unmarshal(rec.Value, &v); err != nil {
			r.cfg.Logger.Error("workflow row cannot be read", "key", rec.Key.ID, "error", err)
			continue
		}
		out = append(out, v)
	}
	if page.Next == nil || len(out) == 0 {
		return out, "", nil
	}
	return out, encodeCursor(out[len(out)-1].ID), nil
}

// graphOf is the graph of a definition for drawing.
func graphOf(plan *steps.Workflow) *GraphView {
	g := &GraphView{Nodes: make([]GraphNode, len(plan.Steps)), Edges: []GraphEdge{}}
	layer := make([]int, len(plan.Steps))
	for _, i := range plan.Graph.Topo {
		for _, d := range plan.Graph.Dependents[i] {
			layer[d] = max(layer[d], layer[i]+1)
			g.Edges = append(g.Edges, GraphEdge{From: plan.Def.Steps[i].ID, To: plan.Def.Steps[d].ID})
		}
	}
	for i := range plan.Steps {
		g.Nodes[i] = GraphNode{ID: plan.Def.Steps[i].ID, Name: plan.Def.Steps[i].Name, Type: plan.Steps[i].Kind, Layer: layer[i]}
	}
	return g
}
