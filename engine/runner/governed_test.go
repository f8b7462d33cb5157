package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

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

// TestEachAttemptIsDecided: what the policy forbids by now is not tried again, however it was decided about before.
func TestEachAttemptIsDecided(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := governed(t, w, `--- {default: ALLOW, name: base, rules: [{id: deploy, match: {topics: [job.deploy]}, decision: ALLOW}]}`)
		tried := w.counting("job.deploy", func(*wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE, ErrorCode: "busy"}
		})
		w.put("id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, effect: none, retry: {max_attempts: 3, initial: 1h}}\n")
		run := w.run("wf", `{}`)
		w.until("it was tried", func() bool { return tried.count() == 1 })
		w.publish(k, policy(t, `--- {default: ALLOW, name: base, rules: [{id: deploy, match: {topics: [job.deploy]}, decision: DENY}]}`))
		w.states(w.ended(run), "deploy=denied")
		if tried.count() != 1 {
			t.Errorf("it was tried %d times", tried.count())
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

// TestPublishedWaitsForLanes: a policy is not said to be in force while a lane may still send what the one before decided.
func TestPublishedWaitsForLanes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := governed(t, w, `--- {default: ALLOW}`)
		w.put(oneJob)
		goOn := runner.Stall(w.r, w.run("wf", `{"v": 7}`))
		k.now.Store(policy(t, `--- {default: DENY}`))
		said := make(chan error, 1)
		go func() { said <- w.r.PolicyChanged(context.Background()) }()
		synctest.Wait()
		early := len(said) > 0
		goOn()
		if err := <-said; early || err != nil {
			t.Errorf("it answered %v, before the lanes had heard of it: %t", err, early)
		}
	})
}
