package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// undoable is three steps that can be undone; c may be told to fail.
const undoable = `
id: chain
steps:
  - {id: a, topic: job.t.work, effect: write, compensate: {topic: job.t.undo}}
  - {id: b, topic: job.t.work, effect: write, depends_on: [a], compensate: {topic: job.t.undo, input: {of: "${steps.b.output}"}%s}}
  - {id: c, topic: job.t.work, effect: write, depends_on: [b]}
`

// fatal is a result that is not tried again.
func fatal() *wire.JobResult {
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "broken", ErrorMessage: "it is broken"}
}

// take takes the next job, which must be a step's, and begins it.
func (k *worker) takeStep(step string) *wire.JobRequest {
	k.w.t.Helper()
	j := k.next()
	if j.StepId != step {
		k.w.t.Fatalf("the job of %s came, want %s", j.StepId, step)
	}
	k.accept(j)
	return j
}

// node is a node of a run by what people call it.
func (w *world) node(run, path string) runner.StepView {
	w.t.Helper()
	for _, s := range w.view(run).Steps {
		if s.Path == path {
			return s
		}
	}
	w.t.Fatalf("no node %s in %+v", path, w.view(run).Steps)
	return runner.StepView{}
}

// compensation waits until a run's compensation is as wanted.
func (w *world) compensation(run, want string) runner.RunView {
	w.t.Helper()
	w.until("the compensation is "+want, func() bool { return w.view(run).Compensation == want })
	return w.view(run)
}

// whole checks that a run's state is what its log says.
func (w *world) whole(runs ...string) {
	w.t.Helper()
	for _, run := range runs {
		w.sound(&ledger{}, run)
	}
}

func TestFailureUndoesInReverse(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(undoable, ""))
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("chain", `{}`)
		k.done(k.takeStep("a"))
		k.answer(k.takeStep("b"), &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"id":7}`)})
		k.answer(k.takeStep("c"), fatal())

		second := u.takeStep("b")
		if v := w.view(run); v.State != "failed" || v.Compensation != "running" || v.EndedAt == nil {
			t.Errorf("%s, compensation %s", v.State, v.Compensation)
		}
		if string(second.Input) != `{"of":{"id":7}}` {
			t.Errorf("the compensation got %s", second.Input)
		}
		u.none(time.Minute) // a waits for b
		w.restart()
		u.done(second)
		u.done(u.takeStep("a"))
		v := w.ended(run)
		if v.State != "failed" || v.Compensation != "done" || v.Error.Code != "broken" {
			t.Errorf("%s, compensation %s, %+v", v.State, v.Compensation, v.Error)
		}
		w.states(v, "a=succeeded b=succeeded c=failed undo:b=succeeded undo:a=succeeded")
		if w.count(run, "compensation_started") != 1 || w.count(run, "compensation_ended") != 1 {
			t.Errorf("events: %q", w.types(run))
		}
		rows, _, err := w.r.Runs(context.Background(), ann, runner.Filter{})
		if err != nil || rows[0].Compensation != "done" {
			t.Errorf("the list says %+v, %v", rows, err)
		}
		w.whole(run)
	})
}

// TestUndoKeysAndSources: a compensation is a job of its own: another key than its step's, and a source of its own in policy.
func TestUndoIsAJobOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(undoable, ", retry: {max_attempts: 3, initial: 1s}"))
		k := w.newWorker("w1", nil, "job.t.work", "job.t.undo")
		run := w.run("chain", `{}`)
		k.done(k.takeStep("a"))
		forward := k.takeStep("b")
		k.done(forward)
		k.answer(k.takeStep("c"), fatal())
		keys := map[string]bool{forward.Meta.IdempotencyKey: true}
		first := k.takeStep("b")
		keys[first.Meta.IdempotencyKey] = true
		k.answer(first, failing())
		again := k.takeStep("b")
		keys[again.Meta.IdempotencyKey] = true
		if len(keys) != 2 || again.Attempt != 2 || again.JobId == first.JobId {
			t.Errorf("keys %v, attempt %d of %s behind %s", keys, again.Attempt, again.JobId, first.JobId)
		}
		if j, err := w.r.Job(context.Background(), ann, first.JobId); err != nil || j.Step != "undo:b" || j.Attempt != 2 {
			t.Errorf("the job is %+v, %v", j, err)
		}
		k.done(again)
		k.done(k.takeStep("a"))
		w.whole(run)
	})
}

func TestDeniedCompensationIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		w.cfg.Policy = policy(t, `{"default":"ALLOW","bundles":[{"name":"b","rules":[{"id":"r","match":{"sources":["compensation"]},"decision":"DENY","reason":"not now"}]}]}`)
		w.start()
		w.put(sprintf(undoable, ""))
		k := w.newWorker("w1", nil, "job.t.work", "job.t.undo")
		run := w.run("chain", `{}`)
		k.done(k.takeStep("a"))
		k.done(k.takeStep("b"))
		k.answer(k.takeStep("c"), fatal())
		v := w.compensation(run, "held")
		if len(v.Held) != 1 || v.Held[0].Step != "b" || v.Held[0].Error.Code != "policy_denied" {
			t.Errorf("held: %+v", v.Held)
		}
		k.none(time.Hour)
	})
}

// TestHeldCompensation: what is held waits for a person, over restarts, and each answer ends it.
func TestHeldCompensation(t *testing.T) {
	for action, c := range map[string]struct{ ends, compensation string }{
		"retry": {"succeeded", "done"},
		"done":  {"succeeded", "done"},
		"skip":  {"skipped", "done"},
	} {
		t.Run(action, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				w.put(sprintf(undoable, ", retry: {max_attempts: 1}"))
				k := w.newWorker("w1", nil, "job.t.work")
				u := w.newWorker("w2", nil, "job.t.undo")
				run := w.run("chain", `{}`)
				k.done(k.takeStep("a"))
				k.done(k.takeStep("b"))
				k.answer(k.takeStep("c"), fatal())
				u.answer(u.takeStep("b"), fatal())
				w.compensation(run, "held")
				w.restart()
				w.newWorker("w3", nil, "job.t.none")
				u.none(time.Hour)
				held, next, err := w.r.Held(ctx, ann, "", 0)
				if err != nil || next != "" || len(held) != 1 || held[0].RunID != run || held[0].Step != "b" || held[0].HeldAt.IsZero() || held[0].Error.Code != "broken" {
					t.Fatalf("held: %+v, %q, %v", held, next, err)
				}
				if other, _, err := w.r.Held(ctx, eve, "", 0); err != nil || len(other) != 0 {
					t.Errorf("another tenant sees %+v, %v", other, err)
				}
				by := ann
				cmd := runner.Command{Verb: runner.VerbCompensation, Compensation: held[0].JobID, Action: action}
				if action == "skip" {
					_, err := w.r.Command(ctx, by, run, cmd)
					wantInvalid(t, err, "invalid_argument")
					by.Reason, cmd.Compensation = "refunded by hand", "undo:b"
				}
				if _, err := w.r.Command(ctx, by, run, cmd); err != nil {
					t.Fatal(err)
				}
				if action == "retry" {
					if w.view(run).Compensation != "running" {
						t.Errorf("the compensation is %s", w.view(run).Compensation)
					}
					u.done(u.takeStep("b"))
				}
				u.done(u.takeStep("a"))
				v := w.ended(run)
				if v.Compensation != c.compensation || len(v.Held) != 0 || w.node(run, "undo:b").State != c.ends {
					t.Errorf("compensation %s, held %v, undo:b %s", v.Compensation, v.Held, w.node(run, "undo:b").State)
				}
				_, err = w.r.Command(ctx, by, run, cmd)
				is(t, err, runner.ErrConflict)
				w.whole(run)
			})
		})
	}
}

// TestLateAnswerSettlesWhatWasUnknown: the outcome of b is unknown, its compensation is held; what its worker says at last
// decides, also after the run has ended and over a restart.
func TestLateAnswerSettlesWhatWasUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		answer func() *wire.JobResult
		undone bool
	}{
		"success": {func() *wire.JobResult { return succeed(nil) }, true},
		"failure": {fatal, false},
		"too large": {func() *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte("not JSON")}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(strings.Replace(sprintf(undoable, ""), "id: b, ", "id: b, timeout: 10s, ", 1))
				k := w.newWorker("w1", nil, "job.t.work")
				u := w.newWorker("w2", nil, "job.t.undo")
				run := w.run("chain", `{}`)
				k.done(k.takeStep("a"))
				late := k.takeStep("b")
				w.compensation(run, "held")
				if v := w.view(run); v.State != "failed" || v.Held[0].Error.Code != "outcome_unknown" {
					t.Errorf("%s, held %+v", v.State, v.Held)
				}
				w.restart()
				if code := k.answer(late, c.answer()); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("the late answer was answered %s", code)
				}
				if c.undone {
					u.done(u.takeStep("b"))
				}
				u.done(u.takeStep("a"))
				v := w.ended(run)
				if v.Compensation != "done" || (w.node(run, "undo:b").State == "succeeded") != c.undone {
					t.Errorf("compensation %s, undo:b %s", v.Compensation, w.node(run, "undo:b").State)
				}
				for range 2 {
					k.answer(late, c.answer())
				}
				if n := w.count(run, "late_result"); n != 1 && n != 2 {
					t.Errorf("%d late results noted", n)
				}
				w.whole(run)
			})
		})
	}
}

// TestLostWorkerThenLateSuccess: a worker is lost with an idempotent step; its late success is undone although the run failed.
func TestLostWorkerThenLateSuccess(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: lost
steps:
  - {id: a, topic: job.t.work, effect: write, compensate: {topic: job.t.undo, when_unknown: hold}}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("lost", `{}`)
		job := k.takeStep("a")
		k.set(func(k *worker) { k.mute = true })
		w.compensation(run, "held")
		k.done(job)
		u.done(u.takeStep("a"))
		if v := w.ended(run); v.State != "failed" || v.Compensation != "done" || v.Error.Code != "worker_lost" {
			t.Errorf("%s, compensation %s, %+v", v.State, v.Compensation, v.Error)
		}
		w.whole(run)
	})
}

func TestRollbackOfASucceededRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(sprintf(undoable, ""))
		w.newWorker("w1", succeed, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("chain", `{}`)
		if v := w.ended(run); v.State != "succeeded" || v.Compensation != "none" {
			t.Fatalf("%s, %s", v.State, v.Compensation)
		}
		w.restart()
		if _, err := w.r.Command(ctx, ann, run, runner.Command{Verb: runner.VerbRollback}); err != nil {
			t.Fatal(err)
		}
		w.restart()
		u.done(u.takeStep("b"))
		u.done(u.takeStep("a"))
		v := w.ended(run)
		if v.State != "succeeded" || v.Compensation != "done" {
			t.Errorf("%s, %s", v.State, v.Compensation)
		}
		_, err := w.r.Command(ctx, ann, run, runner.Command{Verb: runner.VerbRetry})
		is(t, err, runner.ErrConflict)
		w.whole(run)
	})
}

func TestCancelWithRollback(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(undoable, ""))
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("chain", `{}`)
		k.done(k.takeStep("a"))
		j := k.takeStep("b")
		if _, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel, Rollback: true}); err != nil {
			t.Fatal(err)
		}
		<-k.cancelled
		k.done(j) // it was too late: that counts, and is undone
		u.done(u.takeStep("b"))
		u.done(u.takeStep("a"))
		v := w.ended(run)
		w.states(v, "a=succeeded b=succeeded c=skipped undo:b=succeeded undo:a=succeeded")
		if v.State != "cancelled" || v.Compensation != "done" {
			t.Errorf("%s, %s", v.State, v.Compensation)
		}
		w.whole(run)
	})
}

// TestTotalTimeoutInTheQueue: a step whose time is over while nobody has begun it has had no effect, and is not sent any more.
func TestTotalTimeoutInTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: total
on_failure: rollback
steps:
  - {id: a, topic: job.t.work, effect: write, total_timeout: 1h, compensate: {topic: job.t.undo}}
`)
		run := w.run("total", `{}`)
		time.Sleep(2 * time.Hour)
		v := w.ended(run)
		if v.State != "failed" || v.Compensation != "none" {
			t.Errorf("%s, compensation %s", v.State, v.Compensation)
		}
		k := w.newWorker("w1", nil, "job.t.work", "job.t.undo")
		k.none(time.Minute)
		w.whole(run)
	})
}

func TestRollbackMetrics(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		metrics := w.measured()
		w.put(sprintf(undoable, ", retry: {max_attempts: 1}"))
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("chain", `{}`)
		k.done(k.takeStep("a"))
		k.done(k.takeStep("b"))
		k.answer(k.takeStep("c"), fatal())
		u.answer(u.takeStep("b"), fatal())
		w.compensation(run, "held")
		want := func(name string, value float64) {
			t.Helper()
			if got := metrics(name); got != value {
				t.Errorf("%s is %v, want %v", name, got, value)
			}
		}
		want("cordum_saga_rollbacks_total", 1)
		want("cordum_saga_compensation_failed_total", 1)
		want("cordum_saga_compensations_held", 1)
		w.halt()
		metrics = w.measured()
		want("cordum_saga_compensations_held", 1)
		w.do(run, runner.Command{Verb: runner.VerbCompensation, Compensation: "b", Action: "done"})
		u.done(u.takeStep("a"))
		w.ended(run)
		want("cordum_saga_compensations_held", 0)
		want("cordum_saga_rollback_duration_seconds", 1)
	})
}
