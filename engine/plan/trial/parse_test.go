package trial

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

const flow = "workflow: {id: f, steps: [{id: a, topic: job.x.y}]}\n"

func TestParseCases(t *testing.T) {
	src := `
id: one
` + flow + `
stubs:
  a: [{lost: true}, {fail: {code: c, fatal: true}, takes: 1h30m, on_cancel: succeed}]
  sub/undo:b: {output: 7, queued: 5s}
approvals:
  gate: [deny, {decision: send_back, to: a, by: "user:bob"}]
do:
  - {after: undo:b, verb: retry, compensation: b}
expect:
  status: failed
  undo_order: [[b, a]]
  held: []
---
cases:
  - id: two
    workflow: sub/flow.yaml
    expect: {output: null}
`
	read := func(path string) ([]byte, error) {
		if path != "tests/sub/flow.yaml" {
			return nil, errors.New("read " + path)
		}
		return []byte("id: f\n"), nil
	}
	cases, problems := Parse(File{Path: "tests/x.test.yaml", Text: []byte(src)}, read)
	if len(problems) > 0 || len(cases) != 2 {
		t.Fatalf("%d cases, problems %v", len(cases), problems)
	}
	c := cases[0]
	if a := c.Stubs["a"]; len(a) != 2 || !a[0].Lost || a[1].Fail.Retryable || a[1].Takes != 90*time.Minute || a[1].OnCancel != CancelTooLate {
		t.Errorf("stub of a: %+v", a)
	}
	if b := c.Stubs["undo:sub/b"]; len(b) != 1 || string(b[0].Output) != "7" || b[0].Queued != 5*time.Second {
		t.Errorf("stub of undo:sub/b: %+v", c.Stubs)
	}
	if g := c.Replies["gate"]; len(g) != 2 || g[0].Decision != "deny" || g[1].To != "a" {
		t.Errorf("approvals: %+v", g)
	}
	if o := c.Expect.Order; len(o) != 1 || strings.Join(o[0], " ") != "undo:b undo:a" {
		t.Errorf("undo order: %v", o)
	}
	if c.Expect.Held == nil || len(*c.Expect.Held) != 0 || c.Expect.Waiting != nil || c.Orders[0].After != "undo:b" {
		t.Errorf("expectations: %+v", c.Expect)
	}
	if e := cases[1].Expect; e.Output == nil || *e.Output != nil || string(cases[1].Workflow.Source) != "id: f\n" {
		t.Errorf("the second case: %+v", cases[1])
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ src, want string }{
		"unknown field":     {"id: x\n" + flow + "expect: {}\nexpects: {}\n", ":4: unknown_field"},
		"unknown in expect": {"id: x\n" + flow + "expect:\n  state: failed\n", ":4: unknown_field"},
		"no id":             {flow + "expect: {}\n", "missing_field"},
		"no expectation":    {"id: x\n" + flow, "missing_field"},
		"no workflow":       {"id: x\nexpect: {}\n", "missing_field"},
		"two workflows":     {"id: x\n" + flow + "workflow_text: x\nexpect: {}\n", "conflicting_fields"},
		"bad name":          {"id: x\n" + flow + "stubs: {\"a[x]\": []}\nexpect: {}\n", "bad_value"},
		"no entry":          {"id: x\n" + flow + "stubs: {a: []}\nexpect: {}\n", "out_of_range"},
		"two outcomes":      {"id: x\n" + flow + "stubs: {a: [{output: 1, lost: true}]}\nexpect: {}\n", "conflicting_fields"},
		"bad duration":      {"id: x\n" + flow + "stubs: {a: [{takes: 1.5s}]}\nexpect: {}\n", "invalid_duration"},
		"bad state":         {"id: x\n" + flow + "expect: {steps: {a: done}}\n", "bad_value"},
		"bad verb":          {"id: x\n" + flow + "do: [{after: a, verb: stop}]\nexpect: {}\n", "bad_value"},
		"rollback of pause": {"id: x\n" + flow + "do: [{after: a, verb: pause, rollback: true}]\nexpect: {}\n", "conflicting_fields"},
		"skip of nothing":   {"id: x\n" + flow + "do: [{after: a, verb: skip}]\nexpect: {}\n", "missing_field"},
		"no moment":         {"id: x\n" + flow + "signals: [{name: go}]\nexpect: {}\n", "missing_field"},
		"same id twice":     {"id: x\n" + flow + "expect: {}\n---\nid: x\n" + flow + "expect: {}\n", "duplicate_id"},
		"no such file":      {"id: x\nworkflow: y.yaml\nexpect: {}\n", "unreadable_file"},
		"no document":       {"\n", "empty_body"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Parse(File{Path: "x.yaml", Text: []byte(test.src)}, func(string) ([]byte, error) { return nil, errors.New("no such file") })
			for _, p := range problems {
				if strings.Contains(p.String(), test.want) {
					return
				}
			}
			t.Errorf("problems %v, want %s", problems, test.want)
		})
	}
}

func TestReport(t *testing.T) {
	report := Run([]File{
		{Path: "x.yaml", Text: []byte(
			"id: good\n" + flow + "expect: {status: succeeded}\n---\n" +
				"id: wrong\n" + flow + "expect: {status: failed, steps: {a: failed}}\n---\n" +
				"id: typo\n" + flow + "expect: {steps: {b: failed}}\n---\n" +
				"id: cyclic\nworkflow: {id: f, steps: [{id: a, topic: job.x, depends_on: [a]}]}\nexpect: {}\n---\n" +
				"id: odd\n" + flow + "expct: {}\n")},
		{Path: "y.yaml", Text: []byte("id: [")},
	}, nil)
	if report.Passed != 1 || report.Failed != 1 || report.Invalid != 4 || len(report.Cases) != 6 {
		t.Errorf("%+v", report)
	}
	for _, c := range report.Cases {
		if c.OK != (c.ID == "good") || c.OK != (c.Why == "") {
			t.Errorf("%+v", c)
		}
		if c.ID == "wrong" && (!strings.Contains(c.Why, "status: expected failed, it is succeeded") || !strings.Contains(c.Why, "a succeeded")) {
			t.Errorf("the reason does not say what was seen:\n%s", c.Why)
		}
	}
}

// TestPlaced checks that a workflow inside a test file keeps its lines and its values.
func TestPlaced(t *testing.T) {
	src := "id: x\nworkflow:\n  id: f\n  # a comment\n  steps:\n    - id: a\n      topic: 'é'\n\n      input: {n: 1, m: [true,\n        null]}\n"
	root, err := yamlx.Parse([]byte(src), yamlx.YAML)
	if err != nil {
		t.Fatal(err)
	}
	inner := root.Get("workflow")
	again, err := yamlx.Parse(placed(inner), yamlx.JSON)
	if err != nil {
		t.Fatalf("%v\n%s", err, placed(inner))
	}
	sameNode(t, inner, again)
}

func sameNode(t *testing.T, a, b *yamlx.Node) {
	t.Helper()
	if a.Kind != b.Kind || (a.Kind != yamlx.List && a.Kind != yamlx.Map && a.Value() != b.Value()) || a.Pos.Line != b.Pos.Line {
		t.Errorf("%+v became %+v", a, b)
		return
	}
	for i := range a.Items {
		sameNode(t, a.Items[i], b.Items[i])
	}
	for i := range a.Fields {
		if a.Fields[i].Key != b.Fields[i].Key || a.Fields[i].Pos.Line != b.Fields[i].Pos.Line {
			t.Errorf("the key %v became %v", a.Fields[i], b.Fields[i])
		}
		sameNode(t, a.Fields[i].Value, b.Fields[i].Value)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"a": "a", "undo:a": "undo:a", "sub/undo:a": "undo:sub/a", "undo:sub/a": "undo:sub/a"} {
		if got := normal(name); got != want {
			t.Errorf("%s is normally %s, want %s", name, got, want)
		}
	}
	of := map[string]string{"a": "all", "a[1]": "one", "p/q": "all", "p[1]/q": "round", "p[1]/q[2]": "one", "undo:a": "undo"}
	for name, want := range map[string]string{
		"a": "all", "a[0]": "all", "a[1]": "one", "p[0]/q[0]": "all", "p[1]/q[0]": "round", "p[1]/q[2]": "one", "undo:a[1]": "undo", "b[1]": "",
	} {
		if got, _ := lookup(of, name); got != want {
			t.Errorf("%s finds %q, want %q", name, got, want)
		}
	}
	for _, bad := range []string{"", "a/", "a[", "a[]", "a[-1]", "a[1", "/a"} {
		if parts(bad) != nil {
			t.Errorf("%q is no name", bad)
		}
	}
}
