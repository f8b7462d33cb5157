package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

const capJob = "id: plain\nsteps:\n  - {id: a, topic: job.t.work, effect: %s%s}\n"

// TestPlainWorkers: what one that never beats, and one that is known by its heartbeats, is sent, and that its result is taken
// by its pointer.
func TestPlainWorkers(t *testing.T) {
	for name, beat := range map[string]*wire.Heartbeat{"nobody known": nil, "known": poolBeat("job.t.work")} {
		for _, effect := range []string{"none", "write"} {
			t.Run(name+", "+effect, func(t *testing.T) {
				capWorld(t, func(t *testing.T, w *world, s *shelf) {
					w.put(sprintf(capJob, effect, ", input: {n: 1}"))
					k := w.newPlainWorker("p", beat, "job.t.work")
					run := w.run("plain", `{}`)
					job := k.next()
					if job.AskBegin || job.AskAccept || len(job.Token) == 0 {
						t.Errorf("asked for leave: %t, %t", job.AskBegin, job.AskAccept)
					}
					if got := s.at(strings.TrimPrefix(job.ContextPtr, "redis://")); job.ContextPtr != "redis://ctx:"+job.JobId || got != `{"n":1}` {
						t.Errorf("pointer %s to %s", job.ContextPtr, got)
					}
					if job.Env["run_id"] != run || job.Env["step_id"] != "a" || job.Env["tenant_id"] != "default" || job.Env["workflow_id"] != "plain" {
						t.Errorf("environment %v", job.Env)
					}
					timeout := 10 * time.Minute
					if beat != nil {
						timeout = 24 * time.Hour
					}
					if job.TimeoutMs != timeout.Milliseconds() {
						t.Errorf("timeout %d ms, want %v", job.TimeoutMs, timeout)
					}
					if st := w.step(run, "a"); st.JobState != "running" {
						t.Errorf("the job is %s", st.JobState)
					}
					_ = s.Put(context.Background(), "res:"+job.JobId, []byte(`{"ok":true}`), 0)
					k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: "redis://res:" + job.JobId, ArtifactPtrs: []string{"s3://b/k"}})
					v := w.ended(run)
					if got := string(v.Steps[0].Output); v.State != "succeeded" || got != `{"artifact_ptrs":["s3://b/k"],"ok":true}` {
						t.Errorf("%s with %s", v.State, got)
					}
					w.until("its payloads are let go", func() bool {
						s.mu.Lock()
						defer s.mu.Unlock()
						return len(s.done) == 2
					})
				})
			})
		}
	}
}

// TestUnheardTopicWaits: a job whose topic nobody listens on is not begun, and goes to whoever comes.
func TestUnheardTopicWaits(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "write", ""))
		run := w.run("plain", `{}`)
		time.Sleep(time.Minute)
		if n := w.count(run, "job_running"); n != 0 {
			t.Fatalf("begun %d times with nobody there", n)
		}
		if n := len(w.types(run)); n > 10 {
			t.Errorf("%d events while it waited", n)
		}
		k := w.newPlainWorker("p", nil, "job.t.work")
		job := k.next()
		if job.Attempt != 1 || strings.Contains(job.JobId, "@") {
			t.Errorf("attempt %d is %s", job.Attempt, job.JobId)
		}
		k.succeed(job.JobId)
		if v := w.ended(run); v.State != "succeeded" {
			t.Error(v.State)
		}
	})
}

// TestUnreadableResults: what a result pointer names that cannot be an output.
func TestUnreadableResults(t *testing.T) {
	for name, c := range map[string]struct {
		pointer, value string // of the result; %s is the attempt
		state, output  string
		code           string
	}{
		"text":              {"redis://res:%s", "done", "succeeded", `{"result":"done"}`, ""},
		"a key of its own":  {"redis://res:1c9e", `[1]`, "succeeded", `[1]`, ""},
		"below its own":     {"redis://res:%s/1", `1`, "succeeded", `1`, ""},
		"nothing there":     {"redis://res:gone", "", "failed", "", "output_invalid"},
		"bytes":             {"redis://res:%s", "\xff\xfe", "failed", "", "output_invalid"},
		"too large":         {"redis://res:%s", "\"" + strings.Repeat("x", 16<<20) + "\"", "failed", "", "output_too_large"},
		"another job's":     {"redis://res:%s9", `"secret"`, "succeeded", `{"result_ptr":"redis://res:%s9"}`, ""},
		"an input":          {"redis://ctx:%s", `"secret"`, "succeeded", `{"result_ptr":"redis://ctx:%s"}`, ""},
		"elsewhere":         {"s3://bucket/key", "", "succeeded", `{"result_ptr":"s3://bucket/key"}`, ""},
		"not even a scheme": {"res:%s", "", "succeeded", `{"result_ptr":"res:%s"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			capWorld(t, func(t *testing.T, w *world, s *shelf) {
				w.put(sprintf(capJob, "none", ", retry: {max_attempts: 1}"))
				k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
				run := w.run("plain", `{}`)
				job := k.next()
				pointer := strings.ReplaceAll(c.pointer, "%s", job.JobId)
				if c.value != "" {
					_ = s.Put(context.Background(), strings.TrimPrefix(pointer, "redis://"), []byte(c.value), 0)
				}
				k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: pointer})
				v := w.ended(run)
				if want := strings.ReplaceAll(c.output, "%s", job.JobId); v.State != c.state || string(v.Steps[0].Output) != want {
					t.Errorf("%s with %.100s", v.State, v.Steps[0].Output)
				}
				if c.code != "" && v.Steps[0].Error.Code != c.code {
					t.Errorf("%+v", v.Steps[0].Error)
				}
			})
		})
	}
}

// TestErrorCodes: how CAP's codes and statuses are understood.
func TestErrorCodes(t *testing.T) {
	for name, c := range map[string]struct {
		res       *wire.JobResult
		code      string
		retryable bool
	}{
		"plain failure":      {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorMessage: "x"}, "error", true},
		"retryable":          {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE, ErrorCodeEnum: 203}, "job_invalid_input", true},
		"fatal":              {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCodeEnum: 402}, "transport_connection_lost", false},
		"by number":          {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCodeEnum: 203}, "job_invalid_input", false},
		"exhausted":          {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCodeEnum: 201}, "job_resource_exhausted", true},
		"an application's":   {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCodeEnum: 4711}, "app_4711", true},
		"its own name":       {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCodeEnum: 300, ErrorCode: "mine"}, "mine", false},
		"denied":             {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_DENIED}, "error", false},
		"a number of nobody": {&wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, ErrorCodeEnum: -3}, "error", true},
	} {
		t.Run(name, func(t *testing.T) {
			capWorld(t, func(t *testing.T, w *world, _ *shelf) {
				w.put(sprintf(capJob, "write", ""))
				k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
				run := w.run("plain", `{}`)
				k.say(k.next().JobId, c.res)
				if e := w.ended(run).Steps[0].Error; e == nil || e.Code != c.code || e.Retryable != c.retryable {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}

// TestWordsWithoutTokenChangeNothing: results of jobs that are unknown, another's, ended, never sent, or of a send before.
func TestWordsWithoutTokenChangeNothing(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "none", ", retry: {max_attempts: 2, initial: 1s}"))
		w.put("id: native\nsteps:\n  - {id: a, topic: job.t.native, effect: none}\n")
		w.put("id: waits\nsteps:\n  - {id: a, topic: job.t.nobody, effect: none}\n  - {id: b, topic: job.t.nobody, effect: none, depends_on: [a]}\n")
		k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
		native := w.newWorker("n", nil, "job.t.native")
		run, other, waits := w.run("plain", `{}`), w.run("native", `{}`), w.run("waits", `{}`)
		job, theirs := k.next(), native.next()
		native.accept(theirs)
		time.Sleep(time.Second)
		before := map[string]int{other: len(w.types(other)), waits: len(w.types(waits))}
		stranger := run[:27] + "Z" // a run that there is not
		if stranger == run {
			stranger = run[:27] + "Y"
		}
		for _, id := range []string{
			theirs.JobId, waits + ".a~0", waits + ".b~0", waits + ".x~0", job.JobId + "@2", job.JobId + "@7", run, "", "x", stranger + ".a~0",
			"FF" + run[2:] + ".a~0", strings.Repeat("9", 1<<16),
		} {
			k.succeed(id)
		}
		for _, status := range []wire.JobStatus{0, 1, 2, 3, 4, 99, -1} { // no ends
			if status != 99 {
				k.say(job.JobId, &wire.JobResult{Status: status})
			}
		}
		k.say(job.JobId, failing())
		second := k.next()
		if second.JobId == job.JobId || second.Attempt != 2 {
			t.Fatalf("the second attempt is %s", second.JobId)
		}
		k.succeed(job.JobId) // of the send before
		time.Sleep(time.Second)
		if st := w.step(run, "a"); st.State != "running" || st.Attempt != 2 {
			t.Errorf("%s, attempt %d", st.State, st.Attempt)
		}
		k.succeed(second.JobId)
		ended := w.ended(run)
		k.say(second.JobId, failing())
		k.publish(bus.SubjectProgress, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{JobId: second.JobId, Percent: 7}}})
		time.Sleep(time.Second)
		if v := w.view(run); v.State != "succeeded" || v.Seq != ended.Seq {
			t.Errorf("%s, %d events more", v.State, v.Seq-ended.Seq)
		}
		for id, n := range before {
			if got := len(w.types(id)); got != n {
				t.Errorf("run %s has %d events, had %d", id, got, n)
			}
		}
		native.done(theirs)
	})
}

// TestPlainProgress: by its own message, and by heartbeats; the next attempt is given the checkpoint.
func TestPlainProgress(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "none", ", retry: {max_attempts: 2, initial: 1s}"))
		k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		k.publish(bus.SubjectProgress, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{JobId: job.JobId, Percent: 20, Message: "begun"}}})
		w.until("progress shows", func() bool {
			p := w.step(run, "a").Progress
			return p != nil && p.Percent == 20 && p.Message == "begun"
		})
		k.set(func(h *wire.Heartbeat) { h.ProgressPct, h.LastMemo = 60, `{"row": 7}` })
		k.sendBeat()
		w.until("the checkpoint shows", func() bool { p := w.step(run, "a").Progress; return p != nil && p.Percent == 60 })
		seq := w.view(run).Seq
		k.sendBeat()
		time.Sleep(time.Minute)
		if got := w.view(run).Seq; got != seq {
			t.Errorf("%d events more for the same said again", got-seq)
		}
		k.set(func(h *wire.Heartbeat) { h.ProgressPct, h.LastMemo = 0, "" })
		k.say(job.JobId, failing())
		if second := k.next(); second.Env["CORDUM_PROGRESS_STATE"] != `{"row": 7}` || string(second.ProgressState) != `{"row": 7}` {
			t.Errorf("the next attempt knows %v", second.Env)
		}
	})
}

// TestPlainWorkerLost: one whose heartbeats stop has its jobs lost; its outcome is unknown.
func TestPlainWorkerLost(t *testing.T) {
	for effect, attempts := range map[string]int{"write": 1, "none": 2} {
		t.Run(effect, func(t *testing.T) {
			capWorld(t, func(t *testing.T, w *world, _ *shelf) {
				retry := ""
				if attempts > 1 {
					retry = ", retry: {max_attempts: 2, initial: 1s}"
				}
				w.put(sprintf(capJob, effect, retry))
				k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
				run := w.run("plain", `{}`)
				for n := 1; n <= attempts; n++ {
					k.next()
					time.Sleep(time.Minute) // its heartbeats, which list nothing, hold it
					if st := w.step(run, "a"); st.JobState != "running" {
						t.Fatalf("the job is %s", st.JobState)
					}
					k.leave()
					if n < attempts {
						k = w.newPlainWorker("q", poolBeat("job.t.work"), "job.t.work")
					}
				}
				if v := w.ended(run); v.State != "failed" || v.Steps[0].Attempt != attempts || v.Steps[0].Error.Code != "worker_lost" {
					t.Errorf("%s after %d attempts: %+v", v.State, v.Steps[0].Attempt, v.Steps[0].Error)
				}
			})
		})
	}
}

// TestPlainTimeoutAndCancel: of a job that nobody knows who has.
func TestPlainTimeoutAndCancel(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "write", ""))
		k := w.newPlainWorker("p", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		if v := w.ended(run); v.Steps[0].State != "timed_out" || v.Steps[0].Error.Code != "timeout" {
			t.Errorf("%s: %+v", v.Steps[0].State, v.Steps[0].Error)
		}
		if got := <-k.cancelled; got != job.JobId {
			t.Errorf("told to stop %s", got)
		}
		run = w.run("plain", `{}`)
		job = k.next()
		w.command(run, "cancel")
		if got := <-k.cancelled; got != job.JobId {
			t.Errorf("told to stop %s", got)
		}
		k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
		if v := w.ended(run); v.State != "cancelled" {
			t.Errorf("%s", v.State)
		}
	})
}

// TestPointersAway: nothing is sent whose input cannot be put where its pointer says, and a result whose output cannot be read
// now is taken later.
func TestPointersAway(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, s *shelf) {
		w.put(sprintf(capJob, "write", ""))
		s.set(true)
		k := w.newPlainWorker("p", nil, "job.t.work")
		run := w.run("plain", `{}`)
		time.Sleep(time.Hour)
		if len(k.jobs) > 0 {
			t.Fatal("a job came without its input")
		}
		if n, tries := len(w.types(run)), s.count(); n > 10 || tries > 1000 {
			t.Errorf("%d events and %d tries in an hour", n, tries)
		}
		s.set(false)
		job := k.next()
		_ = s.Put(context.Background(), "res:"+job.JobId, []byte(`3`), 0)
		s.set(true)
		k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: "redis://res:" + job.JobId})
		time.Sleep(time.Minute)
		s.set(false)
		if v := w.ended(run); v.State != "succeeded" || string(v.Steps[0].Output) != "3" {
			t.Errorf("%s with %s", v.State, v.Steps[0].Output)
		}
	})
}

// TestPlainFanOut: an iteration finds its item in its input and in its environment.
func TestPlainFanOut(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, s *shelf) {
		w.put("id: fan\nsteps:\n  - {id: a, topic: job.t.work, effect: none, for_each: input.list, input: {n: 1}}\n")
		k := w.newPlainWorker("p", nil, "job.t.work")
		run := w.run("fan", `{"list": ["x", {"y": 2}]}`)
		got := map[string]string{}
		for range 2 {
			job := k.next()
			got[job.Env["foreach_index"]+" "+job.Env["foreach_item"]] = s.at("ctx:" + job.JobId)
			k.succeed(job.JobId)
		}
		if len(got) != 2 || got[`0 "x"`] != `{"item":"x","n":1}` || got[`1 {"y":2}`] != `{"item":{"y":2},"n":1}` {
			t.Errorf("%v", got)
		}
		w.ended(run)
	})
}

// TestPlainAttemptsAcrossRestarts: whatever the engine is stopped between, a job that was sent to a plain worker has as many
// attempts as failures say, each begun once as far as the log says, and its result counts once.
func TestPlainAttemptsAcrossRestarts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		failures := rapid.IntRange(0, 2).Draw(rt, "failures")
		known := rapid.Bool().Draw(rt, "known")
		effect := rapid.SampledFrom([]string{"none", "write"}).Draw(rt, "effect")
		restarts := rapid.SliceOfN(rapid.SampledFrom([]string{"", "sent", "said"}), failures+1, failures+1).Draw(rt, "restarts")
		capWorld(t, func(t *testing.T, w *world, s *shelf) {
			w.put(sprintf(capJob, effect, ", retry: {max_attempts: 3, initial: 1s}"))
			var beat *wire.Heartbeat
			if known {
				beat = poolBeat("job.t.work")
			}
			k := w.newPlainWorker("p", beat, "job.t.work")
			run := w.run("plain", `{}`)
			defer func() {
				if t.Failed() {
					t.Logf("failures %d, known %t, effect %s, restarts %q: %q", failures, known, effect, restarts, w.types(run))
				}
			}()
			for n := 0; n <= failures; n++ {
				job := k.next()
				if int(job.Attempt) != n+1 {
					t.Errorf("attempt %d, want %d", job.Attempt, n+1)
				}
				time.Sleep(time.Second) // it is known to have left
				if restarts[n] == "sent" {
					w.restart()
					time.Sleep(time.Minute)
				}
				if len(k.jobs) > 0 {
					t.Fatal("it was sent again")
				}
				if n < failures {
					k.say(job.JobId, failing())
				} else {
					k.succeed(job.JobId)
				}
				k.succeed(job.JobId) // said twice
				if restarts[n] == "said" {
					time.Sleep(time.Second)
					w.restart()
				}
			}
			v := w.ended(run)
			if v.State != "succeeded" || v.Steps[0].Attempt != failures+1 || w.count(run, "job_running") != failures+1 {
				t.Errorf("%s after %d attempts, begun %d times", v.State, v.Steps[0].Attempt, w.count(run, "job_running"))
			}
		})
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}
