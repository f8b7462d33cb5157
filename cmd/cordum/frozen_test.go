package main

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/scheduler"
)

// TestFrozenServer stops a server for longer than its workers' leases and its steps' heartbeat timeouts, as SIGSTOP and a paused
// container do, and lets it go on. Its workers lived and said so; what they did is done once.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	const workflow = "id: frozen\nsteps:\n  - {id: a, topic: job.dead.work, idempotent: true, heartbeat_timeout: 8s}\n"
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(workflow), nil); err != nil {
		t.Fatal(err)
	}
	ledger := filepath.Join(p.dir, "ledger.jsonl")
	p.startHolder("w", ledger, "18s") // the jobs end when the server runs again
	p.until("the worker is there", func() bool { return p.stateOf("w") == "alive" })
	runs := make([]string, 20)
	for i := range runs {
		runs[i] = p.beginRun("frozen")
	}
	p.until("all jobs have begun", func() bool { return len(readLedger(t, ledger)) == len(runs) })

	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(scheduler.DefaultWorkerLease + 2*time.Second)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		p.until("run "+run+" is done", func() bool { return p.viewOf(run).EndedAt != nil })
		if v := p.viewOf(run); v.State != "succeeded" {
			t.Errorf("run %s is %s", run, v.State)
		}
	}
	if n := len(readLedger(t, ledger)); n != len(runs) {
		t.Errorf("%d executions of %d jobs", n, len(runs))
	}
}
