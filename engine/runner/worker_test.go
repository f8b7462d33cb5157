package runner_test

import (
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
)

func sprintf(format string, a ...any) string { return fmt.Sprintf(format, a...) }

const plain = "id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: %s%s}\n"

// lose are the ways in which a worker is gone.
var lose = map[string]func(*worker){
	"silence": func(k *worker) { k.set(func(k *worker) { k.mute = true }) },
	"leaving": func(k *worker) { k.leave() },
	"restarted": func(k *worker) {
		k.set(func(k *worker) { k.incarnation, k.forgets = "2", true })
		k.beat()
		k.set(func(k *worker) { k.mute = true })
		k.leave()
	},
	"unlisted": func(k *worker) { k.set(func(k *worker) { k.forgets = true }) },
}

func TestLostBeforeBeginIsSentAgainAtNoCost(t *testing.T) {
	for how, gone := range lose {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, "write", ""))
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("plain", `{}`)
				first := k.next()
				if how != "unlisted" {
					k.set(func(k *worker) { k.topics = []string{"job.t.other"} })
				}
				gone(k)
				k2 := w.newWorker("w2", nil, "job.t.work")
				next := k2
				if how == "unlisted" { // either may get it
					next = k
					select {
					case j := <-k.jobs:
						k.jobs <- j
					case j := <-k2.jobs:
						next = k2
						k2.jobs <- j
					}
				}
				second := next.next()
				if string(second.Token) == string(first.Token) || second.JobId == first.JobId || second.Attempt != 1 {
					t.Fatalf("the second send is %s, attempt %d", second.JobId, second.Attempt)
				}
				if code := k.begin(first); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("the lost worker was given leave: %s", code)
				}
				if code := k.done(first); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("the lost worker's result was answered %s", code)
				}
				next.accept(second)
				next.done(second)
				if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
					t.Errorf("%s after %d attempts", v.State, v.Steps[0].Attempt)
				}
			})
		})
	}
}

func TestLostAfterBegin(t *testing.T) {
	for name, c := range map[string]struct {
		effect, retry string
		attempts      int
	}{
		"not idempotent":          {"write", "", 1},
		"idempotent":              {"none", "", 3},
		"not idempotent, retried": {"write", ", retry: {max_attempts: 2, initial: 1s}", 2},
		"idempotent, retried":     {"none", ", retry: {max_attempts: 5, initial: 1s}", 5},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, c.effect, c.retry))
				run := w.run("plain", `{}`)
				for n := 1; n <= c.attempts; n++ {
					k := w.newWorker(sprintf("w%d", n), nil, "job.t.work")
					job := k.next()
					if int(job.Attempt) != n {
						t.Fatalf("attempt %d, want %d", job.Attempt, n)
					}
					k.accept(job)
					k.leave()
				}
				v := w.ended(run)
				if v.State != "failed" || v.Steps[0].Attempt != c.attempts || v.Steps[0].Error.Code != "worker_lost" {
					t.Errorf("%s after %d attempts: %+v", v.State, v.Steps[0].Attempt, v.Steps[0].Error)
				}
			})
		})
	}
}

func TestBeginIsGivenOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "write", ""))
		k := w.newWorker("w1", nil, "job.t.work")
		other := w.newWorker("w2", nil, "job.t.other")
		run := w.run("plain", `{}`)
		job := k.next()
		for range 2 {
			if code := k.begin(job); code != wire.AckCode_ACK_CODE_OK {
				t.Errorf("leave: %s", code)
			}
		}
		if code := other.begin(job); code != wire.AckCode_ACK_CODE_STALE {
			t.Errorf("a second worker was given leave: %s", code)
		}
		if n := w.count(run, "job_running"); n != 1 {
			t.Errorf("begun %d times", n)
		}
		for range 3 {
			if code := k.done(job); code != wire.AckCode_ACK_CODE_OK {
				t.Errorf("result: %s", code)
			}
		}
		seq := w.ended(run).Seq
		k.done(job)
		if v := w.view(run); v.Seq != seq || w.count(run, "step_succeeded") != 1 || w.count(run, "late_result") != 0 {
			t.Errorf("a repeated result changed the run: %v", w.types(run))
		}
	})
}

func TestForgedAnswersChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ""))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		seq := w.view(run).Seq
		forge := func(change func(*wire.JobRequest)) {
			t.Helper()
			bad := &wire.JobRequest{JobId: job.JobId, Token: append([]byte{}, job.Token...), AnswerSubject: job.AnswerSubject}
			change(bad)
			if code := k.done(bad); code != wire.AckCode_ACK_CODE_STALE {
				t.Errorf("answered %s", code)
			}
		}
		forge(func(j *wire.JobRequest) { j.Token = append(j.Token[:16], "other"...) }) // another tenant's
		forge(func(j *wire.JobRequest) { j.Token = nil })
		forge(func(j *wire.JobRequest) { j.JobId = run + ".zz~0" })
		forge(func(j *wire.JobRequest) { j.JobId = run + ".a~7" })
		forge(func(j *wire.JobRequest) { j.JobId = run[:20] + "00000000.a~0" })
		forge(func(j *wire.JobRequest) { j.JobId = "no such thing" })
		forge(func(j *wire.JobRequest) { j.JobId = "" })
		if v := w.view(run); v.Seq != seq || v.EndedAt != nil {
			t.Errorf("forged answers changed the run: %v", w.types(run))
		}
		forge(func(j *wire.JobRequest) { j.Token[0]++ })
		if w.count(run, "late_result") != 1 {
			t.Error("a stale token was not noted")
		}
		k.answer(job, succeed(job))
		w.ended(run)
	})
}

func TestReturnedJobGoesToAnother(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "write", ""))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		k2 := w.newWorker("w2", nil, "job.t.work")
		code := k.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
			JobId: job.JobId, Token: job.Token, WorkerId: "w1", Reason: "draining",
		}}})
		k.set(func(k *worker) { delete(k.have, job.JobId) })
		if code != wire.AckCode_ACK_CODE_OK {
			t.Fatalf("given back: %s", code)
		}
		again := k2.next()
		if again.JobId == job.JobId || again.Attempt != 1 {
			t.Errorf("sent again as %s, attempt %d", again.JobId, again.Attempt)
		}
		k2.accept(again)
		k2.done(again)
		if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
			t.Errorf("%s", v.State)
		}
	})
}

func TestReturnedJobIsCancelledAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "write", ""))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		k.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
			JobId: job.JobId, Token: job.Token, WorkerId: "w1", Reason: "draining",
		}}})
		if v := w.command(run, "cancel"); v.EndedAt == nil {
			t.Errorf("a job that nobody has was waited for: %+v", v.Steps)
		}
	})
}

func TestNextAttemptGetsTheCheckpoint(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ", retry: {max_attempts: 2}"))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		for i := range 5 {
			k.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
				JobId: job.JobId, Token: job.Token, WorkerId: "w1", Percent: int32(i * 10), Message: "copying",
				State: []byte(sprintf(`{"done":%d}`, i)),
			}}})
		}
		w.until("progress shows", func() bool { p := w.step(run, "a").Progress; return p != nil && p.Percent == 40 })
		k.answer(job, failing())
		if second := k.next(); string(second.ProgressState) != `{"done":4}` {
			t.Errorf("the next attempt got %s", second.ProgressState)
		} else {
			k.done(second)
		}
		w.ended(run)
	})
}

func TestRestartKeepsTokensAndRepeatsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: two
steps:
  - {id: a, topic: job.t.work, effect: write}
  - {id: b, topic: job.t.work, effect: none}
`)
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("two", `{}`)
		first, second := k.next(), k.next()
		for _, j := range []*wire.JobRequest{first, second} {
			k.accept(j)
		}
		w.restart()
		k.none(time.Minute)
		for _, j := range []*wire.JobRequest{first, second} {
			if code := k.done(j); code != wire.AckCode_ACK_CODE_OK {
				t.Errorf("after a restart the result was answered %s", code)
			}
		}
		if v := w.ended(run); v.State != "succeeded" || w.count(run, "job_released") != 2 {
			t.Errorf("%s: %v", v.State, w.types(run))
		}
	})
}

func TestBadOutputsAreCodedFailures(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ""))
		var out []byte
		k := w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: out}
		}, "job.t.work")
		_ = k
		deep := ""
		for range 5000 {
			deep += "["
		}
		for _, bad := range []string{"{", "\xff", `{} {}`, `"\ud800` + "\xff", deep, "NaN"} {
			out = []byte(bad)
			if v := w.ended(w.run("plain", `{}`)); v.Steps[0].Error == nil || v.Steps[0].Error.Code != "output_invalid" {
				t.Errorf("%.20q: %+v", bad, v.Steps[0].Error)
			}
		}
	})
}
