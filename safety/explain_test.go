package safety

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestExplainAgrees: the explanation is of the decision that Evaluate makes, names the rules that matched, gives each
// constraint its origin, and every change that it names makes the verdict that it says.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, r := drawSet(t), drawRequest(t)
		s := set.compile(t, false)
		d, x := Evaluate(s, r), Explain(s, r)
		if !reflect.DeepEqual(x.Decision, d) || len(x.Rules) != s.RuleCount() {
			t.Fatalf("%+v explained as %+v", d, x)
		}
		var matched []string
		for _, j := range x.Rules {
			if j.Matched {
				matched = append(matched, j.Rule)
			}
			if j.Matched != (j.Unmet == "") {
				t.Fatalf("%+v", j)
			}
		}
		if !slices.Equal(matched, d.Rules) {
			t.Fatalf("the decision names %v, the explanation %v", d.Rules, matched)
		}
		if len(x.Constraints) != len(d.Constraints) {
			t.Fatalf("%+v of %+v", x.Constraints, d.Constraints)
		}
		for i, o := range x.Constraints {
			var m merger
			for _, c := range o.From {
				m.add([]Constraint{c.Constraint})
			}
			if merged := m.merged(); len(merged) != 1 || !reflect.DeepEqual(merged[0], d.Constraints[i]) {
				t.Fatalf("%+v is not made of %+v", d.Constraints[i], o.From)
			}
		}
		for _, c := range x.Changes {
			if c.Verdict == d.Verdict {
				t.Fatalf("%+v changes nothing", c)
			}
			if c.Kind == ChangeWithout {
				if after := Evaluate(set.without(c.Rule).compile(t, false), r); after.Verdict != c.Verdict {
					t.Fatalf("%s: it is %s", c, after.Verdict)
				}
			}
		}
		if text := x.String(); !strings.HasPrefix(text, d.Verdict.String()+" by "+d.Rule) {
			t.Fatal(text)
		}
		if _, err := json.Marshal(x); err != nil {
			t.Fatal(err)
		}
	})
}

// TestChanges: what the requester, the author of a condition and the operator could do otherwise is named.
func TestChanges(t *testing.T) {
	s := compileText(t, `default: ALLOW
rules:
- {id: prod, match: {tags: {env: production}, effect: write}, decision: DENY}
- {id: big, match: {effect: write, when: "input.n > 100"}, decision: REQUIRE_APPROVAL}
- {id: sre, match: {roles: ["s*"], effect: write}, decision: REQUIRE_APPROVAL}
- {id: mcp, match: {mcp: {server: x}}, decision: DENY}
`)
	r := Request{Effect: "write", Labels: map[string]string{"env": "staging"}, Derived: map[string]string{"env": "test"}, Input: []byte(`{"n":1}`)}
	var got []string
	for _, c := range Explain(s, r).Changes {
		got = append(got, c.String())
	}
	want := []string{
		"DENY (policy/mcp) with mcp.server = x", "REQUIRE_APPROVAL (policy/sre) with roles = sx", "DENY (policy/prod) with tags.env = production",
		"REQUIRE_APPROVAL (policy/big) if the condition of policy/big held",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if r.Labels["env"] != "staging" || r.Derived["env"] != "test" {
		t.Error("the request was changed")
	}
	r.Derived = nil
	r.Labels["env"] = "production"
	got = nil
	for _, c := range Explain(s, r).Changes {
		got = append(got, c.String())
	}
	want = []string{"ALLOW (default) without effect", "ALLOW (default) without tags.env", "ALLOW (default) without the rule policy/prod"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestExplainText is what people read.
func TestExplainText(t *testing.T) {
	s := compileText(t, `bundles:
- name: b
  rules:
  - {id: a, match: {tool: "k*"}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 60}]}
  - {id: w, match: {when: "input.n > 1"}, decision: DENY}
overlays:
- name: o
  rules:
  - {id: ask, match: {tool: kubectl}, decision: REQUIRE_APPROVAL, reason: Look first, approval: {approvers: ["role:sre"], quorum: 2, expires: 1h}}
  - {id: less, match: {tool: kubectl}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 30, prove: true}]}
`)
	const want = `REQUIRE_APPROVAL by o/ask: Look first

  Base rules replace the default: b/a (ALLOW_WITH_CONSTRAINTS) say ALLOW_WITH_CONSTRAINTS.
  Overlays tighten it to REQUIRE_APPROVAL: o/ask (REQUIRE_APPROVAL), o/less (ALLOW_WITH_CONSTRAINTS).
  The strictest answer counts: REQUIRE_APPROVAL, by o/ask.

Rules
  + b/a: matches, ALLOW_WITH_CONSTRAINTS
  - b/w: its condition does not hold: input.n > 1
  + o/ask (overlay): matches, REQUIRE_APPROVAL
  + o/less (overlay): matches, ALLOW_WITH_CONSTRAINTS

Constraints
  MaxTimeout 30 with proof, of b/a (60), o/less (30 with proof)

Approvals
  o/ask: 2 of role:sre within 1h

The verdict would be
  DENY (default) without tools
  DENY (b/w) if the condition of b/w held
  DENY (default) without the rule b/a
  ALLOW_WITH_CONSTRAINTS (b/a) without the rule o/ask
`
	if got := Explain(s, Request{Tool: "kubectl", Input: []byte(`{"n":1}`)}).String(); got != want {
		t.Errorf("got\n%s", got)
	}
}
