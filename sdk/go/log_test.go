package cordum_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

func keepLines(r *wire.JobRequest) { r.LogLines = 100_000 }

// logged gathers what an attempt logged until its result came: lines as "stream text", and how many were dropped.
func (e *engine) logged(id string) (lines []string, dropped int64) {
	e.t.Helper()
	if r := e.result(); r.GetJobId() != id {
		e.t.Fatalf("the result of %s came", r.GetJobId())
	}
	next := int64(1)
	for {
		select {
		case l := <-e.logs:
			if l.GetFirst() != next || string(l.GetToken()) != "token of "+id || l.GetWorkerId() != "w1" {
				e.t.Errorf("packet of %s begins with line %d, want %d", l.GetJobId(), l.GetFirst(), next)
			}
			for _, line := range l.GetLines() {
				lines = append(lines, line.GetStream()+" "+line.GetText())
			}
			next += int64(len(l.GetLines()))
			dropped = l.GetDropped()
		default: // what was logged is before the result on the wire
			return lines, dropped
		}
	}
}

// TestLog: lines come before the result, from all ways to write them, and hide what is to be hidden.
func TestLog(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(_ context.Context, job cordum.Job) error {
		job.Log(slog.LevelWarn, "two\nlines with s3cret-of-worker")
		job.Redact("s3cret-of-job", "first line of a key\nsecond line of a key")
		log := job.Logger().With("a", 1).WithGroup("g")
		log.Info("hello s3cret-of-job", "b", "x y")
		log.Debug("fine")
		out, errs := job.Stdout(), job.Stderr()
		fmt.Fprint(out, "one\ntw")
		fmt.Fprint(errs, "second line of a key\r\n")
		fmt.Fprint(out, "o\nrest")
		return nil
	}), func(cfg *cordum.WorkerConfig) { cfg.Redact = []string{"s3cret-of-worker"} })
	e.send(job("1", keepLines))
	lines, dropped := e.logged("1")
	want := []string{
		"warn two", "warn lines with [redacted]", `info hello [redacted] a=1 g.b="x y"`, "debug fine a=1", "stdout one",
		"stderr [redacted]", "stdout two", "stdout rest",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") || dropped != 0 {
		t.Errorf("logged, %d dropped:\n%s\nwant\n%s", dropped, strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// TestLogNobodyWants: an engine that keeps no lines gets none.
func TestLogNobodyWants(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(_ context.Context, job cordum.Job) error {
		job.Log(slog.LevelInfo, "hello")
		fmt.Fprintln(job.Stdout(), "hello")
		return nil
	}))
	e.send(job("1"))
	if lines, _ := e.logged("1"); len(lines) > 0 {
		t.Errorf("logged %q", lines)
	}
}

// TestLogFlood: a tool that writes as fast as it can is not slowed down, and what is too much is counted.
func TestLogFlood(t *testing.T) {
	flood := 1_000_000
	if testing.Short() { // the race detector makes it long enough
		flood /= 10
	}
	e := newEngine(t)
	var took time.Duration
	startWorker(t, e, echo(func(_ context.Context, job cordum.Job) error {
		began := time.Now()
		out := job.Stdout()
		line := []byte(strings.Repeat("x", 99) + "\n")
		for range flood {
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		took = time.Since(began)
		return nil
	}))
	e.send(job("1", keepLines))
	lines, dropped := e.logged("1")
	if int64(len(lines))+dropped != int64(flood) {
		t.Errorf("%d lines and %d dropped are not %d", len(lines), dropped, flood)
	}
	if most := 1000 + 200*int(took.Seconds()+1); len(lines) < 1000 || len(lines) > most {
		t.Errorf("%d lines were sent in %s, want 1000 to %d", len(lines), took, most)
	}
	t.Logf("%d lines in %s, %d sent", flood, took.Round(time.Millisecond), len(lines))
}

// TestLogOfALongLine: a line that never ends costs a bounded buffer.
func TestLogOfALongLine(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(_ context.Context, job cordum.Job) error {
		out := job.Stdout()
		piece := []byte(strings.Repeat("ä", 1<<15))
		for range 200 {
			_, _ = out.Write(piece)
		}
		return nil
	}))
	e.send(job("1", keepLines))
	lines, _ := e.logged("1")
	if len(lines) != 1 || len(lines[0]) != len("stdout ")+8192 {
		t.Errorf("%d lines, the first has %d bytes", len(lines), len(lines[0]))
	}
}

// TestHandshakeAndBeats: a worker greets and beats on subjects of its own.
func TestHandshakeAndBeats(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(nil))
	g := receive(t, e.greets)
	if g.GetComponentId() != "w1" || len(g.GetReadyTopics()) != 1 || g.GetReadyTopics()[0] != "job.demo.echo" {
		t.Errorf("it greets with %v", g)
	}
}

// TestLocksOfAJob: a tool sees what its job holds.
func TestLocksOfAJob(t *testing.T) {
	e := newEngine(t)
	seen := make(chan string, 1)
	startWorker(t, e, echo(func(_ context.Context, job cordum.Job) error {
		fence, ok := job.Lock("db")
		_, other := job.Lock("other")
		seen <- fmt.Sprint(fence, ok, other, job.Locks())
		return nil
	}))
	e.send(job("1", func(r *wire.JobRequest) {
		r.Locks = []*wire.LockHold{{Name: "db", FencingToken: 7}, {Name: "table", Shared: true, FencingToken: 3}}
	}))
	if got := receive(t, seen); got != "7 true false [{db false 7} {table true 3}]" {
		t.Errorf("the tool saw %s", got)
	}
}
