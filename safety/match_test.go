package safety

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/cputime"
	"cordum.dev/cordum/internal/yamlx"
)

var globTable = []struct {
	pattern, value string
	want           bool
}{
	{"compute.*", "compute", false},
	{"compute.*", "compute.", true},
	{"compute.*", "compute.a.b", true},
	{"compute.*", "computex.y", false},
	{"compute.*", "COMPUTE.a", false},
	{"compute.*", "compute.ü", true},
	{"*", "", false}, // nothing fits what is not there
	{"*", "x", true},
	{"**", "x", true},
	{"a*a", "a", false},
	{"a*a", "aa", true},
	{"ab*ba", "aba", false},
	{"*ab*ab*", "ab", false},
	{"*ab*ab*", "xabab", true},
	{"a*b*c", "aXbYbZc", true},
	{"a*b*c", "aXcb", false},
	{"a.b", "axb", false},
	{"a?", "ab", false},
	{"[ab]", "a", false},
	{`a\*`, "a*", false},
	{"a\n*", "a\nb", true},
}

func TestGlobs(t *testing.T) {
	for _, c := range globTable {
		p := newPatterns([]string{c.pattern})
		if got := p.match(c.value); got != c.want {
			t.Errorf("%q on %q: %t, want %t", c.pattern, c.value, got, c.want)
		}
	}
}

// TestGlobIsLinear: the pattern that makes backtracking matchers explode is answered at once.
func TestGlobIsLinear(t *testing.T) {
	p := newPatterns([]string{strings.Repeat("*a", 400) + "b"})
	value := strings.Repeat("a", 1<<20)
	took := cputime.Of(func() {
		for range 10 {
			if p.match(value) {
				t.Fatal("it matches")
			}
		}
	})
	if took > 2*time.Second {
		t.Errorf("ten matches of 1 MiB took %s", took)
	}
}

func compileText(t testing.TB, doc string) *Snapshot {
	t.Helper()
	s, problems := parseText(t, doc)
	if s == nil {
		t.Fatalf("refused: %v", problems)
	}
	return s
}

func parseText(t testing.TB, doc string) (*Snapshot, []Problem) {
	t.Helper()
	n, err := yamlx.Parse([]byte(doc), yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	return ParsePolicy(n, "p.yaml")
}

// TestEveryField: a rule of each field denies the request that has the value, and no other.
func TestEveryField(t *testing.T) {
	for match, hit := range map[string]Request{
		`tenants: v`: {Tenant: "v"}, `topics: v`: {Topic: "v"}, `packs: v`: {Pack: "v"}, `pack: v`: {Pack: "v"},
		`tools: v`: {Tool: "v"}, `tool: [v]`: {Tool: "v"}, `capabilities: v`: {Capability: "v"}, `principals: v`: {Principal: "v"},
		`actor_types: v`: {ActorType: "v"}, `workflows: v`: {Workflow: "v"}, `steps: v`: {Step: "v"},
		`effect: write`: {Effect: "write"}, `effect: "irr*"`: {Effect: "irreversible"}, `sources: redrive`: {Source: SourceRedrive},
		`roles: v`: {Roles: []string{"u", "v"}}, `risk_tags: v`: {RiskTags: []string{"v"}}, `requires: v`: {Requires: []string{"v"}},
		`tags: {a: v}`: {Labels: map[string]string{"a": "v"}}, `labels: {a: "v*"}`: {Derived: map[string]string{"a": "v1"}},
		`mcp: {server: v}`: {MCP: MCP{Server: "v"}}, `mcp: {tool: v}`: {MCP: MCP{Tool: "v"}},
		`mcp: {resource: v}`: {MCP: MCP{Resource: "v"}}, `mcp: {action: v}`: {MCP: MCP{Action: "v"}},
		`when: "tenant == 'v'"`: {Tenant: "v"}, `when: "principal == 'v'"`: {Principal: "v"}, `when: "'v' in roles"`: {Roles: []string{"v"}},
		`when: "tags.a == 'v'"`: {Labels: map[string]string{"a": "v"}}, `when: "effect == 'none'"`: {Effect: "none"},
		`when: "cost == 3"`: {Cost: 3}, `when: "input == 'v'"`: {Input: []byte(`"v"`)}, `when: "input?.a?.b == 1"`: {Input: []byte(`{"a":{"b":1}}`)},
	} {
		s := compileText(t, "default: ALLOW\nrules: [{id: d, decision: deny, match: {"+match+"}}]")
		if d := Evaluate(s, hit); d.Verdict != Deny || d.Rule != "policy/d" || len(d.Failures) > 0 {
			t.Errorf("%s: %+v", match, d)
		}
		if d := Evaluate(s, Request{Tenant: "w", Tool: "vv", Labels: map[string]string{"b": "v"}}); d.Verdict != Allow || len(d.Rules) > 0 {
			t.Errorf("%s matches what it should not: %+v", match, d)
		}
	}
}

// TestDerivedTags: a client adds tags and never hides a derived one.
func TestDerivedTags(t *testing.T) {
	s := compileText(t, `{default: ALLOW, rules: [{id: d, decision: DENY, match: {tags: {risk: write}}}, {id: w, decision: DENY, match: {when: "tags.risk == 'write'"}}]}`)
	r := Request{Labels: map[string]string{"risk": "read", "x": "y"}, Derived: map[string]string{"risk": "write"}}
	if d := Evaluate(s, r); d.Verdict != Deny || len(d.Rules) != 2 {
		t.Errorf("%+v", d)
	}
}

// TestManyRules: ten thousand rules of every kind are answered far below 5 ms.
func TestManyRules(t *testing.T) {
	s := manyRules(t, 10_000)
	r := manyRequest()
	best := time.Hour
	for range 20 {
		var d Decision
		best = min(best, cputime.Of(func() { d = Evaluate(s, r) }))
		if d.Verdict != AllowWithConstraints || len(d.Rules) == 0 {
			t.Fatalf("%+v", d)
		}
	}
	if best > 5*time.Millisecond {
		t.Errorf("the fastest of 20 took %s", best)
	}
}

func manyRequest() Request {
	return Request{
		Tenant: "acme", Pack: "pack7.kubectl", Tool: "tool9", Topic: "job.pack7.kubectl.tool9", Roles: []string{"dev", "role11"}, Effect: "write", Source: SourceStep,
		Labels: map[string]string{"env": "env3", "team": "team13"}, Input: []byte(`{"amount": 12}`),
	}
}

// manyRules makes rules of which a fifth name a pack by glob, and others a tool, a tag, a role, or only an expression.
func manyRules(t testing.TB, n int) *Snapshot {
	var doc strings.Builder
	doc.WriteString(`{"default": "ALLOW", "rules": [`)
	for i := range n {
		match := []string{
			fmt.Sprintf(`{"pack": "pack%d.*"}`, i), fmt.Sprintf(`{"tool": "tool%d", "effect": "write"}`, i),
			fmt.Sprintf(`{"tags": {"team": "team%d"}}`, i), fmt.Sprintf(`{"roles": ["role%d"], "when": "input.amount > 1"}`, i),
			fmt.Sprintf(`{"topics": "job.*.x%d.*", "when": "input.amount > %d"}`, i, i),
		}[i%5]
		if i%1000 == 9 {
			match = fmt.Sprintf(`{"when": "input.amount > %d"}`, i)
		}
		if i > 0 {
			doc.WriteByte(',')
		}
		fmt.Fprintf(&doc, `{"id": "r%d", "match": %s, "decision": "ALLOW", "constraints": [{"type": "MaxTimeout", "value": %d}]}`, i, match, i+1)
	}
	doc.WriteString(`]}`)
	return compileText(t, doc.String())
}
