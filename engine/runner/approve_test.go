package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

// shiftingKernel is a policy that a test changes.
type shiftingKernel struct {
	now    atomic.Pointer[safety.Snapshot]
	shadow atomic.Pointer[safety.Snapshot]
}

func (k *shiftingKernel) Snapshot() *safety.Snapshot { return k.now.Load() }
func (k *shiftingKernel) Shadow() *safety.Snapshot   { return k.shadow.Load() }
func (*shiftingKernel) Remote() runner.RemoteKernel  { return nil }

// publish makes a policy the one in force.
func (w *world) publish(k *shiftingKernel, s *safety.Snapshot) {
	w.t.Helper()
	k.now.Store(s)
	if err := w.r.PolicyChanged(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// governed is a world whose policy can be changed.
func governed(t testing.TB, w *world, doc string) *shiftingKernel {
	t.Helper()
	k := &shiftingKernel{}
	k.now.Store(policy(t, doc))
	w.halt()
	w.cfg.Kernel, w.cfg.FourEyes = k, true
	w.start()
	return k
}

const twoSREs = `--- {default: ALLOW, name: base, rules: [
  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, reason: deployments need two,
   approval: {approvers: ["role:sre"], quorum: 2, expires: 4h}}]}`

const oneJob = "id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, input: {v: \"${input.v}\"}}\n"

// people of the tests.
func sre(name string) runner.Caller {
	return runner.Caller{Tenant: "default", Actor: "user:" + name, Roles: []string{"approver", "sre"}, ActorType: "human"}
}

// waiting waits until a step waits for people, and answers its approval.
func (w *world) waiting(run, step string) runner.ApprovalView {
	w.t.Helper()
	w.until("people are asked", func() bool { return w.step(run, step).State == "waiting" })
	return w.approval(w.step(run, step).JobID)
}

// asked waits until people were asked about a step, though the question may be over by now.
func (w *world) asked(run, step string) (a runner.ApprovalView) {
	w.t.Helper()
	w.until("people were asked", func() bool {
		var err error
		a, err = w.r.Approval(context.Background(), runner.Caller{Tenant: "default", Actor: "user:root", Roles: []string{"admin"}}, w.step(run, step).JobID)
		return err == nil
	})
	return a
}

func (w *world) approval(id string) runner.ApprovalView {
	w.t.Helper()
	v, err := w.r.Approval(context.Background(), runner.Caller{Tenant: "default", Actor: "user:root", Roles: []string{"admin"}}, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) approve(who runner.Caller, a runner.ApprovalView) error {
	_, err := w.r.Decide(context.Background(), who, a.ID, runner.Decision{Approve: true, ExpectHash: a.Hash})
	return err
}

// counter is a worker that counts what it is sent.
type counter struct{ n atomic.Int64 }

func (c *counter) count() int { return int(c.n.Load()) }

// counting connects a worker that answers as act says; nil: succeeds.
func (w *world) counting(topic string, act func(*wire.JobRequest) *wire.JobResult) *counter {
	w.t.Helper()
	if act == nil {
		act = succeed
	}
	c := &counter{}
	w.newWorker("counting", func(j *wire.JobRequest) *wire.JobResult {
		c.n.Add(1)
		return act(j)
	}, topic)
	return c
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestPolicyAsksPeople: a job that the policy lets start only with two people's leave starts with it, once, and the requester
// is not one of them.
func TestPolicyAsksPeople(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 7}`)
		a := w.waiting(run, "deploy")
		if v := w.view(run); v.State != "waiting" || a.State != "waiting" || a.Source != "policy" || string(a.Input) != `{"v":7}` {
			t.Fatalf("the run is %s, the approval %+v", v.State, a)
		}
		requester := sre("ann")
		wantError(t, "the requester", w.approve(requester, a), runner.ErrForbidden)
		wantError(t, "no sre", w.approve(runner.Caller{Tenant: "default", Actor: "user:eve", Roles: []string{"approver"}}, a), runner.ErrNotFound)
		wantError(t, "another tenant", w.approve(runner.Caller{Tenant: "other", Actor: "user:bob", Roles: []string{"admin"}}, a), runner.ErrNotFound)
		if err := w.approve(sre("bob"), a); err != nil {
			t.Fatal(err)
		}
		if err := w.approve(sre("bob"), a); err != nil {
			t.Errorf("the same answer again: %v", err)
		}
		if n := sent.count(); n != 0 {
			t.Fatalf("%d jobs were sent with one approval of two", n)
		}
		w.restart()
		if err := w.approve(sre("cid"), a); err != nil {
			t.Fatal(err)
		}
		if v := w.ended(run); v.State != "succeeded" {
			t.Fatalf("the run is %s: %+v", v.State, v.Error)
		}
		if n := sent.count(); n != 1 {
			t.Errorf("%d jobs were sent, want 1", n)
		}
		wantError(t, "after the decision", w.approve(sre("dan"), a), runner.ErrConflict)
		if got := w.approval(a.ID); got.State != "consumed" || got.DecidedBy != "user:bob, user:cid" {
			t.Errorf("the approval is %s by %s", got.State, got.DecidedBy)
		}
	})
}

// TestDeniedByPeople: a job that people do not let start is never sent, and its run says who and why.
func TestDeniedByPeople(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 7}`)
		a := w.waiting(run, "deploy")
		if _, err := w.r.Decide(context.Background(), sre("bob"), a.ID, runner.Decision{Comment: "not on a Friday"}); err != nil {
			t.Fatal(err)
		}
		v := w.ended(run)
		if v.State != "failed" || v.Error.Code != "rejected" || v.Steps[0].State != "rejected" || sent.count() != 0 {
			t.Errorf("the run is %s (%+v), the step %s, %d sent", v.State, v.Error, v.Steps[0].State, sent.count())
		}
	})
}

// TestPolicyApprovalExpires: nobody answering never approves.
func TestPolicyApprovalExpires(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		w.counting("job.deploy", nil)
		w.put(oneJob)
		run := w.run("wf", `{"v": 7}`)
		a := w.waiting(run, "deploy")
		if err := w.approve(sre("bob"), a); err != nil {
			t.Fatal(err)
		}
		v := w.ended(run)
		if v.State != "failed" || v.Error.Code != "expired" || v.EndedAt.Sub(v.StartedAt) < 4*time.Hour {
			t.Errorf("the run is %s after %s: %+v", v.State, v.EndedAt.Sub(v.StartedAt), v.Error)
		}
		wantError(t, "after the expiry", w.approve(sre("cid"), a), runner.ErrGone)
	})
}

// TestPublishedBetween: what was approved under a policy that is not in force any more is asked anew, whether it was about to
// be sent or not; what the new one denies is never sent.
func TestPublishedBetween(t *testing.T) {
	strict := `--- {default: ALLOW, name: base, rules: [
	  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, approval: {quorum: 1}}]}`
	for name, c := range map[string]struct {
		next string
		then func(t *testing.T, w *world, run string, sent *counter)
	}{
		"asked anew": {strict, func(t *testing.T, w *world, run string, sent *counter) {
			a := w.waiting(run, "deploy")
			if a.Round != 2 || a.Why == "" || sent.count() != 0 {
				t.Fatalf("round %d (%s), %d sent", a.Round, a.Why, sent.count())
			}
			if err := w.approve(sre("dan"), a); err != nil {
				t.Fatal(err)
			}
			if v := w.ended(run); v.State != "succeeded" {
				t.Errorf("the run is %s", v.State)
			}
		}},
		"denied": {`--- {default: DENY}`, func(t *testing.T, w *world, run string, sent *counter) {
			if v := w.ended(run); v.State != "failed" || v.Steps[0].State != "denied" || sent.count() != 0 {
				t.Errorf("the run is %s, the step %s, %d sent", v.State, v.Steps[0].State, sent.count())
			}
		}},
		"allowed": {`--- {default: ALLOW}`, func(t *testing.T, w *world, run string, sent *counter) {
			if v := w.ended(run); v.State != "succeeded" || sent.count() != 1 {
				t.Errorf("the run is %s, %d sent", v.State, sent.count())
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				k := governed(t, w, twoSREs)
				w.put(oneJob)
				run := w.run("wf", `{"v": 7}`)
				a := w.waiting(run, "deploy")
				for _, who := range []string{"bob", "cid"} {
					if err := w.approve(sre(who), a); err != nil {
						t.Fatal(err)
					}
				}
				w.publish(k, policy(t, c.next)) // released, and no worker is there yet
				c.then(t, w, run, w.counting("job.deploy", nil))
			})
		})
	}
	t.Run("while people are asked", func(t *testing.T) {
		bubble(t, func(t *testing.T, w *world) {
			k := governed(t, w, twoSREs)
			w.put(oneJob)
			run := w.run("wf", `{"v": 7}`)
			a := w.waiting(run, "deploy")
			w.publish(k, policy(t, strict))
			wantError(t, "an answer to the old question", w.approve(sre("bob"), a), runner.ErrConflict)
			if again := w.waiting(run, "deploy"); again.Round != 2 || again.Snapshot == a.Snapshot {
				t.Errorf("round %d under %.8s", again.Round, again.Snapshot)
			}
		})
	})
}

// TestEdited: another input is another job: earlier answers are void, the editor counts as a requester, and what is sent is
// what was approved last.
func TestEdited(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		got := make(chan string, 1)
		w.counting("job.deploy", func(j *wire.JobRequest) *wire.JobResult {
			got <- string(j.Input)
			return succeed(j)
		})
		w.put(oneJob)
		run := w.run("wf", `{"v": 7}`)
		a := w.waiting(run, "deploy")
		if err := w.approve(sre("bob"), a); err != nil {
			t.Fatal(err)
		}
		edit := runner.Edit{Input: json.RawMessage(`{"v": 8}`), Comment: "the fixed build", ExpectHash: a.Hash}
		b, err := w.r.EditJob(context.Background(), sre("cid"), a.ID, edit)
		if err != nil {
			t.Fatal(err)
		}
		if b.Hash == a.Hash || b.Round != 2 || len(b.Votes) != 1 || !b.Votes[0].Void || string(b.Input) != `{"v": 8}` {
			t.Fatalf("after the edit: %+v", b)
		}
		wantError(t, "what was shown before", w.approve(sre("dan"), a), runner.ErrConflict)
		wantError(t, "the editor", w.approve(sre("cid"), b), runner.ErrForbidden)
		for _, who := range []string{"bob", "dan"} {
			if err := w.approve(sre(who), b); err != nil {
				t.Fatal(err)
			}
		}
		w.ended(run)
		if in := <-got; in != `{"v": 8}` {
			t.Errorf("the worker got %s", in)
		}
	})
}

// TestAutomaticAttemptsAreCovered: what people let start they let start with its automatic attempts; a person's retry asks them
// again.
func TestAutomaticAttemptsAreCovered(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		fail := w.counting("job.deploy", func(j *wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{JobId: j.JobId, Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCode: "busy", Token: j.Token}
		})
		w.put("id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, retry: {max_attempts: 3}}\n")
		run := w.run("wf", `{}`)
		a := w.waiting(run, "deploy")
		for _, who := range []string{"bob", "cid"} {
			if err := w.approve(sre(who), a); err != nil {
				t.Fatal(err)
			}
		}
		if v := w.ended(run); v.State != "failed" || fail.count() != 3 {
			t.Fatalf("the run is %s after %d attempts", v.State, fail.count())
		}
		w.do(run, runner.Command{Verb: runner.VerbRetry})
		if again := w.waiting(run, "deploy"); again.Round != 2 || fail.count() != 3 {
			t.Errorf("round %d, %d attempts", again.Round, fail.count())
		}
	})
}

// TestKernelAway: while nobody can decide nothing starts, and nothing is lost: when somebody can, all of it runs.
func TestKernelAway(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := governed(t, w, `--- {default: ALLOW}`)
		read := w.measured()
		allow := k.now.Load()
		k.now.Store(nil)
		sent := w.counting("job.deploy", nil)
		w.put(oneJob)
		var runs []string
		for range 20 {
			runs = append(runs, w.run("wf", `{"v": 7}`))
		}
		time.Sleep(time.Minute)
		if s := w.step(runs[0], "deploy"); s.JobState != "pending" || s.Reason == "" || sent.count() != 0 {
			t.Fatalf("the job is %s (%s), %d sent", s.JobState, s.Reason, sent.count())
		}
		if read("cordum_safety_unavailable_total") < 20 {
			t.Error("nobody noticed")
		}
		w.measured() // a process that begins while nobody can decide
		time.Sleep(time.Minute)
		if sent.count() != 0 {
			t.Fatalf("%d sent after a restart", sent.count())
		}
		k.now.Store(allow)
		for _, run := range runs {
			if v := w.ended(run); v.State != "succeeded" {
				t.Errorf("run %s is %s", run, v.State)
			}
		}
		if sent.count() != 20 {
			t.Errorf("%d sent, want 20", sent.count())
		}
	})
}

// TestApprovalRace: of everything that people and the clock do to one question at once, one thing happens, and nothing is sent
// that was not approved as it is.
func TestApprovalRace(t *testing.T) {
	w := stillWorld(t)
	k := &shiftingKernel{}
	// Two policies that say the same under different names.
	var policies [2]*safety.Snapshot
	for i := range policies {
		policies[i] = policy(t, fmt.Sprintf(`--- {default: ALLOW, name: p%d, rules: [
		  {id: write, match: {topics: [job.deploy]}, decision: REQUIRE_APPROVAL, approval: {quorum: 1, expires: 50ms}}]}`, i))
	}
	k.now.Store(policies[0])
	w.cfg.Kernel, w.cfg.FourEyes = k, true
	w.start()
	var mu sync.Mutex
	sent := map[string]string{} // job → what the worker got
	w.counting("job.deploy", func(j *wire.JobRequest) *wire.JobResult {
		mu.Lock()
		defer mu.Unlock()
		job, _, _ := strings.Cut(j.JobId, "@") // what was withheld when it was to leave is another send
		if _, twice := sent[job]; twice {
			t.Errorf("job %s was sent twice", job)
		}
		sent[job] = j.JobHash + " " + j.DecisionSnapshot
		return succeed(j)
	})
	w.put(oneJob)
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	var all sync.WaitGroup
	turns := make(chan int)
	for range 8 {
		all.Go(func() {
			for n := range turns {
				w.raceOnce(k, policies[n%2], n, sent, &mu)
			}
		})
	}
	for n := range rounds {
		turns <- n
	}
	close(turns)
	all.Wait()
	if len(sent) == 0 || len(sent) == rounds {
		t.Errorf("%d of %d were sent: the race is none", len(sent), rounds)
	}
}

// raceOnce has everything happen to one question at once.
func (w *world) raceOnce(k *shiftingKernel, next *safety.Snapshot, n int, sent map[string]string, mu *sync.Mutex) {
	run := w.run("wf", fmt.Sprintf(`{"v": %d}`, n))
	a := w.asked(run, "deploy")
	acts := []func(){
		func() { _ = w.approve(sre("bob"), a) },
		func() { _, _ = w.r.Decide(context.Background(), sre("cid"), a.ID, runner.Decision{ExpectHash: a.Hash}) },
		func() {
			_, _ = w.r.EditJob(context.Background(), sre("dan"), a.ID, runner.Edit{Input: json.RawMessage(`{"v": -1}`), ExpectHash: a.Hash})
		},
		func() { w.publish(k, next) },
	}
	rand.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	var all sync.WaitGroup
	for _, act := range acts {
		all.Go(act)
	}
	all.Wait()
	checkOneWinner(w, run, w.ended(run), a.ID, sent, mu) // it ends at the latest when it expires
}

// checkOneWinner compares what the log says of an approval with what was sent.
func checkOneWinner(w *world, run string, v runner.RunView, job string, sent map[string]string, mu *sync.Mutex) {
	t := w.t
	t.Helper()
	final := w.approval(job)
	mu.Lock()
	got, wasSent := sent[job]
	mu.Unlock()
	switch {
	case wasSent != (v.State == "succeeded"):
		t.Errorf("run %s is %s, sent: %t", run, v.State, wasSent)
	case wasSent && (final.State != "consumed" || got != final.Hash+" "+final.Snapshot):
		t.Errorf("run %s: sent as %s, but the approval is %s for %s %s", run, got, final.State, final.Hash, final.Snapshot)
	case !wasSent && final.State != "denied" && final.State != "expired":
		t.Errorf("run %s was not sent, and the approval is %s", run, final.State)
	}
	closed := w.count(run, "approval_approved") + w.count(run, "approval_denied") + w.count(run, "approval_expired")
	if opened := w.count(run, "approval_requested"); closed > opened || w.count(run, "approval_consumed") > 1 {
		t.Errorf("run %s: %d asked, %d closed, %d consumed", run, opened, closed, w.count(run, "approval_consumed"))
	}
}
