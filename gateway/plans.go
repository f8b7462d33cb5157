package gateway

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps"
)

// DryRun says for what a plan is made. What is left out is not known, and the plan says what depends on it.
type DryRun struct {
	Input   json.RawMessage   `json:"input,omitempty" doc:"Any JSON value; left out, nothing is known of it"`
	Context json.RawMessage   `json:"context,omitempty" doc:"Object laid over the definition's context"`
	Labels  map[string]string `json:"labels,omitempty" maxProperties:"64"`
	FailAt  string            `json:"fail_at,omitempty" maxLength:"63" doc:"Id of a step: only its failure's rollback plan"`
}

type dryRunInput struct {
	WorkflowRef
	Body *DryRun
}

func (g *Gateway) dryRunWorkflow(ctx context.Context, in *dryRunInput) (*reply[plan.Plan], error) {
	w, err := g.stored(ctx, in.ID, in.Digest)
	if err != nil {
		return nil, err
	}
	if in.Body == nil {
		in.Body = &DryRun{}
	}
	return g.plan(ctx, w, in.Body)
}

// DryRunDefinition is a definition that is not stored, with what its plan is made for.
type DryRunDefinition struct {
	DryRun
	Definition json.RawMessage `json:"definition" doc:"The definition as an object, or as text of YAML or JSON"`
}

type dryRunDefinitionInput struct {
	Body DryRunDefinition
}

func (g *Gateway) dryRunDefinition(ctx context.Context, in *dryRunDefinitionInput) (*reply[plan.Plan], error) {
	source, format := []byte(in.Body.Definition), runner.FormatJSON
	var text string
	if json.Unmarshal(source, &text) == nil {
		source, format = []byte(text), runner.FormatAuto
	}
	w, diags, err := g.check(ctx, source, format)
	switch {
	case err != nil:
		return nil, err
	case w == nil:
		return nil, diagnosticsProblem(diags)
	}
	return g.plan(ctx, w, &in.Body.DryRun)
}

// plan says what a run of a workflow would do. Nothing is written and nothing is sent.
func (g *Gateway) plan(ctx context.Context, w *steps.Workflow, asked *DryRun) (*reply[plan.Plan], error) {
	var policy *safety.Snapshot
	if g.cfg.Policy != nil {
		policy = g.cfg.Policy()
	}
	made, err := g.planBy(ctx, w, asked, policy)
	if err != nil {
		return nil, err
	}
	return &reply[plan.Plan]{*made}, nil
}

// planBy is a plan under a policy; nil says nothing of policy.
func (g *Gateway) planBy(ctx context.Context, w *steps.Workflow, asked *DryRun, policy *safety.Snapshot) (*plan.Plan, error) {
	in, err := planInput(w, asked)
	if err != nil {
		return nil, err
	}
	workers, err := g.engine.Workers(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	who, others := requestOf(ctx).principal, g.library(ctx)
	in.Tenant, in.Principal, in.Child = who.Tenant, who.Actor, others.version
	in.Workers = func(topic string) []string { return poolsFor(workers, topic) }
	in.Policy = policy
	made := plan.Make(w, in)
	if others.err != nil {
		return nil, others.err
	}
	return made, nil
}

// planInput checks what is given as a start would.
func planInput(w *steps.Workflow, asked *DryRun) (plan.Input, error) {
	in := plan.Input{Labels: asked.Labels, FailAt: asked.FailAt, InputUnknown: asked.Input == nil}
	if _, known := w.ByID[asked.FailAt]; !known && asked.FailAt != "" {
		return in, placedProblem("invalid_argument", "/fail_at", "There is no such step.")
	}
	if asked.Input != nil {
		value, err := yamlx.Parse(asked.Input, yamlx.JSON)
		if err != nil {
			return in, newProblem("invalid_input", "The input is no JSON that can be kept.")
		}
		in.Input = value.Value()
		if err := w.CheckInput(in.Input); err != nil {
			return in, newProblem("invalid_input", err.Error())
		}
	}
	if asked.Context != nil {
		value, err := yamlx.Parse(asked.Context, yamlx.JSON)
		if err != nil || (value.Kind != yamlx.Map && value.Kind != yamlx.Null) {
			return in, placedProblem("invalid_context", "/context", "Send an object.")
		}
		in.Context, _ = value.Value().(map[string]any) // null is none
	}
	return in, nil
}

// placedProblem is about one field of the body.
func placedProblem(code, pointer, detail string) *Problem {
	p := newProblem(code, pointer+": "+detail)
	p.Errors = []ProblemItem{{Message: detail, Location: pointer}}
	return p
}

// poolsFor are the pools that have a worker which takes jobs of a topic now. A worker without a pool stands for itself.
func poolsFor(workers []runner.WorkerView, topic string) []string {
	var pools []string
	for _, w := range workers {
		if w.State != "alive" || !slices.ContainsFunc(w.Topics, func(t string) bool { return covers(t, topic) }) {
			continue
		}
		name := w.Pool
		if name == "" {
			name = w.ID
		}
		if !slices.Contains(pools, name) {
			pools = append(pools, name)
		}
	}
	return pools
}

// covers tells whether what a worker listens to covers a topic, as NATS subjects do: "*" is one part, a last ">" the rest.
func covers(pattern, topic string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(topic, ".")
	for i, part := range want {
		switch {
		case i >= len(have):
			return false
		case part == ">":
			return i == len(want)-1
		case part != "*" && part != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}
