package runner_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

var bea = runner.Caller{Tenant: "other", Actor: "user:bea"}

// deadOf lists all dead letters of the tenant.
func (w *world) deadOf(f runner.DeadFilter) []runner.DeadLetter {
	w.t.Helper()
	var all []runner.DeadLetter
	for cursor := ""; ; {
		page, next, err := w.r.DeadLetters(context.Background(), ann, f, cursor, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, page...)
		if cursor = next; cursor == "" {
			return all
		}
	}
}

// dead is the only dead letter there is.
func (w *world) dead() runner.DeadLetter {
	w.t.Helper()
	all := w.deadOf(runner.DeadFilter{})
	if len(all) != 1 {
		w.t.Fatalf("%d dead letters, want 1: %+v", len(all), all)
	}
	v, err := w.r.DeadLetter(context.Background(), ann, all[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) retryDead(job string) runner.DeadRetried {
	w.t.Helper()
	v, err := w.r.RetryDead(context.Background(), ann, job)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// submitEnded submits a job alone and waits for its end.
func (w *world) submitEnded(req runner.JobRequest) runner.JobView {
	w.t.Helper()
	v, _, err := w.r.Submit(context.Background(), ann, req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ended(v.RunID)
	if v, err = w.r.Job(context.Background(), ann, v.ID); err != nil {
		w.t.Fatal(err)
	}
	return v
}

// dlqEars hears what is told on the bus of dead letters.
type dlqEars struct {
	mu    sync.Mutex
	heard []*wire.JobResult
}

func (w *world) listenDead() *dlqEars {
	w.t.Helper()
	e := &dlqEars{}
	_, err := w.bus.Subscribe(wire.SubjectDeadLetter, "", func(m bus.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil && p.GetJobResult() != nil {
			e.mu.Lock()
			e.heard = append(e.heard, p.GetJobResult())
			e.mu.Unlock()
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (e *dlqEars) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard)
}

// TestReasonsOfDeadLetters: each way in which a job can end badly has the runbook's words for it.
func TestReasonsOfDeadLetters(t *testing.T) {
	answer := func(res *wire.JobResult) func(*wire.JobRequest) *wire.JobResult {
		return func(*wire.JobRequest) *wire.JobResult { return proto.CloneOf(res) }
	}
	silent := func(*wire.JobRequest) *wire.JobResult { return nil }
	for _, c := range []struct {
		name   string
		step   string
		act    func(*wire.JobRequest) *wire.JobResult
		policy *safety.Snapshot
		reason string
		ended  string
	}{
		{"fatal", "topic: job.t.work", answer(fatal()), nil, "failed: broken", "failed"},
		{"retries", "topic: job.t.work, retry: {max_attempts: 2}", answer(failing()), nil, runner.DeadRetries, "failed"},
		{"fatal with attempts left", "topic: job.t.work, retry: {max_attempts: 2}", answer(fatal()), nil, "failed: broken", "failed"},
		{"a code that is not tried again", "topic: job.t.work, retry: {max_attempts: 2, not_on: [boom]}", answer(failing()), nil, "failed: boom", "failed"},
		{"timeout", "topic: job.t.work, timeout: 3s", silent, nil, runner.DeadRunTimeout, "timed_out"},
		{"nobody", "topic: job.t.nobody, queue_timeout: 3s", silent, nil, runner.DeadDispatchTimeout, "timed_out"},
		{"denied", "topic: job.t.work", silent, safety.NewSnapshot(safety.Deny), runner.DeadDenied, "denied"},
		{"no code", "topic: job.t.work", answer(&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL}), nil, "failed: error", "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				if c.policy != nil {
					w.halt()
					w.cfg.Policy = c.policy
					w.start()
				}
				ears := w.listenDead()
				var k *worker
				k = w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
					if j.AskAccept {
						k.accept(j)
					}
					return c.act(j)
				}, "job.t.work")
				w.put("id: dies\nsteps:\n  - {id: only, effect: none, " + c.step + "}\n")
				run := w.run("dies", `{"a":1}`)
				w.ended(run)
				v := w.dead()
				if v.Reason != c.reason || v.Ended != c.ended || v.State != "dead" || v.RunID != run || v.Step != "only" || v.Times != 1 {
					t.Errorf("%+v, want reason %q, ended %s", v, c.reason, c.ended)
				}
				w.until("it is told on the bus", func() bool { return ears.count() == 1 })
				if r := ears.heard[0]; r.JobId != v.ID || r.ErrorCode != c.reason {
					t.Errorf("told %v", r)
				}
			})
		})
	}
}

// TestNoDeadLetter: what went well, or what people ended, is none.
func TestNoDeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		w.put("id: one\nsteps:\n  - {id: a, effect: none, topic: job.t.work, retry: {max_attempts: 3, initial: 1s}}\n")
		run := w.run("one", `{}`)
		k.answer(k.next(), failing())
		k.done(k.next())
		w.ended(run)
		run = w.run("one", `{}`)
		k.accept(k.next())
		w.command(run, runner.VerbCancel)
		w.ended(run)
		if all := w.deadOf(runner.DeadFilter{}); len(all) != 0 {
			t.Errorf("%+v", all)
		}
	})
}

const keepsFields = `
id: ships
labels: {team: ops}
steps:
  - {id: first, topic: job.t.work, effect: none}
  - {id: ship, topic: job.t.work, pack: "", effect: none, depends_on: [first], input: {to: "${input.to}"}, requires: [], priority: critical}
  - {id: last, topic: job.t.work, effect: none, depends_on: [ship]}
`

// TestRetryOfADeadLetterReattaches: the job runs again in its run, as it was; the entry is gone when it succeeded.
func TestRetryOfADeadLetterReattaches(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		w.put(strings.ReplaceAll(strings.ReplaceAll(keepsFields, `pack: "", `, ""), "requires: [], ", ""))
		run := w.run("ships", `{"to":"Rome"}`)
		k.done(k.takeStep("first"))
		before := k.takeStep("ship")
		k.answer(before, fatal())
		if v := w.ended(run); v.State != "failed" {
			t.Fatal(v.State)
		}
		v := w.dead()
		if v.Topic != "job.t.work" || v.Labels["team"] != "ops" || v.Priority != "critical" || v.Decision == nil || v.Decision.Hash != before.JobHash ||
			v.InputBytes == 0 || v.Attempts != 1 || v.Worker != "w1" || v.Workflow != "ships" || v.Kind != "step" {
			t.Errorf("%+v %+v", v, v.DeadDetail)
		}
		w.restart()
		if again := w.retryDead(v.ID); again.State != "retrying" || len(again.Also) != 0 {
			t.Errorf("%+v", again)
		}
		after := k.takeStep("ship")
		if after.JobHash != before.JobHash || string(after.Input) != string(before.Input) || after.Meta.IdempotencyKey != before.Meta.IdempotencyKey ||
			after.RunId != run || after.Priority != before.Priority || after.Labels["team"] != "ops" || after.Topic != before.Topic {
			t.Errorf("the retry is %v, was %v", after, before)
		}
		if w.dead().State != "retrying" {
			t.Error("it does not say that it is being done again")
		}
		if w.retryDead(v.ID).State != "retrying" { // a second time does nothing twice
			t.Error("a second retry")
		}
		k.answer(after, fatal())
		w.ended(run)
		if died := w.dead(); died.Times != 2 || died.State != "dead" || !died.FirstAt.Equal(v.FirstAt) {
			t.Errorf("%+v", died)
		}
		w.retryDead(v.ID)
		k.done(k.takeStep("ship"))
		k.done(k.takeStep("last"))
		if v := w.ended(run); v.State != "succeeded" {
			t.Error(v.State)
		}
		if all := w.deadOf(runner.DeadFilter{}); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		_, err := w.r.RetryDead(context.Background(), ann, v.ID)
		is(t, err, runner.ErrNotFound)
		w.whole(run)
	})
}

// TestDeadLettersThatCannotBeRetried: the refusal says what to do instead, and nothing changes.
func TestDeadLettersThatCannotBeRetried(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		w.put("id: kid\nsteps:\n  - {id: x, effect: none, topic: job.t.work}\n")
		w.put("id: parent\nsteps:\n  - {id: sub, type: subworkflow, workflow: kid}\n")
		w.put("id: goes-on\non_failure: continue\nsteps:\n  - {id: x, effect: none, topic: job.t.work}\n  - {id: y, effect: none, topic: job.t.work}\n")
		w.put("id: lives\nsteps:\n  - {id: x, effect: none, topic: job.t.work, on_failure: continue}\n  - {id: y, effect: none, topic: job.t.work}\n")
		w.put("id: some\nsteps:\n  - {id: x, effect: none, topic: job.t.work, for_each: '[1, 2]', tolerate: {count: 1}}\n")
		refused := func(run, instead string) {
			t.Helper()
			var job string
			for _, v := range w.deadOf(runner.DeadFilter{}) {
				if v.RunID == run {
					job = v.ID
				}
			}
			_, err := w.r.RetryDead(context.Background(), ann, job)
			is(t, err, runner.ErrConflict)
			if err == nil || !strings.Contains(err.Error(), instead) {
				t.Errorf("%v, want %q", err, instead)
			}
		}
		parent := w.run("parent", `{}`)
		j := k.next()
		k.answer(j, fatal())
		w.ended(parent)
		refused(j.RunId, "retry that run")

		run := w.run("goes-on", `{}`)
		k.answer(k.takeStep("x"), fatal())
		y := k.takeStep("y")
		w.until("x is dead", func() bool { return len(w.deadOf(runner.DeadFilter{Workflow: "goes-on"})) == 1 })
		refused(run, "when it has ended")
		k.done(y)
		w.ended(run)

		run = w.run("some", `{}`)
		k.answer(k.next(), fatal())
		k.done(k.next())
		if v := w.ended(run); v.State != "succeeded" {
			t.Fatal(v.State)
		}
		refused(run, "fork")
	})
}

// TestHeldCompensationIsADeadLetter: it is retried by itself, or ended by a person.
func TestHeldCompensationIsADeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		w.put(`
id: undoes
on_failure: rollback
steps:
  - {id: a, topic: job.t.work, effect: write, compensate: {topic: job.t.undo}}
  - {id: b, topic: job.t.work, effect: none, depends_on: [a]}
`)
		run := w.run("undoes", `{}`)
		k.done(k.takeStep("a"))
		k.answer(k.takeStep("b"), fatal())
		u.answer(u.next(), fatal())
		w.until("it is held", func() bool { return w.view(run).Compensation == "held" })
		held := w.deadOf(runner.DeadFilter{Step: "undo:a"})
		if len(held) != 1 || held[0].Kind != "compensation" || held[0].Ended != "held" || len(w.deadOf(runner.DeadFilter{})) != 2 {
			t.Fatalf("%+v", w.deadOf(runner.DeadFilter{}))
		}
		w.retryDead(held[0].ID)
		u.answer(u.next(), fatal())
		w.until("it is held again", func() bool {
			v, err := w.r.DeadLetter(ctx, ann, held[0].ID)
			return err == nil && v.State == "dead" && v.Times == 2
		})
		for _, v := range w.deadOf(runner.DeadFilter{Step: "b"}) {
			_, err := w.r.RetryDead(ctx, ann, v.ID)
			is(t, err, runner.ErrConflict) // what the run did is being undone
		}
		by := ann
		by.Reason = "done by hand"
		if _, err := w.r.Command(ctx, by, run, runner.Command{Verb: runner.VerbCompensation, Compensation: held[0].ID, Action: "skip"}); err != nil {
			t.Fatal(err)
		}
		if all := w.deadOf(runner.DeadFilter{}); len(all) != 1 || all[0].Step != "b" {
			t.Errorf("%+v", all)
		}
		w.whole(run)
	})
}

// TestDeadLettersOfAFanOut: one for each iteration, one group of all; a retry of one takes the others along.
func TestDeadLettersOfAFanOut(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			if j.Attempt > 1 {
				return succeed(j)
			}
			return &wire.JobResult{
				Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "no_room", ErrorMessage: "order " + string(j.Input) + " of 2026: no room",
			}
		}, "job.t.work")
		_ = k
		w.put("id: fan\nsteps:\n  - {id: each, effect: none, topic: job.t.work, for_each: '[11, 22, 33]', tolerate: {count: 2}, input: {n: '${item}'}}\n")
		run := w.run("fan", `{}`)
		w.ended(run)
		all := w.deadOf(runner.DeadFilter{})
		groups, more, err := w.r.DeadGroups(context.Background(), ann, runner.DeadFilter{}, 0)
		if err != nil || more || len(all) != 3 || len(groups) != 1 || groups[0].Count != 3 || groups[0].Step != "each" || groups[0].Reason != "failed: no_room" {
			t.Fatalf("%d, %+v, %v, %v", len(all), groups, more, err)
		}
		if n := len(w.deadOf(runner.DeadFilter{Fingerprint: groups[0].Fingerprint, Reason: "failed", Step: "each"})); n != 3 {
			t.Errorf("%d fit the group", n)
		}
		if n := len(w.deadOf(runner.DeadFilter{Step: "each[1]"})); n != 1 {
			t.Errorf("%d are each[1]", n)
		}
		if again := w.retryDead(all[0].ID); len(again.Also) != 2 {
			t.Errorf("also %v", again.Also)
		}
		if v := w.ended(run); v.State != "succeeded" {
			t.Error(v.State)
		}
		if all := w.deadOf(runner.DeadFilter{}); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		w.whole(run)
	})
}
