package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

const deadWorkflow = "id: dead\nsteps:\n  - {id: a, topic: job.dead.work, idempotent: true, retry: {max_attempts: 3, initial: 10ms}}\n"

// How long a worker's death may take to be noticed and made good (two heartbeats of 5 s; a lease of three), and what a busy
// machine is allowed beside it.
const (
	deathNoticed = 10 * time.Second
	deathOver    = 15*time.Second + 2*time.Second
	deathSlack   = 10 * time.Second
)

// TestDeadWorkerIsNoticed kills one worker process with kill -9 and stops another in the middle of their jobs. Both are noticed
// within two missed heartbeats and get nothing more; their jobs run elsewhere within a lease and two seconds. The one that
// goes on later changes nothing.
func TestDeadWorkerIsNoticed(t *testing.T) {
	p := newProcess(t)
	p.start()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(deadWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	ledger := filepath.Join(p.dir, "ledger.jsonl")
	const hold = "18s" // no job ends before its worker does, however busy the machine is; and all are over with the leases
	doomed, frozen := p.startHolder("doomed", ledger, hold), p.startHolder("frozen", ledger, hold)
	p.until("both workers are there", func() bool { return p.stateOf("doomed") == "alive" && p.stateOf("frozen") == "alive" })
	runs := make([]string, 20)
	for i := range runs {
		runs[i] = p.beginRun("dead")
	}
	p.until("all jobs have begun", func() bool { return len(readLedger(t, ledger)) == len(runs) })
	p.startHolder("spare", ledger, "0s")
	p.until("the spare worker is there", func() bool { return p.stateOf("spare") == "alive" })

	died := time.Now()
	if err := doomed.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := frozen.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	first := map[string]string{} // what each was after it was alive
	p.until("both are noticed", func() bool {
		for _, worker := range []string{"doomed", "frozen"} {
			if state := p.stateOf(worker); first[worker] == "" && state != "alive" {
				first[worker] = state
			}
		}
		return len(first) == 2
	})
	if first["doomed"] != "silent" || first["frozen"] != "silent" { // they are for a heartbeat, before their leases are over
		t.Errorf("noticed as %v", first)
	}
	noticed := time.Since(died)
	more := p.beginRun("dead")
	for _, run := range append(runs, more) {
		p.until("run "+run+" is done elsewhere", func() bool { return p.viewOf(run).EndedAt != nil })
	}
	over := time.Since(died)
	t.Logf("noticed after %v, everything done elsewhere after %v", noticed.Round(time.Millisecond), over.Round(time.Millisecond))
	if noticed > deathNoticed+deathSlack || over > deathOver+deathSlack {
		t.Errorf("noticed after %v, done elsewhere after %v", noticed, over)
	}
	if err := frozen.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.checkDeath(runs, more, ledger)
}

// checkDeath looks at what was made of it: each job was done twice and counted once.
func (p *process) checkDeath(runs []string, more, ledger string) {
	p.t.Helper()
	by := map[string]string{} // the first worker of each run
	for _, e := range readLedger(p.t, ledger) {
		if by[e.Run] == "" {
			by[e.Run] = e.Worker
		}
	}
	if by[more] != "spare" {
		p.t.Errorf("what came after it was noticed went to %q", by[more])
	}
	for _, run := range runs {
		if by[run] == "frozen" { // it goes on, and its answer is noted
			p.until("the late answer is noted", func() bool { return p.eventsOf(run, "late_result") == 1 })
		}
		v := p.viewOf(run)
		if v.State != "succeeded" || v.Steps[0].Attempt != 2 || p.eventsOf(run, "step_succeeded") != 1 {
			p.t.Errorf("run %s of %s: %s after %d attempts", run, by[run], v.State, v.Steps[0].Attempt)
		}
	}
}

// startHolder starts a worker process whose jobs take a while.
func (p *process) startHolder(id, ledger, hold string) *os.Process {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), workerEnv+"=nats://"+p.nats, ledgerEnv+"="+ledger, workerIDEnv+"="+id, holdEnv+"="+hold)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process
}

// stateOf is what the server takes a worker for; empty when it does not know it.
func (p *process) stateOf(worker string) string {
	var page struct{ Items []runner.WorkerView }
	if err := p.call("GET", "/api/v1/workers", "", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	for _, w := range page.Items {
		if w.ID == worker {
			return w.State
		}
	}
	return ""
}

func (p *process) beginRun(workflow string) string {
	p.t.Helper()
	var started runner.Started
	if err := p.call("POST", "/api/v1/workflows/"+workflow+"/runs", "application/json", []byte(`{}`), &started); err != nil {
		p.t.Fatal(err)
	}
	return started.RunID
}

func (p *process) viewOf(run string) (v runner.RunView) {
	p.t.Helper()
	if err := p.call("GET", "/api/v1/runs/"+run, "", nil, &v); err != nil {
		p.t.Fatal(err)
	}
	return v
}

// eventsOf counts the events of a run of one type.
func (p *process) eventsOf(run, kind string) (n int) {
	for _, e := range p.timeline(run) {
		if strings.HasPrefix(e.Type, kind) {
			n++
		}
	}
	return n
}
