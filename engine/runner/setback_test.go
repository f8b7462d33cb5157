package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

const checkpoint = `
id: check
timeout: 30d
steps:
  - {id: a, topic: job.t.work, effect: write, checkpoint: base, compensate: {topic: job.t.undo}}
  - {id: b, topic: job.t.work, effect: write, depends_on: [a], compensate: {topic: job.t.undo}}
  - {id: c, topic: job.t.work, effect: none, depends_on: [b]}
`

func TestRollbackToACheckpoint(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(checkpoint)
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("check", `{}`)
		k.done(k.takeStep("a"))
		before := k.takeStep("b")
		k.done(before)
		k.done(k.takeStep("c"))
		if v := w.ended(run); v.State != "succeeded" {
			t.Fatal(v.State)
		}
		back := func(to, then string) error {
			_, err := w.r.Command(ctx, ann, run, runner.Command{Verb: runner.VerbRollback, To: to, Then: then})
			return err
		}
		is(t, back("nowhere", ""), runner.ErrConflict)
		wantInvalid(t, back("base", "dance"), "invalid_argument")
		wantInvalid(t, back("", "retry"), "invalid_argument")
		if err := back("base", ""); err != nil {
			t.Fatal(err)
		}
		u.done(u.takeStep("b"))
		w.until("it is paused", func() bool { return w.view(run).State == "paused" })
		w.states(w.view(run), "a=succeeded b=ready c=pending")
		if v := w.view(run); v.EndedAt != nil || v.Compensation != "done" {
			t.Errorf("ended %v, compensation %s", v.EndedAt, v.Compensation)
		}
		rows, _, err := w.r.Runs(ctx, ann, runner.Filter{})
		if err != nil || rows[0].State != "paused" || rows[0].EndedAt != nil {
			t.Errorf("the list says %+v, %v", rows, err)
		}
		w.restart()
		k.none(time.Hour)
		w.command(run, runner.VerbResume)
		again := k.takeStep("b")
		if again.Meta.IdempotencyKey == before.Meta.IdempotencyKey || again.Attempt != 2 || again.JobId == before.JobId {
			t.Errorf("b runs again as attempt %d under key %s, before %s", again.Attempt, again.Meta.IdempotencyKey, before.Meta.IdempotencyKey)
		}
		k.done(again)
		k.done(k.takeStep("c"))
		if v := w.ended(run); v.State != "succeeded" || v.Compensation != "done" {
			t.Errorf("%s, %s", v.State, v.Compensation)
		}
		w.whole(run)
	})
}

func TestComesBackByItself(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(strings.Replace(checkpoint, "timeout: 30d", "on_failure: {rollback_to: base, then: retry, max: 2}", 1))
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("check", `{}`)
		k.done(k.takeStep("a"))
		keys := map[string]bool{}
		for range 3 {
			b := k.takeStep("b")
			keys[b.Meta.IdempotencyKey] = true
			k.done(b)
			k.answer(k.takeStep("c"), fatal())
			u.done(u.takeStep("b"))
		}
		u.done(u.takeStep("a")) // twice was enough
		v := w.ended(run)
		if v.State != "failed" || v.Compensation != "done" || len(keys) != 3 || w.count(run, "run_set_back") != 2 {
			t.Errorf("%s, %s, keys %v", v.State, v.Compensation, keys)
		}
		w.whole(run)
	})
}

func TestSendBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(`
id: review
steps:
  - {id: draft, topic: job.t.work, effect: write, input: {again: "${ctx.feedback ?? ''}"}, compensate: {topic: job.t.undo}}
  - {id: other, topic: job.t.work, effect: none}
  - {id: gate, type: approval, depends_on: [draft]}
  - {id: ship, topic: job.t.work, effect: none, depends_on: [gate]}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		run := w.run("review", `{}`)
		for range 2 {
			j := k.next()
			k.accept(j)
			k.done(j)
		}
		id := run + ".gate~0"
		w.until("people are asked", func() bool { return w.node(run, "gate").State == "waiting" })
		for _, to := range []string{"ship", "other", "nothing"} {
			_, err := w.r.Decide(ctx, ann, id, runner.Decision{SendBack: to})
			is(t, err, runner.ErrConflict)
		}
		if a, err := w.r.Approval(ctx, ann, id); err != nil || a.State != "waiting" {
			t.Fatalf("a refused answer closed it: %+v, %v", a, err)
		}
		a, err := w.r.Decide(ctx, ann, id, runner.Decision{SendBack: "draft", Comment: "shorter"})
		if err != nil || a.State != "sent_back" {
			t.Fatalf("%+v, %v", a, err)
		}
		u.done(u.takeStep("draft"))
		again := k.takeStep("draft")
		if string(again.Input) != `{"again":"shorter"}` {
			t.Errorf("it runs again with %s", again.Input)
		}
		w.restart()
		k.done(again)
		w.until("people are asked again", func() bool { return w.node(run, "gate").State == "waiting" })
		rows, _, err := w.r.Approvals(ctx, ann, runner.Filter{})
		if err != nil || len(rows) != 1 || rows[0].State != "waiting" {
			t.Errorf("approvals: %+v, %v", rows, err)
		}
		if _, err := w.r.Decide(ctx, ann, id, runner.Decision{Approve: true}); err != nil {
			t.Fatal(err)
		}
		k.done(k.takeStep("ship"))
		if v := w.ended(run); v.State != "succeeded" || w.count(run, "approval_sent_back") != 1 {
			t.Errorf("%s %q", v.State, w.types(run))
		}
		w.whole(run)
	})
}

func TestRetryOfAFailedRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: again
on_failure: halt
timeout: 2h
steps:
  - {id: a, topic: job.t.work, effect: none}
  - {id: b, topic: job.t.work, effect: none, depends_on: [a]}
  - {id: c, topic: job.t.work, effect: none, depends_on: [b]}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("again", `{}`)
		k.done(k.takeStep("a"))
		first := k.takeStep("b")
		k.answer(first, fatal())
		w.states(w.ended(run), "a=succeeded b=failed c=skipped")
		time.Sleep(3 * time.Hour)
		w.restart()
		w.command(run, runner.VerbRetry)
		again := k.takeStep("b")
		if again.Attempt != 2 || again.Meta.IdempotencyKey != first.Meta.IdempotencyKey {
			t.Errorf("attempt %d under %s, first %s", again.Attempt, again.Meta.IdempotencyKey, first.Meta.IdempotencyKey)
		}
		time.Sleep(time.Hour) // its timeout counts anew
		k.done(again)
		k.done(k.takeStep("c"))
		v := w.ended(run)
		w.states(v, "a=succeeded b=succeeded c=succeeded")
		if v.State != "succeeded" || v.Error != nil {
			t.Errorf("%s %+v", v.State, v.Error)
		}
		w.whole(run)
	})
}
