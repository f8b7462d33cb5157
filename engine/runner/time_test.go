package runner_test

import (
	"context"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

func TestRetriesWithBackoffThenFails(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: retry
steps:
  - {id: a, topic: job.t.work, effect: none, retry: {max_attempts: 3, initial: 1h, max: 1d, multiplier: 3, jitter: none}}
`)
		var at []time.Time
		w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult {
			at = append(at, time.Now())
			return failing()
		}, "job.t.work")
		v := w.ended(w.run("retry", `{}`))
		w.states(v, "a=failed")
		if len(at) != 3 || v.Steps[0].Attempt != 3 || v.Steps[0].Error.Code != "boom" {
			t.Fatalf("%d attempts, step %+v", len(at), v.Steps[0])
		}
		for i, want := range []time.Duration{time.Hour, 3 * time.Hour} {
			if got := at[i+1].Sub(at[i]); got < want || got > want+time.Second {
				t.Errorf("pause %d took %s, want %s", i, got, want)
			}
		}
	})
}

func TestTimeouts(t *testing.T) {
	for name, c := range map[string]struct {
		step  string
		works bool // a worker takes it and says nothing more
		code  string
		after time.Duration
	}{
		"queue":     {`queue_timeout: 2h`, false, "queue_timeout", 2 * time.Hour},
		"attempt":   {`timeout: 3h`, true, "timeout", 3 * time.Hour},
		"total":     {`total_timeout: 4h`, true, "total_timeout", 4 * time.Hour},
		"heartbeat": {`heartbeat_timeout: 8s`, true, "heartbeat_timeout", 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put("id: late\nsteps:\n  - {id: a, topic: job.t.work, effect: none, " + c.step + "}\n")
				var k *worker
				if c.works {
					k = w.newWorker("w1", nil, "job.t.work")
				}
				began := time.Now()
				run := w.run("late", `{}`)
				var job *wire.JobRequest
				if c.works {
					job = k.next()
					k.accept(job)
					if name == "heartbeat" {
						k.set(func(k *worker) { k.mute = true })
					}
				}
				v := w.ended(run)
				w.states(v, "a=timed_out")
				if got := time.Since(began); got < c.after || got > c.after+time.Minute || v.Steps[0].Error.Code != c.code {
					t.Errorf("ended after %s with %+v", got, v.Steps[0].Error)
				}
				if job == nil {
					return
				}
				if name != "heartbeat" {
					if <-k.cancelled != job.JobId {
						t.Error("the worker was not told to stop")
					}
				}
				for range 2 {
					if code := k.done(job); code != wire.AckCode_ACK_CODE_STALE {
						t.Errorf("a late result was answered %s", code)
					}
				}
				if n := w.count(run, "late_result"); n != 1 {
					t.Errorf("%d late results noted, want 1", n)
				}
				w.states(w.view(run), "a=timed_out")
			})
		})
	}
}

func TestRunTimeoutCountsPauses(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: slow\ntimeout: 5h\nsteps:\n  - {id: a, type: delay, for: 3d}\n")
		run := w.run("slow", `{}`)
		w.command(run, runner.VerbPause)
		v := w.ended(run)
		if v.State != "timed_out" || v.EndedAt.Sub(v.StartedAt) != 5*time.Hour {
			t.Errorf("%s after %s", v.State, v.EndedAt.Sub(v.StartedAt))
		}
		w.states(v, "a=cancelled")
	})
}

func TestDelaySurvivesRestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 2h}\n  - {id: b, type: delay, for: 1h, depends_on: [a]}\n")
		run := w.run("nap", `{}`)
		time.Sleep(time.Hour)
		w.halt()
		time.Sleep(4 * time.Hour) // overdue when it starts again
		w.start()
		v := w.ended(run)
		w.states(v, "a=succeeded b=succeeded")
		if got := v.EndedAt.Sub(v.StartedAt); got < 6*time.Hour || got > 6*time.Hour+time.Minute {
			t.Errorf("took %s, want 6h", got)
		}
		if w.count(run, "step_succeeded") != 2 {
			t.Error("a timer took effect twice")
		}
	})
}

func TestConditionSkipsAndJoins(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: branch
steps:
  - {id: if, type: condition, condition: "input.n > 3"}
  - {id: big, topic: job.t.work, effect: none, depends_on: [if], when: "steps['if'].output"}
  - {id: small, topic: job.t.work, effect: none, depends_on: [if], when: "!steps['if'].output"}
  - {id: after, topic: job.t.work, effect: none, depends_on: [big, small]}
`)
		w.newWorker("w1", succeed, "job.t.work")
		w.states(w.ended(w.run("branch", `{"n":5}`)), "after=succeeded big=succeeded if=succeeded small=skipped")
		w.states(w.ended(w.run("branch", `{"n":1}`)), "after=succeeded big=skipped if=succeeded small=succeeded")
	})
}

func TestTimersFireWhilePausedAndNothingStarts(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: wait
steps:
  - {id: nap, type: delay, for: 1h}
  - {id: b, topic: job.t.work, effect: none, depends_on: [nap]}
  - {id: q, topic: job.t.later, effect: none}
`)
		run := w.run("wait", `{}`)
		w.command(run, runner.VerbPause)
		k := w.newWorker("w1", nil, "job.t.work", "job.t.later")
		k.none(3 * time.Hour) // q was queued and is withheld, b does not start
		w.states(w.view(run), "b=ready nap=succeeded q=running")
		w.command(run, runner.VerbResume)
		k.done(k.next())
		k.done(k.next())
		w.states(w.ended(run), "b=succeeded nap=succeeded q=succeeded")
		if w.count(run, "job_released") != 2 {
			t.Errorf("a pause cost an attempt: %v", w.types(run))
		}
	})
}

func TestApprovalExpires(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: ask\nsteps:\n  - {id: gate, type: approval, title: Sure, expires: 2h}\n")
		run := w.run("ask", `{}`)
		time.Sleep(3 * time.Hour)
		v := w.ended(run)
		w.states(v, "gate=rejected")
		_, err := w.r.Decide(context.Background(), ann, run+".gate~0", runner.Decision{Approve: true})
		is(t, err, runner.ErrGone)
	})
}
