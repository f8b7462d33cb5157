package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// A worker that works under locks is the test binary started again with these set.
const (
	lockWorkerEnv = "CORDUM_TEST_LOCK_WORKER" // its life: its id, a dot, and a number
	lockServerEnv = "CORDUM_TEST_LOCK_SERVER"
	lockGuardEnv  = "CORDUM_TEST_LOCK_GUARD"
)

// init is where a worker process turns off, before the test binary takes itself for a test.
func init() {
	if life := os.Getenv(lockWorkerEnv); life != "" {
		fmt.Fprintln(os.Stderr, lockWorker(life, os.Getenv(lockServerEnv), os.Getenv(lockGuardEnv)))
		os.Exit(1)
	}
}

// lockWorker goes in and out of what its jobs hold. It does not stop when it is told to: who holds a lock may be deaf.
func lockWorker(life, url, guard string) error {
	id, _, _ := strings.Cut(life, ".")
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: url, ID: id, Capacity: 8, Heartbeat: 300 * time.Millisecond})
	if err != nil {
		return err
	}
	type input struct {
		Hold int `json:"hold"` // ms
	}
	sdk.RegisterTopic(w, "job.lock.work", func(_ context.Context, job sdk.Job, in input) (map[string]any, error) {
		held := job.Locks()
		if len(held) != 1 {
			return nil, sdk.Fatal("no_lock", fmt.Errorf("the job holds %d locks", len(held)))
		}
		v := lockVisit{"begin", life, job.AttemptID, held[0].Name, held[0].Shared, held[0].Fence}
		if err := v.say(guard); err != nil {
			return nil, sdk.Fatal("refused", err)
		}
		time.Sleep(time.Duration(in.Hold) * time.Millisecond) // the work
		v.Phase = "end"
		if err := v.say(guard); err != nil {
			return nil, sdk.Fatal("refused", err)
		}
		return map[string]any{"token": v.Fence}, nil
	})
	return w.Run(context.Background())
}

// lockCrew are those workers, and what they guard.
type lockCrew struct {
	*process
	guard *lockGuard
	cmds  map[string]*exec.Cmd // by id
	lives map[string]string    // of those under way
	born  int
}

func newLockCrew(t *testing.T) *lockCrew {
	return &lockCrew{process: newProcess(t), guard: newLockGuard(t), cmds: map[string]*exec.Cmd{}, lives: map[string]string{}}
}

func (c *lockCrew) begin(id string) {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.born++
	life := fmt.Sprintf("%s.%d", id, c.born)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), lockWorkerEnv+"="+life, lockServerEnv+"=nats://"+c.nats, lockGuardEnv+"="+c.guard.url)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.cmds[id], c.lives[id] = cmd, life
}

// dies kills a worker: it is frozen, the guard is told, and then it dies.
func (c *lockCrew) dies(id string) {
	cmd := c.cmds[id]
	_ = cmd.Process.Signal(syscall.SIGSTOP)
	c.guard.bury(c.lives[id])
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// naps stops a worker for much less than its lease: nobody is to notice.
func (c *lockCrew) naps(id string, d time.Duration) {
	c.t.Helper()
	if err := c.cmds[id].Process.Signal(syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
	time.Sleep(d)
	if err := c.cmds[id].Process.Signal(syscall.SIGCONT); err != nil {
		c.t.Fatal(err)
	}
}

// lockWorkflows are jobs that meet in one lock, alone or sharing it, and one that holds another for long.
var lockWorkflows = []string{
	"id: locked\nsteps:\n" +
		lockStep("a", "guard", 20) + lockStep("b", "{name: guard, mode: shared}", 20) +
		lockStep("c", "{name: guard, mode: shared}", 20) + lockStep("d", "guard", 20),
	"id: long\nsteps:\n" + lockStep("a", "'long:one'", 1500),
}

func lockStep(id, lock string, hold int) string {
	return fmt.Sprintf("  - {id: %s, topic: job.lock.work, idempotent: true, resource_lock: %s, input: {hold: %d}, "+
		"retry: {max_attempts: 20, initial: 10ms, max: 20ms}}\n", id, lock, hold)
}

// TestLocksThroughKills kills the server and workers with -9 while jobs meet in locks. What the lock guards never sees two at
// once, nor a token twice; every job is done; and who was stopped for longer than its lease is kept out by its token.
func TestLocksThroughKills(t *testing.T) {
	t.Parallel()
	c := newLockCrew(t)
	c.start()
	for _, text := range lockWorkflows {
		if err := c.call("POST", "/api/v1/workflows", "application/yaml", []byte(text), nil); err != nil {
			t.Fatal(err)
		}
	}
	ids := []string{"lock-0", "lock-1", "lock-2"}
	for _, id := range ids {
		c.begin(id)
		t.Cleanup(func() { c.dies(id) })
	}
	random := rand.New(rand.NewPCG(23, 23))
	var runs []string
	for round := range rounds(9) {
		runs = append(runs, c.startAll("locked", 4)...)
		time.Sleep(time.Duration(20+random.IntN(150)) * time.Millisecond) // some moment
		who := ids[random.IntN(len(ids))]
		switch round % 3 {
		case 0:
			c.kill()
			c.process.start()
		case 1:
			c.naps(ids[random.IntN(len(ids))], 200*time.Millisecond)
			c.dies(who)
			c.begin(who)
		case 2:
			c.kill()
			c.dies(who)
			c.begin(who)
			c.process.start()
		}
	}
	for _, run := range runs {
		c.ends(run)
	}
	c.oversleeps()
	for _, name := range []string{"guard", "long:one"} {
		c.until("lock "+name+" is free", func() bool { return c.lockOf(name).State == "free" })
	}
	counts := c.guard.check(t)
	if counts["guard"] < 4*len(runs) {
		t.Errorf("%d runs of four jobs came into the lock %d times", len(runs), counts["guard"])
	}
	t.Logf("%d runs through %d rounds of kills, in the lock %d times", len(runs), rounds(9), counts["guard"])
}

// oversleeps stops a worker in the middle of its work under a lock, kills the server, and wakes the worker when somebody else
// has had the lock.
func (c *lockCrew) oversleeps() {
	c.t.Helper()
	runs := c.startAll("long", 2)
	var late lockVisit
	c.until("a worker is stopped inside the lock", func() bool {
		v, ok := c.guard.holder("long:one")
		if !ok {
			return false
		}
		id, _, _ := strings.Cut(v.Life, ".")
		if err := c.cmds[id].Process.Signal(syscall.SIGSTOP); err != nil {
			c.t.Fatal(err)
		}
		if late, ok = c.guard.leaves(v.Life, "long:one"); !ok { // it has just come out
			err := c.cmds[id].Process.Signal(syscall.SIGCONT)
			ok = errors.Is(err, os.ErrProcessDone)
		}
		return ok
	})
	c.kill()
	c.process.start()
	for _, run := range runs {
		c.ends(run)
	}
	id, _, _ := strings.Cut(late.Life, ".")
	if err := c.cmds[id].Process.Signal(syscall.SIGCONT); err != nil {
		c.t.Fatal(err)
	}
	c.until("who comes late is kept out", func() bool { return c.guard.refused(late.grant()) })
}

func (p *process) lockOf(name string) (v runner.LockView) {
	p.t.Helper()
	if err := p.call("GET", "/api/v1/locks/"+name, "", nil, &v); err != nil {
		p.t.Fatal(err)
	}
	return v
}
