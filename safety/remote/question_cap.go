package remote

import (
	"encoding/json"
	"errors"
	"strings"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
)

// priorityNames are those of a request, by CAP's.
var priorityNames = map[wire.JobPriority]string{
	wire.JobPriority_JOB_PRIORITY_INTERACTIVE: "interactive",
	wire.JobPriority_JOB_PRIORITY_BATCH:       "batch",
	wire.JobPriority_JOB_PRIORITY_CRITICAL:    "critical",
}

// actorTypes are those of a request, by CAP's.
var actorTypes = map[wire.ActorType]string{
	wire.ActorType_ACTOR_TYPE_HUMAN:   "human",
	wire.ActorType_ACTOR_TYPE_SERVICE: "service",
}

// The labels in which CAP's clients say what they ask of an MCP server.
const (
	labelMCPServer   = "mcp.server"
	labelMCPTool     = "mcp.tool"
	labelMCPResource = "mcp.resource"
	labelMCPAction   = "mcp.action"
)

// topicPrefix begins the topics of tools: job.<pack>.<tool>.
const topicPrefix = "job."

// completeCAP fills what a plain CAP client says in other places. Nothing that the question says is replaced.
func completeCAP(r safety.Request, q *wire.PolicyCheckRequest) (safety.Request, error) {
	meta := q.GetMeta()
	r.Tenant = firstSaid(r.Tenant, meta.GetTenantId())
	r.Principal = firstSaid(r.Principal, meta.GetActorId())
	r.ActorType = firstSaid(r.ActorType, actorTypes[meta.GetActorType()])
	r.Priority = firstSaid(r.Priority, priorityNames[q.GetPriority()])
	r.Source = firstSaid(r.Source, safety.SourceAPI)
	r.Labels = joinLabels(meta.GetLabels(), q.GetLabels())
	if pack, tool, ok := strings.Cut(strings.TrimPrefix(r.Topic, topicPrefix), "."); ok && strings.HasPrefix(r.Topic, topicPrefix) {
		if r.Pack == "" || r.Pack == pack {
			r.Pack, r.Tool = pack, firstSaid(r.Tool, tool)
		}
	}
	r.MCP.Server = firstSaid(r.MCP.Server, r.Labels[labelMCPServer])
	r.MCP.Tool = firstSaid(r.MCP.Tool, r.Labels[labelMCPTool])
	r.MCP.Resource = firstSaid(r.MCP.Resource, r.Labels[labelMCPResource])
	r.MCP.Action = firstSaid(r.MCP.Action, r.Labels[labelMCPAction])
	return readInput(r, q.GetInputContentType())
}

// readInput makes JSON of an input that says it is something else.
func readInput(r safety.Request, contentType string) (safety.Request, error) {
	if len(r.Input) == 0 || json.Valid(r.Input) {
		return r, nil
	}
	if contentType == "" || strings.Contains(contentType, "json") {
		return r, errors.Join(errQuestion, errors.New("input_content is no JSON; say what else it is in input_content_type"))
	}
	text, err := json.Marshal(string(r.Input))
	if err != nil {
		return r, errors.Join(errQuestion, err)
	}
	r.Input = text
	return r, nil
}

func firstSaid(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// joinLabels unites labels; where both say something, the later map counts.
func joinLabels(a, b map[string]string) map[string]string {
	if len(a) == 0 {
		return b
	}
	out := make(map[string]string, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = v
	}
	return out
}
