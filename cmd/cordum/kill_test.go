package main

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// killWorkflow has an idempotent step, one that asks before it begins, a timer and a join.
const killWorkflow = `
id: kill
steps:
  - {id: a, topic: job.kill.work, effect: none}
  - {id: b, topic: job.kill.work, depends_on: [a]}
  - {id: wait, type: delay, for: 60ms, depends_on: [a]}
  - {id: c, topic: job.kill.work, depends_on: [b, wait], retry: {max_attempts: 3}, input: {b: "${steps.b.output.step}"}}
`

const (
	kills      = 12
	killSeed   = 7
	runsPerGap = 6
)

// TestKilledAtAnyMoment kills the server with -9 again and again while runs are started and worked on. Every run whose
// start was acknowledged ends well; no job is executed twice, since its worker lives throughout; no attempt is miscounted.
func TestKilledAtAnyMoment(t *testing.T) {
	p := newProcess(t)
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(killSeed, killSeed))
	var acked []string
	for range kills {
		acked = append(acked, startDuring(p, time.Duration(20+random.IntN(120))*time.Millisecond)...)
		p.kill()
		p.start()
	}
	if len(acked) < kills {
		t.Fatalf("only %d starts were acknowledged", len(acked))
	}
	executed := map[string]int{}
	for _, run := range acked {
		p.ends(run)
		checkHistory(t, p, run)
	}
	for _, e := range readLedger(t, ledger) {
		if e.Phase == "begin" {
			executed[e.Run+"."+e.Step]++
		}
	}
	for _, run := range acked {
		for _, step := range []string{"a", "b", "c"} {
			if n := executed[run+"."+step]; n != 1 {
				t.Errorf("step %s of run %s was executed %d times, want once", step, run, n)
			}
		}
	}
	t.Logf("%d kills, %d acknowledged runs, all ended", kills, len(acked))
}

// startDuring starts runs from a few clients until the time is over and answers those that were acknowledged.
func startDuring(p *process, d time.Duration) []string {
	var mu sync.Mutex
	var acked []string
	var all sync.WaitGroup
	stop := time.Now().Add(d)
	for range runsPerGap {
		all.Go(func() {
			for time.Now().Before(stop) {
				var s runner.Started
				if p.call("POST", "/api/v1/workflows/kill/runs", "application/json", []byte(`{}`), &s) != nil {
					return // not acknowledged: nothing is promised
				}
				mu.Lock()
				acked = append(acked, s.RunID)
				mu.Unlock()
				time.Sleep(20 * time.Millisecond) // the pace of a client
			}
		})
	}
	all.Wait()
	return acked
}

// ends waits for a run's end.
func (p *process) ends(run string) {
	p.t.Helper()
	var v runner.RunView
	p.until("run "+run+" ends", func() bool {
		return p.call("GET", "/api/v1/runs/"+run+"?wait=10s&since=1000000", "", nil, &v) == nil && v.EndedAt != nil
	})
	if v.State != "succeeded" {
		p.t.Errorf("run %s ended %s: %+v", run, v.State, v.Error)
	}
}

// checkHistory reads a run's whole log: numbers without gaps, each step ended once, attempts as counted.
func checkHistory(t *testing.T, p *process, run string) {
	t.Helper()
	var page struct {
		Items []runner.Event `json:"items"`
	}
	if err := p.call("GET", "/api/v1/runs/"+run+"/timeline?limit=1000", "", nil, &page); err != nil {
		t.Fatal(err)
	}
	ended := map[string]int{}
	for i, e := range page.Items {
		if e.Seq != uint64(i+1) || e.Prev != uint64(i) {
			t.Fatalf("run %s: event %d has seq %d, prev %d", run, i+1, e.Seq, e.Prev)
		}
		switch {
		case e.Type == "step_succeeded":
			ended[e.Step]++
		case strings.HasPrefix(e.Type, "step_retrying"):
			t.Errorf("run %s: step %s was tried again though no attempt failed", run, e.Step)
			for _, e := range page.Items {
				t.Logf("%d %s %s %s %v", e.Seq, e.At.Format("05.000"), e.Type, e.Step, e.Data)
			}
		}
	}
	for _, step := range []string{"a", "b", "c", "wait"} {
		if ended[step] != 1 {
			t.Errorf("run %s: step %s ended %d times", run, step, ended[step])
		}
	}
}
