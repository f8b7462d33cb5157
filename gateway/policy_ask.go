package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

// PolicyRequest is what a policy decides about.
type PolicyRequest struct {
	Tenant      string            `json:"tenant,omitempty" maxLength:"64" doc:"Yours by default"`
	Principal   string            `json:"principal,omitempty" maxLength:"200" doc:"Who it is for, as user:ann; you by default"`
	Roles       []string          `json:"roles,omitempty" maxItems:"64" doc:"Of the principal; yours when the principal is you"`
	ActorType   string            `json:"actor_type,omitempty" maxLength:"64" doc:"human or service"`
	Source      string            `json:"source,omitempty" enum:"api,step,compensation,retry,redrive" default:"api"`
	Workflow    string            `json:"workflow,omitempty" maxLength:"200"`
	Step        string            `json:"step,omitempty" maxLength:"200"`
	Pack        string            `json:"pack,omitempty" maxLength:"200"`
	Tool        string            `json:"tool,omitempty" maxLength:"200"`
	Topic       string            `json:"topic,omitempty" maxLength:"255"`
	Capability  string            `json:"capability,omitempty" maxLength:"200"`
	Effect      string            `json:"effect,omitempty" maxLength:"32" doc:"none, read, write, irreversible"`
	Requires    []string          `json:"requires,omitempty" maxItems:"64"`
	RiskTags    []string          `json:"risk_tags,omitempty" maxItems:"64"`
	Priority    string            `json:"priority,omitempty" maxLength:"32"`
	Cost        float64           `json:"cost,omitempty" doc:"Estimated, in the tenant's unit"`
	Tags        map[string]string `json:"tags,omitempty" maxProperties:"64" doc:"Labels of the run and the step"`
	DerivedTags map[string]string `json:"derived_tags,omitempty" maxProperties:"64" doc:"Tags that the server would derive; they win"`
	MCP         *PolicyMCP        `json:"mcp,omitempty"`
	Input       json.RawMessage   `json:"input,omitempty" doc:"The job's input, any JSON value"`
}

// PolicyMCP is what a request asks of a server of the Model Context Protocol.
type PolicyMCP struct {
	Server   string `json:"server,omitempty" maxLength:"200"`
	Tool     string `json:"tool,omitempty" maxLength:"200"`
	Resource string `json:"resource,omitempty" maxLength:"1024"`
	Action   string `json:"action,omitempty" maxLength:"200"`
}

// request is the question as the evaluator takes it. What is left out is filled with who asks.
func (in *PolicyRequest) request(ctx context.Context) safety.Request {
	r := safety.Request{
		Tenant: in.Tenant, Principal: in.Principal, Roles: in.Roles, ActorType: in.ActorType, Source: in.Source, Workflow: in.Workflow,
		Step: in.Step, Pack: in.Pack, Tool: in.Tool, Topic: in.Topic, Capability: in.Capability, Effect: in.Effect,
		Requires: in.Requires, RiskTags: in.RiskTags, Priority: in.Priority, Cost: in.Cost, Labels: in.Tags, Derived: in.DerivedTags, Input: in.Input,
	}
	if in.MCP != nil {
		r.MCP = safety.MCP(*in.MCP)
	}
	c := caller(ctx, "")
	if r.Tenant == "" {
		r.Tenant = c.Tenant
	}
	if r.Source == "" {
		r.Source = safety.SourceAPI
	}
	if r.Principal == "" {
		r.Principal = c.Actor
		if len(r.Roles) == 0 {
			r.Roles = c.Roles
		}
		if r.ActorType == "" {
			r.ActorType = c.ActorType
		}
	}
	return r
}

// PolicyDecision is what a policy decides. Its form is the evaluator's own.
type PolicyDecision struct{ safety.Decision }

// Schema describes a decision as the evaluator writes it.
func (PolicyDecision) Schema(huma.Registry) *huma.Schema {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	list := func(of *huma.Schema, doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeArray, Items: of, Description: doc}
	}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"verdict", "rule", "rules", "snapshot"}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"verdict":     {Type: huma.TypeString, Enum: []any{"ALLOW", "ALLOW_WITH_CONSTRAINTS", "REQUIRE_APPROVAL", "DENY"}},
			"rule":        text("The rule that gave the verdict, or default"),
			"reason":      text("What the rule says of why"),
			"rules":       list(&huma.Schema{Type: huma.TypeString}, "All rules that match"),
			"failures":    list(&huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}, "Rules that could not be evaluated, which deny"),
			"constraints": list(&huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}, "Constraints of all matching rules, merged to the tightest"),
			"approvals":   list(&huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}, "Approvals that are all required"),
			"expires":     text("How long there is for them"),
			"snapshot":    text("Digest of the policy that decided"),
		},
	}
}

type evaluateInput struct {
	Body PolicyRequest
}

// evaluatePolicy answers what the policy in force decides. Others than those of the installation's own tenant ask for
// their own tenant only.
func (g *Gateway) evaluatePolicy(ctx context.Context, in *evaluateInput) (*reply[PolicyDecision], error) {
	who := requestOf(ctx).principal
	if in.Body.Tenant != "" && in.Body.Tenant != who.Tenant && who.Tenant != g.cfg.Tenant {
		return nil, newProblem("tenant_mismatch", "Ask about your own tenant.")
	}
	if g.cfg.Kernel == nil || !g.cfg.Kernel.Ready() {
		return nil, newProblem("unavailable", "No policy is in force, so no job starts.")
	}
	return &reply[PolicyDecision]{PolicyDecision{safety.Evaluate(g.cfg.Kernel.Snapshot(), in.Body.request(ctx))}}, nil
}

// compile waits for its turn to compile a policy that is not in force, and gives what ends the turn.
func (g *Gateway) compile(ctx context.Context) (end func(), err error) {
	wait := time.NewTimer(CompileWait)
	defer wait.Stop()
	select {
	case g.compiling <- struct{}{}:
		return func() { <-g.compiling }, nil
	case <-wait.C:
		return nil, fmt.Errorf("many policies are asked about: %w", runner.ErrOverloaded)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type explainPolicyInput struct {
	Snapshot string `query:"snapshot" pattern:"^([0-9a-f]{64}|[0-9]{1,18})$" doc:"An older policy; the one in force by default"`
	Drafts   bool   `query:"drafts" doc:"By what a publish of all drafts would make active"`
	Body     PolicyRequest
}

// PolicyExplanation says how a decision came about. Its form is the evaluator's own.
type PolicyExplanation struct{ *safety.Explanation }

// Schema describes an explanation as the evaluator writes it.
func (PolicyExplanation) Schema(reg huma.Registry) *huma.Schema {
	objects := func(doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeArray, Description: doc, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
	}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"decision", "combined", "rules", "constraints", "changes"}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"decision":    schemaOf[PolicyDecision](reg),
			"combined":    {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, Description: "How the verdict came of the rules' answers"},
			"rules":       objects("Every rule, and the first thing in its match that did not hold"),
			"constraints": objects("Each constraint, and the rules it comes from"),
			"changes":     objects("Single changes of the rules or of the request that would change the verdict"),
		},
	}
}

func (g *Gateway) explainPolicy(ctx context.Context, in *explainPolicyInput) (*reply[PolicyExplanation], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	end, err := g.compile(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	s, _, err := k.Candidate(ctx, kernel.Candidate{Snapshot: in.Snapshot, AllDrafts: in.Drafts})
	if err != nil {
		return nil, err
	}
	return &reply[PolicyExplanation]{PolicyExplanation{safety.Explain(s, in.Body.request(ctx))}}, nil
}

// PolicyChoice names a policy to look at; nothing is the one in force.
type PolicyChoice struct {
	Snapshot  string            `json:"snapshot,omitempty" maxLength:"64" doc:"A version's number, or the digest of a snapshot"`
	Drafts    []string          `json:"drafts,omitempty" maxItems:"1000" doc:"Names of drafts, laid over what is in force"`
	AllDrafts bool              `json:"all_drafts,omitempty" doc:"What a publish of all drafts would make active"`
	Bundle    json.RawMessage   `json:"bundle,omitempty" doc:"A bundle that is not stored, as an object or as text, laid over what is in force"`
	Bundles   []json.RawMessage `json:"bundles,omitempty" maxItems:"1000" doc:"Several of them"`
	Overlays  []json.RawMessage `json:"overlays,omitempty" maxItems:"1000" doc:"Bundles that can only tighten"`
	Alone     bool              `json:"alone,omitempty" doc:"These bundles are all there is"`
}

func (in *PolicyChoice) candidate() kernel.Candidate {
	c := kernel.Candidate{Snapshot: in.Snapshot, Drafts: in.Drafts, AllDrafts: in.AllDrafts, Alone: in.Alone}
	if in.Bundle != nil {
		c.Bundles = append(c.Bundles, kernel.Put{Text: textOf(in.Bundle)})
	}
	for _, b := range in.Bundles {
		c.Bundles = append(c.Bundles, kernel.Put{Text: textOf(b)})
	}
	for _, b := range in.Overlays {
		c.Bundles = append(c.Bundles, kernel.Put{Text: textOf(b), Overlay: true})
	}
	return c
}

// PolicySimulate asks what a policy would decide.
type PolicySimulate struct {
	PolicyChoice
	Requests []SimulatedRequest `json:"requests,omitempty" maxItems:"10000"`
	Workflow *SimulatedWorkflow `json:"workflow,omitempty" doc:"A stored workflow, every job of which is put to the policy"`
}

// SimulatedRequest is a request with a name of its own.
type SimulatedRequest struct {
	ID string `json:"id,omitempty" maxLength:"200" doc:"Repeated in the answer; its number by default"`
	PolicyRequest
}

// SimulatedWorkflow is a run that is planned.
type SimulatedWorkflow struct {
	ID     string `json:"id" maxLength:"200"`
	Digest string `json:"digest,omitempty" pattern:"^[0-9a-f]{64}$"`
	DryRun
}

// PolicySimulation is what a policy would decide.
type PolicySimulation struct {
	Snapshot  string             `json:"snapshot" doc:"Digest of the policy that was asked"`
	Findings  []PolicyFinding    `json:"findings,omitempty"`
	Decisions []SimulatedVerdict `json:"decisions"`
	Plan      *plan.Plan         `json:"plan,omitempty"`
}

// SimulatedVerdict is the answer to one request.
type SimulatedVerdict struct {
	ID       string         `json:"id"`
	Decision PolicyDecision `json:"decision"`
}

type simulateInput struct {
	Body PolicySimulate
}

func (g *Gateway) simulatePolicy(ctx context.Context, in *simulateInput) (*reply[PolicySimulation], error) {
	k, _, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	end, err := g.compile(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	s, warnings, err := k.Candidate(ctx, in.Body.candidate())
	if err != nil {
		return nil, err
	}
	out := PolicySimulation{Snapshot: s.Digest(), Findings: findings(warnings), Decisions: []SimulatedVerdict{}}
	for i := range in.Body.Requests {
		r := &in.Body.Requests[i]
		if r.ID == "" {
			r.ID = strconv.Itoa(i + 1)
		}
		out.Decisions = append(out.Decisions, SimulatedVerdict{r.ID, PolicyDecision{safety.Evaluate(s, r.request(ctx))}})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if w := in.Body.Workflow; w != nil {
		stored, err := g.stored(ctx, w.ID, w.Digest)
		if err != nil {
			return nil, err
		}
		if out.Plan, err = g.planBy(ctx, stored, &w.DryRun, s); err != nil {
			return nil, err
		}
	}
	return &reply[PolicySimulation]{out}, nil
}

// PolicyReplay asks what a policy would have decided about what was.
type PolicyReplay struct {
	PolicyChoice
	Workflow string `json:"workflow,omitempty" maxLength:"200" doc:"Only runs of this workflow"`
	Limit    int    `json:"limit,omitempty" minimum:"1" maximum:"100000" doc:"How many decisions, the newest runs first; 100,000 by default"`
}

type replayInput struct {
	Body PolicyReplay
}

func (g *Gateway) replayPolicy(ctx context.Context, in *replayInput) (*reply[kernel.Report], error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	end, err := g.compile(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	report, err := k.Replay(ctx, who, in.Body.candidate(), kernel.PastFilter{Workflow: in.Body.Workflow, Limit: in.Body.Limit})
	if err != nil {
		return nil, err
	}
	return &reply[kernel.Report]{*report}, nil
}

// PolicyShadow asks for a policy to be evaluated beside the one in force.
type PolicyShadow struct {
	PolicyChoice
}

type setShadowInput struct {
	Body PolicyShadow
}

func (g *Gateway) setShadow(ctx context.Context, in *setShadowInput) (*reply[kernel.ShadowInfo], error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	end, err := g.compile(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	info, err := k.SetShadow(ctx, who, in.Body.candidate())
	if err != nil {
		return nil, err
	}
	return &reply[kernel.ShadowInfo]{info}, nil
}

// PolicyShadowResults compare what the shadow said with what counted.
type PolicyShadowResults struct {
	Shadow  kernel.ShadowInfo `json:"shadow"`
	Results kernel.Report     `json:"results"`
}

type shadowInput struct {
	Workflow string `query:"workflow" maxLength:"200" doc:"Only runs of this workflow"`
}

func (g *Gateway) getShadow(ctx context.Context, in *shadowInput) (*reply[PolicyShadowResults], error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	info, report, err := k.ShadowResults(ctx, who, kernel.PastFilter{Workflow: in.Workflow})
	if err != nil {
		return nil, err
	}
	return &reply[PolicyShadowResults]{PolicyShadowResults{info, *report}}, nil
}

func (g *Gateway) clearShadow(ctx context.Context, _ *activeInput) (*nothing, error) {
	k, who, err := g.policies(ctx)
	if err != nil {
		return nil, err
	}
	return nil, k.ClearShadow(ctx, who)
}
