package plan_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/saga"
	"cordum.dev/cordum/steps"
)

// world runs one workflow; the test decides which of its jobs end when.
type world struct {
	t    interface{ Fatal(...any) }
	run  *engine.Run
	jobs []*engine.JobAsked // with nobody's answer yet, oldest first
}

func begin(t interface{ Fatal(...any) }, src, input string) *world {
	w, list := steps.Load([]byte(src), yamlx.Auto, false)
	if w == nil {
		t.Fatal(src, list)
	}
	x := &world{t: t, run: engine.New("0701ARZ3NDEKTSV4RRFFQ69G5FAV", w)}
	x.feed(engine.Submit{Stamp: x.stamp(), Tenant: "default", Workflow: w.Def.ID, Input: engine.Payload{Data: json.RawMessage(input)}})
	return x
}

func (x *world) stamp() engine.Stamp {
	return engine.Stamp{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Actor: "ann"}
}

func (x *world) feed(in engine.Input) {
	facts, err := engine.Decide(x.run, in)
	if err != nil {
		x.t.Fatal(fmt.Sprintf("%T: %v", in, err))
	}
	for _, f := range facts {
		switch f := f.(type) {
		case *engine.JobAsked:
			x.jobs = append(x.jobs, f)
		case *engine.JobStopAsked:
			defer x.cancelled(f.Step)
		}
	}
	if x.run.More() {
		x.feed(engine.Continue{Stamp: x.stamp()})
	}
}

// cancelled answers a cancel as a worker that had not begun.
func (x *world) cancelled(node int32) {
	if slices.ContainsFunc(x.jobs, func(j *engine.JobAsked) bool { return j.Step == node }) {
		x.end(node, engine.ResultCancelled)
	}
}

// end ends the open job of a node.
func (x *world) end(node int32, result engine.Result) {
	at := slices.IndexFunc(x.jobs, func(j *engine.JobAsked) bool { return j.Step == node })
	if at < 0 {
		x.t.Fatal("no job of ", x.run.Name(node))
	}
	j := x.jobs[at]
	x.jobs = slices.Delete(x.jobs, at, at+1)
	out := engine.Outcome{Stamp: x.stamp(), Step: node, Attempt: j.Attempt, Result: result, Answered: true}
	if result == engine.ResultSucceeded {
		out.Output = engine.Payload{Data: json.RawMessage(`{}`)}
	} else {
		out.Failure = engine.Failure{Code: "boom", Message: "x"}
	}
	x.feed(out)
}

// open are the names of the jobs that nobody has answered.
func (x *world) open() []string {
	out := []string{}
	for _, j := range x.jobs {
		out = append(out, x.run.Name(j.Step))
	}
	slices.Sort(out)
	return out
}

// succeed ends all open jobs but those named, and those that follow, until only they are left.
func (x *world) succeed(but ...string) {
	for {
		at := slices.IndexFunc(x.jobs, func(j *engine.JobAsked) bool {
			return !slices.Contains(but, x.run.Name(j.Step)) && !x.run.IsUndo(j.Step)
		})
		if at < 0 {
			return
		}
		x.end(x.jobs[at].Step, engine.ResultSucceeded)
	}
}

// waves ends compensations all at once, again and again, and answers which ran together.
func (x *world) waves() [][]string {
	out := [][]string{}
	for {
		var wave []string
		var nodes []int32
		for _, j := range x.jobs {
			if x.run.IsUndo(j.Step) {
				wave, nodes = append(wave, strings.TrimPrefix(x.run.Name(j.Step), "undo:")), append(nodes, j.Step)
			}
		}
		if len(wave) == 0 {
			return out
		}
		slices.Sort(wave)
		out = append(out, wave)
		for _, n := range nodes {
			x.end(n, engine.ResultSucceeded)
		}
	}
}

func groupsOf(r plan.Rollback) [][]string {
	out := [][]string{}
	for _, g := range r.Groups {
		var names []string
		for _, u := range g {
			names = append(names, u.Step)
		}
		slices.Sort(names)
		out = append(out, names)
	}
	return out
}

func TestIfCancelled(t *testing.T) {
	t.Parallel()
	const undo = "compensate: {topic: job.undo}"
	x := begin(t, "id: wf\nsteps:\n- {id: a, topic: job.x, "+undo+"}\n- {id: w, topic: job.x, depends_on: [a]}\n- {id: f, topic: job.x, for_each: input.xs, max_parallel: 2, depends_on: [a], "+undo+
		"}\n- {id: b, topic: job.x, depends_on: [w], "+undo+"}\n- {id: h, topic: job.x, depends_on: [b], join: all_done, "+undo+"}\n- {id: z, topic: job.x, depends_on: [f], "+undo+"}\n", `{"xs":[1,2,3]}`)
	if got := plan.IfCancelled(x.run).String(); got != "1. h (if it has run)\n2. a (under way: unless its worker answers that it had no effect)\n" {
		t.Errorf("at the start\n%s", got)
	}
	x.end(x.run.Find("a"), engine.ResultSucceeded)
	x.end(x.run.Find("w"), engine.ResultSucceeded)
	x.end(x.run.Find("f[0]"), engine.ResultSucceeded)
	want := "1. f (what it has done; each of up to 3), h (if it has run)\n2. b (under way: unless its worker answers that it had no effect)\n3. a\nstays: w (no compensate)\n"
	if got := plan.IfCancelled(x.run).String(); got != want {
		t.Errorf("under way\n%s", got)
	}
	x.succeed()
	if x.run.State != engine.RunSucceeded {
		t.Fatal(x.run.State, x.open())
	}
	if got, want := groupsOf(plan.IfCancelled(x.run)), [][]string{{"h", "z"}, {"b", "f"}, {"a"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("at the end %v, want %v", got, want)
	}
	x.feed(engine.Rollback{Stamp: x.stamp()})
	if got := x.waves(); len(got) != 3 {
		t.Errorf("undone %v", got)
	}
	if got := plan.IfCancelled(x.run); len(got.Groups) != 0 {
		t.Errorf("when all is undone: %s", got)
	}
}

func TestIfCancelledBehindThePivot(t *testing.T) {
	t.Parallel()
	const undo = "compensate: {topic: job.undo}"
	x := begin(t, "id: wf\nsteps:\n- {id: a, topic: job.x, "+undo+"}\n- {id: p, topic: job.x, pivot: true, depends_on: [a]}\n- {id: b, topic: job.x, depends_on: [p], "+undo+"}\n", `{}`)
	x.succeed()
	if got, want := plan.IfCancelled(x.run).String(), "1. b\nstays: a (kept by a pivot)\nstays: p (kept by a pivot)\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestIfCancelledInALoop(t *testing.T) {
	t.Parallel()
	x := begin(t, "id: wf\nsteps:\n- {id: l, type: loop, until: loop.index == 1, steps: {i: {topic: job.x, compensate: {topic: job.undo}}, j: {topic: job.x, depends_on: [i], effect: read}}}\n", `{}`)
	x.succeed()
	if got, want := plan.IfCancelled(x.run).String(), "1. l (2 steps of its rounds, the last round first)\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

// calm are joins of which everything behind runs, or does not, whatever ends first; wild are all.
var (
	calm = []string{"all_success", "all_success", "none_failed", "any_success", "all_done"}
	wild = append([]string{"any_failed", "{at_least: 1}"}, calm...)
)

// randomWorkflow draws a workflow that rolls back, and answers its source with the ids of its steps.
func randomWorkflow(t *rapid.T, joins ...string) (src string, ids []string) {
	var out strings.Builder
	out.WriteString("id: wf\non_failure: rollback\nsteps:\n")
	n := rapid.IntRange(1, 10).Draw(t, "steps")
	for i := range n {
		id := fmt.Sprintf("s%d", i)
		fmt.Fprintf(&out, "- {id: %s, topic: job.x", id)
		var deps []string
		for _, d := range ids {
			if rapid.IntRange(0, 2).Draw(t, "edge") == 0 {
				deps = append(deps, d)
			}
		}
		if len(deps) > 0 {
			join := rapid.SampledFrom(joins).Draw(t, "join")
			fmt.Fprintf(&out, ", depends_on: [%s], join: %s", strings.Join(deps, ", "), join)
		}
		switch rapid.IntRange(0, 7).Draw(t, "undo") {
		case 0:
		case 1:
			out.WriteString(", pivot: true")
		default:
			out.WriteString(", compensate: {topic: job.undo}")
		}
		out.WriteString("}\n")
		ids = append(ids, id)
	}
	return out.String(), ids
}

// What the plan says of a failure is what the engine does when everything that can run before it has run: the same steps are
// undone, together and one after another as it says; and the live plan, made just before, says the same.
func TestPlannedRollbackIsWhatHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src, ids := randomWorkflow(t, calm...)
		failing := rapid.SampledFrom(ids).Draw(t, "failing")
		x := begin(t, src, `{}`)
		x.succeed(failing)
		planned := plan.Make(x.run.Plan, plan.Input{FailAt: failing}).Failures[0].Rollback
		if !slices.Contains(x.open(), failing) {
			t.Fatalf("%s never runs:\n%s", failing, src)
		}
		x.end(x.run.Find(failing), engine.ResultFailed)
		x.succeed()
		real := x.waves()
		if got := expected(x, planned, failing); !reflect.DeepEqual(got, real) {
			t.Fatalf("%s fails: planned\n%s→ %v, real %v\n%s", failing, planned, got, real, src)
		}
		if x.run.State != engine.RunFailed {
			t.Fatalf("the run is %v", x.run.State)
		}
	})
}

// When steps end in any order, and some never run, all that is undone was planned, and all that was planned as certain is undone.
func TestPlannedRollbackCoversWhatHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src, ids := randomWorkflow(t, wild...)
		failing := rapid.SampledFrom(ids).Draw(t, "failing")
		x := begin(t, src, `{}`)
		for !slices.Contains(x.open(), failing) && len(x.jobs) > 0 {
			x.end(x.jobs[rapid.IntRange(0, len(x.jobs)-1).Draw(t, "next")].Step, engine.ResultSucceeded)
		}
		if len(x.jobs) == 0 {
			return // a handler that nothing needs
		}
		planned := plan.Make(x.run.Plan, plan.Input{FailAt: failing}).Failures[0].Rollback
		x.end(x.run.Find(failing), engine.ResultFailed)
		x.succeed()
		undone := map[string]bool{}
		for _, wave := range x.waves() {
			for _, name := range wave {
				undone[name] = true
			}
		}
		for _, g := range planned.Groups {
			for _, u := range g {
				if u.If == plan.IfRan && !undone[u.Step] && !x.passed(u.Unless) {
					t.Fatalf("%s fails: %s is not undone:\n%s\n%s", failing, u.Step, planned, src)
				}
				delete(undone, u.Step)
			}
		}
		if len(undone) > 0 {
			t.Fatalf("%s fails: %v were undone and not planned:\n%s\n%s", failing, undone, planned, src)
		}
	})
}

// passed says whether one of some pivots has succeeded.
func (x *world) passed(pivots []string) bool {
	return slices.ContainsFunc(pivots, func(p string) bool { return x.run.Steps[x.run.Find(p)].State == engine.StepSucceeded })
}

// expected are the groups of a plan without what is only undone on an unknown outcome, and with pivots passed.
func expected(x *world, r plan.Rollback, failing string) [][]string {
	in := map[string]bool{}
	for _, g := range r.Groups {
		for _, u := range g {
			in[u.Step] = u.Step != failing && !x.passed(u.Unless)
		}
	}
	out := [][]string{}
	for _, g := range saga.Groups(x.run.Plan.Graph, nil, func(s int32) bool { return in[x.run.Name(s)] }) {
		var names []string
		for _, s := range g {
			names = append(names, x.run.Name(s))
		}
		slices.Sort(names)
		out = append(out, names)
	}
	return out
}

// At any point of a run, what the live plan says is what a rollback does, when workers had not begun what is cancelled.
func TestLivePlanIsWhatHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src, _ := randomWorkflow(t, wild...)
		x := begin(t, src, `{}`)
		for range rapid.IntRange(0, 12).Draw(t, "ended") {
			if len(x.jobs) == 0 {
				break
			}
			x.end(x.jobs[rapid.IntRange(0, len(x.jobs)-1).Draw(t, "next")].Step, engine.ResultSucceeded)
		}
		live := plan.IfCancelled(x.run)
		x.feed(engine.Rollback{Stamp: x.stamp()})
		x.succeed()
		undone := map[string]bool{}
		for _, wave := range x.waves() {
			for _, name := range wave {
				undone[name] = true
			}
		}
		for _, g := range live.Groups {
			for _, u := range g {
				switch {
				case u.If == plan.IfRan && !undone[u.Step] && !x.passed(u.Unless):
					t.Fatalf("%s ran and was not undone:\n%s\n%s", u.Step, live, src)
				case u.If == plan.IfUnderWay && undone[u.Step]:
					t.Fatalf("%s had no effect and was undone:\n%s", u.Step, src)
				}
				delete(undone, u.Step)
			}
		}
		if len(undone) > 0 {
			t.Fatalf("%v were undone and not planned:\n%s\n%s", undone, live, src)
		}
	})
}
