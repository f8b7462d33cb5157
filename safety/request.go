package safety

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
)

// The sources of a request: which way a job comes to its dispatch. Every way is evaluated.
const (
	SourceAPI          = "api"
	SourceStep         = "step"
	SourceCompensation = "compensation"
	SourceRetry        = "retry"
	SourceRedrive      = "redrive"
)

// Request is what is decided about. A field that is empty matches no pattern.
type Request struct {
	Tenant     string   `json:"tenant,omitempty"`
	Principal  string   `json:"principal,omitempty"`  // who it is for, as "user:ann"
	Roles      []string `json:"roles,omitempty"`      // of the principal
	ActorType  string   `json:"actor_type,omitempty"` // human, service, …
	Source     string   `json:"source,omitempty"`     // one of the Source constants
	Workflow   string   `json:"workflow,omitempty"`
	Step       string   `json:"step,omitempty"`
	Pack       string   `json:"pack,omitempty"`
	Tool       string   `json:"tool,omitempty"`
	Topic      string   `json:"topic,omitempty"`
	Capability string   `json:"capability,omitempty"`
	Effect     string   `json:"effect,omitempty"` // none, read, write, irreversible
	Requires   []string `json:"requires,omitempty"`
	RiskTags   []string `json:"risk_tags,omitempty"`
	Priority   string   `json:"priority,omitempty"`
	Cost       float64  `json:"cost,omitempty"` // estimated, in the tenant's unit
	// Labels are the tags that people gave: the labels of the run and of the step. Derived are those that the server made
	// from the pack's tool or the topic; where both say something, Derived counts.
	Labels  map[string]string `json:"tags,omitempty"`
	Derived map[string]string `json:"derived_tags,omitempty"`
	MCP     MCP               `json:"mcp,omitzero"`
	Input   json.RawMessage   `json:"input,omitempty"` // rendered; empty reads as null
}

// MCP is what a request asks of a server of the Model Context Protocol.
type MCP struct {
	Server   string `json:"server,omitempty"`
	Tool     string `json:"tool,omitempty"`
	Resource string `json:"resource,omitempty"`
	Action   string `json:"action,omitempty"`
}

// tag is the value of a tag. A client's tag never hides a derived one.
func (r *Request) tag(key string) string {
	if v, derived := r.Derived[key]; derived {
		return v
	}
	return r.Labels[key]
}

// Hash is the SHA-256 (hex) of what the worker will get, unambiguous: each part is preceded by its length.
func (r *Request) Hash() string {
	var room [1024]byte // on the stack: most jobs fit
	b := appendParts(room[:0], r.Tenant, r.Workflow, r.Step, r.Topic, r.Pack, r.Tool, r.Effect)
	b = appendParts(b, r.Requires...)
	b = append(appendLength(b, len(r.Input)), r.Input...)
	sum := sha256.Sum256(b)
	if r.Capability != "" || len(r.RiskTags) > 0 || r.MCP != (MCP{}) {
		b = appendParts(room[:0], string(sum[:]), r.Capability, r.MCP.Server, r.MCP.Tool, r.MCP.Resource, r.MCP.Action)
		sum = sha256.Sum256(appendParts(b, r.RiskTags...))
	}
	return hex.EncodeToString(sum[:])
}

// appendParts appends texts, each preceded by its length.
func appendParts(b []byte, parts ...string) []byte {
	for _, s := range parts {
		b = append(appendLength(b, len(s)), s...)
	}
	return b
}

func appendLength(b []byte, n int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(n)) }
