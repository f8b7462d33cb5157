package runner_test

import (
	"context"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

func TestHaltEndsWhatIsQueuedAndLeavesWhatRuns(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: halt
steps:
  - {id: a, topic: job.t.work, effect: none}
  - {id: b, topic: job.t.work, effect: none}
  - {id: c, topic: job.t.nobody, effect: none}
  - {id: d, topic: job.t.work, effect: none, depends_on: [b]}
  - {id: e, topic: job.t.work, effect: none, depends_on: [a, c], join: any_failed}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("halt", `{}`)
		first, second := k.next(), k.next()
		if first.StepId == "b" {
			first, second = second, first
		}
		k.answer(first, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "broken"})
		k.done(k.next()) // the handler e
		w.states(w.view(run), "a=failed b=running c=cancelled d=skipped e=succeeded")
		k.done(second)
		v := w.ended(run)
		w.states(v, "a=failed b=succeeded c=cancelled d=skipped e=succeeded")
		if v.State != "failed" || v.Error.Code != "broken" {
			t.Errorf("%s %+v", v.State, v.Error)
		}
	})
}

func TestContinueRunsWhatCanRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: cont
on_failure: continue
steps:
  - {id: a, topic: job.t.work, effect: none}
  - {id: b, topic: job.t.work, effect: none, depends_on: [a]}
  - {id: c, topic: job.t.work, effect: none}
  - {id: d, topic: job.t.work, effect: none, depends_on: [c]}
`)
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			if j.StepId == "a" {
				return failing()
			}
			return succeed(j)
		}, "job.t.work")
		v := w.ended(w.run("cont", `{}`))
		w.states(v, "a=failed b=skipped c=succeeded d=succeeded")
		if v.State != "failed" {
			t.Errorf("run %s", v.State)
		}
	})
}

const one = "id: one\ncancel_grace: 30s\nsteps:\n  - {id: a, topic: job.t.work, effect: %s, retry: {max_attempts: 2, initial: 1h}}\n"

func TestCancelInEachState(t *testing.T) {
	cancelled := func(w *world, run string) {
		w.command(run, runner.VerbCancel)
		v := w.ended(run)
		w.states(v, "a=cancelled")
		if v.State != "cancelled" {
			w.t.Errorf("run %s", v.State)
		}
	}
	for name, c := range map[string]struct {
		effect string
		worker bool
		play   func(w *world, k *worker, run string)
	}{
		"queued": {"none", false, func(w *world, _ *worker, run string) {
			cancelled(w, run)
			w.newWorker("w2", nil, "job.t.work").none(time.Hour)
		}},
		"queued and paused": {"none", false, func(w *world, _ *worker, run string) {
			w.command(run, runner.VerbPause)
			cancelled(w, run)
		}},
		"dispatched, not begun": {"write", true, func(w *world, k *worker, run string) {
			job := k.next()
			w.command(run, runner.VerbCancel)
			if code := k.begin(job); code != wire.AckCode_ACK_CODE_STALE {
				w.t.Errorf("leave to begin a cancelled job: %s", code)
			}
			v := w.ended(run)
			w.states(v, "a=cancelled")
			if v.Steps[0].Error != nil && v.EndedAt.Sub(v.StartedAt) > time.Second {
				w.t.Error("it waited for the grace although nothing had begun")
			}
		}},
		"begun, and the worker says so": {"write", true, func(w *world, k *worker, run string) {
			job := k.next()
			k.accept(job)
			w.command(run, runner.VerbCancel)
			<-k.cancelled
			k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
			w.states(w.ended(run), "a=cancelled")
		}},
		"begun, and it succeeds all the same": {"write", true, func(w *world, k *worker, run string) {
			job := k.next()
			k.accept(job)
			w.command(run, runner.VerbCancel)
			k.done(job)
			v := w.ended(run)
			w.states(v, "a=succeeded")
			if v.State != "cancelled" {
				w.t.Errorf("run %s", v.State)
			}
		}},
		"begun, and the worker is silent": {"write", true, func(w *world, k *worker, run string) {
			k.accept(k.next())
			w.command(run, runner.VerbCancel)
			v := w.ended(run)
			w.states(v, "a=cancelled")
			if d := v.EndedAt.Sub(v.StartedAt); d < 30*time.Second || d > 31*time.Second {
				w.t.Errorf("the grace took %s", d)
			}
		}},
		"between attempts": {"none", true, func(w *world, k *worker, run string) {
			k.answer(k.next(), failing())
			w.until("it waits", func() bool { return w.step(run, "a").State == "retrying" })
			w.command(run, runner.VerbCancel)
			v := w.ended(run)
			w.states(v, "a=failed") // takes its last failure
			if v.State != "cancelled" {
				w.t.Errorf("run %s", v.State)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(one, c.effect))
				var k *worker
				if c.worker {
					k = w.newWorker("w1", nil, "job.t.work")
				}
				run := w.run("one", `{}`)
				c.play(w, k, run)
				_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
				is(t, err, runner.ErrConflict)
			})
		})
	}
}

func TestCancelWithdrawsApproval(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: ask\nsteps:\n  - {id: gate, type: approval}\n")
		run := w.run("ask", `{}`)
		w.command(run, runner.VerbCancel)
		w.states(w.ended(run), "gate=cancelled")
		a, err := w.r.Approval(context.Background(), ann, run+".gate~0")
		if err != nil || a.State != "cancelled" {
			t.Errorf("approval %+v, %v", a, err)
		}
		_, err = w.r.Decide(context.Background(), ann, run+".gate~0", runner.Decision{Approve: true})
		is(t, err, runner.ErrConflict)
		waiting, _, _ := w.r.Approvals(context.Background(), ann, runner.Filter{State: "waiting"})
		all, _, _ := w.r.Approvals(context.Background(), ann, runner.Filter{})
		if len(waiting) != 0 || len(all) != 1 {
			t.Errorf("%d wait, %d in all", len(waiting), len(all))
		}
	})
}

func TestSecondCancelStopsHandlers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: clean
steps:
  - {id: a, type: delay, for: 1d}
  - {id: z, topic: job.t.nobody, effect: none, depends_on: [a], join: all_done}
`)
		run := w.run("clean", `{}`)
		if v := w.command(run, runner.VerbCancel); v.EndedAt != nil {
			t.Fatal("the first cancel stopped the handler")
		}
		w.states(w.view(run), "a=cancelled z=running")
		w.command(run, runner.VerbCancel)
		w.states(w.ended(run), "a=cancelled z=cancelled")
	})
}

func TestPauseWhileAGrantIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(one, "none"))
		for range 20 { // pause, worker and resume in every order
			run := w.run("one", `{}`)
			go w.command(run, runner.VerbPause)
			k := w.newWorker("w-"+run, nil, "job.t.work")
			time.Sleep(time.Second)
			w.command(run, runner.VerbResume)
			k.done(k.next())
			if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
				t.Fatalf("%s after %d attempts: %v", v.State, v.Steps[0].Attempt, w.types(run))
			}
			k.leave()
			w.until("the worker is gone", func() bool {
				all, _ := w.r.Workers(context.Background(), ann)
				return len(all) == 0
			})
		}
	})
}
