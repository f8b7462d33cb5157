package safety

import (
	"errors"
	"reflect"
	"testing"
)

// TestDenyIsTheZeroValue: what is not there, not loaded or not said does not allow.
func TestDenyIsTheZeroValue(t *testing.T) {
	for name, s := range map[string]*Snapshot{"no snapshot": nil, "the zero snapshot": {}, "default: DENY": NewSnapshot(Deny)} {
		d := Evaluate(s, Request{Topic: "job.t"})
		if d.Verdict != Deny || d.Reason == "" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if Verdict(0) != Deny || Verdict(7).String() != "DENY" {
		t.Error("a verdict that nobody said allows")
	}
}

func TestDefaultAllow(t *testing.T) {
	s := NewSnapshot(Allow)
	d := Evaluate(s, Request{Topic: "job.t"})
	if d.Verdict != Allow || d.Rule != "default" || d.Snapshot != s.Digest() {
		t.Errorf("%+v", d)
	}
	if s.Digest() == NewSnapshot(Deny).Digest() {
		t.Error("two rule sets have one digest")
	}
}

func TestParseSnapshot(t *testing.T) {
	for _, c := range []struct {
		doc  any
		want Verdict
		ok   bool
	}{
		{map[string]any{"default": "ALLOW"}, Allow, true},
		{map[string]any{"default": "allow"}, Allow, true},
		{map[string]any{"default": "DENY"}, Deny, true},
		{map[string]any{"default": "Allow "}, Deny, false},
		{map[string]any{"default": true}, Deny, false},
		{map[string]any{}, Deny, false},
		{map[string]any{"default": "ALLOW", "rules": []any{}}, Deny, false},
		{[]any{}, Deny, false},
		{nil, Deny, false},
	} {
		s, err := ParseSnapshot(c.doc)
		if c.ok != (err == nil) || (err != nil && !errors.Is(err, ErrInvalidPolicy)) {
			t.Errorf("%v: %v", c.doc, err)
			continue
		}
		if got := Evaluate(s, Request{}).Verdict; got != c.want {
			t.Errorf("%v answers %s, want %s", c.doc, got, c.want)
		}
	}
}

// TestRequestHash: every part of what a worker gets counts, and none can flow into the next.
func TestRequestHash(t *testing.T) {
	base := Request{
		Tenant: "t", Workflow: "w", Step: "s", Topic: "o", Pack: "p", Tool: "l", Effect: "e",
		Requires: []string{"r"}, Input: []byte("i"),
	}
	want := base.Hash()
	same := base
	if same.Hash() != want {
		t.Error("the same request has another hash")
	}
	for _, field := range []string{"Tenant", "Workflow", "Step", "Topic", "Pack", "Tool", "Effect"} {
		r := base
		reflect.ValueOf(&r).Elem().FieldByName(field).SetString("x")
		if r.Hash() == want {
			t.Errorf("%s does not count", field)
		}
	}
	for name, r := range map[string]Request{
		"requires":          {Requires: []string{"a", "b"}},
		"requires, joined":  {Requires: []string{"ab"}},
		"requires as input": {Requires: []string{"a"}, Input: []byte("b")},
		"only input":        {Input: []byte("ab")},
		"only a tool":       {Tool: "ab"},
		"pack and tool":     {Pack: "a", Tool: "b"},
		"pack":              {Pack: "ab"},
	} {
		for other, o := range map[string]Request{"nothing": {}, "a topic": {Topic: "ab"}} {
			if r.Hash() == o.Hash() {
				t.Errorf("%s and %s have one hash", name, other)
			}
		}
	}
	if (&Request{Pack: "a", Tool: "b"}).Hash() == (&Request{Pack: "ab"}).Hash() || (&Request{Requires: []string{"a", "b"}}).Hash() == (&Request{Requires: []string{"ab"}}).Hash() {
		t.Error("parts flow into each other")
	}
	if (&Request{Requires: []string{"a"}}).Hash() == (&Request{Input: []byte("a")}).Hash() {
		t.Error("a requirement counts as input")
	}
}

// TestRequestHashOfTheRest: so does what only some requests have, and it does not change the hash of those without.
func TestRequestHashOfTheRest(t *testing.T) {
	seen := map[string]string{(&Request{}).Hash(): "nothing"}
	for name, r := range map[string]Request{
		"a capability": {Capability: "a"}, "a server": {MCP: MCP{Server: "a"}}, "a tool": {MCP: MCP{Tool: "a"}},
		"a resource": {MCP: MCP{Resource: "a"}}, "an action": {MCP: MCP{Action: "a"}}, "a risk": {RiskTags: []string{"a"}},
		"two risks": {RiskTags: []string{"a", "a"}}, "a capability and a risk": {Capability: "a", RiskTags: []string{"a"}},
	} {
		h := r.Hash()
		if other, taken := seen[h]; taken {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[h] = name
	}
}

func TestStricter(t *testing.T) {
	order := []Verdict{Allow, AllowWithConstraints, RequireApproval, Deny}
	for i, a := range order {
		for j, b := range order {
			if got := Stricter(a, b); got != order[max(i, j)] {
				t.Errorf("the stricter of %s and %s is %s", a, b, got)
			}
		}
		if a.MayStart() != (i < 2) {
			t.Errorf("%s may start: %t", a, a.MayStart())
		}
	}
}
