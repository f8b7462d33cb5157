package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// A worker of limited jobs is the test binary started again with these set.
const (
	limitWorkerEnv = "CORDUM_TEST_LIMIT_WORKER" // its id
	limitServerEnv = "CORDUM_TEST_LIMIT_SERVER"
	limitLedgerEnv = "CORDUM_TEST_LIMIT_LEDGER"
)

// mostAtOnce is what the policy of these tests allows.
const mostAtOnce = 2

// init is where a worker process turns off, before the test binary takes itself for a test.
func init() {
	if id := os.Getenv(limitWorkerEnv); id != "" {
		fmt.Fprintln(os.Stderr, limitWorker(id, os.Getenv(limitServerEnv), os.Getenv(limitLedgerEnv)))
		os.Exit(1)
	}
}

// limitEntry is one line of the ledger, written before the work and behind it; of phase killed, by who killed the worker.
type limitEntry struct {
	Phase  string `json:"phase"` // begin, end, killed
	Worker string `json:"worker"`
	Job    string `json:"job,omitempty"` // the attempt's id
}

// appendLine writes a line to the end of a file that several processes share.
func appendLine(path string, e limitEntry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

func limitWorker(id, url, ledger string) error {
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: url, ID: id, Capacity: 8, Heartbeat: 300 * time.Millisecond})
	if err != nil {
		return err
	}
	sdk.RegisterTopic(w, "job.limit.work", func(_ context.Context, job sdk.Job, in map[string]any) (map[string]any, error) {
		if err := appendLine(ledger, limitEntry{"begin", id, job.AttemptID}); err != nil {
			return nil, err
		}
		time.Sleep(25 * time.Millisecond) // the work: long enough to meet others, and a kill
		return in, appendLine(ledger, limitEntry{"end", id, job.AttemptID})
	})
	return w.Run(context.Background())
}

// crew are the workers of a server, as processes of their own.
type crew struct {
	p    *process
	cmds map[string]*exec.Cmd
}

func (c *crew) ledger() string { return filepath.Join(c.p.dir, "limit.jsonl") }

func (c *crew) start(id string) {
	c.p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.p.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), limitWorkerEnv+"="+id, limitServerEnv+"=nats://"+c.p.nats, limitLedgerEnv+"="+c.ledger())
	cmd.Stdout, cmd.Stderr = c.p.log, c.p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.p.t.Fatal(err)
	}
	c.cmds[id] = cmd
}

// kill kills a worker: it is frozen, the ledger is told that what it has is over, and then it dies.
func (c *crew) kill(id string) {
	cmd := c.cmds[id]
	_ = cmd.Process.Signal(syscall.SIGSTOP)
	if err := appendLine(c.ledger(), limitEntry{Phase: "killed", Worker: id}); err != nil {
		c.p.t.Error(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// most reads in the ledger how many jobs were under way at a time, at most.
func (c *crew) most(from int) (most, lines int) {
	c.p.t.Helper()
	raw, err := os.ReadFile(c.ledger())
	if err != nil {
		c.p.t.Fatal(err)
	}
	entries, err := entriesOf[limitEntry](raw)
	if err != nil {
		c.p.t.Fatal(err)
	}
	busy := map[limitEntry]bool{}
	for _, e := range entries {
		at := limitEntry{Worker: e.Worker, Job: e.Job}
		switch e.Phase {
		case "begin":
			busy[at] = true
		case "end":
			delete(busy, at)
		case "killed":
			for other := range busy {
				if other.Worker == e.Worker {
					delete(busy, other)
				}
			}
		}
		if lines++; lines > from {
			most = max(most, len(busy))
		}
	}
	return most, lines
}

// TestLimitThroughKills has a policy that lets two jobs run at a time, and kills the server and the workers in turn while there
// is always more to do: there are never three, and when all is done there is room for two again.
func TestLimitThroughKills(t *testing.T) {
	t.Parallel()
	p, audited := newProcess(t), newBooks()
	c := &crew{p: p, cmds: map[string]*exec.Cmd{}}
	p.start()
	p.mustPublish(fmt.Sprintf("name: few\nrules:\n  - {id: two, match: {topics: [job.limit.work]}, decision: ALLOW_WITH_CONSTRAINTS, "+
		"constraints: [{type: MaxConcurrent, value: %d}]}\n", mostAtOnce))
	const definition = "id: limited\nsteps:\n  - {id: a, topic: job.limit.work, effect: none, retry: {max_attempts: 10, initial: 10ms, max: 20ms}}\n" +
		"  - {id: b, topic: job.limit.work, effect: none, retry: {max_attempts: 10, initial: 10ms, max: 20ms}}\n"
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(definition), nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"limit-0", "limit-1"} {
		c.start(id)
		t.Cleanup(func() { c.kill(id) })
	}
	random := rand.New(rand.NewPCG(5, 5))
	var runs []string
	for round := range rounds(6) {
		runs = append(runs, p.startAll("limited", 5)...)
		time.Sleep(time.Duration(20+random.IntN(120)) * time.Millisecond) // some moment
		if round%3 != 1 {
			p.kill()
			audited.check(p)
		}
		if id := fmt.Sprint("limit-", random.IntN(2)); round%3 != 0 {
			c.kill(id)
			c.start(id)
		}
		if round%3 != 1 {
			p.start()
		}
	}
	c.done(runs, "succeeded")
	most, lines := c.most(0)
	if most != mostAtOnce {
		t.Errorf("%d jobs were under way at a time, want %d", most, mostAtOnce)
	}
	since := time.Now()
	p.until("as many jobs as may are under way at a time: no place is lost", func() bool {
		c.done(p.startAll("limited", 4), "succeeded")
		again, _ := c.most(lines)
		if again > mostAtOnce {
			t.Fatalf("after the kills %d jobs are under way at a time, want %d", again, mostAtOnce)
		}
		return again == mostAtOnce
	})
	t.Logf("%d runs through %d rounds of kills; two at a time again after %v", len(runs), rounds(6), time.Since(since))
}

// done waits until runs are over.
func (c *crew) done(runs []string, state string) {
	c.p.t.Helper()
	for _, run := range runs {
		var v *runner.RunView
		c.p.until("run "+run+" is over", func() bool { v = c.p.settled(run); return v != nil })
		if v.State != state {
			c.p.t.Errorf("run %s is %s: %+v", run, v.State, v.Error)
		}
	}
}
