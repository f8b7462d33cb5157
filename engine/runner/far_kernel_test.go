package runner_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

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
