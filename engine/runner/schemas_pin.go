package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/store"
)

// This file gives runs the registered schemas that their steps name. A run keeps the versions that it began with: they are
// noted beside it by their digests, in the commit that begins it.

// pins are the versions of schemas that a run began with: digests by id.
type pins map[string]string

// resolvedPlans keeps definitions with their registered schemas put in.
type resolvedPlans struct {
	mu    sync.Mutex
	known map[string]*steps.Workflow // by definition and pins
}

// pinsKey is where a run's pins are kept, in its own partition.
func pinsKey(tenant, run string) store.Key {
	return store.Key{Table: store.TableDoc, Tenant: tenant, ID: "schemas/" + run}
}

// newestSchemas answers a definition with the newest versions of the schemas that its steps name, and which these are. An id
// that nobody registered is an *InvalidError.
func (r *Runner) newestSchemas(ctx context.Context, plan *steps.Workflow) (*steps.Workflow, pins, error) {
	ids := plan.Schemas()
	if len(ids) == 0 {
		return plan, nil, nil
	}
	now, pinned := r.registered.now.Load(), make(pins, len(ids))
	for _, schema := range ids {
		v := now.schemas[schema]
		if v == nil {
			return nil, nil, &InvalidError{Code: "unknown_schema", Message: fmt.Sprintf("there is no registered schema %.64q", schema)}
		}
		pinned[schema] = v.Digest
	}
	plan, err := r.withSchemas(ctx, plan, pinned)
	return plan, pinned, err
}

// withSchemas puts pinned versions into a definition.
func (r *Runner) withSchemas(ctx context.Context, plan *steps.Workflow, pinned pins) (*steps.Workflow, error) {
	ids := plan.Schemas()
	key := plan.Def.Digest
	nodes := make(map[string]*yamlx.Node, len(ids))
	for _, schema := range ids {
		key += "\x00" + schema + "\x00" + pinned[schema]
	}
	known := &r.registered.plans
	known.mu.Lock()
	resolved := known.known[key]
	known.mu.Unlock()
	if resolved != nil {
		return resolved, nil
	}
	for _, schema := range ids {
		s, err := r.schemaVersion(ctx, pinned[schema])
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", schema, err)
		}
		nodes[schema] = s.Node()
	}
	resolved, err := plan.WithSchemas(func(schema string) *yamlx.Node { return nodes[schema] })
	if err != nil {
		return nil, err
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if known.known == nil || len(known.known) >= cachedPlans {
		known.known = make(map[string]*steps.Workflow)
	}
	known.known[key] = resolved
	return resolved, nil
}

// pin notes the versions of schemas that a run begins with, in the commit that begins it.
func (lr *live) pin(pinned pins) {
	if len(pinned) == 0 {
		return
	}
	value, err := json.Marshal(pinned)
	if err != nil {
		panic("runner: pins do not encode: " + err.Error()) // texts always do
	}
	lr.extra.puts = append(lr.extra.puts, store.Put{Key: pinsKey(lr.run.Tenant, lr.id), Value: value})
}

// pinnedPlan answers a run's definition with the versions of schemas that it began with.
func (r *Runner) pinnedPlan(ctx context.Context, tenant, run string, plan *steps.Workflow) (*steps.Workflow, error) {
	if len(plan.Schemas()) == 0 {
		return plan, nil
	}
	rec, err := r.store.Get(ctx, r.partOf(run), pinsKey(tenant, run))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("run %s: %w: which schemas it began with is gone", run, codec.ErrCorrupt)
	case err != nil:
		return nil, fmt.Errorf("schemas of run %s: %w", run, errors.Join(ErrUnavailable, err))
	}
	pinned := pins{}
	if err := json.Unmarshal(rec.Value, &pinned); err != nil {
		return nil, fmt.Errorf("schemas of run %s: %w: %w", run, codec.ErrCorrupt, err)
	}
	plan, err = r.withSchemas(ctx, plan, pinned)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("run %s: %w: a schema that it began with is gone", run, codec.ErrCorrupt)
	}
	return plan, err
}

// unknownSchemas says of a definition which schemas it names that nobody registered.
func (r *Runner) unknownSchemas(plan *steps.Workflow) (diags []dag.Diagnostic) {
	now := r.registered.now.Load()
	for i := range plan.Def.Steps {
		s := &plan.Def.Steps[i]
		for _, named := range []struct {
			field string
			node  *yamlx.Node
		}{{"input_schema", s.InputSchema}, {"output_schema", s.OutputSchema}} {
			n := named.node
			if n == nil || n.Kind != yamlx.String || now.schemas[n.Str] != nil {
				continue
			}
			diags = append(diags, dag.Diagnostic{
				Severity: dag.Error, Rule: "unknown_schema", Pointer: s.Pointer + "/" + named.field, Line: n.Pos.Line, Col: n.Pos.Col,
				Message: fmt.Sprintf("there is no registered schema %.64q: register it first, or write it out", n.Str),
			})
		}
	}
	return diags
}

// useNotes are the documents that note which schemas a workflow names, for who wants to delete one.
func useNotes(tenant string, plan *steps.Workflow) (puts []store.Put) {
	for _, schema := range plan.Schemas() {
		puts = append(puts, store.Put{Key: docKey(schemaUseKind, useName(schema, tenant, plan.Def.ID)), Value: []byte("1")})
	}
	return puts
}
