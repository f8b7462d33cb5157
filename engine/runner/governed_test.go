package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
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

// TestSentBackAsksAnew: what was answered about a job before its step is set back counts for nothing.
func TestSentBackAsksAnew(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.newWorker("first", succeed, "job.first")
		w.put("id: wf\nsteps:\n  - {id: a, topic: job.first}\n  - {id: gate, type: approval, depends_on: [a]}\n" +
			"  - {id: deploy, topic: job.deploy, depends_on: [a]}\n")
		run := w.run("wf", `{}`)
		before := w.waiting(run, "deploy")
		if err := w.approve(sre("bob"), before); err != nil {
			t.Fatal(err)
		}
		gate := w.approval(run + ".gate~0")
		if _, err := w.r.Decide(context.Background(), sre("cid"), gate.ID, runner.Decision{SendBack: "a", Comment: "once more"}); err != nil {
			t.Fatal(err)
		}
		w.until("people are asked again", func() bool { return w.approval(before.ID).Round == 2 && w.step(run, "deploy").State == "waiting" })
		if err := w.approve(sre("dan"), w.approval(before.ID)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if sent.count() != 0 {
			t.Fatal("it was sent with an answer of the round before")
		}
		if err := w.approve(sre("bob"), w.approval(before.ID)); err != nil {
			t.Fatal(err)
		}
		w.until("it is sent", func() bool { return sent.count() == 1 })
	})
}

// TestRetriedAtOnceAsksAnew: a person's retry is asked about although no time has passed.
func TestRetriedAtOnceAsksAnew(t *testing.T) {
	w := stillWorld(t)
	k := &shiftingKernel{}
	k.now.Store(policy(t, twoSREs))
	stopped := time.Now()
	w.cfg.Kernel, w.cfg.Now = k, func() time.Time { return stopped }
	w.start()
	fail := w.counting("job.deploy", func(*wire.JobRequest) *wire.JobResult {
		return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL}
	})
	w.put(oneJob)
	run := w.run("wf", `{"v": 1}`)
	a := w.waiting(run, "deploy")
	for _, who := range []string{"bob", "cid"} {
		if err := w.approve(sre(who), a); err != nil {
			t.Fatal(err)
		}
	}
	w.ended(run)
	w.do(run, runner.Command{Verb: runner.VerbRetry})
	if again := w.waiting(run, "deploy"); again.Round != 2 || fail.count() != 1 {
		t.Errorf("round %d, %d sent", again.Round, fail.count())
	}
}

// farKernel is a remote kernel that a test plays.
type farKernel struct {
	active atomic.Value // string
	answer atomic.Pointer[func(safety.Request) (safety.Decision, error)]
	asked  atomic.Int64
}

// Snapshot is asked about results, and says nothing of them.
func (*farKernel) Snapshot() *safety.Snapshot { return safety.NewSnapshot(safety.Allow) }

func (*farKernel) Shadow() *safety.Snapshot                                  { return nil }
func (k *farKernel) Remote() runner.RemoteKernel                             { return k }
func (k *farKernel) Active() string                                          { return k.active.Load().(string) }
func (k *farKernel) answers(f func(safety.Request) (safety.Decision, error)) { k.answer.Store(&f) }

func (k *farKernel) Evaluate(_ context.Context, r safety.Request) (safety.Decision, error) {
	k.asked.Add(1)
	return (*k.answer.Load())(r)
}

// far is a world whose decisions are made by a remote kernel.
func far(t testing.TB, w *world) *farKernel {
	t.Helper()
	k := &farKernel{}
	k.active.Store("one")
	k.answers(func(safety.Request) (safety.Decision, error) {
		return safety.Decision{Verdict: safety.Allow, Snapshot: "one"}, nil
	})
	w.halt()
	w.cfg.Kernel = k
	w.start()
	return k
}

// TestKernelOfAnotherSnapshot: an answer by a policy that is not known to be in force starts nothing, is not asked for in a hot
// loop, and nothing is lost.
func TestKernelOfAnotherSnapshot(t *testing.T) {
	for name, c := range map[string]struct{ active, answers string }{
		"behind": {"two", "one"}, "unknown": {"", "one"}, "nameless": {"", ""}, "nameless one": {"one", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				k := far(t, w)
				k.active.Store(c.active)
				k.answers(func(safety.Request) (safety.Decision, error) {
					return safety.Decision{Verdict: safety.Allow, Snapshot: c.answers}, nil
				})
				sent := w.counting("job.deploy", nil)
				w.put(oneJob)
				run := w.run("wf", `{"v": 1}`)
				time.Sleep(time.Minute)
				if s := w.step(run, "deploy"); sent.count() != 0 || s.JobState != "pending" || k.asked.Load() > 30 {
					t.Fatalf("%d sent, the job is %s, asked %d times", sent.count(), s.JobState, k.asked.Load())
				}
				k.answers(func(safety.Request) (safety.Decision, error) {
					return safety.Decision{Verdict: safety.Allow, Snapshot: "three"}, nil
				})
				k.active.Store("three")
				if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
					t.Errorf("the run is %s, %d sent", v.State, sent.count())
				}
			})
		})
	}
}

// TestAskedAgainWhileTheKernelThinks: an attempt whose question is still out is over, and the next one is decided all the same.
func TestAskedAgainWhileTheKernelThinks(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := far(t, w)
		var slow atomic.Bool
		slow.Store(true)
		k.answers(func(safety.Request) (safety.Decision, error) {
			if slow.Load() {
				time.Sleep(1500 * time.Millisecond)
			}
			return safety.Decision{Verdict: safety.Allow, Snapshot: "one"}, nil
		})
		sent := w.counting("job.deploy", nil)
		w.put("id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, total_timeout: 1s}\n")
		run := w.run("wf", `{}`)
		w.until("it took too long", func() bool { return w.view(run).State == "failed" })
		slow.Store(false)
		w.do(run, runner.Command{Verb: runner.VerbRetry})
		w.until("it has ended again", func() bool { v := w.view(run); return v.EndedAt != nil && v.Steps[0].Attempt == 2 })
		if v := w.view(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestHeldWhileTheKernelThinks: a hold that is set while a remote kernel is asked keeps the job from its release.
func TestHeldWhileTheKernelThinks(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		k := far(t, w)
		k.answers(func(safety.Request) (safety.Decision, error) {
			time.Sleep(time.Second)
			return safety.Decision{Verdict: safety.Allow, Snapshot: "one"}, nil
		})
		w.put(oneJob)
		run := w.run("wf", `{"v": 1}`)
		h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "all", Reason: "stop"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := w.step(run, "deploy"); s.JobState != "pending" {
			t.Errorf("the job is %s", s.JobState)
		}
		k.answers(func(safety.Request) (safety.Decision, error) { return safety.Decision{}, context.DeadlineExceeded })
		if err := w.r.LiftHold(ctx, ann, h.ID); err != nil { // while the kernel is away
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		sent := w.counting("job.deploy", nil)
		k.answers(func(safety.Request) (safety.Decision, error) {
			return safety.Decision{Verdict: safety.Allow, Snapshot: "one"}, nil
		})
		if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

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
		worker.leave()
		worker.accept(first)
		worker.done(first)
		w.ended(a)
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

// TestPublishedDuringAHold: people are asked by the policy of now when a hold is lifted, and an answer to the old question
// does nothing.
func TestPublishedDuringAHold(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		k := governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 1}`)
		a := w.waiting(run, "deploy")
		h, err := w.r.SetHold(ctx, ann, runner.Hold{Scope: "all", Reason: "stop"})
		if err != nil {
			t.Fatal(err)
		}
		w.publish(k, policy(t, `--- {default: ALLOW, name: base, rules: [
		  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, approval: {quorum: 1}}]}`))
		wantError(t, "an answer to the old question", w.approve(sre("bob"), a), runner.ErrConflict)
		if err := w.r.LiftHold(ctx, ann, h.ID); err != nil {
			t.Fatal(err)
		}
		w.until("people are asked anew", func() bool { return w.approval(a.ID).Round == 2 })
		if err := w.approve(sre("bob"), w.waiting(run, "deploy")); err != nil {
			t.Fatal(err)
		}
		if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestEditedLarge: an edited input that is kept as a blob is what the worker gets, from another process, too.
func TestEditedLarge(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		got := make(chan int, 1)
		w.counting("job.deploy", func(j *wire.JobRequest) *wire.JobResult { got <- len(j.Input); return succeed(j) })
		w.put(oneJob)
		run := w.run("wf", `{"v": 7}`)
		a := w.waiting(run, "deploy")
		input := json.RawMessage(`{"v":"` + strings.Repeat("x", 200_000) + `"}`)
		if _, err := w.r.EditJob(context.Background(), sre("cid"), a.ID, runner.Edit{Input: input}); err != nil {
			t.Fatal(err)
		}
		w.restart()
		b := w.approval(a.ID)
		for _, who := range []string{"bob", "dan"} {
			if err := w.approve(sre(who), b); err != nil {
				t.Fatal(err)
			}
		}
		w.ended(run)
		if n := <-got; n != len(input) {
			t.Errorf("the worker got %d bytes, want %d", n, len(input))
		}
	})
}

// TestIterationsAreAskedForOneByOne: each iteration of a fan-out, and each round of a loop, is a job of its own that people
// are asked about.
func TestIterationsAreAskedForOneByOne(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		sent   int
	}{
		"fan-out": {"id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, for_each: \"[1, 2, 3]\", tolerate: {count: 1}, input: {n: \"${item}\"}}\n", 2},
		"loop":    {"id: wf\nsteps:\n  - {id: l, type: loop, until: \"loop.index == 1\", steps: [{id: deploy, topic: job.deploy}]}\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, `--- {default: ALLOW, name: base, rules: [
				  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, approval: {quorum: 1}}]}`)
				sent := w.counting("job.deploy", nil)
				w.put(c.source)
				run := w.run("wf", `{}`)
				ids := map[string]bool{}
				w.until("the run has ended", func() bool {
					all, _, err := w.r.Approvals(context.Background(), sre("bob"), runner.Filter{State: "waiting"})
					if err != nil {
						t.Fatal(err)
					}
					for _, a := range all {
						ids[a.ID] = true
						d := runner.Decision{Approve: len(ids) != 3, ExpectHash: a.Hash} // the third is denied
						if _, err := w.r.Decide(context.Background(), sre("bob"), a.ID, d); err != nil {
							t.Fatal(err)
						}
					}
					return w.view(run).EndedAt != nil
				})
				if v := w.view(run); v.State != "succeeded" || sent.count() != c.sent || len(ids) < 2 {
					t.Errorf("the run is %s, %d sent, %d asked about", v.State, sent.count(), len(ids))
				}
			})
		})
	}
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

// turningKernel is a policy that changes after it was looked at a number of times.
type turningKernel struct {
	before, after *safety.Snapshot
	looks         atomic.Int64 // left
}

func (k *turningKernel) Shadow() *safety.Snapshot  { return nil }
func (*turningKernel) Remote() runner.RemoteKernel { return nil }
func (k *turningKernel) Snapshot() *safety.Snapshot {
	if k.looks.Add(-1) >= 0 {
		return k.before
	}
	return k.after
}

// TestDeniedAtAnyMoment publishes a denial at every moment at which the policy is looked at: whatever is sent was looked at
// right before, and what was not sent ends as denied, also where who gets it is durable before the sending.
func TestDeniedAtAnyMoment(t *testing.T) {
	for looks := range int64(7) {
		t.Run(fmt.Sprint(looks), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				k := &turningKernel{before: policy(t, `--- {default: ALLOW}`), after: policy(t, `--- {default: DENY}`)}
				k.looks.Store(looks)
				w.halt()
				w.cfg.Kernel = k
				w.start()
				sent := w.counting("job.deploy", nil)
				w.newWorker("undo", succeed, "job.undo")
				w.put("id: wf\non_failure: halt\nsteps:\n  - {id: deploy, topic: job.deploy, idempotent: true, compensate: {topic: job.undo}}\n")
				run := w.run("wf", `{}`)
				v := w.ended(run)
				if wantSent := looks >= 3; (sent.count() == 1) != wantSent || (v.State == "succeeded") != wantSent {
					t.Errorf("after %d looks: %d sent, the run is %s", looks, sent.count(), v.State)
				}
			})
		})
	}
}

// TestDenialsOfTwo: where two denials are needed one ends nothing, and those who approve outvote it.
func TestDenialsOfTwo(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, `--- {default: ALLOW, name: base, rules: [
		  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, approval: {quorum: 2, deny_quorum: 2}}]}`)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		deny := func(who string, a runner.ApprovalView) {
			if _, err := w.r.Decide(context.Background(), sre(who), a.ID, runner.Decision{}); err != nil {
				t.Fatal(err)
			}
		}
		denied := w.run("wf", `{"v": 1}`)
		a := w.waiting(denied, "deploy")
		deny("bob", a)
		deny("bob", a) // said twice, it counts once
		if s := w.approval(a.ID).State; s != "waiting" {
			t.Fatalf("after one denial it is %s", s)
		}
		w.restart()
		deny("cid", a)
		if v := w.ended(denied); v.State != "failed" || sent.count() != 0 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
		let := w.run("wf", `{"v": 2}`)
		b := w.waiting(let, "deploy")
		deny("bob", b)
		for _, who := range []string{"cid", "dan"} {
			if err := w.approve(sre(who), b); err != nil {
				t.Fatal(err)
			}
		}
		if v := w.ended(let); v.State != "succeeded" {
			t.Errorf("the run is %s", v.State)
		}
	})
}

// TestTheEarliestExpiryCounts: of two rules that ask, over a restart, and also when the earlier one asks further people.
func TestTheEarliestExpiryCounts(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		after time.Duration
	}{
		"denies":    {`{approvers: ["role:sre"], expires: 1h}`, time.Hour},
		"escalates": {`{approvers: ["role:sre"], expires: 1h, on_expiry: escalate, escalate: [{after: 50m, to: ["user:eve"]}, {after: 10h, to: ["user:fay"]}]}`, 90 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, `--- {default: ALLOW, name: base, rules: [
				  {id: one, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, approval: `+c.first+`},
				  {id: two, match: {workflows: [wf]}, decision: REQUIRE_APPROVAL, approval: {approvers: ["user:dan"], expires: 90m}}]}`)
				sent := w.counting("job.deploy", nil)
				w.put(oneJob)
				run := w.run("wf", `{"v": 1}`)
				a := w.waiting(run, "deploy")
				time.Sleep(55 * time.Minute)
				w.restart()
				if err := w.approve(sre("bob"), a); err != nil {
					t.Fatal(err)
				}
				v := w.ended(run)
				if took := v.EndedAt.Sub(a.RequestedAt); v.State != "failed" || v.Error.Code != "expired" || took.Round(time.Minute) != c.after || sent.count() != 0 {
					t.Errorf("the run is %s after %s, %d sent", v.State, took, sent.count())
				}
			})
		})
	}
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

// TestEscalatedOverARestart: further people are asked when their time has come, by whatever process, and those who may answer
// for others may.
func TestEscalatedOverARestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		governed(t, w, `--- {default: ALLOW, name: base, rules: [
		  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL,
		   approval: {approvers: ["user:bob", "user:fay"], quorum: 2, expires: 4h, escalate: [{after: 30m, to: ["user:eve"]}]}}]}`)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 1}`)
		a := w.waiting(run, "deploy")
		wantError(t, "before her time", w.approve(sre("eve"), a), runner.ErrNotFound)
		w.halt()
		time.Sleep(time.Hour)
		w.start()
		w.until("she is asked", func() bool { return w.count(run, "approval_escalated") == 1 })
		if _, err := w.r.Delegate(ctx, sre("bob"), a.ID, runner.Delegation{To: "user:ann", Until: time.Now().Add(time.Hour)}); err == nil {
			t.Error("delegated to the requester")
		}
		if _, err := w.r.Delegate(ctx, sre("bob"), a.ID, runner.Delegation{To: "user:dan", Until: time.Now().Add(time.Hour), Reason: "away"}); err != nil {
			t.Fatal(err)
		}
		if err := w.approve(sre("dan"), a); err != nil {
			t.Fatal(err)
		}
		wantError(t, "whom another answered for", w.approve(sre("bob"), a), runner.ErrConflict)
		held, loaded, folded, err := runner.StatesOf(ctx, w.r, "default", run)
		if err != nil || !bytes.Equal(held, loaded) || !bytes.Equal(held, folded) {
			t.Errorf("the run is not what its log says: %v", err)
		}
		if err := w.approve(sre("eve"), a); err != nil {
			t.Fatal(err)
		}
		if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestAskedInASubWorkflow: what a sub-workflow does is asked for by whoever started the outermost run, and the question goes
// with the run.
func TestAskedInASubWorkflow(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		w.put("id: outer\nsteps:\n  - {id: inner, type: subworkflow, workflow: wf, input: {v: 1}}\n")
		run := w.run("outer", `{}`)
		child := ""
		w.until("people are asked", func() bool {
			child = w.step(run, "inner").ChildRun
			return child != "" && w.view(run).State == "waiting"
		})
		a := w.waiting(child, "deploy")
		wantError(t, "who started the outer run", w.approve(sre("ann"), a), runner.ErrForbidden)
		w.do(run, runner.Command{Verb: runner.VerbCancel})
		w.ended(run)
		if s := w.approval(a.ID).State; s != "cancelled" || sent.count() != 0 {
			t.Errorf("the approval is %s, %d sent", s, sent.count())
		}
		again := w.run("outer", `{}`)
		w.until("people are asked", func() bool { return w.view(again).State == "waiting" })
		b := w.waiting(w.step(again, "inner").ChildRun, "deploy")
		for _, who := range []string{"bob", "cid"} {
			if err := w.approve(sre(who), b); err != nil {
				t.Fatal(err)
			}
		}
		if v := w.ended(again); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
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

// TestWhoHasItDoneAgainAsks: who retries a run, or rolls it back, may not let start what follows; nor may who started it.
func TestWhoHasItDoneAgainAsks(t *testing.T) {
	for name, c := range map[string]struct {
		verb runner.Verb
		node string
	}{"retry": {runner.VerbRetry, "deploy"}, "rollback": {runner.VerbRollback, "undo:a"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				governed(t, w, `--- {default: ALLOW, name: base, rules: [
				  {id: some, match: {topics: [job.deploy, job.undo]}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:sre"]}}]}`)
				w.counting("job.do", nil)
				w.put("id: wf\non_failure: halt\nsteps:\n  - {id: a, topic: job.do, compensate: {topic: job.undo}}\n" +
					"  - {id: deploy, topic: job.deploy, depends_on: [a]}\n")
				run := w.run("wf", `{}`)
				if _, err := w.r.Decide(context.Background(), sre("dan"), w.waiting(run, "deploy").ID, runner.Decision{}); err != nil {
					t.Fatal(err)
				}
				w.ended(run)
				if _, err := w.r.Command(context.Background(), sre("bob"), run, runner.Command{Verb: c.verb}); err != nil {
					t.Fatal(err)
				}
				w.restart()
				var a runner.ApprovalView
				w.until("people are asked", func() bool {
					all, _, err := w.r.Approvals(context.Background(), sre("root"), runner.Filter{State: "waiting"})
					if err != nil {
						t.Fatal(err)
					}
					for _, a = range all {
						return a.Step == c.node
					}
					return false
				})
				for _, who := range []string{"bob", "ann"} {
					wantError(t, who, w.approve(sre(who), a), runner.ErrForbidden)
				}
				if err := w.approve(sre("cid"), a); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
