package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
)

// TestReplicasShare: three replicas have 64 partitions, none differs from another by more than one, and each run is where its
// replica is.
func TestReplicasShare(t *testing.T) {
	rs := newReplicasOver(t, 3, 64)
	for _, p := range rs.all {
		if n := len(runner.Owned(p.r)); n != 21 && n != 22 {
			t.Errorf("%s owns %d partitions", p.name, n)
		}
		if len(runner.MembersOf(p.r)) != 3 {
			t.Errorf("%s knows %v", p.name, runner.MembersOf(p.r))
		}
	}
	rs.put("id: wf\nsteps:\n  - {id: a, type: approval}\n")
	for _, p := range rs.all {
		for range 5 {
			run := p.run("wf")
			if got := rs.ownerOf(run); got != p {
				t.Errorf("run %s was started at %s and is at %v", run, p.name, got)
			}
			for _, other := range rs.all {
				_, err := other.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbPause})
				if moved := errors.Is(err, runner.ErrMoved); moved == (other == p) {
					t.Errorf("%s answers for a run of %s: %v", other.name, p.name, err)
				}
			}
		}
	}
}

// crowd is a worker that counts what it does: how often each attempt began, and was accepted.
type crowd struct {
	mu       sync.Mutex
	begun    map[string]int // job → attempts that began
	accepted map[string]int
}

func (c *crowd) note(m map[string]int, job string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m[job]++
}

func (c *crowd) acceptedJobs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.accepted)
}

// newCrowd connects a worker that takes a while for each job.
func (rs *replicas) newCrowd(topic string, takes time.Duration) *crowd {
	rs.t.Helper()
	c := &crowd{begun: map[string]int{}, accepted: map[string]int{}}
	var k *worker
	k = rs.world(rs.alive()[0]).newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
		c.note(c.begun, jobOf(j))
		time.Sleep(takes)
		if k.done(j) == wire.AckCode_ACK_CODE_OK {
			c.note(c.accepted, jobOf(j))
		}
		return nil
	}, topic)
	rs.t.Cleanup(func() {
		if !rs.t.Failed() {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		for attempt := range k.have {
			job, _, _ := strings.Cut(attempt, "@")
			rs.t.Logf("the worker has %s: begun %d times, accepted %d times", attempt, c.begun[job], c.accepted[job])
		}
	})
	return c
}

// wellDone checks that every run ended well, and each of its jobs was done once.
func (rs *replicas) wellDone(c *crowd, runs []string, steps int) {
	rs.t.Helper()
	for _, run := range runs {
		if v := rs.ended(run); v.State != "succeeded" {
			rs.t.Errorf("run %s is %s: %+v", run, v.State, v.Error)
		}
	}
	for deadline := time.Now().Add(time.Minute); c.acceptedJobs() < len(runs)*steps && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond) // a run ends before the worker of its last step hears of it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.accepted) != len(runs)*steps {
		rs.t.Errorf("%d jobs were accepted, not %d", len(c.accepted), len(runs)*steps)
	}
	for job, n := range c.begun {
		if n != 1 || c.accepted[job] != 1 {
			rs.t.Errorf("job %s was begun %d times and accepted %d times", job, n, c.accepted[job])
		}
	}
}

// relay is a workflow of steps, one after another, that may not be done twice.
func relay(id string, steps int) string {
	source := "id: " + id + "\nsteps:\n"
	for i := range steps {
		source += fmt.Sprintf("  - {id: s%d, topic: job.t.work, effect: write", i)
		if i > 0 {
			source += fmt.Sprintf(", depends_on: [s%d]", i-1)
		}
		source += "}\n"
	}
	return source
}

// TestReplicasScaleOut: partitions move to newcomers with runs under way; no job is repeated, nothing is lost, and who gave
// them away remembers nothing of them.
func TestReplicasScaleOut(t *testing.T) {
	replicaBubble(t, 1, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 6))
		c := rs.newCrowd("job.t.work", 700*time.Millisecond)
		var runs []string
		for range 40 {
			runs = append(runs, rs.all[0].run("wf"))
			time.Sleep(20 * time.Millisecond)
		}
		rs.add()
		rs.add()
		for _, p := range rs.all {
			if n := runner.RememberedOf(p.r); n > 0 {
				t.Errorf("%s remembers %d things of partitions that are not its own", p.name, n)
			}
		}
		rs.wellDone(c, runs, 6)
	})
}

// TestReplicaDrains: a replica that is stopped gives its runs to the others; no job is repeated.
func TestReplicaDrains(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 6))
		c := rs.newCrowd("job.t.work", 700*time.Millisecond)
		var runs []string
		for range 14 {
			for _, p := range rs.all {
				runs = append(runs, p.run("wf"))
			}
		}
		time.Sleep(time.Second)
		begun := time.Now()
		rs.all[1].drain()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("draining took %s", took)
		}
		rs.settled()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the partitions were served again after %s", took)
		}
		rs.wellDone(c, runs, 6)
	})
}

// TestReplicaKilled: the runs of a replica that dies go on elsewhere within its lease and 2 s.
func TestReplicaKilled(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(relay("wf", 6))
		c := rs.newCrowd("job.t.work", 700*time.Millisecond)
		var runs []string
		for range 14 {
			for _, p := range rs.all {
				runs = append(runs, p.run("wf"))
			}
		}
		time.Sleep(time.Second)
		rs.all[1].kill()
		died := time.Now()
		rs.settled()
		if took := time.Since(died); took > runner.DefaultLeaseTTL+2*time.Second {
			t.Errorf("the partitions were served again after %s", took)
		}
		rs.wellDone(c, runs, 6)
	})
}

// TestReplicaPaused: a replica that stood still for longer than its lease finds that others have its partitions: nothing that it
// then writes is taken, what it was asked meanwhile is not acknowledged, and it goes on as one of them.
func TestReplicaPaused(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put("id: wf\nsteps:\n  - {id: a, type: approval}\n")
		p := rs.all[0]
		var runs []string
		for range 10 {
			runs = append(runs, p.run("wf"))
		}
		p.pause()
		stuck := make(chan error, len(runs))
		for _, run := range runs {
			go func() {
				_, err := p.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
				stuck <- err
			}()
		}
		rs.until("the other one has everything", func() bool { return len(runner.Owned(rs.all[1].r)) == rs.store.Partitions() })
		p.resume()
		for range runs {
			if err := <-stuck; !errors.Is(err, runner.ErrUnavailable) {
				t.Errorf("a write of a replica that was asleep was acknowledged: %v", err)
			}
		}
		rs.settled()
		if rs.took.fenced == 0 {
			t.Error("no stale write came to the store: this test shows nothing")
		}
		for _, run := range runs {
			if v, err := rs.all[1].r.View(context.Background(), ann, run); err != nil || v.EndedAt != nil {
				t.Errorf("run %s is %s, %v", run, v.State, err)
			}
		}
	})
}

// TestReplicaFenced: of two replicas that both think a partition theirs one writes; the other one finds out, and nobody else is harmed.
func TestReplicaFenced(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put("id: wf\nsteps:\n  - {id: a, type: approval}\n")
		p := rs.all[0]
		run := p.run("wf")
		var part store.Partition
		_, _ = fmt.Sscanf(run[:2], "%02X", &part)
		h := &handle{Store: rs.store, gate: newGate(), took: rs.took, name: "thief"}
		lease, err := h.Acquire(context.Background(), part, p.name, time.Second) // as a second process of its name would
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
		is(t, err, runner.ErrMoved)
		if slices.Contains(runner.Owned(p.r), part) { // before any lease is renewed: no time has passed
			t.Error("it still takes the partition for its own")
		}
		if err := h.Release(context.Background(), lease); err != nil && !errors.Is(err, store.ErrFenced) { // it may have taken it again
			t.Fatal(err)
		}
		rs.settled()
		err = rs.at(run, func(r *runner.Runner) error {
			_, err := r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if v := rs.ended(run); v.State != "cancelled" {
			t.Errorf("the run is %s", v.State)
		}
	})
}

// TestReplicasNamesake: a second process under a name that is taken ends, and says why.
func TestReplicasNamesake(t *testing.T) {
	replicaBubble(t, 1, func(t *testing.T, rs *replicas) {
		twin := rs.startAs(rs.all[0].name)
		twin.over = true
		select {
		case err := <-twin.done:
			if err == nil {
				t.Error("it ended without an error")
			}
		case <-time.After(2 * time.Minute):
			t.Error("it goes on")
		}
		twin.stop()
		rs.settled()
	})
}

// TestKeyedStartsElsewhere: a start with an idempotency key is its partition owner's to answer.
func TestKeyedStartsElsewhere(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put("id: wf\nsteps:\n  - {id: a, type: approval}\n")
		for i := range 20 {
			req := runner.StartRequest{Workflow: "wf", Input: json.RawMessage(`{}`), IdempotencyKey: fmt.Sprint("k", i)}
			var ids []string
			for _, p := range rs.all {
				s, err := p.r.Start(context.Background(), ann, req)
				if err == nil {
					ids = append(ids, s.RunID)
				} else if !errors.Is(err, runner.ErrMoved) {
					t.Error(err)
				}
			}
			if len(ids) != 1 {
				t.Errorf("key %d was taken by %d replicas", i, len(ids))
			}
		}
	})
}
