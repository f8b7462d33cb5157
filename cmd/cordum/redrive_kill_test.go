package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

const (
	redriven = 240  // dead letters
	retryPer = 60.0 // of them a second
)

// deadWorker is a worker whose jobs fail for good until it is mended; some fail then, too.
type deadWorker struct {
	mu     sync.Mutex
	mended bool
	done   map[string]int // how often the job of a run was carried out
	never  map[string]bool
}

func (w *deadWorker) work(_ context.Context, job sdk.Job, _ map[string]any) (map[string]any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[job.RunID]++
	if !w.mended || w.never[job.RunID] {
		return nil, sdk.Fatal("broken", errors.New("the machine is broken"))
	}
	return map[string]any{}, nil
}

// TestRedriveThroughKills kills the server with -9 while it retries dead letters. It goes on with that after each start, no
// entry is retried twice, those that die once more stay, and what it counts is right but for what it says it may miss.
func TestRedriveThroughKills(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	const definition = "id: breaks\nsteps:\n  - {id: a, topic: job.redrive.work}\n"
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(definition), nil); err != nil {
		t.Fatal(err)
	}
	k := &deadWorker{done: map[string]int{}, never: map[string]bool{}}
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + p.nats, ID: "redriven", Capacity: 32, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sdk.RegisterTopic(w, "job.redrive.work", k.work)
	p.serve(w)
	runs := p.startAll("breaks", redriven)
	if len(runs) != redriven {
		t.Fatalf("%d runs were started, want %d", len(runs), redriven)
	}
	p.until("all are dead letters", func() bool { return len(p.deadLetters("dead")) == len(runs) })
	k.mend(runs)

	var begun runner.Redrive
	body := fmt.Sprintf(`{"filter": {"workflow": "breaks"}, "rate": %g}`, retryPer)
	if err := p.call("POST", "/api/v1/dlq/redrive", "application/json", []byte(body), &begun); err != nil {
		t.Fatal(err)
	}
	if begun.Matched != redriven {
		t.Errorf("%d entries fit, want %d", begun.Matched, redriven)
	}
	kills := p.killRedrive(begun.ID, k)
	k.check(t, p, runs)

	var v runner.Redrive
	p.until("it says that it is done", func() bool { v = p.redriveOf(begun.ID); return v.State == "done" })
	if least := redriven - kills*(retryPer+1); v.Retried > redriven || float64(v.Retried) < float64(least) || v.Refused != 0 {
		t.Errorf("after %d kills it counts %d retried, %d skipped, %d refused of %d", kills, v.Retried, v.Skipped, v.Refused, redriven)
	}
	if v.Retried+v.Skipped > redriven {
		t.Errorf("%d retried and %d skipped are more than the %d that fitted", v.Retried, v.Skipped, redriven)
	}
	t.Logf("%d kills: %d of %d counted as retried, %d as skipped", kills, v.Retried, redriven, v.Skipped)
}

// mend has most jobs succeed from now on.
func (w *deadWorker) mend(runs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mended = true
	for i, run := range runs {
		w.never[run] = i%5 == 0
	}
}

// again is how many jobs were carried out a second time.
func (w *deadWorker) again() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, times := range w.done {
		if times > 1 {
			n++
		}
	}
	return n
}

// killRedrive kills the server at some moments of a redrive.
func (p *process) killRedrive(redrive string, w *deadWorker) (kills int) {
	p.t.Helper()
	random := rand.New(rand.NewPCG(41, 41))
	for enough := 10; enough < redriven; enough += 70 + random.IntN(30) { // so that it keeps its progress in between
		p.until("some more are done again", func() bool { return w.again() >= enough })
		p.kill()
		kills++
		p.start()
		if v := p.redriveOf(redrive); v.State != "running" && v.State != "done" {
			p.t.Errorf("after a start the redrive is %+v", v)
		}
	}
	return kills
}

// check waits until every job was done once more, and looks what became of it.
func (w *deadWorker) check(t *testing.T, p *process, runs []string) {
	t.Helper()
	p.until("all were done again", func() bool { return w.again() == len(runs) })
	stay := 0
	for _, run := range runs {
		want := "succeeded"
		if w.never[run] {
			want = "failed"
			stay++
		}
		p.until("run "+run+" is "+want, func() bool { v := p.settled(run); return v != nil && v.State == want })
	}
	p.until("those that died once more are all that is left", func() bool {
		return len(p.deadLetters("dead")) == stay && len(p.deadLetters("retrying")) == 0
	})
	for _, d := range p.deadLetters("") {
		if d.Times != 2 {
			t.Errorf("dead letter %s says that it died %d times", d.ID, d.Times)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, run := range runs {
		if w.done[run] != 2 {
			t.Errorf("the job of run %s was done %d times, want twice", run, w.done[run])
		}
	}
}

// deadLetters lists them, of one state or all.
func (p *process) deadLetters(state string) []runner.DeadLetter {
	p.t.Helper()
	var page struct{ Items []runner.DeadLetter }
	query := "?limit=1000"
	if state != "" {
		query += "&state=" + state
	}
	if err := p.call("GET", "/api/v1/dlq"+query, "", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	return page.Items
}

func (p *process) redriveOf(redrive string) (v runner.Redrive) {
	p.t.Helper()
	if err := p.call("GET", "/api/v1/dlq/redrive/"+redrive, "", nil, &v); err != nil {
		p.t.Fatal(err)
	}
	return v
}
