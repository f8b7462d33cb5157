package safety

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
)

// lintText lints a policy and answers the rules that warn, each with the rule of the policy that it is about.
func lintText(t testing.TB, doc string) []string {
	t.Helper()
	n, err := yamlx.Parse([]byte(doc), yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	set, problems := ReadSet(n, "p.yaml")
	s, found := Lint(set)
	if s == nil || len(problems) > 0 {
		t.Fatalf("%s: %v %v", doc, problems, found)
	}
	var out []string
	for _, p := range found {
		if !p.Warning || p.Line == 0 || p.File != "p.yaml" || p.Code() == "" {
			t.Errorf("%+v", p)
		}
		about, _, _ := strings.Cut(p.Message, " ")
		out = append(out, p.Rule+" "+about)
	}
	return out
}

// TestLintTable: what is said in vain is found, and what only looks like it is not.
func TestLintTable(t *testing.T) {
	for rules, want := range map[string]string{
		// The same match, other words.
		`{id: a, match: {tool: x}, decision: ALLOW}, {id: b, match: {tools: [x]}, decision: DENY}`:                                                       "contradiction policy/a",
		`{id: a, match: {tool: x}, decision: ALLOW}, {id: b, match: {tool: x}, decision: ALLOW}`:                                                         "shadowed policy/b",
		`{id: a, match: {tool: x}, decision: DENY}, {id: b, match: {tool: x}, decision: DENY}`:                                                           "shadowed policy/b",
		`{id: a, match: {tool: x}, decision: REQUIRE_APPROVAL}, {id: b, match: {tool: x}, decision: REQUIRE_APPROVAL}`:                                   "",
		`{id: a, match: {tool: x}, decision: ALLOW}, {id: b, match: {tool: y}, decision: DENY}`:                                                          "",
		`{id: a, match: {tool: x}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 1}]}, {id: b, match: {tool: x}, decision: ALLOW}`:            "contradiction policy/b",
		`{id: a, match: {tool: x}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 1}]}, {id: b, match: {tool: x}, decision: REQUIRE_APPROVAL}`: "",
		// A wider match.
		`{id: a, match: {pack: "infra.*", tool: x}, decision: ALLOW}, {id: b, match: {pack: "*"}, decision: DENY}`:           "shadowed policy/a",
		`{id: a, match: {pack: "infra.k*s"}, decision: REQUIRE_APPROVAL}, {id: b, match: {pack: "infra.*"}, decision: DENY}`: "shadowed policy/a",
		`{id: a, match: {pack: "infra.*"}, decision: ALLOW}, {id: b, match: {pack: "infra.k*s"}, decision: DENY}`:            "",
		`{id: a, match: {pack: "infra.*"}, decision: ALLOW}, {id: b, match: {tool: x}, decision: DENY}`:                      "",
		`{id: a, match: {tool: [x, y]}, decision: ALLOW}, {id: b, match: {tool: x}, decision: DENY}`:                         "",
		`{id: a, match: {roles: dev, tags: {env: p}}, decision: ALLOW}, {id: b, match: {roles: [dev, sre]}, decision: DENY}`: "shadowed policy/a",
		`{id: a, match: {mcp: {tool: x}}, decision: ALLOW}, {id: b, match: {mcp: {tool: "*"}}, decision: DENY}`:              "shadowed policy/a",
		`{id: a, match: {tags: {env: p}}, decision: DENY}, {id: b, match: {tags: {"*": p}}, decision: DENY}`:                 "",
		// Conditions.
		`{id: a, match: {tool: x}, decision: ALLOW}, {id: b, match: {tool: x, when: cost > 1}, decision: DENY}`:        "",
		`{id: a, match: {tool: x, when: cost > 1}, decision: ALLOW}, {id: b, match: {when: cost > 1}, decision: DENY}`: "shadowed policy/a",
		`{id: a, match: {tool: x, when: cost > 1}, decision: ALLOW}, {id: b, match: {tool: x}, decision: DENY}`:        "shadowed policy/a",
		`{id: a, match: {effect: read, when: "effect == 'write'"}, decision: DENY}`:                                    "never_matches policy/a",
		`{id: a, match: {tags: {env: "p*"}, when: "tags.env == 'staging' and cost > 1"}, decision: DENY}`:              "never_matches policy/a",
		`{id: a, match: {when: "tenant == 'a' and tenant == 'b'"}, decision: DENY}`:                                    "never_matches policy/a",
		`{id: a, match: {when: "tenant == 'a' or tenant == 'b'"}, decision: DENY}`:                                     "",
		`{id: a, match: {tool: x, when: "false"}, decision: DENY}`:                                                     "never_matches policy/a",
		`{id: a, match: {tool: x, when: "cost > 1"}, decision: ALLOW}, {id: b, match: {tool: x}, decision: ALLOW}`:     "", // it denies when it fails
		`{id: a, match: {effect: read, when: "input.n > 1 and effect == 'write'"}, decision: DENY}`:                    "",
		// Constraints, approvals.
		`{id: a, match: {tool: x}, decision: ALLOW, constraints: [{type: AllowedTools, value: [p]}]}, {id: b, match: {pack: y, tool: x}, decision: ALLOW, constraints: [{type: AllowedTools, value: [q]}]}`: "nothing_allowed policy/b",
		`{id: a, match: {tool: x}, decision: REQUIRE_APPROVAL, approval: {approvers: ["user:a"], quorum: 2}}`:                                                                                               "unapprovable 2",
	} {
		if got := strings.Join(lintText(t, "rules: ["+rules+"]"), ", "); got != want {
			t.Errorf("%s:\n got %q\nwant %q", rules, got, want)
		}
	}
}

func TestLintOverlays(t *testing.T) {
	got := lintText(t, `{bundles: [{name: b, rules: [{id: a, match: {tool: x}, decision: ALLOW}]}], overlays: [{name: o, rules: [
		{id: a, match: {tool: x}, decision: ALLOW}, {id: c, match: {tool: x}, decision: ALLOW, constraints: [{type: MaxRetries, value: 1}]}, {id: d, match: {tool: x}, decision: REQUIRE_APPROVAL}]}]}`)
	if !slices.Contains(got, "overlay_widens o/a") || slices.ContainsFunc(got, func(s string) bool {
		return strings.HasSuffix(s, "b/a") || strings.HasSuffix(s, "o/c") || strings.HasSuffix(s, "o/d")
	}) {
		t.Errorf("%v", got)
	}
}

// TestLintIsRight: what is called in vain can be left out without changing a verdict, and what never matches never does.
func TestLintIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := drawSet(t)
		s, problems := Lint(set.documents(t, false))
		vain := map[string]string{}
		for _, p := range problems {
			if name, _, _ := strings.Cut(p.Message, " "); p.Rule == RuleShadowed || p.Rule == RuleNeverMatches || p.Rule == RuleContradiction {
				vain[name] = p.String()
			}
		}
		for name, why := range vain {
			without := set.without(name).compile(t, false)
			for range 5 {
				r := drawRequest(t)
				before, after := Evaluate(s, r), Evaluate(without, r)
				if before.Verdict != after.Verdict {
					t.Fatalf("%s: without it %+v is %s, with it %s", why, r, after.Verdict, before.Verdict)
				}
			}
		}
	})
}

// without is the set without one rule.
func (s modelSet) without(name string) modelSet {
	out := modelSet{Default: s.Default, Base: map[string][]model{}, Overlays: map[string][]model{}}
	for from, to := range map[*map[string][]model]map[string][]model{&s.Base: out.Base, &s.Overlays: out.Overlays} {
		for bundle, rules := range *from {
			to[bundle] = slices.DeleteFunc(slices.Clone(rules), func(m model) bool { return bundle+"/"+m.ID == name })
		}
	}
	return out
}

// TestLintOfMany: the largest set is compared in bounded time.
func TestLintOfMany(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, `{"id": "r%d", "match": {"when": "cost > %d"}, "decision": "DENY"},`, i, i)
	}
	if got := lintText(t, `{"rules": [`+strings.TrimSuffix(b.String(), ",")+`]}`); len(got) > 0 {
		t.Errorf("%v", got)
	}
}
