package remote

import (
	"errors"
	"math"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
)

// errQuestion says that a question cannot be decided about, and why.
var errQuestion = errors.New("the question cannot be read")

// question is a request as it crosses the wire: readQuestion reads the same request back.
func question(r *safety.Request) *wire.PolicyCheckRequest {
	q := &wire.PolicyCheckRequest{
		Native: true, Topic: r.Topic, Tenant: r.Tenant, EstimatedCost: r.Cost, PrincipalId: r.Principal, Labels: r.Labels,
		Meta:         &wire.JobMetadata{Capability: r.Capability, RiskTags: r.RiskTags, Requires: r.Requires, PackId: r.Pack},
		InputContent: r.Input, InputSizeBytes: int64(len(r.Input)),
		Roles: r.Roles, ActorType: r.ActorType, Source: r.Source, Workflow: r.Workflow, Step: r.Step, Tool: r.Tool,
		Effect: r.Effect, Derived: r.Derived, PriorityName: r.Priority,
	}
	if r.MCP != (safety.MCP{}) {
		q.Mcp = &wire.PolicyMCP{Server: r.MCP.Server, Tool: r.MCP.Tool, Resource: r.MCP.Resource, Action: r.MCP.Action}
	}
	return q
}

// readQuestion is the request that a question means. The request shares the question's memory.
func readQuestion(q *wire.PolicyCheckRequest) (safety.Request, error) {
	meta := q.GetMeta()
	r := safety.Request{
		Tenant: q.GetTenant(), Principal: q.GetPrincipalId(), Roles: q.GetRoles(), ActorType: q.GetActorType(),
		Source: q.GetSource(), Workflow: q.GetWorkflow(), Step: q.GetStep(), Pack: meta.GetPackId(), Tool: q.GetTool(),
		Topic: q.GetTopic(), Capability: meta.GetCapability(), Effect: q.GetEffect(), Requires: meta.GetRequires(),
		RiskTags: meta.GetRiskTags(), Priority: q.GetPriorityName(), Cost: q.GetEstimatedCost(),
		Labels: q.GetLabels(), Derived: q.GetDerived(),
		MCP: safety.MCP{
			Server: q.GetMcp().GetServer(), Tool: q.GetMcp().GetTool(), Resource: q.GetMcp().GetResource(),
			Action: q.GetMcp().GetAction(),
		},
		Input: q.GetInputContent(),
	}
	if math.IsNaN(r.Cost) || math.IsInf(r.Cost, 0) {
		return r, errors.Join(errQuestion, errors.New("estimated_cost is no number"))
	}
	if q.GetNative() {
		return r, nil
	}
	return completeCAP(r, q)
}
