package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// crashWork is what is under way when a process dies, and what must have come of it in the end.
type crashWork struct {
	definition          string
	state, compensation string
	executed            map[string]int // how often each step's work, or its undoing, was begun
}

// workFor is work that passes a crash point.
func workFor(point string) crashWork {
	if point == runner.CrashUndone {
		return crashWork{crashRollback, "failed", "done", map[string]int{"a": 2, "b": 2, "c": 2}}
	}
	executed := map[string]int{"a": 1, "b": 1, "s0": 1, fmt.Sprintf("s%d", crashChain-1): 1}
	return crashWork{crashWorkflow(), "succeeded", "none", executed}
}

// crashRollback fails when everything is done, and is undone then: a after b and c.
const crashRollback = `
id: crash
on_failure: rollback
steps:
  - {id: a, topic: job.kill.work, compensate: {topic: job.kill.work}}
  - {id: b, topic: job.kill.work, depends_on: [a], compensate: {topic: job.kill.work}}
  - {id: c, topic: job.kill.fast, depends_on: [a], compensate: {topic: job.kill.fast, idempotent: true}}
  - {id: fails, type: transform, depends_on: [b, c], input: {x: "${input.absent.field}"}}
`

// crashWorkflow passes every other crash point: jobs of both kinds, a timer, an approval, and enough facts for a snapshot.
func crashWorkflow() string {
	var b strings.Builder
	b.WriteString("id: crash\nsteps:\n" +
		"  - {id: a, topic: job.kill.work, effect: none}\n" +
		"  - {id: b, topic: job.kill.work, depends_on: [a]}\n" +
		"  - {id: wait, type: delay, for: 30ms, depends_on: [a]}\n" +
		"  - {id: gate, type: approval, depends_on: [b, wait]}\n")
	last := "gate"
	for i := range crashChain {
		id := fmt.Sprintf("s%d", i)
		fmt.Fprintf(&b, "  - {id: %s, topic: job.kill.fast, effect: none, depends_on: [%s]}\n", id, last)
		last = id
	}
	return b.String()
}

// crashChain makes more facts than a snapshot needs at least.
const crashChain = 110

// crashHits are the times a point is passed before the process dies there: the first, and one in the middle of things.
var crashHits = []int{1, 3}

// TestKilledAtEachCrashPoint lets the real binary die by SIGKILL at each named point, starts it again, and looks: every
// acknowledged run ends, every step is executed once, every history is whole. A point that is never passed fails.
func TestKilledAtEachCrashPoint(t *testing.T) {
	places := make(chan struct{}, 3) // a few at a time: each is three processes
	for _, point := range runner.CrashPoints() {
		for _, nth := range crashHits {
			if point == runner.CrashPublished {
				continue // nobody publishes here: TestKilledWhilePublishing
			}
			if nth > 1 && (point == runner.CrashOwned || point == runner.CrashDrain || point == runner.CrashSnapshot) {
				continue // passed once in a process's life, or by one long run
			}
			t.Run(fmt.Sprintf("%s_%d", point, nth), func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				crashAt(t, point, nth)
			})
		}
	}
}

func crashAt(t *testing.T, point string, nth int) {
	work := workFor(point)
	p := newProcess(t)
	p.tags = "crashtest"
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(work.definition), nil); err != nil {
		t.Fatal(err)
	}
	p.kill()

	p.launch(fmt.Sprintf("CORDUM_TEST_CRASH=%s:%d", point, nth))
	var acked []string
	deadline := time.Now().Add(20 * time.Second)
	for p.alive() {
		if time.Now().After(deadline) {
			t.Fatalf("%s was not passed %d times", point, nth)
		}
		var s runner.Started
		if len(acked) < 4 && p.call("POST", "/api/v1/workflows/crash/runs", "application/json", []byte(`{}`), &s) == nil {
			acked = append(acked, s.RunID)
		}
		p.approveAll()
		if point == runner.CrashDrain && len(acked) == 4 {
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
		time.Sleep(10 * time.Millisecond) // the pace of a client
	}
	p.kill()
	p.start()
	for _, run := range acked {
		p.until("run "+run+" is settled", func() bool {
			p.approveAll()
			var v runner.RunView
			if p.call("GET", "/api/v1/runs/"+run, "", nil, &v) != nil || !gateway.Settled(&v) {
				return false
			}
			if v.State != work.state || v.Compensation != work.compensation {
				t.Errorf("run %s ended %s, compensation %s: %+v", run, v.State, v.Compensation, v.Error)
			}
			return true
		})
		checkSeq(t, p.timeline(run))
	}
	executed := map[string]int{}
	for _, e := range readLedger(t, ledger) {
		if e.Phase == "begin" {
			executed[e.Run+"."+e.Step]++
		}
	}
	for _, run := range acked {
		for step, want := range work.executed {
			if n := executed[run+"."+step]; n != want {
				t.Errorf("step %s of run %s was executed %d times, want %d", step, run, n, want)
			}
		}
	}
}

// approveAll answers every approval that waits; what fails is tried again by the next call.
func (p *process) approveAll() {
	var page struct {
		Items []runner.ApprovalView `json:"items"`
	}
	if p.call("GET", "/api/v1/approvals?state=waiting", "", nil, &page) != nil {
		return
	}
	for _, a := range page.Items {
		_ = p.call("POST", "/api/v1/approvals/"+a.ID+"/decide", "application/json", []byte(`{"decision":"approve"}`), nil)
	}
}

// checkSeq looks for gaps in a history.
func checkSeq(t *testing.T, events []runner.Event) {
	t.Helper()
	for i, e := range events {
		if e.Seq != uint64(i+1) || e.Prev != uint64(i) {
			t.Fatalf("event %d has seq %d, prev %d", i+1, e.Seq, e.Prev)
		}
	}
}
