package runner_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// These tests keep bad workers on a clock of their own, where leases, storms and floods cost nothing. The same and worse on a
// real server is in cmd/cordum: the table of all of them is in zoo_test.go there.

// claiming is a heartbeat that lists attempts, each with the token that is said to be its.
func claiming(worker string, token []byte, attempts ...string) *wire.BusPacket {
	h := &wire.Heartbeat{WorkerId: worker, Topics: []string{"job.t.other"}, Direct: true, ListsJobs: true, Incarnation: "1"}
	for _, attempt := range attempts {
		h.Jobs = append(h.Jobs, &wire.JobHold{JobId: attempt, Token: token})
	}
	return beatOf(h)
}

// tokens are what a worker may say that an attempt's token is, that was never given it.
var tokens = map[string][]byte{"none": nil, "short": []byte("x"), "guessed": []byte("0123456789abcdefdefault"), "the tenant's": append(make([]byte, 16), "default"...)}

// TestClaimedWhileItWaits: a worker that lists an attempt which it was never given does not get it, nor keeps others from it: not
// while the attempt waits, and not while an engine that has just started asks around who has what.
func TestClaimedWhileItWaits(t *testing.T) {
	for name, token := range tokens {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restarted %t", name, restarted), func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					w.put(sprintf(plain, "write", ""))
					run := w.run("plain", `{}`)
					time.Sleep(time.Second)
					claim := claiming("liar", token, run+".a~0", run+".a~0@2", run+".zz~0")
					if restarted {
						w.restart()
					}
					w.send(wire.SubjectHeartbeat, claim)
					time.Sleep(time.Second)
					w.send(wire.SubjectHeartbeat, claim)
					time.Sleep(2 * time.Second)
					k := w.newWorker("honest", nil, "job.t.work")
					job := k.next()
					w.send(wire.SubjectHeartbeat, claim)
					k.accept(job)
					k.done(job)
					if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
						t.Errorf("%s after %d attempts", v.State, v.Steps[0].Attempt)
					}
				})
			})
		}
	}
}

// TestClaimedWhileItRuns: who lists another's attempt keeps neither its lease nor its heartbeat timeout from ending it.
func TestClaimedWhileItRuns(t *testing.T) {
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put("id: beaten\nsteps:\n  - {id: a, topic: job.t.work, effect: none, heartbeat_timeout: 8s}\n")
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("beaten", `{}`)
				job := k.next()
				k.accept(job)
				k.set(func(k *worker) { k.mute = true })
				began := time.Now()
				for time.Since(began) < time.Minute && w.view(run).EndedAt == nil {
					w.send(wire.SubjectHeartbeat, claiming("liar", token, job.JobId))
					time.Sleep(time.Second)
				}
				if took := time.Since(began); took > 12*time.Second {
					t.Errorf("the timeout of 8 s came after %s", took)
				}
				w.states(w.view(run), "a=timed_out")
			})
		})
	}
}

// TestStoppedForLeases: a worker stands still for several leases, as one that SIGSTOP stopped, and goes on as if nothing had
// been. Its attempt is another's by then: what it says is refused, and it counts once.
func TestStoppedForLeases(t *testing.T) {
	for _, effect := range []string{"none", "write"} {
		t.Run(effect, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, effect, ", retry: {max_attempts: 2, initial: 1s}"))
				stopped := w.newWorker("w1", nil, "job.t.work")
				run := w.run("plain", `{}`)
				job := stopped.next()
				stopped.accept(job)
				stopped.set(func(k *worker) { k.mute = true })
				w.newWorker("w2", nil, "job.t.work")
				other := w.newWorker("w3", nil, "job.t.work")
				_ = other
				time.Sleep(5 * 15 * time.Second)
				if st := w.step(run, "a"); st.Attempt != 2 {
					t.Fatalf("attempt %d after five leases", st.Attempt)
				}
				stopped.set(func(k *worker) { k.mute = false })
				stopped.beat()
				if code := stopped.begin(job); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("leave for what is another's: %s", code)
				}
				for range 3 {
					if code := stopped.done(job); code != wire.AckCode_ACK_CODE_STALE {
						t.Errorf("the result of the one that stood still: %s", code)
					}
				}
				if v := w.view(run); v.EndedAt != nil || w.count(run, "late_result") != 1 {
					t.Errorf("%s: %v", v.State, w.types(run))
				}
			})
		})
	}
}

// TestReturnsEverything: a worker that gives every attempt back, for ever, and says each time that it is there. It costs a run
// no attempts, its log grows by little, others go on, and whoever can do the job gets it.
func TestReturnsEverything(t *testing.T) {
	for _, reason := range []string{"full", "draining", "unknown_topic", "nonsense"} {
		t.Run(reason, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, "write", ""))
				w.put("id: good\nsteps:\n  - {id: a, topic: job.t.good}\n")
				lazy := w.newWorker("lazy", nil, "job.t.work")
				w.newWorker("good", succeed, "job.t.good")
				run := w.run("plain", `{}`)
				stop, over := make(chan struct{}), make(chan struct{})
				returned := 0
				go func() {
					defer close(over)
					for {
						select {
						case <-stop:
							return
						case job := <-lazy.jobs:
							returned++
							lazy.set(func(k *worker) { delete(k.have, job.JobId) })
							lazy.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
								JobId: job.JobId, Token: job.Token, WorkerId: "lazy", Reason: reason,
							}}})
						case <-time.After(10 * time.Millisecond):
							lazy.beat()
						}
					}
				}()
				for range 20 {
					time.Sleep(time.Second)
					if v := w.ended(w.run("good", `{}`)); v.State != "succeeded" {
						t.Fatalf("another's run %s", v.State)
					}
				}
				able := w.newWorker("able", nil, "job.t.work")
				job := able.next()
				close(stop)
				<-over
				able.accept(job)
				able.done(job)
				v := w.ended(run)
				if v.State != "succeeded" || v.Steps[0].Attempt != 1 {
					t.Errorf("%s after %d attempts", v.State, v.Steps[0].Attempt)
				}
				if returned < 2 || v.Seq > 200 {
					t.Errorf("given back %d times, the run has %d events", returned, v.Seq)
				}
			})
		})
	}
}

// TestProgressFlood: of very much progress, what a person could follow is kept, the newest is what is shown, and the run's log stays
// small; others go on meanwhile.
func TestProgressFlood(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ", retry: {max_attempts: 2}"))
		w.put("id: good\nsteps:\n  - {id: a, topic: job.t.good}\n")
		loud := w.newWorker("loud", nil, "job.t.work")
		w.newWorker("good", succeed, "job.t.good")
		run := w.run("plain", `{}`)
		job := loud.next()
		loud.accept(job)
		for second := range 10 {
			for n := range 20_000 {
				loud.publish(job.AnswerSubject, progressOf(job, int32(n%100), second*20_000+n))
			}
			time.Sleep(time.Second)
			w.ended(w.run("good", `{}`))
		}
		loud.publish(job.AnswerSubject, progressOf(job, 77, -1))
		w.until("the last word shows", func() bool { p := w.step(run, "a").Progress; return p != nil && p.Percent == 77 })
		if seq := w.view(run).Seq; seq > 500 {
			t.Errorf("the run has %d events", seq)
		}
		loud.answer(job, failing())
		if again := loud.next(); string(again.ProgressState) != `{"n":-1}` {
			t.Errorf("the next attempt got %s", again.ProgressState)
		}
	})
}

func progressOf(job *wire.JobRequest, percent int32, n int) *wire.BusPacket {
	return &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
		JobId: job.JobId, Token: job.Token, WorkerId: "loud", Percent: percent, Message: "busy", State: fmt.Appendf(nil, `{"n":%d}`, n),
	}}}
}

// TestOneIDTwoProcesses: of two processes with one id the newer is the worker. The older one's heartbeats count no more, and
// what it has goes to the newer one.
func TestOneIDTwoProcesses(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ""))
		first := w.newWorker("twin", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := first.next()
		first.accept(job)
		second := w.newWorker("twin", nil, "job.t.work")
		second.set(func(k *worker) { k.incarnation = "2" })
		second.beat()
		again := second.next()
		for range 3 {
			first.beat()
			time.Sleep(5 * time.Second)
		}
		if code := first.done(job); code != wire.AckCode_ACK_CODE_STALE {
			t.Errorf("the older one's result: %s", code)
		}
		second.done(again)
		if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 2 || w.count(run, "step_succeeded") != 1 {
			t.Errorf("%s after %d attempts: %v", v.State, v.Steps[0].Attempt, w.types(run))
		}
		all, err := w.r.Workers(context.Background(), runner.Caller{Tenant: "default", Actor: "user:ann"})
		if err != nil || len(all) != 1 {
			t.Errorf("workers: %+v %v", all, err)
		}
	})
}
