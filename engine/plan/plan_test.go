package plan_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps"
)

func load(t *testing.T, src string) *steps.Workflow {
	t.Helper()
	w, list := steps.Load([]byte(src), yamlx.Auto, false)
	if w == nil {
		t.Fatal(list)
	}
	return w
}

// of plans a workflow whose steps are given.
func of(t *testing.T, steps string, in plan.Input) *plan.Plan {
	t.Helper()
	return plan.Make(load(t, "id: wf\nsteps:\n"+steps+"\n"), in)
}

func step(t *testing.T, p *plan.Plan, id string) *plan.Step {
	t.Helper()
	i := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.ID == id })
	if i < 0 {
		t.Fatalf("there is no step %s", id)
	}
	return &p.Steps[i]
}

func TestReach(t *testing.T) {
	t.Parallel()
	input := map[string]any{"prod": false, "n": int64(3)}
	tests := []struct {
		name, steps string
		want        map[string]string // id to the words of its reach
	}{
		{"roots", "- {id: a, topic: job.x}\n- {id: b, topic: job.x, depends_on: [a]}", map[string]string{"a": "runs", "b": "runs"}},
		{
			"a known when", "- {id: a, topic: job.x, when: input.prod}\n- {id: b, topic: job.x, depends_on: [a]}\n- {id: c, topic: job.x, depends_on: [a], join: none_failed}\n- {id: d, topic: job.x, when: input.n == 3}",
			map[string]string{"a": "never: its when is false: input.prod", "b": "never: a before it is skipped", "c": "runs", "d": "runs"},
		},
		{
			"a when that depends", "- {id: a, topic: job.x}\n- {id: b, topic: job.x, depends_on: [a], when: steps.a.output.ok}\n- {id: c, topic: job.x, depends_on: [b]}",
			map[string]string{"b": "if when steps.a.output.ok (depends on steps.a.output.ok)", "c": "if b runs"},
		},
		{
			"one of two branches", "- {id: a, topic: job.x, when: input.prod}\n- {id: b, topic: job.x, when: not input.prod}\n- {id: c, topic: job.x, depends_on: [a, b]}",
			map[string]string{"a": "never: its when is false: input.prod", "b": "runs", "c": "runs"},
		},
		{
			"a known switch", "- {id: s, type: switch, on: input.n, cases: [{value: 3, steps: [a]}], default: [b]}\n- {id: a, topic: job.x, depends_on: [s]}\n- {id: b, topic: job.x, depends_on: [s]}",
			map[string]string{"s": "runs", "a": "runs", "b": "never: the switch s does not choose it"},
		},
		{
			"a switch that depends", "- {id: x, topic: job.x}\n- {id: s, type: switch, depends_on: [x], on: steps.x.output.k, cases: [{value: 3, steps: [a]}]}\n- {id: a, topic: job.x, depends_on: [s]}",
			map[string]string{"a": "if the switch s chooses it (depends on steps.x.output.k)"},
		},
		{
			"computed values are known", "- {id: t, type: transform, input: {double: '${input.n * 2}'}}\n- {id: c, type: condition, condition: steps.t.output.double > 5, depends_on: [t]}\n- {id: a, topic: job.x, depends_on: [c], when: steps.c.output}\n- {id: b, topic: job.x, depends_on: [c], when: not steps.c.output}",
			map[string]string{"a": "runs", "b": "never: its when is false: not steps.c.output"},
		},
		{
			"handlers", "- {id: a, topic: job.x}\n- {id: h, topic: job.x, depends_on: [a], join: any_failed}\n- {id: d, topic: job.x, depends_on: [a], join: all_done}",
			map[string]string{"h": "if one of a fails", "d": "runs"},
		},
		{
			"nothing to fail", "- {id: a, topic: job.x, when: input.prod}\n- {id: h, topic: job.x, depends_on: [a], join: any_failed}",
			map[string]string{"h": "never: nothing before it runs, so nothing fails"},
		},
		{
			"enough of several", "- {id: a, topic: job.x, when: input.prod}\n- {id: b, topic: job.x}\n- {id: c, topic: job.x, depends_on: [a, b], join: {at_least: 2}}\n- {id: d, topic: job.x, depends_on: [a, b], join: {at_least: 1}}",
			map[string]string{"c": "never: too many of a, b are skipped", "d": "runs"},
		},
		{
			"a loop", "- {id: l, type: loop, while: loop.index < 3, steps: {i: {topic: job.x}}}\n- {id: m, type: loop, until: loop.index > 3, when: input.prod, steps: {j: {topic: job.x}}}",
			map[string]string{"i": "if the loop l has a round", "j": "never: the loop m does not run"},
		},
		{
			"what is skipped is known", "- {id: a, topic: job.x, when: input.prod}\n- {id: b, topic: job.x, depends_on: [a], join: none_failed, when: \"steps.a.status == 'skipped' && steps.a.output == nil\"}",
			map[string]string{"b": "runs"},
		},
		{
			"an expression that fails", "- {id: a, topic: job.x, when: input.n.x.y}\n- {id: b, topic: job.x, depends_on: [a]}",
			map[string]string{"a": "runs", "b": "never: a before it does not succeed"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := of(t, tt.steps, plan.Input{Input: input})
			for id, want := range tt.want {
				if got := step(t, p, id).Reach.String(); got != want {
					t.Errorf("%s: %q, want %q", id, got, want)
				}
			}
		})
	}
}

func policy(t *testing.T, rules string) *safety.Snapshot {
	t.Helper()
	root, err := yamlx.Parse([]byte("{name: p, default: ALLOW, rules: ["+rules+"]}"), yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := safety.ParsePolicy(root, "p.yaml")
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	const steps = "- {id: a, topic: job.read, effect: read}\n- {id: b, topic: job.pay, depends_on: [a], input: {amount: '${steps.a.output.amount}', currency: EUR}}\n- {id: c, topic: job.pay, input: {amount: 900, currency: EUR}}\n" +
		"- {id: d, topic: job.drop}\n- {id: e, topic: job.x, depends_on: [d]}\n- {id: f, topic: job.x, compensate: {topic: job.refund, input: {id: '${steps.f.output?.id}'}}}\n"
	rules := `{id: large, match: {topics: job.pay, when: "input.amount > 500"}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:cfo"], quorum: 2, expires: 4h}},
		{id: euro, match: {topics: job.pay, when: "input.currency != 'EUR'"}, decision: DENY},
		{id: drop, match: {topics: job.drop}, decision: DENY, reason: never},
		{id: slow, match: {topics: job.refund}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: MaxTimeout, value: 60}]}`
	p := of(t, steps, plan.Input{Tenant: "acme", Policy: policy(t, rules)})

	ruling := func(id string) plan.Ruling { return step(t, p, id).Job.Policy[0] }
	if r := ruling("a"); r.Verdict != "ALLOW" || r.Rule != "default" {
		t.Errorf("a: %+v", r)
	}
	if r := ruling("b"); r.Verdict != "" || !slices.Equal(r.Undecided, []string{"p/large"}) || !slices.Equal(r.DependsOn, []string{"steps.a.output.amount"}) {
		t.Errorf("b: %+v", r)
	}
	if r := ruling("c"); r.Verdict != "REQUIRE_APPROVAL" || len(r.Approvals) != 1 || r.Approvals[0].Quorum != 2 || r.Approvals[0].Expires != "4h" {
		t.Errorf("c: %+v", r)
	}
	if r := ruling("d"); r.Verdict != "DENY" || r.Rule != "p/drop" || r.Reason != "never" {
		t.Errorf("d: %+v", r)
	}
	if got := step(t, p, "e").Reach.String(); got != "never: d before it does not succeed" {
		t.Errorf("e: %s", got)
	}
	undo := step(t, p, "f").Undo
	if r := undo.Policy[0]; r.Verdict != "ALLOW_WITH_CONSTRAINTS" || !reflect.DeepEqual(r.Constraints, []plan.Constraint{{Type: "MaxTimeout", Value: int64(60)}}) {
		t.Errorf("undo of f: %+v", r)
	}
	if !slices.Equal(undo.InputDependsOn, []string{"steps.f.output.id"}) || undo.WhenUnknown != "hold" {
		t.Errorf("undo of f: %+v", undo)
	}
	if !slices.Contains(p.Unknown, "steps.a.output.amount") || p.Policy == "" {
		t.Errorf("%+v", p)
	}
}

// A DENY of a rule that does not look at what is unknown stays one.
func TestPolicyDeniesWhateverIsUnknown(t *testing.T) {
	t.Parallel()
	rules := `{id: no, match: {topics: job.pay}, decision: DENY}, {id: large, match: {topics: job.pay, when: "input.amount > 500"}, decision: REQUIRE_APPROVAL}`
	p := of(t, "- {id: a, topic: job.x}\n- {id: b, topic: job.pay, depends_on: [a], input: {amount: '${steps.a.output.n}'}}", plan.Input{Policy: policy(t, rules)})
	if r := step(t, p, "b").Job.Policy[0]; r.Verdict != "DENY" || r.Rule != "p/no" {
		t.Errorf("%+v", r)
	}
}

func TestPolicyOfAFanOut(t *testing.T) {
	t.Parallel()
	rules := `{id: large, match: {topics: job.pay, when: "input.amount > 500"}, decision: REQUIRE_APPROVAL}`
	const fan = "- {id: a, topic: job.pay, for_each: input.amounts, input: {amount: '${item}'}}"
	p := of(t, fan, plan.Input{Input: map[string]any{"amounts": []any{int64(1), int64(900), int64(2)}}, Policy: policy(t, rules)})
	s := step(t, p, "a")
	if *s.ForEach.Items != 3 || len(s.Job.Policy) != 2 || s.Job.Policy[0].Items != 2 || s.Job.Policy[1].Verdict != "REQUIRE_APPROVAL" {
		t.Errorf("%+v", s.Job.Policy)
	}
	p = of(t, "- {id: x, topic: job.x}\n- {id: a, depends_on: [x], topic: job.pay, for_each: steps.x.output.all, input: {amount: '${item}'}}", plan.Input{Policy: policy(t, rules)})
	s = step(t, p, "a")
	if !slices.Equal(s.ForEach.DependsOn, []string{"steps.x.output.all"}) || !slices.Equal(s.Job.Policy[0].DependsOn, []string{"item"}) {
		t.Errorf("%+v %+v", s.ForEach, s.Job.Policy)
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	const undo = "compensate: {topic: job.undo}"
	const held = "compensate: {topic: job.undo, when_unknown: run}"
	chain := "- {id: a, topic: job.x, " + undo + "}\n- {id: b, topic: job.x, depends_on: [a], " + undo + "}\n- {id: c, topic: job.x, depends_on: [b], " + undo + "}\n"
	tests := []struct {
		name, steps, fails, want string
	}{
		{"chain", chain, "c", "1. c (if its outcome is unknown: hold)\n2. b\n3. a\n"},
		{"first of a chain", chain, "a", "1. a (if its outcome is unknown: hold)\n"},
		{
			"diamond", "- {id: a, topic: job.x, " + held + "}\n- {id: l, topic: job.x, depends_on: [a], " + held + "}\n- {id: r, topic: job.x, depends_on: [a], " + held + "}\n- {id: z, topic: job.x, effect: read, depends_on: [l, r]}",
			"z", "1. l, r\n2. a\n",
		},
		{
			"a side branch", "- {id: a, topic: job.x, " + undo + "}\n- {id: s, topic: job.x, " + undo + "}\n- {id: z, topic: job.x, effect: read, depends_on: [a]}",
			"z", "1. a, s (if it has run)\n",
		},
		{
			"what stays", "- {id: a, topic: job.x, " + undo + "}\n- {id: w, topic: job.x, depends_on: [a]}\n- {id: i, topic: job.x, effect: irreversible, depends_on: [w]}\n- {id: z, topic: job.x, effect: read, depends_on: [i]}",
			"z", "1. a\nstays: i (irreversible)\nstays: w (no compensate)\n",
		},
		{
			"behind the pivot", "- {id: a, topic: job.x, " + undo + "}\n- {id: p, topic: job.x, pivot: true, depends_on: [a]}\n- {id: b, topic: job.x, depends_on: [p], " + undo + "}\n- {id: z, topic: job.x, effect: read, depends_on: [b]}",
			"z", "1. b\nstays: a (kept by the pivot p)\nstays: p (kept by the pivot p)\n",
		},
		{
			"the pivot fails", "- {id: a, topic: job.x, " + undo + "}\n- {id: p, topic: job.x, pivot: true, depends_on: [a], " + undo + "}",
			"p", "1. p (if its outcome is unknown: hold)\n2. a\n",
		},
		{
			"beside the pivot", "- {id: a, topic: job.x, " + undo + "}\n- {id: p, topic: job.x, pivot: true, effect: none, depends_on: [a]}\n- {id: z, topic: job.x, effect: read, depends_on: [a]}",
			"z", "1. a (unless p has been passed)\n",
		},
		{
			"a fan-out", "- {id: a, topic: job.x, for_each: input.xs, " + undo + "}\n- {id: z, topic: job.x, effect: read, depends_on: [a]}",
			"z", "1. a (each of up to 2)\n",
		},
		{
			"a fan-out that fails", "- {id: a, topic: job.x, for_each: input.xs, " + undo + "}", "a", "1. a (what it has done; each of up to 2)\n",
		},
		{
			"a loop", "- {id: l, type: loop, until: loop.index > 2, steps: {i: {topic: job.x, " + undo + "}, j: {topic: job.x, depends_on: [i]}}}\n- {id: z, topic: job.x, effect: read, depends_on: [l]}",
			"z", "1. l (each round, the last first)\nstays: j (no compensate)\n",
		},
		{
			"inside a loop", "- {id: a, topic: job.x, " + undo + "}\n- {id: l, type: loop, depends_on: [a], until: loop.index > 2, steps: {i: {topic: job.x, " + undo + "}}}",
			"i", "1. l (what it has done; each round, the last first)\n2. a\n",
		},
		{
			"a child", "- {id: c, type: subworkflow, workflow: other}\n- {id: z, topic: job.x, effect: read, depends_on: [c]}",
			"z", "1. c (what its workflow has done)\n",
		},
		{
			"handlers run first", "- {id: a, topic: job.x, effect: read}\n- {id: n, topic: job.x, depends_on: [a]}\n- {id: h, topic: job.x, depends_on: [a], join: any_failed, " + undo + "}\n- {id: d, topic: job.x, depends_on: [n], join: all_done, " + undo + "}",
			"a", "1. d (if it has run), h (if it has run)\n",
		},
		{
			"alternatives", "- {id: e, topic: job.x, on_failure: continue, " + undo + "}\n- {id: u, topic: job.x, on_failure: continue, " + undo + "}\n- {id: p, topic: job.x, effect: read, depends_on: [e, u], join: any_success}",
			"p", "1. e (if it has run), u (if it has run)\n",
		},
		{"nothing", "- {id: a, topic: job.x, effect: read}", "a", "nothing to undo\n"},
		{
			"never reached", "- {id: a, topic: job.x, when: false, " + undo + "}\n- {id: z, topic: job.x, effect: read}", "z", "nothing to undo\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := of(t, tt.steps, plan.Input{Input: map[string]any{"xs": []any{int64(1), int64(2)}}, FailAt: tt.fails})
			if len(p.Failures) != 1 {
				t.Fatalf("%+v", p.Failures)
			}
			if got := p.Failures[0].Rollback.String(); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestRollbackToACheckpoint(t *testing.T) {
	t.Parallel()
	const undo = "compensate: {topic: job.undo}"
	src := "id: wf\non_failure: {rollback_to: loaded}\nsteps:\n- {id: a, topic: job.x, checkpoint: loaded, " + undo + "}\n- {id: b, topic: job.x, depends_on: [a], " + undo + "}\n- {id: c, topic: job.x, effect: read, depends_on: [b]}\n- {id: s, topic: job.x, effect: read}\n"
	for fails, want := range map[string]string{"c": "1. b\n", "s": "1. b (if it has run)\n2. a (if it has run)\n"} {
		p := plan.Make(load(t, src), plan.Input{FailAt: fails})
		f := p.Failures[0]
		if f.Then != "rollback to loaded" || f.Rollback.Checkpoint != "loaded" || f.Rollback.String() != want {
			t.Errorf("%s: %+v\n%s", fails, f, f.Rollback)
		}
	}
}

func TestThen(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"":                       "rollback", // a step declares a compensation
		"on_failure: halt\n":     "halt",
		"on_failure: continue\n": "continue",
		"on_failure: rollback\n": "rollback",
	} {
		w := load(t, "id: wf\n"+head+"steps:\n- {id: a, topic: job.x, compensate: {topic: job.undo}}\n- {id: b, topic: job.x, on_failure: continue}\n- {id: l, type: loop, until: 'true', steps: {i: {topic: job.x}}}\n")
		p := plan.Make(w, plan.Input{})
		if got := p.Failures[0].Then; got != want {
			t.Errorf("%q: %s, want %s", head, got, want)
		}
		if p.Failures[1].Then != "tolerate" || p.Failures[3].Then != "fail the loop" {
			t.Errorf("%+v", p.Failures)
		}
	}
}

func TestWorkersAndChildren(t *testing.T) {
	t.Parallel()
	child := load(t, "id: child\nsteps:\n- {id: c, topic: job.c, when: input.deep, compensate: {topic: job.undo}}\n- {id: d, topic: job.d, input: {v: '${input.v}'}}\n")
	in := plan.Input{
		Workers: func(topic string) []string {
			if topic == "job.d" {
				return []string{"z", "a", "z"}
			}
			return nil
		},
		Child: func(id, _ string) *steps.Workflow {
			if id == "child" {
				return child
			}
			return nil
		},
	}
	p := of(t, "- {id: s, type: subworkflow, workflow: child, input: {deep: true, v: 1}}\n- {id: o, type: subworkflow, workflow: other}\n- {id: u, type: subworkflow, workflow: child, depends_on: [s], input: {deep: '${steps.s.output.x}'}}", in)
	nested := step(t, p, "s").Child.Plan
	if got := step(t, nested, "c").Reach.Is; got != plan.Always {
		t.Errorf("c: %s", got)
	}
	if got := *step(t, nested, "d").Job.Pools; !slices.Equal(got, []string{"a", "z"}) {
		t.Errorf("d: %q", got)
	}
	if got := *step(t, nested, "c").Undo.Pools; got == nil || len(got) != 0 {
		t.Errorf("undo of c: %q", got)
	}
	if step(t, p, "o").Child.Plan != nil {
		t.Error("an unknown child was planned")
	}
	blind := step(t, step(t, p, "u").Child.Plan, "c").Reach
	if blind.Is != plan.Conditional || !slices.Equal(blind.Conditions[0].DependsOn, []string{"input.deep"}) {
		t.Errorf("%+v", blind)
	}
}

// A plan is a value: the same every time, with a digest that changes with what it says and not with who is there now.
func TestDigest(t *testing.T) {
	t.Parallel()
	const src = "- {id: a, topic: job.x, input: {v: '${input.v}', digest: '${input.d}', pools: 1}}"
	make := func(in plan.Input) string { return of(t, src, in).Digest }
	base := make(plan.Input{Input: map[string]any{"v": int64(1), "d": "x"}})
	if again := make(plan.Input{Input: map[string]any{"v": int64(1), "d": "x"}, Workers: func(string) []string { return []string{"w"} }}); again != base || len(base) != 64 {
		t.Errorf("%s, then %s", base, again)
	}
	for _, other := range []plan.Input{
		{Input: map[string]any{"v": int64(2), "d": "x"}},
		{Input: map[string]any{"v": int64(1), "d": "y"}},
		{Input: map[string]any{"v": int64(1), "d": "x"}, Policy: safety.NewSnapshot(safety.Deny)},
	} {
		if make(other) == base {
			t.Errorf("%+v has the same digest", other)
		}
	}
}

// The head's templates are known as far as what they read is.
func TestContextAndLabels(t *testing.T) {
	t.Parallel()
	w := load(t, "id: wf\ncontext: {db: '${input.db}', run: '${run.id}', region: eu}\nlabels: {db: '${input.db}', run: '${run.id}'}\nsteps:\n"+
		"- {id: a, topic: job.x, when: ctx.db == 'main'}\n- {id: b, topic: job.x, when: ctx.run == 'x'}\n- {id: c, topic: job.x, when: ctx.region == 'eu'}\n- {id: d, topic: job.x, when: labels.db == 'main'}\n- {id: e, topic: job.x, when: labels.run == 'x'}\n")
	reach := func(in plan.Input) (out []string) {
		for _, s := range plan.Make(w, in).Steps {
			out = append(out, s.Reach.Is)
		}
		return out
	}
	const a, c, n = plan.Always, plan.Conditional, plan.Never
	for _, tt := range []struct {
		in   plan.Input
		want []string
	}{
		{plan.Input{Input: map[string]any{"db": "main"}}, []string{a, c, a, a, c}},
		{plan.Input{InputUnknown: true}, []string{c, c, a, c, c}},
		{plan.Input{InputUnknown: true, Context: map[string]any{"db": "other", "run": "x"}, Labels: map[string]string{"run": "x"}}, []string{n, a, a, c, a}},
	} {
		if got := reach(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestTextOfAPlan(t *testing.T) {
	t.Parallel()
	p := plan.Make(load(t, `
id: order
steps:
  - {id: reserve, topic: job.reserve, compensate: {topic: job.release}}
  - {id: ok, type: approval, title: "Charge ${input.amount}?", approvers: ["role:cfo"], expires: 4h, depends_on: [reserve]}
  - {id: charge, topic: job.charge, depends_on: [ok], compensate: {topic: job.refund}}
  - {id: mail, topic: job.mail, effect: irreversible, depends_on: [charge], when: steps.charge.output.mail}
`), plan.Input{Input: map[string]any{"amount": int64(7)}, Policy: safety.NewSnapshot(safety.Allow), Workers: func(string) []string { return nil }})
	want := `plan of order

STEPS
  charge               worker      runs
      job.charge, effect write, no worker now
      policy: ALLOW by default
      undone by job.refund, no worker now
      policy: ALLOW by default
  mail                 worker      if when steps.charge.output.mail (depends on steps.charge.output.mail)
      job.mail, effect irreversible, no worker now
      policy: ALLOW by default
  ok                   approval    runs
  reserve              worker      runs
      job.reserve, effect write, no worker now
      policy: ALLOW by default
      undone by job.release, no worker now
      policy: ALLOW by default

APPROVALS
  ok: role:cfo, within 4h

IF A STEP FAILS
  charge: rollback
    1. charge (if its outcome is unknown: hold)
    2. reserve
  mail: rollback
    1. charge
    2. reserve
    stays: mail (irreversible)
  ok: rollback
    1. reserve
  reserve: rollback
    1. reserve (if its outcome is unknown: hold)

NOT KNOWN BEFORE THE RUN
  steps.charge.output.mail

digest `
	got := p.String()
	if cut, _, _ := strings.Cut(got, p.Digest); cut != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := json.Marshal(p); err != nil {
		t.Error(err)
	}
}
