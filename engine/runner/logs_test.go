package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// log sends lines of an attempt; first is the number of the first one.
func (k *worker) log(job *wire.JobRequest, first int64, lines ...string) {
	k.logWith(job, &wire.JobLog{First: first, Lines: linesOf(lines...)})
}

func (k *worker) logWith(job *wire.JobRequest, l *wire.JobLog) {
	l.JobId, l.WorkerId = job.JobId, k.id
	if l.Token == nil {
		l.Token = job.Token
	}
	k.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobLog{JobLog: l}})
}

func linesOf(texts ...string) []*wire.LogLine {
	out := make([]*wire.LogLine, len(texts))
	for i, t := range texts {
		out[i] = &wire.LogLine{AtMs: time.Now().UnixMilli(), Stream: "stdout", Text: t}
	}
	return out
}

// logs are the lines of a query, as one text each; what was left out shows as "(n left out)".
func (w *world) logs(q runner.LogQuery) []string {
	w.t.Helper()
	var out []string
	for {
		page, err := w.r.Logs(context.Background(), ann, q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, l := range page.Lines {
			if l.Dropped > 0 {
				out = append(out, fmt.Sprintf("(%d left out)", l.Dropped))
				continue
			}
			out = append(out, l.Text)
		}
		if page.Next == "" {
			return out
		}
		q.After = page.Next
	}
}

func (w *world) logsAre(q runner.LogQuery, want ...string) {
	w.t.Helper()
	w.until(fmt.Sprintf("the log is %q", want), func() bool { return slices.Equal(w.logs(q), want) })
}

// begun starts a run of one step and takes its job.
func (w *world) begun(k *worker) (string, *wire.JobRequest) {
	w.t.Helper()
	w.put(sprintf(plain, "write", ""))
	run := w.run("plain", `{}`)
	job := k.next()
	k.begin(job)
	return run, job
}

// TestLogsOfAnAttempt: lines are there while it runs, after its end, and when the run is read from the store again.
func TestLogsOfAnAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		if job.LogLines == 0 {
			t.Error("no lines are asked for")
		}
		k.log(job, 1, "one", "two")
		k.log(job, 3, "three")
		k.log(job, 2, "two once more", "three once more")
		all := runner.LogQuery{Run: run}
		w.logsAre(all, "one", "two", "three")
		time.Sleep(time.Minute) // stored meanwhile, and grows
		k.log(job, 4, "four")
		w.logsAre(all, "one", "two", "three", "four")
		k.done(job)
		w.ended(run)
		k.log(job, 5, "after the end")
		w.logsAre(all, "one", "two", "three", "four")
		w.restart()
		w.logsAre(all, "one", "two", "three", "four")
		w.logsAre(runner.LogQuery{Job: job.JobId}, "one", "two", "three", "four")
		w.logsAre(runner.LogQuery{Run: run, Step: "a", Attempt: 1, After: "2"}, "three", "four")
		w.logsAre(runner.LogQuery{Run: run, Attempt: 2})
		w.logsAre(runner.LogQuery{Run: run, Limit: 1}, "one", "two", "three", "four")
		if n := w.count(run, "job_logged"); n != 1 {
			t.Errorf("%d events say that it logged", n)
		}
		for _, q := range []runner.LogQuery{{Run: run, Step: "b"}, {Job: run + ".b~0"}, {Job: "x"}, {Run: run[:len(run)-1] + map[bool]string{true: "1", false: "0"}[run[len(run)-1] == '0']}} {
			if _, err := w.r.Logs(context.Background(), ann, q); !errors.Is(err, runner.ErrNotFound) {
				t.Errorf("%+v: %v", q, err)
			}
		}
		other := runner.Caller{Tenant: "other", Actor: "user:eve"}
		if _, err := w.r.Logs(context.Background(), other, all); !errors.Is(err, runner.ErrNotFound) {
			t.Errorf("another tenant: %v", err)
		}
		if _, err := w.r.Logs(context.Background(), ann, runner.LogQuery{Run: run, After: "a:b"}); !errors.Is(err, runner.ErrInvalidCursor) {
			t.Errorf("a place that is none: %v", err)
		}
	})
}

// TestLogsOfStrangers: lines with another token than the running attempt's are nobody's.
func TestLogsOfStrangers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		for range 3 {
			k.logWith(job, &wire.JobLog{First: 1, Token: []byte("0123456789abcdefdefault"), Lines: linesOf("forged")})
			k.logWith(job, &wire.JobLog{First: 1, Token: []byte("x"), Lines: linesOf("forged")})
			k.logWith(&wire.JobRequest{JobId: "no job", AnswerSubject: job.AnswerSubject, Token: job.Token}, &wire.JobLog{Lines: linesOf("forged")})
			k.logWith(job, &wire.JobLog{First: -1, Lines: linesOf("forged")})
			k.logWith(job, &wire.JobLog{First: 1 << 62, Lines: linesOf("forged")})
		}
		k.log(job, 1, "mine")
		w.logsAre(runner.LogQuery{Run: run}, "mine")
		k.done(job)
		w.ended(run)
		w.logsAre(runner.LogQuery{Run: run}, "mine")
	})
}

// TestLogsAreHarmless: what steers a terminal is shown as what it is, secrets are not shown at all, and no line is long.
func TestLogsAreHarmless(t *testing.T) {
	const canary = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		k.log(job, 1, "\x1b[31mred\x1b[0m\ttab\u202e\u0085", strings.Repeat("ä", 5000), "token "+canary,
			strings.Repeat("x", 8<<10-10)+" "+canary,
			"-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA7bq9", "-----END RSA PRIVATE KEY-----", "after the key")
		w.until("all came", func() bool { return len(w.logs(runner.LogQuery{Run: run})) == 8 })
		k.done(job)
		w.ended(run)
		lines := w.logs(runner.LogQuery{Run: run})
		if lines[0] != `\x1b[31mred\x1b[0m`+"\ttab"+`\u202e\x85` {
			t.Errorf("controls: %q", lines[0])
		}
		if len(lines[1]) != 8<<10 || lines[7] != "after the key" {
			t.Errorf("%d bytes of a long line; the last one is %q", len(lines[1]), lines[7])
		}
		all := strings.Join(lines, "\n")
		for _, secret := range []string{canary, canary[:20], "MIIEpAIB", "PRIVATE KEY"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is in the log:\n%.300s", secret, all)
			}
		}
	})
}

// TestLogFloodIsBounded: of very many lines the first and the last ones are kept, and what was left out is counted.
func TestLogFloodIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		next := int64(1)
		for range 100 { // a second each: 20,000 of 100,000 lines come slowly enough
			texts := make([]string, 1000)
			for i := range texts {
				texts[i] = strconv.FormatInt(next+int64(i), 10)
			}
			k.log(job, next, texts...)
			next += 1000
			time.Sleep(time.Second)
		}
		k.logWith(job, &wire.JobLog{First: next, Dropped: 7})
		k.done(job)
		w.ended(run)
		var kept, left int64
		for _, l := range w.logs(runner.LogQuery{Run: run}) {
			var n int64
			if _, err := fmt.Sscanf(l, "(%d left out)", &n); err == nil {
				left += n
				continue
			}
			kept++
		}
		if kept == 0 || kept > 10_000 || kept+left != next-1+7 {
			t.Errorf("%d lines are kept and %d left out of %d", kept, left, next-1+7)
		}
	})
}

// TestLogsSurviveTheEngine: an engine that starts again has what was written, and goes on behind it.
func TestLogsSurviveTheEngine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		k.log(job, 1, "one")
		w.logsAre(runner.LogQuery{Run: run}, "one")
		w.restart()
		w.logsAre(runner.LogQuery{Run: run}, "one")
		k.log(job, 2, "two")
		w.logsAre(runner.LogQuery{Run: run}, "one", "two")
		w.restart()
		k.beat()
		k.done(job) // nothing came from this process on: the log of the ones before is made whole
		w.ended(run)
		w.logsAre(runner.LogQuery{Run: run}, "one", "two")
		if n := w.count(run, "job_logged"); n != 1 {
			t.Errorf("%d events say that it logged", n)
		}
	})
}

// TestLogsLive: who asked for lines gets them as they come; who did not gets none.
func TestLogsLive(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		ctx := context.Background()
		loud, err := w.r.Watch(ctx, ann, runner.WatchRequest{Run: run, Logs: true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer loud.Close()
		still, err := w.r.Watch(ctx, ann, runner.WatchRequest{Run: run}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer still.Close()
		k.log(job, 1, "one", "two")
		m := nextOf(t, loud, "log")
		if m.Log.RunID != run || m.Log.Step != "a" || m.Log.Attempt != 1 || len(m.Log.Lines) != 2 || m.Log.Lines[1].N != 2 || m.Log.Lines[1].Text != "two" {
			t.Errorf("got %+v", m.Log)
		}
		k.done(job)
		w.ended(run)
		for {
			m, err := still.Next(ctx)
			if err != nil || m.Kind == "log" {
				t.Fatalf("got %+v, %v", m, err)
			}
			if m.Event != nil && m.Event.Type == "run_succeeded" {
				return
			}
		}
	})
}

// nextOf waits for a message of a kind.
func nextOf(t *testing.T, w *runner.Watch, kind string) runner.Message {
	t.Helper()
	for {
		m, err := w.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == kind {
			return m
		}
	}
}

// TestLogsOfALostWorker: what it sent stays, under its attempt, beside the next one's.
func TestLogsOfALostWorker(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ", retry: {max_attempts: 2, initial: 1s}"))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		k.accept(job)
		k.log(job, 1, "first")
		w.logsAre(runner.LogQuery{Run: run}, "first")
		k.leave()
		k2 := w.newWorker("w2", nil, "job.t.work")
		job = k2.next()
		k2.accept(job)
		k2.log(job, 1, "second")
		w.logsAre(runner.LogQuery{Run: run}, "first", "second")
		k2.done(job)
		w.ended(run)
		w.logsAre(runner.LogQuery{Run: run, Attempt: int(job.Attempt)}, "second")
		w.logsAre(runner.LogQuery{Run: run}, "first", "second")
	})
}
