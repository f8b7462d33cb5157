package runner_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// askUndo lets compensations start only with leave.
const askUndo = `--- {default: ALLOW, name: base, rules: [
  {id: undo, match: {sources: [compensation]}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:sre"]}}]}`

// TestUndoDeniedByPeople: a compensation that people do not let start is held, for a person to settle; tried again, it asks
// again.
func TestUndoDeniedByPeople(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, askUndo)
		w.counting("job.do", nil)
		undone := &counter{}
		w.newWorker("undo", func(j *wire.JobRequest) *wire.JobResult { undone.n.Add(1); return succeed(j) }, "job.undo")
		w.put("id: wf\nsteps:\n  - {id: a, topic: job.do, compensate: {topic: job.undo}}\n")
		run := w.run("wf", `{}`)
		w.ended(run)
		w.do(run, runner.Command{Verb: runner.VerbRollback})
		a := w.undoAsked(run, 1)
		if v := w.view(run); v.Compensation != "running" || undone.count() != 0 {
			t.Fatalf("compensation is %s, %d sent", v.Compensation, undone.count())
		}
		w.restart()
		if _, err := w.r.Decide(context.Background(), sre("bob"), a.ID, runner.Decision{}); err != nil {
			t.Fatal(err)
		}
		w.until("it is held", func() bool { return w.view(run).Compensation == "held" })
		w.do(run, runner.Command{Verb: runner.VerbCompensation, Compensation: a.ID, Action: "retry"})
		again := w.undoAsked(run, 2)
		if err := w.approve(sre("bob"), again); err != nil {
			t.Fatal(err)
		}
		w.until("it is undone", func() bool { return w.view(run).Compensation == "done" })
		if undone.count() != 1 {
			t.Errorf("undone %d times", undone.count())
		}
	})
}

// undoAsked waits until people are asked about the one compensation of a run, for the nth time.
func (w *world) undoAsked(run string, round int) (a runner.ApprovalView) {
	w.t.Helper()
	w.until("people are asked", func() bool {
		all, _, err := w.r.Approvals(context.Background(), sre("root"), runner.Filter{State: "waiting"})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, v := range all {
			if v.RunID == run && strings.HasPrefix(v.Step, "undo:") && v.Round >= round {
				a = w.approval(v.ID)
				return true
			}
		}
		return false
	})
	return a
}

// TestUndoTimesOutWhilePeopleAreAsked: the question about a compensation that is held by now is withdrawn; nobody answers it
// to no effect, and a retry asks anew.
func TestUndoTimesOutWhilePeopleAreAsked(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, askUndo)
		w.counting("job.do", nil)
		w.newWorker("undo", succeed, "job.undo")
		w.put("id: wf\nsteps:\n  - {id: a, topic: job.do, compensate: {topic: job.undo, total_timeout: 1m}}\n")
		run := w.run("wf", `{}`)
		w.ended(run)
		w.do(run, runner.Command{Verb: runner.VerbRollback})
		a := w.undoAsked(run, 1)
		w.until("it is held", func() bool { return w.view(run).Compensation == "held" })
		if s := w.approval(a.ID).State; s != "cancelled" {
			t.Errorf("the approval is %s", s)
		}
		w.do(run, runner.Command{Verb: runner.VerbCompensation, Compensation: a.ID, Action: "retry"})
		if err := w.approve(sre("bob"), w.undoAsked(run, 2)); err != nil {
			t.Fatal(err)
		}
		w.until("it is undone", func() bool { return w.view(run).Compensation == "done" })
	})
}

// TestCancelledAfterLeave: leave for a job that was cancelled before its release is withdrawn.
func TestCancelledAfterLeave(t *testing.T) {
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
		w.do(run, runner.Command{Verb: runner.VerbCancel})
		w.ended(run)
		if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := w.approval(a.ID).State; s != "cancelled" || sent.count() != 0 {
			t.Errorf("the approval is %s, %d sent", s, sent.count())
		}
	})
}

// TestFaultedRunEndedByForce: its questions are withdrawn; nobody is asked about what cannot be any more.
func TestFaultedRunEndedByForce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put("id: wf\nsteps:\n  - {id: deploy, topic: job.deploy}\n  - {id: gate, type: approval}\n")
		run := w.run("wf", `{}`)
		a, gate := w.waiting(run, "deploy"), w.approval(run+".gate~0")
		runner.Panic(w.r, "default", run)
		w.until("it is faulted", func() bool { return w.view(run).State == "faulted" })
		wantError(t, "an answer to a faulted run", w.approve(sre("bob"), a), runner.ErrConflict)
		w.do(run, runner.Command{Verb: runner.VerbCancel, Force: true})
		for _, id := range []string{a.ID, gate.ID} {
			if s := w.approval(id).State; s != "cancelled" {
				t.Errorf("the approval %s is %s", id, s)
			}
		}
		time.Sleep(24 * time.Hour)
		if sent.count() != 0 {
			t.Error("it was sent")
		}
	})
}

// TestFaultedWhilePeopleAreAsked: a run that goes on after a fault waits for the same people, and for nobody else.
func TestFaultedWhilePeopleAreAsked(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 1}`)
		a := w.waiting(run, "deploy")
		if err := w.approve(sre("bob"), a); err != nil {
			t.Fatal(err)
		}
		runner.Panic(w.r, "default", run)
		w.until("it is faulted", func() bool { return w.view(run).State == "faulted" })
		w.do(run, runner.Command{Verb: runner.VerbResume})
		if err := w.approve(sre("cid"), a); err != nil {
			t.Fatal(err)
		}
		if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestPausedWhilePeopleAreAsked: leave that comes while a run is paused is used when it goes on.
func TestPausedWhilePeopleAreAsked(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 1}`)
		a := w.waiting(run, "deploy")
		w.do(run, runner.Command{Verb: runner.VerbPause})
		for _, who := range []string{"bob", "cid"} {
			if err := w.approve(sre(who), a); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		if sent.count() != 0 {
			t.Fatal("it was sent while its run is paused")
		}
		w.restart()
		time.Sleep(time.Minute)
		if sent.count() != 0 {
			t.Fatal("it was sent while its run is paused")
		}
		w.do(run, runner.Command{Verb: runner.VerbResume})
		if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestStoppedWhilePeopleAreAsked: whatever ends a step that waits for people withdraws the question; nothing is sent, also
// when somebody answers then.
func TestStoppedWhilePeopleAreAsked(t *testing.T) {
	for name, c := range map[string]struct {
		limits string
		stop   func(w *world, run string)
		state  string
	}{
		"cancel":        {"", func(w *world, run string) { w.do(run, runner.Command{Verb: runner.VerbCancel}) }, "cancelled"},
		"rollback":      {"", func(w *world, run string) { w.do(run, runner.Command{Verb: runner.VerbRollback}) }, "cancelled"},
		"total timeout": {", total_timeout: 1m", func(*world, string) {}, "failed"},
		"run timeout":   {"}\ntimeout: 1m\nlabels: {x: y", func(*world, string) {}, "timed_out"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, twoSREs)
				sent := w.counting("job.deploy", nil)
				w.put("id: wf\nsteps:\n  - {id: deploy, topic: job.deploy" + c.limits + "}\n")
				run := w.run("wf", `{}`)
				a := w.waiting(run, "deploy")
				if err := w.approve(sre("bob"), a); err != nil {
					t.Fatal(err)
				}
				c.stop(w, run)
				if v := w.ended(run); v.State != c.state {
					t.Errorf("the run is %s", v.State)
				}
				wantError(t, "an answer to what is not asked", w.approve(sre("cid"), a), runner.ErrConflict)
				time.Sleep(time.Hour)
				if got := w.approval(a.ID); got.State != "cancelled" || sent.count() != 0 {
					t.Errorf("the approval is %s, %d sent", got.State, sent.count())
				}
			})
		})
	}
}

// TestQuarantinedAndStopped: an output that is held when its run is stopped is seen by its compensation and nobody else, and
// its question is withdrawn.
func TestQuarantinedAndStopped(t *testing.T) {
	for name, stop := range map[string]runner.Command{
		"cancelled":   {Verb: runner.VerbCancel, Rollback: true},
		"rolled back": {Verb: runner.VerbRollback},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, quarantineAll)
				w.counting("job.do", func(*wire.JobRequest) *wire.JobResult {
					return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"ref":"CANARY-77"}`)}
				})
				got := make(chan string, 1)
				w.newWorker("undo", func(j *wire.JobRequest) *wire.JobResult { got <- string(j.Input); return succeed(j) }, "job.undo")
				w.put("id: wf\nsteps:\n  - {id: a, topic: job.do, compensate: {topic: job.undo, input: {ref: \"${steps.a.output.ref}\"}}}\n" +
					"  - {id: b, topic: job.never, depends_on: [a]}\n")
				run := w.run("wf", `{}`)
				a := w.waitingOutput(run, "a")
				w.restart()
				w.do(run, stop)
				v := w.ended(run)
				if v.State != "cancelled" || v.Compensation != "done" {
					t.Errorf("the run is %s, compensation %s", v.State, v.Compensation)
				}
				if in := <-got; in != `{"ref":"CANARY-77"}` {
					t.Errorf("the compensation got %s", in)
				}
				if s := w.approval(a.ID).State; s != "cancelled" {
					t.Errorf("the approval is %s", s)
				}
				wantError(t, "released afterwards", w.approve(sre("bob"), a), runner.ErrConflict)
				events, _, err := w.r.Timeline(context.Background(), ann, run, 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				shown, _ := json.Marshal([]any{v, w.view(run), events, w.approval(a.ID)})
				if strings.Contains(string(shown), "CANARY-77") {
					t.Error("what was held is shown")
				}
			})
		})
	}
}

// quarantineAll holds every output of the topic.
const quarantineAll = `--- {default: ALLOW, name: base, output_rules: [
  {id: held, match: {topics: [job.do]}, patterns: {ticket: "CANARY-[0-9]+"}, decision: QUARANTINE, approval: {approvers: ["role:sre"]}}]}`

// waitingOutput waits until people are asked about an output.
func (w *world) waitingOutput(run, step string) runner.ApprovalView {
	w.t.Helper()
	w.until("its output is held", func() bool { return w.count(run, "approval_requested "+step) > 0 })
	return w.approval(run + "." + step + "~0")
}
