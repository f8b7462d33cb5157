package runner_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

const child = `
id: child
input: {type: object, properties: {n: {type: integer}}}
steps:
  - {id: x, topic: job.t.work, effect: write, input: {n: "${input.n}"}, compensate: {topic: job.t.undo}}
  - {id: y, topic: job.t.work, effect: write, depends_on: [x]}
output: {x: "${steps.x.output}"}
`

const parent = `
id: parent
steps:
  - {id: before, topic: job.t.work, effect: write, compensate: {topic: job.t.undo}}
  - {id: sub, type: subworkflow, workflow: child, input: {n: "${input.n}"}, depends_on: [before]%s}
  - {id: after, topic: job.t.work, effect: write, depends_on: [sub], input: "${steps.sub.output}"}
`

// family starts a parent whose step has begun its child, and answers both.
func (w *world) family(k *worker, more string) (parentRun, childRun string) {
	w.t.Helper()
	w.put(child)
	w.put(sprintf(parent, more))
	parentRun = w.run("parent", `{"n":3}`)
	k.done(k.takeStep("before"))
	w.until("the child has begun", func() bool {
		childRun = w.node(parentRun, "sub").ChildRun
		return childRun != "" && w.node(parentRun, "sub").State == "running"
	})
	return parentRun, childRun
}

func TestChildRuns(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		k := w.newWorker("w1", nil, "job.t.work")
		run, sub := w.family(k, "")
		x := k.takeStep("x")
		if x.RunId != sub || string(x.Input) != `{"n":3}` {
			t.Errorf("the child's job is of run %s with %s", x.RunId, x.Input)
		}
		w.restart()
		k.answer(x, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"id":9}`)})
		k.done(k.takeStep("y"))
		after := k.takeStep("after")
		if string(after.Input) != `{"x":{"id":9}}` {
			t.Errorf("the step behind got %s", after.Input)
		}
		k.done(after)
		w.states(w.ended(run), "after=succeeded before=succeeded sub=succeeded")
		v := w.view(sub)
		if v.State != "succeeded" || v.Parent == nil || v.Parent.RunID != run || v.Parent.Step != "sub" {
			t.Errorf("the child is %s of %+v", v.State, v.Parent)
		}
		rows, _, err := w.r.Runs(ctx, ann, runner.Filter{Workflow: "child"})
		if err != nil || len(rows) != 1 || rows[0].ID != sub {
			t.Errorf("runs of the child: %+v, %v", rows, err)
		}
		if n := w.count(run, "child_started"); n != 1 {
			t.Errorf("%d children started", n)
		}
		w.whole(run, sub)
	})
}

// TestParentUndoesItsChild: the step behind the child fails; what the child did is undone in it, before what came first.
func TestParentUndoesItsChild(t *testing.T) {
	for _, restart := range []bool{false, true} {
		bubble(t, func(t *testing.T, w *world) {
			k := w.newWorker("w1", nil, "job.t.work")
			u := w.newWorker("w2", nil, "job.t.undo")
			run, sub := w.family(k, "")
			again := func() {
				if restart {
					w.restart()
				}
			}
			k.done(k.takeStep("x"))
			k.done(k.takeStep("y"))
			again()
			k.answer(k.takeStep("after"), fatal())
			x := u.takeStep("x")
			if v := w.view(sub); x.RunId != sub || v.State != "succeeded" || v.Compensation != "running" {
				t.Errorf("the child is %s, compensation %s", v.State, v.Compensation)
			}
			again()
			u.none(time.Minute)
			again()
			u.done(x)
			u.done(u.takeStep("before"))
			v := w.ended(run)
			w.states(v, "after=failed before=succeeded sub=succeeded undo:sub=succeeded undo:before=succeeded")
			if v.Compensation != "done" || w.view(sub).Compensation != "done" {
				t.Errorf("compensation %s, of the child %s", v.Compensation, w.view(sub).Compensation)
			}
			w.whole(run, sub)
		})
	}
}

// TestFailedChildIsUndone: the child fails and undoes what it did by itself; its parent undoes the rest.
func TestFailedChildIsUndone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run, sub := w.family(k, "")
		k.done(k.takeStep("x"))
		k.answer(k.takeStep("y"), fatal())
		u.done(u.takeStep("x"))
		u.done(u.takeStep("before"))
		v := w.ended(run)
		if v.State != "failed" || v.Error.Code != "broken" || w.view(sub).Compensation != "done" {
			t.Errorf("%s %+v, child's compensation %s", v.State, v.Error, w.view(sub).Compensation)
		}
		u.none(time.Minute)
		w.whole(run, sub)
	})
}

// TestHeldChildHoldsItsParent: a compensation of the child is held, and so is its parent's; a person's word on the child
// frees both.
func TestHeldChildHoldsItsParent(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run, sub := w.family(k, "")
		k.done(k.takeStep("x"))
		k.done(k.takeStep("y"))
		k.answer(k.takeStep("after"), fatal())
		u.answer(u.takeStep("x"), fatal())
		w.compensation(run, "held")
		if v := w.view(run); v.Held[0].Step != "sub" || v.Held[0].Error.Code != "child_held" {
			t.Errorf("held: %+v", v.Held)
		}
		w.restart()
		w.do(sub, runner.Command{Verb: runner.VerbCompensation, Compensation: "x", Action: "retry"})
		w.compensation(run, "running")
		u.done(u.takeStep("x"))
		u.done(u.takeStep("before"))
		if v := w.ended(run); v.Compensation != "done" {
			t.Errorf("compensation %s", v.Compensation)
		}
		w.whole(run, sub)
	})
}

func TestCancelReachesTheChild(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run, sub := w.family(k, "")
		x := k.takeStep("x")
		w.do(run, runner.Command{Verb: runner.VerbCancel, Rollback: true})
		<-k.cancelled
		w.restart()
		k.done(x) // it could not be stopped any more
		u.done(u.takeStep("x"))
		u.done(u.takeStep("before"))
		v := w.ended(run)
		if v.State != "cancelled" || v.Compensation != "done" || w.view(sub).State != "cancelled" || w.view(sub).Compensation != "done" {
			t.Errorf("%s, %s; the child is %s, %s", v.State, v.Compensation, w.view(sub).State, w.view(sub).Compensation)
		}
		w.whole(run, sub)
	})
}

func TestChildTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run, sub := w.family(k, ", timeout: 1h")
		k.done(k.takeStep("x"))
		y := k.takeStep("y")
		time.Sleep(time.Hour)
		if <-k.cancelled != y.JobId {
			t.Error("another job was cancelled")
		}
		k.answer(y, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
		u.done(u.takeStep("x")) // its own on_failure says so
		u.done(u.takeStep("before"))
		v := w.ended(run)
		if s := w.node(run, "sub"); s.State != "timed_out" || s.Error.Code != "timeout" || w.view(sub).State != "cancelled" || v.State != "failed" {
			t.Errorf("sub %s %+v, child %s, run %s", s.State, s.Error, w.view(sub).State, v.State)
		}
		w.whole(run, sub)
	})
}

// TestChildIsNotStarted: each reason is a failure of the step with its code.
func TestChildIsNotStarted(t *testing.T) {
	for name, c := range map[string]struct{ child, input, code string }{
		"no such workflow": {"", `{"n":3}`, "child_not_started"},
		"refused input":    {child, `{"n":"three"}`, "input_invalid"},
		"itself":           {"id: child\nsteps:\n  - {id: again, type: subworkflow, workflow: child}\n", `{}`, "depth_exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				if c.child != "" {
					w.put(c.child)
				}
				w.put("id: parent\nsteps:\n  - {id: sub, type: subworkflow, workflow: child, input: \"${input}\"}\n")
				v := w.ended(w.run("parent", c.input))
				w.states(v, "sub=failed")
				if v.Error.Code != c.code {
					t.Errorf("%+v, want %s", v.Error, c.code)
				}
			})
		})
	}
}

// TestWaitingChildLetsItsParentWait: a child that only waits for a signal makes its parent wait, too, and costs nothing.
func TestWaitingChildLetsItsParentWait(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: child\nsteps:\n  - {id: go, type: wait, signal: go}\n")
		w.put("id: parent\nsteps:\n  - {id: sub, type: subworkflow, workflow: child}\n")
		run := w.run("parent", `{}`)
		w.until("it waits", func() bool { return w.view(run).State == "waiting" })
		w.restart()
		w.until("it waits", func() bool { return w.view(run).State == "waiting" })
		w.do(w.node(run, "sub").ChildRun, runner.Command{Verb: runner.VerbSignal, Signal: "go"})
		w.states(w.ended(run), "sub=succeeded")
	})
}

func TestFanOutOverARestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(`
id: fan
steps:
  - {id: each, topic: job.t.work, effect: write, for_each: "input.list", max_parallel: 2, input: {it: "${item}", at: "${index}"}, compensate: {topic: job.t.undo, input: {it: "${item}"}}}
  - {id: sum, topic: job.t.work, effect: none, depends_on: [each], input: "${steps.each.output}"}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("fan", `{"list":["a","b","c","d","e"]}`)
		answer := func(j *wire.JobRequest) {
			k.answer(j, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: j.Input})
		}
		keys := map[string]bool{}
		next := func() *wire.JobRequest {
			j := k.takeStep("each")
			keys[j.Meta.IdempotencyKey] = true
			return j
		}
		first, second := next(), next()
		k.none(time.Minute) // two together
		answer(second)
		third := next()
		w.restart()
		answer(first)
		answer(third)
		answer(next())
		answer(next())
		sum := k.takeStep("sum")
		if want := `[{"at":0,"it":"a"},{"at":1,"it":"b"},{"at":2,"it":"c"},{"at":3,"it":"d"},{"at":4,"it":"e"}]`; string(sum.Input) != want {
			t.Errorf("the fan-in sees %s", sum.Input)
		}
		if len(keys) != 5 {
			t.Errorf("%d idempotency keys for 5 items", len(keys))
		}
		v := w.node(run, "each")
		if v.Iterations == nil || *v.Iterations != (runner.CountsView{Total: 5, Succeeded: 5}) {
			t.Errorf("counts %+v", v.Iterations)
		}
		page, cursor, err := w.r.Iterations(ctx, ann, run, "each", "", 2)
		if err != nil || len(page) != 2 || page[1].Path != "each[1]" || page[1].Parent != "each" || *page[1].Item != 1 || cursor == "" {
			t.Fatalf("%+v %q %v", page, cursor, err)
		}
		page, cursor, err = w.r.Iterations(ctx, ann, run, "each", cursor, 10)
		if err != nil || len(page) != 3 || page[2].Path != "each[4]" || cursor != "" {
			t.Errorf("%+v %q %v", page, cursor, err)
		}
		_, _, err = w.r.Iterations(ctx, ann, run, "sum", "", 0)
		is(t, err, runner.ErrNotFound)

		k.answer(sum, fatal())
		undone := map[string]bool{}
		for range 5 {
			j := u.takeStep("each")
			undone[string(j.Input)] = true
			u.done(j)
		}
		if v := w.ended(run); v.Compensation != "done" || len(undone) != 5 || w.count(run, "undo_started") != 5 {
			t.Errorf("compensation %s of %v", v.Compensation, undone)
		}
		if w.node(run, "undo:each[3]").Undoes != "each[3]" {
			t.Errorf("undo:each[3] undoes %s", w.node(run, "undo:each[3]").Undoes)
		}
		w.whole(run)
	})
}

func TestLoop(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: poll
steps:
  - id: poll
    type: loop
    until: loop.previous.ask.done
    max_iterations: 5
    steps:
      - {id: ask, topic: job.t.work, effect: none, input: {n: "${loop.index}"}}
      - {id: nap, type: delay, for: 1h, depends_on: [ask]}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("poll", `{}`)
		for n := range 3 {
			j := k.takeStep("ask")
			if want := sprintf(`{"n":%d}`, n); string(j.Input) != want {
				t.Errorf("round %d got %s", n, j.Input)
			}
			w.restart()
			out, _ := json.Marshal(map[string]bool{"done": n == 2})
			k.answer(j, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: out})
		}
		v := w.ended(run)
		if v.State != "succeeded" || w.count(run, "round_started") != 3 || w.node(run, "poll[2]/ask").State != "succeeded" || *w.node(run, "poll[2]/ask").Round != 2 {
			t.Errorf("%s %q", v.State, w.types(run))
		}
		w.whole(run)
	})
}

func TestSignalsOverRestarts(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: wait
steps:
  - {id: early, type: wait, signal: a, match: "payload.n == 2"}
  - {id: late, type: wait, signal: b, depends_on: [early], timeout: 1h, on_timeout: continue}
  - {id: end, type: wait, signal: c, depends_on: [late], timeout: 1h}
`)
		run := w.run("wait", `{}`)
		send := func(name, payload string) {
			w.do(run, runner.Command{Verb: runner.VerbSignal, Signal: name, Payload: json.RawMessage(payload)})
			w.restart()
		}
		send("c", `{"kept":true}`)
		send("a", `{"n":1}`)
		if s := w.node(run, "early"); s.State != "waiting" || s.Reason != "signal" {
			t.Errorf("early is %s, %s", s.State, s.Reason)
		}
		send("a", `{"n":2}`)
		v := w.ended(run)
		w.states(v, "early=succeeded end=succeeded late=succeeded")
		if got := w.node(run, "end").Output; string(got) != `{"kept":true}` {
			t.Errorf("the end's output is %s", got)
		}
		if took := v.EndedAt.Sub(v.StartedAt); took < time.Hour || took > 2*time.Hour {
			t.Errorf("it took %s", took)
		}
		w.whole(run)
	})
}
