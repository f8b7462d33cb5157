package safety

import (
	"cordum.dev/cordum/internal/yamlx"
)

// requestFields are the fields of a request as test files and requests of the API write them.
var requestFields = []string{
	"tenant", "principal", "roles", "source", "workflow", "step", "pack", "tool", "topic", "capability", "effect", "tags", "derived_tags",
	"risk_tags", "requires", "actor_type", "priority", "cost", "input", "mcp",
}

// ReadRequest reads a request {tenant, principal, roles, …, tags, derived_tags, input, mcp} of a document. Unknown fields
// and values of another kind are problems; with one that is no warning the request is not to be used.
func ReadRequest(n *yamlx.Node, file string) (Request, []Problem) {
	r := &reader{}
	at := place{file: file}
	if n == nil || n.Kind != yamlx.Map {
		if n != nil {
			at.pos = n.Pos
		}
		r.errorf(RuleBadValue, at, "a request is an object")
		return Request{}, r.problems()
	}
	at.pos = n.Pos
	r.known(n, at, "request", requestFields...)
	q := Request{
		Roles: r.words(n, at, "roles"), Requires: r.words(n, at, "requires"), RiskTags: r.words(n, at, "risk_tags"),
		Labels: r.pairs(n, at, "tags"), Derived: r.pairs(n, at, "derived_tags"),
	}
	for field, to := range map[string]*string{
		"tenant": &q.Tenant, "principal": &q.Principal, "source": &q.Source, "workflow": &q.Workflow, "step": &q.Step, "pack": &q.Pack,
		"tool": &q.Tool, "topic": &q.Topic, "capability": &q.Capability, "effect": &q.Effect, "actor_type": &q.ActorType, "priority": &q.Priority,
	} {
		*to = r.word(n, at, field)
	}
	if cost := r.amount(n, at, "cost"); cost != nil {
		q.Cost = *cost
	}
	if mcp := n.Get("mcp"); mcp != nil {
		below := at.below("mcp", mcp.Pos)
		if r.object(mcp, below, "mcp") {
			r.known(mcp, below, "mcp", yamlx.SortedKeys(mcpFields)...)
			q.MCP = MCP{r.word(mcp, below, "server"), r.word(mcp, below, "tool"), r.word(mcp, below, "resource"), r.word(mcp, below, "action")}
		}
	}
	if input := n.Get("input"); input != nil {
		var err error
		if q.Input, err = yamlx.AppendCanonical(nil, input); err != nil {
			r.errorf(RuleBadValue, at.below("input", input.Pos), "the input cannot be written as JSON: %v", err)
		}
	}
	return q, r.problems()
}

// word reads a text, which may be empty; "" when it is absent.
func (r *reader) word(n *yamlx.Node, at place, field string) string {
	v := n.Get(field)
	if v == nil {
		return ""
	}
	if v.Kind != yamlx.String {
		r.errorf(RuleBadValue, at.below(field, v.Pos), "%s is text; put it in quotes", field)
	}
	return text(v)
}

// words reads a list of texts, in its order.
func (r *reader) words(n *yamlx.Node, at place, field string) []string {
	v := n.Get(field)
	if v == nil {
		return nil
	}
	at = at.below(field, v.Pos)
	if v.Kind != yamlx.List || len(v.Items) > MaxEntries {
		r.errorf(RuleBadValue, at, "%s is a list of at most %d texts", field, MaxEntries)
		return nil
	}
	out := make([]string, 0, len(v.Items))
	for i, item := range v.Items {
		if item.Kind != yamlx.String {
			r.errorf(RuleBadValue, at.below(itoa(i), item.Pos), "a text is needed here; put it in quotes")
		}
		out = append(out, text(item))
	}
	return out
}

// pairs reads an object of texts; nil when it is absent.
func (r *reader) pairs(n *yamlx.Node, at place, field string) map[string]string {
	v := n.Get(field)
	if v == nil {
		return nil
	}
	at = at.below(field, v.Pos)
	if !r.object(v, at, field) {
		return nil
	}
	out := make(map[string]string, len(v.Fields))
	for _, f := range v.Fields {
		if f.Value.Kind != yamlx.String {
			r.errorf(RuleBadValue, at.below(f.Key, f.Value.Pos), "the tag %s is text; put it in quotes", yamlx.Clip(f.Key))
		}
		out[f.Key] = text(f.Value)
	}
	return out
}
