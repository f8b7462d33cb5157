package gateway

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps"
)

// shop reserves and charges, a large order only when somebody agrees.
const shop = `
id: shop
input: {type: object, properties: {amount: {type: integer}}}
on_failure: rollback
steps:
  - {id: reserve, topic: job.stock.reserve, compensate: {topic: job.stock.release}}
  - {id: big, depends_on: [reserve], type: approval, title: Large, when: input.amount > 100}
  - {id: charge, depends_on: [reserve, big], join: none_failed, topic: job.billing.charge, compensate: {topic: job.billing.refund}}
`

func (a *api) store(source string) WorkflowCreated {
	a.t.Helper()
	var out WorkflowCreated
	a.call("POST", prefix+"/workflows?run=false", source, "Content-Type: application/yaml").want(201, "").json(&out)
	return out
}

func stepOf(p plan.Plan, id string) plan.Step {
	at := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.ID == id })
	if at < 0 {
		return plan.Step{}
	}
	return p.Steps[at]
}

func TestDryRun(t *testing.T) {
	root, err := yamlx.Parse([]byte("default: ALLOW\nname: base\nrules:\n  - {id: no-money, match: {topics: [job.billing.charge]}, decision: DENY}\n"), yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	policy, problems := safety.ParsePolicy(root, "p.yaml")
	if safety.Refused(problems) {
		t.Fatal(problems)
	}
	a := newAPI(t, func(c *Config) { c.Policy = func() *safety.Snapshot { return policy } })
	a.store(shop)
	var p plan.Plan
	path := prefix + "/workflows/shop/dry-run"
	a.call("POST", path, `{"input":{"amount":7}}`).want(200, "").json(&p)
	if p.Workflow != "shop" || p.Policy != policy.Digest() || len(p.Digest) != 64 {
		t.Errorf("plan %+v", p)
	}
	if s := stepOf(p, "big"); s.Reach.Is != plan.Never {
		t.Errorf("a small order is asked about: %+v", s.Reach)
	}
	if s := stepOf(p, "charge"); s.Job == nil || len(s.Job.Policy) != 1 || s.Job.Policy[0].Verdict != "DENY" || s.Job.Policy[0].Rule != "base/no-money" {
		t.Errorf("policy of charge: %+v", s.Job)
	}
	if s := stepOf(p, "reserve"); s.Job.Pools == nil || len(*s.Job.Pools) != 0 {
		t.Errorf("pools of reserve: %+v", s.Job)
	}
	for _, body := range []string{"", "{}"} {
		var unknown plan.Plan
		a.call("POST", path, body).want(200, "").json(&unknown)
		if s := stepOf(unknown, "big"); s.Reach.Is != plan.Conditional || !slices.Contains(unknown.Unknown, "input.amount") {
			t.Errorf("body %q: %+v, unknown %v", body, s.Reach, unknown.Unknown)
		}
	}
	a.call("POST", path, `{"fail_at":"charge"}`).want(200, "").json(&p)
	if len(p.Failures) != 1 || p.Failures[0].Step != "charge" {
		t.Errorf("failures %+v", p.Failures)
	}
	a.call("POST", path, `{"fail_at":"nothing"}`).want(400, "invalid_argument")
	a.call("POST", path, `{"input":{"amount":"x"}}`).want(422, "invalid_input")
	a.call("POST", path, `{"context":[1]}`).want(422, "invalid_context")
	a.call("POST", path, `{"inputs":{}}`).want(400, "unknown_field")
	a.call("POST", prefix+"/workflows/none/dry-run", `{}`).want(404, "not_found")
	a.call("POST", path, `{}`, "X-Tenant-ID: acme").want(404, "not_found")
	if _, runs, jobs := a.engine.count(); runs != 0 || jobs != 0 {
		t.Errorf("a plan made %d runs and %d jobs", runs, jobs)
	}
}

func TestDryRunOfADefinition(t *testing.T) {
	a := newAPI(t, nil)
	path := prefix + "/workflows/dry-run"
	body := func(definition any, rest string) string {
		raw, err := json.Marshal(definition)
		if err != nil {
			t.Fatal(err)
		}
		return `{"definition":` + string(raw) + rest + `}`
	}
	var text, object plan.Plan
	a.call("POST", path, body(shop, `,"input":{"amount":7}`)).want(200, "").json(&text)
	w, _ := steps.Load([]byte(shop), yamlx.YAML, false)
	a.call("POST", path, body(json.RawMessage(w.Def.Canonical), `,"input":{"amount":7}`)).want(200, "").json(&object)
	if text.Digest != object.Digest || text.Digest == "" || text.Policy != "" {
		t.Errorf("as text %s, as an object %s", text.Digest, object.Digest)
	}
	var p Problem
	a.call("POST", path, body("id: x\nsteps:\n  - {id: a, topic: job.x, depend_on: [b]}\n", "")).want(422, "unknown_field").json(&p)
	if p.Errors[0].Line != 3 {
		t.Errorf("errors %+v", p.Errors)
	}
	a.call("POST", path, `{}`).want(422, "invalid_body")
	a.call("POST", path, `{"definition":7}`).want(422, "wrong_type")
	a.call("POST", path, `{"definition":"`+strings.Repeat("[", 100)+`"}`).want(400, "json_too_deep")
	if workflows, _, _ := a.engine.count(); workflows != 0 {
		t.Errorf("%d workflows were stored", workflows)
	}
}

func TestPlanOfSubWorkflows(t *testing.T) {
	a := newAPI(t, nil)
	a.store("id: child\nsteps:\n  - {id: c, topic: job.child}\n")
	a.store("id: parent\nsteps:\n  - {id: sub, type: subworkflow, workflow: child}\n  - {id: gone, type: subworkflow, workflow: nowhere}\n")
	var p plan.Plan
	a.call("POST", prefix+"/workflows/parent/dry-run", `{"input":{}}`).want(200, "").json(&p)
	if c := stepOf(p, "sub").Child; c == nil || c.Plan == nil || c.Plan.Steps[0].ID != "c" {
		t.Errorf("child %+v", c)
	}
	if c := stepOf(p, "gone").Child; c == nil || c.Plan != nil {
		t.Errorf("a workflow that is not there: %+v", c)
	}
}

func TestLibrary(t *testing.T) {
	asked := 0
	v := runner.WorkflowVersion{ID: "x", Version: "2.0", Source: json.RawMessage(`{"id":"x","steps":[{"id":"a","topic":"job.x"}]}`)}
	l := &library{left: 2 * len(v.Source), seen: map[string]*steps.Workflow{}}
	l.read = func(id, digest string) (runner.WorkflowVersion, error) {
		asked++
		switch id {
		case "none":
			return v, runner.ErrNotFound
		case "broken":
			return v, runner.ErrUnavailable
		}
		return v, nil
	}
	for range 2 {
		if l.newest("x") == nil || asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	}
	if l.version("x", "1.0") != nil || l.newest("none") != nil || l.err != nil {
		t.Errorf("what is not there was found: %v", l.err)
	}
	if l.version("x", "2.0") == nil || l.newest("y") != nil {
		t.Error("a label is not found, or the limit does not hold")
	}
	if l.newest("broken") != nil || !errors.Is(l.err, runner.ErrUnavailable) {
		t.Errorf("error %v", l.err)
	}
}

func TestPoolsForATopic(t *testing.T) {
	workers := []runner.WorkerView{
		{ID: "a", Pool: "gpu", Topics: []string{"job.x"}, State: "alive"},
		{ID: "b", Pool: "gpu", Topics: []string{"job.>"}, State: "alive"},
		{ID: "c", Topics: []string{"job.*"}, State: "alive"},
		{ID: "d", Pool: "away", Topics: []string{"job.x"}, State: "draining"},
	}
	if pools := poolsFor(workers, "job.x"); !slices.Equal(pools, []string{"gpu", "c"}) {
		t.Errorf("pools %v", pools)
	}
	for _, tt := range []struct {
		pattern, topic string
		want           bool
	}{
		{"job.x", "job.x", true},
		{"job.x", "job.x.y", false},
		{"job.x.y", "job.x", false},
		{"job.*", "job.x", true},
		{"job.*", "job.x.y", false},
		{"job.>", "job.x.y", true},
		{"job.>", "job", false},
		{"job.>.x", "job.a.x", false},
		{"*.x", "job.x", true},
		{">", "job", true},
		{"", "job", false},
	} {
		if covers(tt.pattern, tt.topic) != tt.want {
			t.Errorf("%q covers %q is %v", tt.pattern, tt.topic, !tt.want)
		}
	}
}
