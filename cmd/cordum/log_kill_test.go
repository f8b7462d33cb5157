package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	sdk "cordum.dev/cordum/sdk/go"
)

const (
	linePause = 10 * time.Millisecond
	// lineSafe is after which time a line that could be read is safe: what is new is stored every 3 s.
	lineSafe = 5 * time.Second
	// lineSlack is how many more a busy machine may lose: it takes a while to start.
	lineSlack = 5 * time.Second
)

// talker is a worker whose attempts write a line after the other until the test ends them.
type talker struct {
	ends  chan error // of the attempt under way: nil for a success
	wrote chan int   // how many lines it had
}

func (k *talker) work(_ context.Context, job sdk.Job, _ map[string]any) (map[string]any, error) {
	pace := time.NewTicker(linePause)
	defer pace.Stop()
	out := job.Stdout()
	for n := 1; ; n++ {
		_, _ = fmt.Fprintln(out, lineText(job.Attempt, n))
		select {
		case err := <-k.ends:
			k.wrote <- n
			return map[string]any{"lines": n}, err
		case <-pace.C:
		}
	}
}

func lineText(attempt int, n int) string { return fmt.Sprintf("line %d of attempt %d", n, attempt) }

// TestLogsThroughKills kills the server with -9 while a job writes. What could be read five seconds before is there
// afterwards; lines are in order, none comes twice, and what is missing is counted; the log of an attempt that has ended
// stays as it is.
func TestLogsThroughKills(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	const definition = "id: talks\nsteps:\n  - {id: a, topic: job.log.work, idempotent: true, retry: {max_attempts: 2, initial: 10ms}}\n"
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(definition), nil); err != nil {
		t.Fatal(err)
	}
	k := &talker{ends: make(chan error), wrote: make(chan int, 1)}
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + p.nats, ID: "talker", Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sdk.RegisterTopic(w, "job.log.work", k.work)
	p.serve(w)
	t.Cleanup(func() { close(k.ends) }) // before the worker goes
	run := p.beginRun("talks")
	wrote := []int{0}
	for attempt, end := range []error{sdk.Retryable("again", errors.New("to be done again")), nil} {
		p.killsWhile(run, attempt+1)
		k.ends <- end
		wrote = append(wrote, <-k.wrote)
	}
	p.ends(run)
	before := p.linesOf(run)
	p.kill()
	p.start()
	after := p.linesOf(run)
	if !slices.Equal(before, after) {
		t.Errorf("the log of ended attempts has %d lines, and had %d", len(after), len(before))
	}
	checkLines(t, after, wrote)
}

// killsWhile kills the server while an attempt writes, some seconds after something could be read of it.
func (p *process) killsWhile(run string, attempt int) {
	p.t.Helper()
	var read []runner.LogLine
	p.until("lines can be read", func() bool { read = p.linesOf(run); return slices.ContainsFunc(read, ofAttempt(attempt)) })
	kept := time.Now().Add(lineSafe)
	p.until("they are safe", func() bool { return time.Now().After(kept) })
	p.kill()
	p.start()
	now := p.linesOf(run)
	at := 0
	for _, l := range read {
		if l.Dropped > 0 {
			continue
		}
		i := slices.Index(now[at:], l)
		if i < 0 {
			p.t.Fatalf("line %d of attempt %d is lost: there are %d lines", l.N, l.Attempt, len(now))
		}
		at += i + 1
	}
	last := now[len(now)-1].N
	p.until("the attempt goes on writing", func() bool {
		return slices.ContainsFunc(p.linesOf(run), func(l runner.LogLine) bool { return l.Attempt == attempt && l.N > last && l.Dropped == 0 })
	})
}

func ofAttempt(n int) func(runner.LogLine) bool {
	return func(l runner.LogLine) bool { return l.Attempt == n }
}

// linesOf reads the whole log of a run, page by page.
func (p *process) linesOf(run string) (all []runner.LogLine) {
	p.t.Helper()
	for after := ""; ; {
		var page gateway.LogLines
		if err := p.call("GET", "/api/v1/runs/"+run+"/logs?limit=300&after="+after, "", nil, &page); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if after = page.NextAfter; after == "" {
			return all
		}
	}
}

// checkLines compares what is kept with what attempts wrote: every number once and in order, as a line or among those that are
// missing, and no more are missing than a kill may cost.
func checkLines(t *testing.T, lines []runner.LogLine, wrote []int) {
	t.Helper()
	last, lost := make([]int64, len(wrote)), make([]int64, len(wrote))
	attempt := 1
	for _, l := range lines {
		if l.Attempt < attempt {
			t.Fatalf("line %d of attempt %d comes after attempt %d", l.N, l.Attempt, attempt)
		}
		attempt = l.Attempt
		if l.N != last[attempt]+max(l.Dropped, 1) {
			t.Fatalf("attempt %d: number %d (%d missing) comes after %d", attempt, l.N, l.Dropped, last[attempt])
		}
		last[attempt], lost[attempt] = l.N, lost[attempt]+l.Dropped
		if l.Dropped == 0 && l.Text != lineText(attempt, int(l.N)) {
			t.Errorf("attempt %d: line %d is %q", attempt, l.N, l.Text)
		}
	}
	for attempt := 1; attempt < len(wrote); attempt++ {
		if last[attempt] != int64(wrote[attempt]) {
			t.Errorf("attempt %d wrote %d lines, the log ends with number %d", attempt, wrote[attempt], last[attempt])
		}
		if most := int64((lineSafe + lineSlack) / linePause); lost[attempt] > most {
			t.Errorf("attempt %d: a kill cost %d lines, more than %d", attempt, lost[attempt], most)
		}
		t.Logf("attempt %d: %d of %d lines are missing", attempt, lost[attempt], wrote[attempt])
	}
}
