package safety

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// TestWhenNames: only the names of a when are known, wherever they are hidden.
func TestWhenNames(t *testing.T) {
	for _, src := range []string{
		"true", "cost > 1.5 && cost<2", "tags.ctx == 'run'", "tags['steps'] == \"labels\"", "'dev' in roles", "input?.payload == 1",
		"any(roles, # startsWith 'a')", "let n = input.n; n > cost", "/* ctx */ true // labels", "effect in ['write', `run`]",
		"principal == 'it\\'s run'", "input.tenant == tenant and input . run != nil",
	} {
		if _, err := newCondition(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	for _, src := range []string{
		"ctx.a", "labels.env == 'x'", "run.id == 'x'", "steps.a.output", "payload.tenant == 'x'", "secrets.A == 'x'", "item == 1", "loop.index == 1",
		"team == 'x'", "// it's\nctx.a == 1 // '", "/*'*/ ctx.a == 1 /*'*/", "'\\'' == ctx.a", "`\\` == ctx.a or '`' == ''", "input[ctx.a]",
		"let tenant = 1; tenant > 0", "cost > 'a'[", "1..run.attempt == 1", "__meter == nil",
	} {
		if _, err := newCondition(src); err == nil {
			t.Errorf("%s is accepted", src)
		}
	}
}

// TestWhenSaysWhere: places in messages count from the expression that was written.
func TestWhenSaysWhere(t *testing.T) {
	_, err := newCondition("cost > 1 and tenat == 'a'")
	if err == nil || !strings.Contains(err.Error(), "(character 14 of the expression)") || !strings.Contains(err.Error(), "tenant") {
		t.Errorf("%v", err)
	}
}

// TestWhenFails: a rule that cannot be evaluated denies, whatever it would have said, and says why.
func TestWhenFails(t *testing.T) {
	for _, decision := range []string{"ALLOW", "REQUIRE_APPROVAL", "DENY"} {
		for when, input := range map[string]string{
			"input.n > 1": "", "input.xs[3] == 1": `{"xs":[]}`, "input.n": `{"n":"true"}`, "tenant == 'acme'": `{"n":`,
			"len(filter(1..90000, # > input.n)) > 0 and len(filter(1..90000, # > input.n)) > 0": `{"n":1}`,
		} {
			s := compileText(t, fmt.Sprintf("default: ALLOW\nrules: [{id: x, match: {when: %q}, decision: %s}]", when, decision))
			d := Evaluate(s, Request{Tenant: "acme", Input: []byte(input)})
			if d.Verdict != Deny || d.Rule != "policy/x" || len(d.Failures) != 1 || d.Failures[0].Message == "" || !strings.Contains(d.Reason, d.Failures[0].Message) || len(d.Approvals) > 0 {
				t.Errorf("%s with %s: %+v", when, input, d)
			}
		}
	}
}

// TestWhenIsAskedOnce: rules with one condition share its answer, so what a request costs does not grow with them.
func TestWhenIsAskedOnce(t *testing.T) {
	r := reader{conditions: map[string]*condition{}}
	n := &yamlx.Node{Kind: yamlx.String, Str: "cost > 1"}
	if a, b := r.when(n, place{}), r.when(n, place{}); a == nil || a != b {
		t.Error("one text is compiled twice")
	}
}

// TestExplain says of every rule whether it matched, and if not, why not.
func TestExplain(t *testing.T) {
	s := compileText(t, `default: ALLOW
bundles:
- name: b
  rules:
  - {id: a, match: {pack: "infra.*"}, decision: ALLOW}
  - {id: b, match: {pack: "infra.*", tags: {env: production}}, decision: DENY}
  - {id: c, match: {mcp: {tool: x}}, decision: DENY}
  - {id: d, match: {pack: "infra.*", when: "input.n > 1"}, decision: DENY}
  - {id: e, match: {when: "input.x.y > 1"}, decision: ALLOW}
overlays:
- {name: o, rules: [{id: f, match: {roles: dev}, decision: REQUIRE_APPROVAL}]}
`)
	r := Request{Pack: "infra.kubectl", Roles: []string{"dev"}, Input: []byte(`{"n":1}`)}
	want := []Judgement{
		{Rule: "b/a", Verdict: Allow, Matched: true},
		{Rule: "b/b", Verdict: Deny, Unmet: "tags.env", Wanted: "production"},
		{Rule: "b/c", Verdict: Deny, Unmet: "mcp.tool", Wanted: "x"},
		{Rule: "b/d", Verdict: Deny, Unmet: "when", Wanted: "input.n > 1", ReadsInput: true},
		{Rule: "b/e", Verdict: Allow, Matched: true, ReadsInput: true},
		{Rule: "o/f", Verdict: RequireApproval, Matched: true, Overlay: true},
	}
	got := Explain(s, r).Rules
	if got[4].Failure == "" {
		t.Errorf("%+v does not say what failed", got[4])
	}
	got[4].Failure = ""
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	var matched []string
	for _, j := range got {
		if j.Matched {
			matched = append(matched, j.Rule)
		}
	}
	if d := Evaluate(s, r); !slices.Equal(d.Rules, matched) {
		t.Errorf("the decision names %v, the explanation %v", d.Rules, matched)
	}
	if x := Explain(nil, r); len(x.Rules) > 0 || x.Decision.Verdict != Deny {
		t.Error("no snapshot has rules")
	}
}

// TestExpressionLimits: what bounds an expression of a workflow bounds a when.
func TestExpressionLimits(t *testing.T) {
	for _, src := range []string{strings.Repeat("(", expr.MaxNesting+1) + "true" + strings.Repeat(")", expr.MaxNesting+1), "true" + strings.Repeat(" ", expr.MaxSource)} {
		if _, err := newCondition(src); err == nil {
			t.Errorf("%.40s… is accepted", src)
		}
	}
}

// FuzzWhen: an expression that is accepted reads nothing but the names of a when, as its syntax tree tells.
func FuzzWhen(f *testing.F) {
	for _, src := range []string{
		"cost > 1", "// it's\nctx.a == 1 // '", "/*'*/ ctx.a == 1 /*'*/", "'\\'' == ctx.a", "`\\` == ctx.a or '`' == ''", "input.a . run",
		"1..run.attempt == 1", "tags ?. labels", "{ctx: 1}.ctx == 1", "let x = cost; x > 1", "steps.a.status == ''",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if _, err := newCondition(src); err != nil {
			return
		}
		for _, r := range expr.ReadsOf(&yamlx.Node{Kind: yamlx.String, Str: src}, true) {
			if r.Name != "input" && !slices.Contains(whenNames, r.Name) {
				t.Errorf("%q reads %s", src, r)
			}
		}
	})
}
