package safety

import "slices"

// field is what of a request a criterion looks at.
type field uint8

const (
	fieldTenant field = iota
	fieldTopic
	fieldPack
	fieldTool
	fieldCapability
	fieldPrincipal
	fieldActorType
	fieldWorkflow
	fieldStep
	fieldEffect
	fieldSource
	fieldMCPServer
	fieldMCPTool
	fieldMCPResource
	fieldMCPAction
	singleFields // those before have one value

	fieldRoles
	fieldRiskTags
	fieldRequires
	fieldTag // of a key
)

func (f field) isMCP() bool { return f >= fieldMCPServer && f <= fieldMCPAction }

// one is the value of a field that has one; empty when the request says nothing.
func (f field) one(r *Request) string {
	if at := f.slot(r); at != nil {
		return *at
	}
	return ""
}

// slot is where a request keeps a field that has one value; nil when it has several.
func (f field) slot(r *Request) *string {
	switch f {
	case fieldTenant:
		return &r.Tenant
	case fieldTopic:
		return &r.Topic
	case fieldPack:
		return &r.Pack
	case fieldTool:
		return &r.Tool
	case fieldCapability:
		return &r.Capability
	case fieldPrincipal:
		return &r.Principal
	case fieldActorType:
		return &r.ActorType
	case fieldWorkflow:
		return &r.Workflow
	case fieldStep:
		return &r.Step
	case fieldEffect:
		return &r.Effect
	case fieldSource:
		return &r.Source
	case fieldMCPServer:
		return &r.MCP.Server
	case fieldMCPTool:
		return &r.MCP.Tool
	case fieldMCPResource:
		return &r.MCP.Resource
	case fieldMCPAction:
		return &r.MCP.Action
	}
	return nil
}

// many are the values of a field that may have several.
func (f field) many(r *Request) []string {
	switch f {
	case fieldRoles:
		return r.Roles
	case fieldRiskTags:
		return r.RiskTags
	case fieldRequires:
		return r.Requires
	}
	return nil
}

// matchFields are the names of fields in a match and their other spellings. tags and mcp hold fields of their own, when
// is no pattern.
var matchFields = map[string]field{
	"tenants": fieldTenant, "topics": fieldTopic, "packs": fieldPack, "tools": fieldTool, "capabilities": fieldCapability,
	"principals": fieldPrincipal, "actor_types": fieldActorType, "workflows": fieldWorkflow, "steps": fieldStep,
	"effect": fieldEffect, "sources": fieldSource, "roles": fieldRoles, "risk_tags": fieldRiskTags, "requires": fieldRequires,
}

// mcpFields are the fields of match.mcp.
var mcpFields = map[string]field{
	"server": fieldMCPServer, "tool": fieldMCPTool, "resource": fieldMCPResource, "action": fieldMCPAction,
}

// matchAliases are further spellings; a field beside its alias is an error.
var matchAliases = map[string]string{"pack": "packs", "tool": "tools", "labels": "tags"}

// knownValues are what fields with a closed set of values may hold: a pattern that fits none of them is a mistake.
var knownValues = map[field][]string{
	fieldEffect: {"none", "read", "write", "irreversible"},
	fieldSource: {SourceAPI, SourceStep, SourceCompensation, SourceRetry, SourceRedrive},
}

// criterion is one field of a match: one of the patterns must fit one of the request's values.
type criterion struct {
	field    field
	key      string // of fieldTag
	patterns patterns
}

func (c *criterion) holds(r *Request) bool {
	switch {
	case c.field < singleFields:
		return c.patterns.match(c.field.one(r))
	case c.field == fieldTag:
		return c.patterns.match(r.tag(c.key))
	}
	return slices.ContainsFunc(c.field.many(r), c.patterns.match)
}
