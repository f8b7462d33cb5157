package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// slotted is a worker of the replicas with so many slots. It notes how many jobs it has at once.
func (rs *replicas) slotted(id string, slots int32, crowd *crowdAtWork, long func(*wire.JobRequest) time.Duration) *worker {
	rs.t.Helper()
	var hands sync.WaitGroup
	rs.t.Cleanup(hands.Wait)
	k := rs.world(rs.place()).newWorker(id, func(j *wire.JobRequest) *wire.JobResult {
		hands.Add(1)
		defer hands.Done()
		crowd.work(long(j))
		return succeed(j)
	}, "job.t.work")
	k.set(func(k *worker) { k.slots = slots })
	k.beat()
	rs.until("the worker's slots are known", func() bool {
		all, _ := rs.place().r.Workers(context.Background(), ann)
		for _, v := range all {
			if v.ID == id && v.Max == int(slots) {
				return true
			}
		}
		return false
	})
	return k
}

// place is the replica that gives jobs to workers.
func (rs *replicas) place() *replica {
	rs.t.Helper()
	var p *replica
	rs.until("somebody has partition 0", func() bool {
		p = rs.ownerOf("00")
		return p != nil
	})
	return p
}

// runs starts n runs of a workflow, at all replicas in turn.
func (rs *replicas) runs(workflow, input string, n int) (runs []string) {
	rs.t.Helper()
	for i := range n {
		p := rs.alive()[i%len(rs.alive())]
		s, err := p.r.Start(context.Background(), ann, runner.StartRequest{Workflow: workflow, Input: json.RawMessage(input)})
		if err != nil {
			rs.t.Fatal(err)
		}
		runs = append(runs, s.RunID)
	}
	return runs
}

// succeeded waits until all runs have ended well.
func (rs *replicas) succeeded(runs []string) {
	rs.t.Helper()
	for _, run := range runs {
		if v := rs.ended(run); v.State != "succeeded" {
			rs.t.Errorf("run %s is %s: %+v", run, v.State, v.Steps)
		}
	}
}

// TestReplicasShareAWorker: jobs of all replicas share one worker's slots, all of them and no more, and nothing is sent twice.
func TestReplicasShareAWorker(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(plain, "write", ""))
		crowd := &crowdAtWork{}
		rs.slotted("w1", 8, crowd, func(*wire.JobRequest) time.Duration { return time.Second })
		runs := rs.runs("plain", `{}`, 96)
		rs.succeeded(runs)
		if crowd.most != 8 || len(crowd.began) != len(runs) {
			t.Errorf("%d jobs at once, %d in all", crowd.most, len(crowd.began))
		}
		took := crowd.began[len(crowd.began)-1].Sub(crowd.began[0])
		if took > 30*time.Second { // twelve rounds of a second
			t.Errorf("96 jobs of a second, eight at a time, began within %s", took)
		}
	})
}

// TestTenantsTakeTurnsOverReplicas: a tenant's few jobs of one replica do not wait behind the many of another's.
func TestTenantsTakeTurnsOverReplicas(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		greedy, modest := ann, ann
		greedy.Tenant, modest.Tenant = "greedy", "modest"
		for _, c := range []runner.Caller{greedy, modest} {
			err := rs.at("00", func(r *runner.Runner) error {
				_, err := r.PutWorkflow(context.Background(), c, []byte(sprintf(plain, "none", "")), runner.FormatYAML)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var order []string
		rs.slotted("w1", 1, &crowdAtWork{}, func(j *wire.JobRequest) time.Duration {
			mu.Lock()
			order = append(order, j.TenantId)
			mu.Unlock()
			return time.Second
		})
		start := func(p *replica, c runner.Caller, n int) {
			for range n {
				if _, err := p.r.Start(context.Background(), c, runner.StartRequest{Workflow: "plain"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		start(rs.all[0], greedy, 40)
		time.Sleep(time.Second)
		start(rs.all[1], modest, 10)
		done := func() int { mu.Lock(); defer mu.Unlock(); return len(order) }
		rs.until("all jobs were done", func() bool { return done() == 50 })
		behind := 0
		for i, tenant := range order {
			if tenant == "modest" {
				behind = i
			}
		}
		if behind > 26 { // its ten in turn with ten of the others, after those that began before
			t.Errorf("the modest tenant's last job was number %d of 50", behind+1)
		}
	})
}

// TestLockOverReplicas: jobs of runs of several replicas never hold a lock together, and its tokens rise.
func TestLockOverReplicas(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(locking(8, `"db:${input.db}"`))
		g := &guarded{}
		rs.world(rs.place()).newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			g.use(j, time.Duration(100+rand.IntN(400))*time.Millisecond)
			return succeed(j)
		}, "job.t.work")
		rs.succeeded(rs.runs("locking", `{"db": "main"}`, 6))
		if g.most != 1 || g.overlap+g.refused != 0 || len(g.tokens) != 48 {
			t.Errorf("%d at once, %d overlaps, %d refused, %d tokens", g.most, g.overlap, g.refused, len(g.tokens))
		}
	})
}

// TestMaxConcurrentOverReplicas: a limit of a policy holds over all replicas, and is used.
func TestMaxConcurrentOverReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inForce := constrained(t, "{type: MaxConcurrent, value: 3}")
		rs := newReplicas(t, 3, func(cfg *runner.Config) { cfg.Policy, cfg.Audit.Key = inForce, signer() })
		rs.put(sprintf(plain, "write", ""))
		crowd := &crowdAtWork{}
		rs.slotted("w1", 100, crowd, func(*wire.JobRequest) time.Duration { return 500 * time.Millisecond })
		runs := rs.runs("plain", `{}`, 30)
		rs.succeeded(runs)
		if crowd.most != 3 || len(crowd.began) != len(runs) {
			t.Errorf("%d jobs at once, %d in all", crowd.most, len(crowd.began))
		}
	})
}

// TestPlaceIsKilled: when the replica dies that gives jobs to workers, jobs of all others go on elsewhere within a lease and two
// seconds, and what a worker did is not done again.
func TestPlaceIsKilled(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(plain, "write", ""))
		var mu sync.Mutex
		begun := map[string]int{}
		crowd := &crowdAtWork{}
		k := rs.slotted("w1", 4, crowd, func(j *wire.JobRequest) time.Duration {
			mu.Lock()
			begun[j.RunId]++
			mu.Unlock()
			return time.Second
		})
		k.set(func(k *worker) { k.refuses = true })
		runs := rs.runs("plain", `{}`, 60)
		time.Sleep(1500 * time.Millisecond)
		rs.place().kill()
		killed := time.Now()
		count := func() int { mu.Lock(); defer mu.Unlock(); return len(begun) }
		before := count()
		rs.until("jobs go on", func() bool { return count() > before })
		if took := time.Since(killed); took > runner.DefaultLeaseTTL+2*time.Second {
			t.Errorf("jobs went on after %s", took)
		}
		rs.succeeded(runs)
		if crowd.most > 4 {
			t.Errorf("%d jobs at once on four slots", crowd.most)
		}
		for run, n := range begun {
			if n != 1 {
				t.Errorf("run %s was done %d times", run, n)
			}
		}
	})
}

// TestReplicasLoseWhatTheySay: whatever the bus loses, doubles and reorders between the replicas costs time and nothing else.
func TestReplicasLoseWhatTheySay(t *testing.T) {
	for seed := range seeds(8) {
		t.Run(sprintf("seed %d", seed), func(t *testing.T) {
			replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
				faulty := newFaultyPeers(rs, seed)
				rs.put(locking(4, `"db:${input.db}"`))
				g := &guarded{}
				k := rs.world(rs.place()).newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
					g.use(j, time.Duration(100+rand.IntN(400))*time.Millisecond)
					return succeed(j)
				}, "job.t.work")
				_ = k
				faulty.begin()
				runs := rs.runs("locking", `{"db": "main"}`, 5)
				time.Sleep(20 * time.Second)
				faulty.end()
				rs.succeeded(runs)
				if g.most != 1 || g.overlap+g.refused != 0 {
					t.Errorf("%d at once, %d overlaps, %d refused", g.most, g.overlap, g.refused)
				}
			})
		})
	}
}

// keyedRun starts a run of the workflow keyed at a replica.
func (p *replica) keyedRun(db string) (string, error) {
	s, err := p.r.Start(context.Background(), ann, runner.StartRequest{Workflow: "keyed", Input: json.RawMessage(sprintf(`{"db":%q,"team":"x"}`, db))})
	return s.RunID, err
}

// TestConcurrencyKeyOverReplicas: as many runs as a key allows are under way over all replicas, in the order in which they came,
// also when the replica dies that keeps the keys.
func TestConcurrencyKeyOverReplicas(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(keyed, 2, "queue"))
		crowd := &crowdAtWork{}
		rs.slotted("w1", 100, crowd, func(*wire.JobRequest) time.Duration { return time.Second })
		var runs []string
		for i := range 12 {
			run, err := rs.all[i%3].keyedRun("p")
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, run)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		rs.place().kill()
		rs.succeeded(runs)
		if crowd.most != 2 {
			t.Errorf("%d runs with the key at once", crowd.most)
		}
	})
}

// TestConcurrencyRejectsOverReplicas: a run whose key is another replica's run's is refused, and takes it when that has ended.
func TestConcurrencyRejectsOverReplicas(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(keyed, 1, "reject"))
		k := rs.world(rs.place()).newWorker("w1", nil, "job.t.work")
		one, err := rs.all[0].keyedRun("p")
		if err != nil {
			t.Fatal(err)
		}
		first := k.takeStep("a")
		for _, p := range rs.all {
			if _, err := p.keyedRun("p"); !errors.Is(err, runner.ErrConflict) {
				t.Errorf("%s answers %v", p.name, err)
			}
		}
		k.done(first)
		rs.ended(one)
		var two string
		rs.until("the key is free", func() bool {
			two, err = rs.all[1].keyedRun("p")
			return err == nil
		})
		k.done(k.takeStep("a"))
		rs.succeeded([]string{two})
	})
}

// TestConcurrencyCancelsTheOldestOverReplicas: a newer run of another replica has the older one cancelled.
func TestConcurrencyCancelsTheOldestOverReplicas(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(keyed, 1, "cancel_oldest"))
		k := rs.world(rs.place()).newWorker("w1", nil, "job.t.work")
		one, err := rs.all[0].keyedRun("p")
		if err != nil {
			t.Fatal(err)
		}
		first := k.takeStep("a")
		two, err := rs.all[1].keyedRun("p")
		if err != nil {
			t.Fatal(err)
		}
		<-k.cancelled
		k.answer(first, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
		if v := rs.ended(one); v.State != "cancelled" {
			t.Errorf("the older run is %s", v.State)
		}
		k.done(k.takeStep("a"))
		rs.succeeded([]string{two})
	})
}

// TestPlaceDrains: when the replica stops in good order that gives jobs to workers, nothing is done twice and no slot is given twice.
func TestPlaceDrains(t *testing.T) {
	replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(plain, "none", ""))
		crowd := &crowdAtWork{}
		rs.slotted("w1", 4, crowd, func(*wire.JobRequest) time.Duration { return 300 * time.Millisecond })
		runs := rs.runs("plain", `{}`, 60)
		time.Sleep(time.Second)
		rs.place().drain()
		rs.succeeded(runs)
		if crowd.most > 4 || len(crowd.began) != len(runs) {
			t.Errorf("%d jobs at once on four slots, %d in all of %d", crowd.most, len(crowd.began), len(runs))
		}
	})
}

// TestPlainWorkerOverReplicas: a worker that knows CAP and no more serves jobs of all replicas, each once, while one of them stops.
func TestPlainWorkerOverReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lies := newShelf()
		rs := newReplicas(t, 3, func(cfg *runner.Config) { cfg.Pointers = lies })
		rs.put(sprintf(plain, "write", ""))
		k := rs.world(rs.place()).newPlainWorker("p1", &wire.Heartbeat{Topics: []string{"job.t.work"}, MaxParallelJobs: 3}, "job.t.work")
		served := map[string]int{}
		var serving sync.WaitGroup
		over := make(chan struct{})
		serving.Go(func() {
			for {
				select {
				case j := <-k.jobs:
					served[j.JobId]++
					time.Sleep(100 * time.Millisecond)
					k.say(j.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED})
				case <-over:
					return
				}
			}
		})
		runs := rs.runs("plain", `{}`, 45)
		time.Sleep(time.Second)
		rs.place().drain()
		rs.succeeded(runs)
		close(over)
		serving.Wait()
		for attempt, n := range served {
			if n != 1 {
				t.Errorf("attempt %s was sent %d times", attempt, n)
			}
		}
		if len(served) != len(runs) {
			t.Errorf("%d attempts of %d runs", len(served), len(runs))
		}
	})
}

// TestWhyOverReplicas: every replica says what a job waits for, though one only knows.
func TestWhyOverReplicas(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put("id: needy\nsteps:\n  - {id: a, topic: job.t.work, effect: none, requires: [gpu]}\n")
		rs.world(rs.place()).newWorker("w1", nil, "job.t.work")
		for _, p := range rs.all {
			run := p.run("needy")
			rs.until("the job waits for a capability", func() bool {
				v, err := p.r.View(context.Background(), ann, run)
				return err == nil && len(v.Steps) == 1 && v.Steps[0].Placement != nil && v.Steps[0].Placement.Reason == "capability_mismatch"
			})
		}
	})
}

// TestKeysAndPlaceOverFaults: whatever the bus loses between replicas, one of which dies, no key is had twice and every run ends.
func TestKeysAndPlaceOverFaults(t *testing.T) {
	for seed := range seeds(8) {
		t.Run(sprintf("seed %d", seed), func(t *testing.T) {
			replicaBubble(t, 3, func(t *testing.T, rs *replicas) {
				faulty := newFaultyPeers(rs, seed)
				rs.put(sprintf(keyed, 1, "queue"))
				crowd := &crowdAtWork{}
				rs.slotted("w1", 100, crowd, func(*wire.JobRequest) time.Duration { return 300 * time.Millisecond })
				faulty.begin()
				rng := rand.New(rand.NewPCG(seed, 2))
				var runs []string
				for range 15 {
					run, err := rs.alive()[rng.IntN(3)].keyedRun("p")
					if err != nil {
						t.Fatal(err)
					}
					runs = append(runs, run)
					time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
				}
				time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
				rs.alive()[rng.IntN(3)].kill()
				rs.succeeded(runs)
				faulty.end()
				if crowd.most != 1 || len(crowd.began) != len(runs) {
					t.Errorf("%d runs with the key at once, %d jobs of %d runs", crowd.most, len(crowd.began), len(runs))
				}
			})
		})
	}
}
