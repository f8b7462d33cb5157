package trial

import (
	"strings"
	"testing"
)

// TestExpectationsFail checks that each expectation can fail: the same run, and one thing that it is not.
func TestExpectationsFail(t *testing.T) {
	const world = `
id: x
workflow:
  id: w
  on_failure: rollback
  output: "${steps.a.output}"
  steps:
    - {id: a, topic: job.t.a, input: {n: 1}, compensate: {topic: job.t.u}}
    - {id: b, depends_on: [a], topic: job.t.b}
    - {id: c, depends_on: [b], topic: job.t.c}
stubs: {b: [{fail: {code: boom, fatal: true}}]}
`
	for expect, want := range map[string]string{
		"status: succeeded":     "status: expected succeeded, it is failed",
		"compensation: held":    "compensation: expected held, it is done",
		"steps: {b: succeeded}": "step b: expected succeeded, it is failed",
		"reasons: {c: halted}":  "reason of c: expected halted, it is upstream_failed",
		"reasons: {a: halted}":  "reason of a: expected halted, it is nothing",
		"attempts: {b: 2}":      "attempts of b: expected 2, it is 1",
		"inputs: {a: {n: 2}}":   `input of a: expected {"n":2}, it is {"n":1}`,
		"inputs: {c: {}}":       "no job was sent",
		"order: [[b, a]]":       "b did not end before a started",
		"undo_order: [[b, a]]":  "undo:b did not end before undo:a started",
		"together: [[a, b]]":    "a and b did not overlap",
		"compensated: []":       "compensated: expected [], it is [a]",
		"compensated: [a, a]":   "compensated: expected [a a], it is [a]",
		"held: [a]":             "held: expected [a], it is []",
		"waiting: [a]":          "waiting: expected [a], it is []",
		"output: {}":            "output: expected {}, it is null",
		"status: failed}\ndo: [{after: $end, verb: retry}]\nnote: {a: 1":                  "retry after $end was refused",
		"status: failed}\ndo: [{after: $start, verb: pause, refused: true}]\nnote: {a: 1": "it must be refused",
		"status: failed}\nsignals: [{after: \"undo:b\", name: go}]\nnote: {a: 1":          "never came",
	} {
		t.Run(expect, func(t *testing.T) {
			report := Run([]File{{Path: "x.yaml", Text: []byte(world + "expect: {" + expect + "}\n")}}, nil)
			if report.Failed != 1 || !strings.Contains(report.Cases[0].Why, want) {
				t.Errorf("%+v, want %q", report, want)
			}
		})
	}
}

// TestNumbers checks that a number is compared by its value.
func TestNumbers(t *testing.T) {
	report := Run([]File{{Path: "x.yaml", Text: []byte(
		"id: x\nworkflow: {id: w, output: {n: 7, m: [1.0]}, steps: [{id: a, topic: job.t.a}]}\nexpect: {output: {n: 7.0, m: [1]}}\n")}}, nil)
	if report.Passed != 1 {
		t.Errorf("%+v", report)
	}
}

// TestStuck checks that a run in which nothing more happens and that waits for nobody is said to be stuck, but for one whose
// worker, as the case says, never answers.
func TestStuck(t *testing.T) {
	src := "id: x\nworkflow: {id: w, steps: [{id: a, topic: job.t.a}]}\nstubs: {a: [{timeout: true}]}\nexpect: {status: running}\n"
	report := Run([]File{{Path: "x.yaml", Text: []byte(src)}}, nil)
	if report.Passed != 1 {
		t.Errorf("%+v", report)
	}
	w := worldOf(t, src)
	w.play()
	w.root.jobs = nil
	if why := strings.Join(w.check(), "\n"); !strings.Contains(why, "stuck") {
		t.Errorf("nobody has the job: %q", why)
	}
}

// worldOf is the world of the one case of a file.
func worldOf(t *testing.T, src string) *world {
	t.Helper()
	cases, problems := Parse(File{Path: "x.yaml", Text: []byte(src)}, nil)
	if len(cases) != 1 {
		t.Fatalf("%v", problems)
	}
	plan, plans, policy, refused := cases[0].load()
	if len(refused) > 0 {
		t.Fatal(refused)
	}
	return simulated(cases[0], plan, plans, policy, 0)
}
