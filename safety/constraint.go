package safety

import (
	"cmp"
	"slices"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// The types of constraints.
const (
	MaxTimeout            = "MaxTimeout" // seconds
	MaxRetries            = "MaxRetries"
	MaxConcurrent         = "MaxConcurrent"
	MaxArtifactBytes      = "MaxArtifactBytes"
	MaxOutputBytes        = "MaxOutputBytes"
	MaxDiffFiles          = "MaxDiffFiles"
	MaxDiffLines          = "MaxDiffLines"
	RequireIdempotencyKey = "RequireIdempotencyKey"
	EgressAllowlist       = "EgressAllowlist"
	FsAllowlist           = "FsAllowlist"
	AllowedTools          = "AllowedTools"
	DenyPaths             = "DenyPaths"
	Redact                = "Redact"
	SandboxType           = "Sandbox"
	RateLimitType         = "RateLimit"
	BudgetType            = "Budget"
)

// family is how constraints of a type are written and merged.
type family uint8

const (
	unknownFamily family = iota
	atMost               // a whole number; the least counts
	flag                 // no value
	only                 // a list of what is allowed; what all of them allow counts
	never                // a list of what is not allowed; all of them count
	sandboxes            // an object of allow-lists
	rates                // per key and window, the least limit
	budgets              // per unit, the least of each field
)

var families = map[string]family{
	MaxTimeout: atMost, MaxRetries: atMost, MaxConcurrent: atMost, MaxArtifactBytes: atMost, MaxOutputBytes: atMost,
	MaxDiffFiles: atMost, MaxDiffLines: atMost,
	RequireIdempotencyKey: flag,
	EgressAllowlist:       only, FsAllowlist: only, AllowedTools: only,
	DenyPaths: never, Redact: never,
	SandboxType: sandboxes, RateLimitType: rates, BudgetType: budgets,
}

// Constraint is a condition under which a job may run. Which field holds its value depends on Type.
type Constraint struct {
	Type string
	Max  int64 // of the Max types: seconds, bytes or counts; 0 is the tightest, not "no limit"
	// List of EgressAllowlist, FsAllowlist, AllowedTools (an empty one allows nothing), DenyPaths and Redact; sorted.
	List    []string
	Sandbox *Sandbox
	Rate    *RateLimit
	Budget  *Budget
	// Prove: the worker's result must carry evidence that it held.
	Prove bool
}

// Sandbox limits what a worker's process sees. A nil list limits nothing, an empty one allows nothing.
type Sandbox struct {
	Isolated                bool
	Network                 []string
	FsReadOnly, FsReadWrite []string
}

// RateLimit admits at most Limit jobs in each window, counted by Key.
type RateLimit struct {
	Key    string // tenant, principal, topic
	Per    time.Duration
	Window string // Per as it was written
	Limit  int64
}

// Budget bounds what runs may cost. A nil field bounds nothing.
type Budget struct {
	Unit           string
	PerRun, PerDay *float64
}

// slot tells constraints that are merged with each other from those that hold side by side.
type slot struct {
	kind, key string
	per       time.Duration
}

func (c *Constraint) slot() slot {
	switch {
	case c.Rate != nil:
		return slot{c.Type, c.Rate.Key, c.Rate.Per}
	case c.Budget != nil:
		return slot{c.Type, c.Budget.Unit, 0}
	}
	return slot{kind: c.Type}
}

// merger merges constraints to the tightest, in whatever order they come.
type merger struct {
	slots map[slot]int
	list  []Constraint
}

func (m *merger) add(list []Constraint) {
	for i := range list {
		c := &list[i]
		at, known := m.slots[c.slot()]
		if known {
			m.list[at] = tightest(&m.list[at], c)
			continue
		}
		if m.slots == nil {
			m.slots = map[slot]int{}
		}
		m.slots[c.slot()] = len(m.list)
		m.list = append(m.list, *c)
	}
}

// merged answers the constraints by type, key and window.
func (m *merger) merged() []Constraint {
	slices.SortFunc(m.list, func(a, b Constraint) int {
		x, y := a.slot(), b.slot()
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.key, y.key), cmp.Compare(x.per, y.per))
	})
	return m.list
}

// tightest merges two constraints of one slot. Neither is changed.
func tightest(a, b *Constraint) Constraint {
	out := *a
	out.Prove = a.Prove || b.Prove
	switch families[a.Type] {
	case atMost:
		out.Max = min(a.Max, b.Max)
	case only:
		out.List = intersect(a.List, b.List)
	case never:
		out.List = unite(a.List, b.List)
	case sandboxes:
		out.Sandbox = &Sandbox{
			Isolated:    a.Sandbox.Isolated || b.Sandbox.Isolated,
			Network:     limit(a.Sandbox.Network, b.Sandbox.Network),
			FsReadOnly:  limit(a.Sandbox.FsReadOnly, b.Sandbox.FsReadOnly),
			FsReadWrite: limit(a.Sandbox.FsReadWrite, b.Sandbox.FsReadWrite),
		}
	case rates:
		out.Rate = &RateLimit{Key: a.Rate.Key, Per: a.Rate.Per, Window: shorter(a.Rate.Window, b.Rate.Window), Limit: min(a.Rate.Limit, b.Rate.Limit)}
	case budgets:
		out.Budget = &Budget{Unit: a.Budget.Unit, PerRun: least(a.Budget.PerRun, b.Budget.PerRun), PerDay: least(a.Budget.PerDay, b.Budget.PerDay)}
	}
	return out
}

// intersect answers what both sorted lists hold; it is never nil.
func intersect(a, b []string) []string {
	out := []string{}
	for _, s := range a {
		if _, both := slices.BinarySearch(b, s); both {
			out = append(out, s)
		}
	}
	return out
}

// unite answers what one of two sorted lists holds.
func unite(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// limit intersects allow-lists of which nil limits nothing.
func limit(a, b []string) []string {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return intersect(a, b)
}

// least is the smaller of two bounds of which nil bounds nothing.
func least(a, b *float64) *float64 {
	if a == nil || (b != nil && *b < *a) {
		return b
	}
	return a
}

// shorter picks one of two spellings of one duration, the same whichever comes first.
func shorter(a, b string) string {
	if cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) <= 0 {
		return a
	}
	return b
}

// Value is the constraint's value in JSON: an int64, a list, an object, or nil for a flag.
func (c *Constraint) Value() any {
	switch families[c.Type] {
	case atMost:
		return c.Max
	case only, never:
		return anyList(c.List)
	case sandboxes:
		return c.Sandbox.value()
	case rates:
		return map[string]any{"key": c.Rate.Key, "per": c.Rate.Window, "limit": c.Rate.Limit}
	case budgets:
		out := map[string]any{"unit": c.Budget.Unit}
		if c.Budget.PerRun != nil {
			out["per_run"] = *c.Budget.PerRun
		}
		if c.Budget.PerDay != nil {
			out["per_day"] = *c.Budget.PerDay
		}
		return out
	}
	return nil
}

func (s *Sandbox) value() map[string]any {
	out := map[string]any{}
	if s.Isolated {
		out["isolated"] = true
	}
	for key, list := range map[string][]string{"network": s.Network, "fs_read_only": s.FsReadOnly, "fs_read_write": s.FsReadWrite} {
		if list != nil {
			out[key] = anyList(list)
		}
	}
	return out
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// document is the constraint as bundles write it.
func (c *Constraint) document() map[string]any {
	out := map[string]any{"type": c.Type}
	if v := c.Value(); v != nil {
		out["value"] = v
	}
	if c.Prove {
		out["prove"] = true
	}
	return out
}

// MarshalJSON writes the constraint as bundles do: {type, value, prove}.
func (c Constraint) MarshalJSON() ([]byte, error) { return yamlx.AppendCanonical(nil, c.document()) }
