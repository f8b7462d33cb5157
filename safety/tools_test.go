package safety

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
)

// TestReadConstraints: what is written is read back, and what cannot be read is never taken for none.
func TestReadConstraints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m merger
		m.add(readAll(t, rapid.SliceOfN(rapid.Custom(drawConstraint), 0, 6).Draw(t, "constraints")))
		want := m.merged()
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadConstraints(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is read as %+v, %v", raw, got, err)
		}
	})
	for raw, ok := range map[string]bool{
		"": true, "null": true, "[]": true, "{}": false, "[": false, `[{"type":"MaxTimeout"}]`: false, `[{"type":"Nope","value":1}]`: false, `[1]`: false,
		`[{"type":"MaxTimeout","value":1,"more":2}]`: false, `[{"type":"RequireIdempotencyKey"}]`: true,
	} {
		if list, err := ReadConstraints([]byte(raw)); (err == nil) != ok || (err != nil && list != nil) {
			t.Errorf("%s: %v, %v", raw, list, err)
		}
	}
}

// TestDiff: a policy differs from another one exactly if their digests do, and the difference names what to do.
func TestDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := drawSet(t)
		a, b := set.compile(t, false), set.compile(t, true)
		if d := Diff(a, b); !d.Same || d.Text() != "The policies mean the same.\n" {
			t.Fatalf("%+v", d)
		}
		for _, r := range a.Rules() {
			other := set.without(r.Name).compile(t, false)
			d := Diff(a, other)
			if d.Same || len(d.Removed) != 1 || d.Removed[0].Name != r.Name || len(d.Added)+len(d.Changed) > 0 {
				t.Fatalf("without %s: %+v", r.Name, d)
			}
			if back := Diff(other, a); len(back.Added) != 1 || len(back.Removed) > 0 {
				t.Fatalf("%+v", back)
			}
		}
	})
	a := compileText(t, `{default: DENY, rules: [{id: a, match: {tool: x}, decision: ALLOW}, {id: b, match: {tool: y}, decision: DENY}]}`)
	b := compileText(t, `{default: ALLOW, bundles: [{name: policy, rules: [{id: c, match: {tool: z}, decision: DENY}]}], overlays: [{name: q, rules: []}]}`)
	const want = "~ default: \"DENY\" -> \"ALLOW\"\n+ policy/c: {\"decision\":\"DENY\",\"id\":\"c\",\"match\":{\"tools\":[\"z\"]}}\n" +
		"- policy/a: {\"decision\":\"ALLOW\",\"id\":\"a\",\"match\":{\"tools\":[\"x\"]}}\n- policy/b: {\"decision\":\"DENY\",\"id\":\"b\",\"match\":{\"tools\":[\"y\"]}}\n"
	if got := Diff(a, b).Text(); got != want {
		t.Errorf("got\n%s", got)
	}
	moved := compileText(t, `{overlays: [{name: policy, rules: [{id: a, match: {tool: [x, w]}, decision: REQUIRE_APPROVAL}, {id: b, match: {tool: y}, decision: DENY}]}]}`)
	const changed = "~ policy/a\n    overlay: false -> true\n    match.tools: [\"x\"] -> [\"w\",\"x\"]\n    approval: null -> {\"deny_quorum\":1,\"on_expiry\":\"deny\",\"quorum\":1}\n" +
		"    decision: \"ALLOW\" -> \"REQUIRE_APPROVAL\"\n~ policy/b\n    overlay: false -> true\n"
	if got := Diff(a, moved).Text(); got != changed {
		t.Errorf("got\n%s", got)
	}
}

// TestDiffOfOutputRules: rules about results are rules.
func TestDiffOfOutputRules(t *testing.T) {
	const doc = `{bundles: [{name: b, rules: [{id: r, match: {tool: x}, decision: ALLOW}], output_rules: [{id: o, match: {tool: x}, scanners: [secret], decision: %s}]}]}`
	a, b := compileText(t, fmt.Sprintf(doc, "REDACT")), compileText(t, fmt.Sprintf(doc, "DENY"))
	if got := Diff(a, b).Text(); got != "~ b/o\n    decision: \"REDACT\" -> \"DENY\"\n" || Diff(a, a).Same != true {
		t.Errorf("got\n%s", got)
	}
	if rules := a.Rules(); len(rules) != 2 || !rules[1].Output || rules[1].Decision != "REDACT" || a.Bundles()[0].OutputRules != 1 {
		t.Errorf("%+v", rules)
	}
}

func TestListing(t *testing.T) {
	s := compileText(t, `{default: ALLOW, bundles: [{name: b, rules: [{id: r, match: {tool: x}, decision: deny, reason: no}]}, {name: a, rules: []}], overlays: [{name: o, rules: []}]}`)
	if got, want := s.Bundles(), []ListedBundle{{Name: "a"}, {Name: "b", Rules: 1}, {Name: "o", Overlay: true}}; !slices.Equal(got, want) || s.Default() != Allow {
		t.Errorf("%+v", got)
	}
	if r := s.Rules(); len(r) != 1 || r[0].Name != "b/r" || r[0].Decision != "DENY" || string(r[0].Document) != `{"decision":"DENY","id":"r","match":{"tools":["x"]},"reason":"no"}` {
		t.Errorf("%+v", r)
	}
}

func TestCoverage(t *testing.T) {
	s := compileText(t, `{rules: [{id: a, match: {tool: x}, decision: ALLOW}, {id: b, match: {tool: "*"}, decision: ALLOW}, {id: c, match: {tool: z}, decision: ALLOW}]}`)
	c := NewCoverage(s)
	for _, tool := range []string{"x", "y", ""} {
		c.Add(Evaluate(s, Request{Tool: tool}))
	}
	want := CoverageReport{Requests: 3, Rules: 3, Hit: 2, Default: 1, Never: []string{"policy/c"}, Hits: []RuleHit{{"policy/a", 1}, {"policy/b", 2}}}
	if got := c.Report(); !reflect.DeepEqual(got, want) || int(got.Percent()) != 66 {
		t.Errorf("%+v", got)
	}
	if empty := NewCoverage(NewSnapshot(Deny)).Report(); empty.Percent() != 100 {
		t.Errorf("%+v", empty)
	}
}

// TestReadRequest: a request reads back as it is written, and a slip is a problem.
func TestReadRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRequest(t)
		want.MCP.Tool, want.Cost, want.Requires = "m", 1.5, []string{"gpu"}
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		n, err := yamlx.Parse(raw, yamlx.JSON)
		if err != nil {
			t.Fatal(err)
		}
		got, problems := ReadRequest(n, "")
		if len(problems) > 0 {
			t.Fatalf("%s: %v", raw, problems)
		}
		if again, err := json.Marshal(got); err != nil || !jsonEqual(t, raw, again) || got.Hash() == "" {
			t.Fatalf("%s became %s", raw, again)
		}
	})
	for _, bad := range []string{`[]`, `{"tolo":"x"}`, `{"tool":1}`, `{"roles":"dev"}`, `{"roles":[1]}`, `{"tags":{"a":1}}`, `{"tags":[]}`, `{"cost":"1"}`, `{"cost":-1}`, `{"mcp":1}`, `{"mcp":{"x":"y"}}`} {
		n, err := yamlx.Parse([]byte(bad), yamlx.JSON)
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := ReadRequest(n, "r.json"); !Refused(problems) || problems[0].Line != 1 {
			t.Errorf("%s: %v", bad, problems)
		}
	}
}

func jsonEqual(t *rapid.T, a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("%s, %s", a, b)
	}
	return reflect.DeepEqual(x, y)
}

// TestDecisionJSON is the form that commands and the API print.
func TestDecisionJSON(t *testing.T) {
	s := compileText(t, `{rules: [{id: a, match: {tool: x}, decision: REQUIRE_APPROVAL, reason: look, constraints: [{type: MaxRetries, value: 2}], approval: {approvers: ["role:sre"], expires: 90m}}]}`)
	raw, err := json.Marshal(Evaluate(s, Request{Tool: "x"}))
	want := `{"verdict":"REQUIRE_APPROVAL","rule":"policy/a","reason":"look","rules":["policy/a"],"constraints":[{"type":"MaxRetries","value":2}],` +
		`"approvals":[{"approvers":["role:sre"],"deny_quorum":1,"expires":"1h30m","on_expiry":"deny","quorum":1,"reason":"look","rule":"policy/a"}],"expires":"1h30m","snapshot":"` + s.Digest() + `"}`
	if err != nil || string(raw) != want {
		t.Errorf("%v\n%s\n%s", err, raw, want)
	}
	var v Verdict
	for word, want := range map[string]Verdict{"ALLOW": Allow, "deny": Deny, "require_approval": RequireApproval, "ALLOW_WITH_CONSTRAINTS": AllowWithConstraints} {
		if err := v.UnmarshalText([]byte(word)); err != nil || v != want {
			t.Errorf("%s: %s, %v", word, v, err)
		}
	}
	for _, word := range []string{"", "Allow", "MAYBE"} {
		if err := v.UnmarshalText([]byte(word)); err == nil {
			t.Errorf("%q is a decision", word)
		}
	}
}
