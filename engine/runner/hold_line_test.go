package runner_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// TestHoldsSetAtOnce: of many holds set at the same time none is forgotten.
func TestHoldsSetAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	for round := range 12 {
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				if _, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "workflow", Name: fmt.Sprint("w", n), Reason: "stop"}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if on := w.r.Holds(ctx, ann); len(on) != 8*(round+1) {
			t.Fatalf("%d holds are on, want %d", len(on), 8*(round+1))
		}
	}
}

// TestHoldThatCannotBeRead holds everything, whatever of it could be read.
func TestHoldThatCannotBeRead(t *testing.T) {
	for name, doc := range map[string]string{
		"no JSON": `{`, "half of it": `{"scope": "topic", "name": "job.other", "except_undo": true, "set_at": 7}`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				err := w.r.ChangeDocs(context.Background(), ann, "hold.set", "x", runner.DocChange{Kind: "hold", Name: "x", Value: []byte(doc)})
				if err != nil {
					t.Fatal(err)
				}
				w.restart()
				sent := w.counting("job.deploy", nil)
				w.put(oneJob)
				run := w.run("wf", `{"v": 1}`)
				time.Sleep(time.Minute)
				if sent.count() != 0 {
					t.Fatal("it was sent")
				}
				if err := w.r.LiftHold(context.Background(), ann, "x"); err != nil {
					t.Fatal(err)
				}
				w.ended(run)
			})
		})
	}
}

// oneAtATime lets one job of the topic run at a time; b's wait for people, too, where asks says so.
func oneAtATime(asks bool) string {
	rule := ""
	if asks {
		rule = `, {id: b, match: {workflows: [b]}, decision: REQUIRE_APPROVAL, approval: {expires: 1h}}`
	}
	return `--- {default: ALLOW, name: base, rules: [
	  {id: one, match: {topics: [job.deploy]}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: MaxConcurrent, value: 1}]}` + rule + `]}`
}

// putABC stores three workflows of one job each.
func (w *world) putABC() {
	w.t.Helper()
	for _, name := range []string{"a", "b", "c"} {
		w.put("id: " + name + "\nsteps:\n  - {id: deploy, topic: job.deploy}\n")
	}
}

// TestPeopleAreAskedWithoutASlot: a job that waited for a limit, and now waits for people, keeps nobody from it.
func TestPeopleAreAskedWithoutASlot(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := governed(t, w, oneAtATime(false))
		worker := w.newWorker("w", nil, "job.deploy")
		w.putABC()
		w.run("a", `{}`)
		first := worker.next()
		b := w.run("b", `{}`)
		w.until("it waits for its limit", func() bool { return strings.Contains(w.step(b, "deploy").Reason, "limit") })
		w.publish(k, policy(t, oneAtATime(true)))
		w.waiting(b, "deploy")
		c := w.run("c", `{}`)
		worker.accept(first)
		worker.done(first)
		worker.done(worker.next())
		if v := w.ended(c); v.State != "succeeded" {
			t.Errorf("the run is %s", v.State)
		}
		if err := w.approve(sre("bob"), w.waiting(b, "deploy")); err != nil {
			t.Fatal(err)
		}
		worker.done(worker.next())
		w.ended(b)
	})
}

// TestApprovalExpiresInLine: leave that expired while its job waited for a limit lets nothing start.
func TestApprovalExpiresInLine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, oneAtATime(true))
		worker := w.newWorker("w", nil, "job.deploy")
		w.putABC()
		w.run("a", `{}`)
		first := worker.next()
		worker.accept(first)
		b := w.run("b", `{}`)
		asked := w.waiting(b, "deploy")
		if err := w.approve(sre("bob"), asked); err != nil {
			t.Fatal(err)
		}
		w.until("it waits for its limit", func() bool { return strings.Contains(w.step(b, "deploy").Reason, "limit") })
		time.Sleep(2 * time.Hour)
		worker.done(first)
		worker.none(time.Minute)
		again := w.waiting(b, "deploy")
		if again.Round != 2 || again.Why == "" {
			t.Errorf("round %d (%s)", again.Round, again.Why)
		}
		if err := w.approve(sre("bob"), again); err != nil {
			t.Fatal(err)
		}
		worker.done(worker.next())
		w.ended(b)
	})
}

// TestHeldInLine: a job that comes to its limit while a hold is on is not released, and holds nothing.
func TestHeldInLine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		governed(t, w, oneAtATime(false))
		worker := w.newWorker("w", nil, "job.deploy")
		w.putABC()
		a := w.run("a", `{}`)
		first := worker.next()
		b := w.run("b", `{}`)
		w.until("it waits for its limit", func() bool { return strings.Contains(w.step(b, "deploy").Reason, "limit") })
		h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "workflow", Name: "b", Reason: "stop"})
		if err != nil {
			t.Fatal(err)
		}
		worker.accept(first)
		worker.done(first)
		w.ended(a)
		worker.leave()
		time.Sleep(time.Minute)
		if s := w.step(b, "deploy"); s.JobState != "pending" || !strings.HasPrefix(s.Reason, "held") {
			t.Errorf("the job is %s (%s)", s.JobState, s.Reason)
		}
		if rows := w.limitRows(true); len(rows) > 0 {
			t.Errorf("it holds %v", rows)
		}
		w.newWorker("w2", succeed, "job.deploy")
		if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
			t.Fatal(err)
		}
		w.ended(b)
	})
}

// TestRefusedByALimitWhileFaulted: what a limit says to a run that stands still is not lost.
func TestRefusedByALimitWhileFaulted(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, `--- {default: ALLOW, name: base, rules: [
		  {id: one, match: {topics: [job.deploy]}, decision: ALLOW_WITH_CONSTRAINTS,
		   constraints: [{type: MaxConcurrent, value: 1}, {type: Budget, value: {unit: jobs, per_run: 1}}]}]}`)
		worker := w.newWorker("w", nil, "job.deploy")
		w.put("id: wf\non_failure: continue\nsteps:\n  - {id: a, topic: job.deploy}\n  - {id: b, topic: job.deploy}\n")
		run := w.run("wf", `{}`)
		first := worker.next()
		worker.accept(first)
		time.Sleep(time.Second)
		runner.Panic(w.r, "default", run)
		w.until("it is faulted", func() bool { return w.view(run).State == "faulted" })
		time.Sleep(time.Minute)
		w.do(run, runner.Command{Verb: runner.VerbResume})
		worker.done(first)
		if v := w.ended(run); v.State != "failed" {
			t.Errorf("the run is %s", v.State)
		}
	})
}

// TestMaxRetriesGetsTighter: an attempt that the policy of now does not allow is not sent.
func TestMaxRetriesGetsTighter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := governed(t, w, `--- {default: ALLOW}`)
		sent := w.counting("job.deploy", func(*wire.JobRequest) *wire.JobResult { return failing() })
		w.put("id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, retry: {max_attempts: 9, initial: 1m, jitter: none}}\n")
		run := w.run("wf", `{}`)
		w.until("it was tried twice", func() bool { return sent.count() == 2 && w.step(run, "deploy").State == "retrying" })
		w.publish(k, policy(t, `--- {default: ALLOW, name: base, rules: [
		  {id: few, match: {topics: [job.deploy]}, decision: ALLOW_WITH_CONSTRAINTS, constraints: [{type: MaxRetries, value: 1}]}]}`))
		v := w.ended(run)
		if v.State != "failed" || sent.count() != 2 || v.Steps[0].State != "denied" {
			t.Errorf("the run is %s, the step %s, %d sent", v.State, v.Steps[0].State, sent.count())
		}
	})
}

// TestPausedRunHoldsNoLimit: what waits for a resume keeps nobody from a limit, whether it was released before the pause or
// comes to its release in it.
func TestPausedRunHoldsNoLimit(t *testing.T) {
	for name, early := range map[string]bool{"released before": true, "in line": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, oneAtATime(false))
				w.putABC()
				var worker *worker
				var first *wire.JobRequest
				if !early {
					worker = w.newWorker("w", nil, "job.deploy")
					w.run("a", `{}`)
					first = worker.next()
					worker.accept(first)
				}
				b := w.run("b", `{}`)
				w.until("it waits", func() bool {
					s := w.step(b, "deploy")
					return s.JobState == "scheduled" || strings.Contains(s.Reason, "limit")
				})
				w.do(b, runner.Command{Verb: runner.VerbPause})
				if early {
					worker = w.newWorker("w", nil, "job.deploy")
				} else {
					worker.done(first)
				}
				c := w.run("c", `{}`)
				worker.done(worker.next())
				w.ended(c)
				worker.none(time.Minute)
				w.do(b, runner.Command{Verb: runner.VerbResume})
				worker.done(worker.next())
				if v := w.ended(b); v.State != "succeeded" {
					t.Errorf("the run is %s", v.State)
				}
			})
		})
	}
}
