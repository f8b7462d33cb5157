package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// forkPart is what a start has of the run it is a fork of.
type forkPart struct {
	of     string
	reused []engine.Reused
	asked  string // hash of what was asked for: another one under the same key is an error
}

// origin is what a fork needs of the run it begins from.
type origin struct {
	plan  *steps.Workflow
	kind  engine.Kind
	req   StartRequest
	steps map[string]engine.Reused // ended steps of the workflow that may be reused, by id
}

// Fork starts a new run from a step of another one: the outputs of the steps that are neither it nor behind it are reused, and
// may be edited; the step and what is behind it run again, and so does what did not end well. With req.Preview nothing is
// started. The other run may be in any state.
func (r *Runner) Fork(ctx context.Context, c Caller, run string, req ForkRequest) (Forked, error) {
	from, err := readRun(ctx, r, c.Tenant, run, func(lr *live) (origin, error) { return lr.origin(), nil })
	if err != nil {
		return Forked{}, err
	}
	plan := from.plan
	if req.Digest != "" && req.Digest != plan.Def.Digest {
		if plan, err = r.defs.plan(ctx, c.Tenant, req.Digest); err != nil {
			return Forked{}, err
		}
		if plan.Def.ID != from.plan.Def.ID {
			return Forked{}, invalidFork("digest", "the definition %.12s is of workflow %s, the run of %s", req.Digest, plan.Def.ID, from.plan.Def.ID)
		}
	}
	forked := Forked{ForkOf: run, Digest: plan.Def.Digest}
	reused, err := from.split(plan, req, &forked)
	if err != nil || req.Preview {
		return forked, err
	}
	start := from.req
	start.Digest, start.IdempotencyKey = plan.Def.Digest, req.IdempotencyKey
	if start.IdempotencyKey == "" {
		start.IdempotencyKey = c.Command
	}
	if req.Input != nil {
		start.Input = req.Input
	}
	if req.Context != nil {
		start.Context = req.Context
	}
	start.fork = forkPart{of: run, reused: reused, asked: askedHash(run, req)}
	started, err := r.start(ctx, c, plan, from.kind, start)
	forked.RunID = started.RunID
	return forked, err
}

func invalidFork(what, format string, args ...any) error {
	return &InvalidError{Code: "invalid_argument", Message: what + ": " + fmt.Sprintf(format, args...)}
}

// askedHash is what must be the same for a fork's key to be answered again.
func askedHash(run string, req ForkRequest) string {
	req.IdempotencyKey = ""
	asked, _ := json.Marshal(req) // raw JSON that was checked, and strings
	sum := sha256.Sum256(append([]byte(run+"\x00"), asked...))
	return hex.EncodeToString(sum[:])
}

// origin takes what a fork needs out of a run.
func (lr *live) origin() origin {
	r := lr.run
	o := origin{plan: lr.plan, kind: r.Kind, steps: make(map[string]engine.Reused), req: StartRequest{
		Workflow: r.Workflow, Input: r.Input.Data, Context: r.Context.Data, Labels: r.Labels,
	}}
	for i := range r.Root() {
		s := &r.Steps[i]
		if r.WasUndone(i) || s.State != engine.StepSucceeded && (s.State != engine.StepSkipped || !s.Reason.Clean()) {
			continue
		}
		o.steps[lr.plan.Def.Steps[i].ID] = engine.Reused{
			State: s.State, Reason: s.Reason, Output: engine.Payload{Data: r.OutputOf(i)},
		}
	}
	return o
}

// split says which steps of a definition are reused and which run again, and answers the former with their outputs.
func (o *origin) split(plan *steps.Workflow, req ForkRequest, out *Forked) ([]engine.Reused, error) {
	again, err := o.again(plan, req.From)
	if err != nil {
		return nil, err
	}
	out.Reused, out.Edited, out.Rerun = []string{}, []string{}, []string{}
	var reused []engine.Reused
	for i := range plan.Def.Scopes[0].Count {
		stepID := plan.Def.Steps[i].ID
		if again[i] {
			out.Rerun = append(out.Rerun, stepID)
			continue
		}
		u := o.steps[stepID]
		u.Step = int32(i)
		if edited, ok := req.Outputs[stepID]; ok {
			if err := checkEdited(plan, i, edited); err != nil {
				return nil, err
			}
			u.State, u.Reason, u.Output = engine.StepSucceeded, engine.NotSkipped, engine.Payload{Data: edited}
			out.Edited = append(out.Edited, stepID)
		}
		out.Reused = append(out.Reused, stepID)
		reused = append(reused, u)
	}
	for _, stepID := range slices.Sorted(maps.Keys(req.Outputs)) {
		if !slices.Contains(out.Reused, stepID) {
			return nil, invalidFork("outputs", "the step %.64q is not reused: only the outputs of reused steps can be edited", stepID)
		}
	}
	return reused, nil
}

// again marks the steps that run again: the one that was named, those that cannot be reused, and all behind them.
func (o *origin) again(plan *steps.Workflow, from string) ([]bool, error) {
	first, ok := plan.ByID[from]
	count := plan.Def.Scopes[0].Count
	if !ok || first >= count {
		return nil, invalidFork("from", "%.64q is no step of the workflow itself", from)
	}
	again := make([]bool, count)
	for i := range count {
		_, known := o.steps[plan.Def.Steps[i].ID]
		again[i] = i == first || !known
	}
	for _, i := range plan.Graph.Topo {
		if int(i) >= count || !again[i] {
			continue
		}
		for _, d := range plan.Graph.Dependents[i] {
			again[d] = true
		}
	}
	return again, nil
}

// checkEdited refuses an edited output that cannot be the step's.
func checkEdited(plan *steps.Workflow, i int, output json.RawMessage) error {
	stepID := plan.Def.Steps[i].ID
	v, err := expr.DecodeJSON(output)
	if err != nil || len(output) > maxInput {
		return invalidFork("outputs", "the output of %s is not JSON that can be kept (at most %d bytes)", stepID, maxInput)
	}
	if err := plan.Steps[i].CheckOutput(v); err != nil {
		return invalidFork("outputs", "%s: %s", stepID, err)
	}
	return nil
}

// keepReused keeps large outputs of another run as blobs where the new run is.
func (r *Runner) keepReused(ctx context.Context, run, tenant string, reused []engine.Reused) ([]engine.Reused, error) {
	var err error
	for i := range reused {
		if reused[i].Output, err = r.payload(ctx, run, tenant, reused[i].Output.Data); err != nil {
			return nil, errors.Join(errors.New("keep a reused output"), err)
		}
	}
	return reused, nil
}
