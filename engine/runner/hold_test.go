package runner_test

import (
	"context"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// TestHold: what a hold is over stays pending, over restarts too, and goes on when it is lifted; the rest does not notice.
func TestHold(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		held, free := w.counting("job.deploy", nil), &counter{}
		w.newWorker("other", func(*wire.JobRequest) *wire.JobResult { free.n.Add(1); return succeed(nil) }, "job.other")
		w.put(oneJob)
		w.put("id: other\nsteps:\n  - {id: x, topic: job.other}\n")
		if _, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "topic", Name: "job.dep*"}); err == nil {
			t.Error("a hold without a reason")
		}
		h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "topic", Name: "job.dep*", Reason: "an incident"})
		if err != nil {
			t.Fatal(err)
		}
		run := w.run("wf", `{"v": 1}`)
		if v := w.ended(w.run("other", `{}`)); v.State != "succeeded" {
			t.Errorf("what nobody holds is %s", v.State)
		}
		time.Sleep(time.Hour)
		w.restart()
		time.Sleep(time.Hour)
		if s := w.step(run, "deploy"); s.JobState != "pending" || s.Reason != "held (topic job.dep*): an incident" || held.count() != 0 {
			t.Fatalf("the job is %s (%s), %d sent", s.JobState, s.Reason, held.count())
		}
		if on := w.r.Holds(ctx, ann); len(on) != 1 || on[0].SetBy != "user:ann" {
			t.Errorf("holds: %+v", on)
		}
		if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
			t.Fatal(err)
		}
		if v := w.ended(run); v.State != "succeeded" || held.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, held.count())
		}
		wantError(t, "lifted twice", w.r.LiftHold(ctx, ann, h.ID), runner.ErrNotFound)
	})
}

// TestHoldCatchesWhatIsQueued: a job that was released and not sent is not sent either.
func TestHoldCatchesWhatIsQueued(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(oneJob)
		run := w.run("wf", `{"v": 1}`)
		w.until("it is queued", func() bool { return w.step(run, "deploy").JobState == "scheduled" })
		h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "all", Reason: "stop"})
		if err != nil {
			t.Fatal(err)
		}
		sent := w.counting("job.deploy", nil)
		time.Sleep(time.Hour)
		if s := w.step(run, "deploy"); s.JobState != "pending" || sent.count() != 0 {
			t.Fatalf("the job is %s, %d sent", s.JobState, sent.count())
		}
		if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
			t.Fatal(err)
		}
		w.ended(run)
	})
}

// TestApprovedWhileHeld: what people let start while a hold is on starts when it is lifted, also by another process.
func TestApprovedWhileHeld(t *testing.T) {
	for name, restarted := range map[string]bool{"": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				governed(t, w, twoSREs)
				sent := w.counting("job.deploy", nil)
				w.put(oneJob)
				run := w.run("wf", `{"v": 1}`)
				a := w.waiting(run, "deploy")
				h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "all", Reason: "stop"})
				if err != nil {
					t.Fatal(err)
				}
				for _, who := range []string{"bob", "cid"} {
					if err := w.approve(sre(who), a); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				if restarted {
					w.restart()
					time.Sleep(time.Minute)
				}
				if s := w.step(run, "deploy"); sent.count() != 0 || s.Reason != "held (all): stop" {
					t.Fatalf("%d sent, the step is %s (%s)", sent.count(), s.State, s.Reason)
				}
				if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
					t.Fatal(err)
				}
				if v := w.ended(run); v.State != "succeeded" || w.count(run, "approval_requested") != 1 {
					t.Errorf("the run is %s, people were asked %d times", v.State, w.count(run, "approval_requested"))
				}
			})
		})
	}
}

// TestHoldStopsCompensations unless it says that they go on.
func TestHoldStopsCompensations(t *testing.T) {
	for name, except := range map[string]bool{"held": false, "go on": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				w.counting("job.do", nil)
				w.newWorker("undo", succeed, "job.undo")
				w.put("id: wf\nsteps:\n  - {id: a, topic: job.do, compensate: {topic: job.undo}}\n")
				run := w.run("wf", `{}`)
				w.ended(run)
				h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "workflow", Name: "wf", ExceptUndo: except, Reason: "stop"})
				if err != nil {
					t.Fatal(err)
				}
				w.do(run, runner.Command{Verb: runner.VerbRollback})
				time.Sleep(time.Hour)
				if done := w.view(run).Compensation == "done"; done != except {
					t.Errorf("compensation is %s", w.view(run).Compensation)
				}
				if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
					t.Fatal(err)
				}
				w.until("it is undone", func() bool { return w.view(run).Compensation == "done" })
			})
		})
	}
}
