package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

// locking is a workflow of n like jobs that hold a lock one after another.
func locking(n int, lock string) string {
	return sprintf(`
id: locking
on_failure: continue
steps:
  - {id: each, topic: job.t.work, effect: write, for_each: "0..%d", resource_lock: %s, retry: {max_attempts: 20, initial: 1s}}
`, n-1, lock)
}

// guarded is a resource that checks fencing tokens and counts who is at it.
type guarded struct {
	mu               sync.Mutex
	seen             int64
	in, alone        int
	most, mostAlone  int
	refused, overlap int
	tokens           map[int64]string
}

// use is what a job does while it holds its lock.
func (g *guarded) use(j *wire.JobRequest, d time.Duration) {
	if len(j.Locks) != 1 || j.Locks[0].FencingToken <= 0 {
		panic(fmt.Sprintf("job %s came with the locks %v", j.JobId, j.Locks))
	}
	h := j.Locks[0]
	only := 0
	if !h.Shared {
		only = 1
	}
	g.mu.Lock()
	if g.tokens == nil {
		g.tokens = map[int64]string{}
	}
	if other := g.tokens[h.FencingToken]; other != "" && other != j.JobId {
		g.overlap++
	}
	g.tokens[h.FencingToken] = j.JobId
	if h.FencingToken < g.seen && only == 1 {
		g.refused++
	}
	g.seen = max(g.seen, h.FencingToken)
	g.in, g.alone = g.in+1, g.alone+only
	if g.alone > 0 && g.in > 1 {
		g.overlap++
	}
	g.most, g.mostAlone = max(g.most, g.in), max(g.mostAlone, g.alone)
	g.mu.Unlock()
	time.Sleep(d)
	g.mu.Lock()
	g.in, g.alone = g.in-1, g.alone-only
	g.mu.Unlock()
}

func (w *world) lock(name string) runner.LockView {
	w.t.Helper()
	v, err := w.r.Lock(context.Background(), ann, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) acquire(req runner.LockRequest) (runner.LockHolder, error) {
	return w.r.AcquireLock(context.Background(), ann, req)
}

// TestTwoRunsOneLock: jobs of several runs never hold a lock together, and those of each go on when it is free.
func TestTwoRunsOneLock(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(locking(30, `"db:${input.db}"`))
		g := &guarded{}
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			g.use(j, time.Duration(100+rand.IntN(900))*time.Millisecond)
			return succeed(j)
		}, "job.t.work")
		one, two := w.run("locking", `{"db": "main"}`), w.run("locking", `{"db": "main"}`)
		for _, run := range []string{one, two} {
			if v := w.ended(run); v.State != "succeeded" {
				t.Errorf("the run is %s", v.State)
			}
		}
		if g.most != 1 || g.overlap+g.refused != 0 || len(g.tokens) != 60 {
			t.Errorf("%d together, %d overlaps, %d late, %d tokens", g.most, g.overlap, g.refused, len(g.tokens))
		}
		w.noHolder()
	})
}

// TestSharedLock: those who share a lock hold it together, and somebody who wants it alone gets it in turn.
func TestSharedLock(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(`
id: shares
steps:
  - {id: read, topic: job.t.work, for_each: "0..19", max_parallel: 5, resource_lock: {name: db, mode: shared}}
  - {id: write, topic: job.t.work, effect: write, for_each: "0..4", resource_lock: db}
`))
		g := &guarded{}
		w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			g.use(j, time.Second)
			return succeed(j)
		}, "job.t.work")
		if v := w.ended(w.run("shares", `{}`)); v.State != "succeeded" {
			t.Errorf("the run is %s", v.State)
		}
		if g.most < 2 || g.mostAlone != 1 || g.overlap != 0 {
			t.Errorf("%d together, %d alone, %d overlaps", g.most, g.mostAlone, g.overlap)
		}
		w.noHolder()
	})
}

// TestLockOverCrashes stops the process again and again, with a last commit and without one: no two hold the lock, and no token
// comes twice.
func TestLockOverCrashes(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 11))
				w := stillWorld(t)
				flaky := faults.Wrap(w.store)
				w.store = flaky
				w.cfg.Policy = constrained(t, "{type: MaxConcurrent, value: 3}", "{type: RateLimit, value: {key: topic, per: 1s, limit: 2}}")
				w.start()
				w.put(locking(40, "db"))
				g := &guarded{}
				w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
					g.use(j, time.Duration(100+rand.IntN(900))*time.Millisecond)
					return succeed(j)
				}, "job.t.work")
				run := w.run("locking", `{}`)
				for range 8 {
					time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
					if rng.IntN(2) == 0 { // nothing more is written, or it is and nobody learns of it
						flaky.Plan(faults.Fault{Method: faults.Commit, Times: -1, When: faults.Moment(rng.IntN(2)), Do: faults.Fail(faults.ErrPlanned)})
						time.Sleep(time.Duration(rng.IntN(500)) * time.Millisecond)
						w.halt()
						flaky.Clear()
						w.start()
					} else {
						w.restart()
					}
				}
				if v := w.ended(run); v.State != "succeeded" {
					t.Errorf("the run is %s", v.State)
				}
				if g.most != 1 || g.overlap+g.refused != 0 {
					t.Errorf("%d together, %d overlaps, %d late", g.most, g.overlap, g.refused)
				}
				w.noHolder()
			})
		})
	}
}

// TestLockOfALostWorker stays until its attempt is over; the attempt after it has a greater token.
func TestLockOfALostWorker(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, resource_lock: db, retry: {max_attempts: 2, initial: 1s}}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("one", `{}`)
		first := k.next()
		k.accept(first)
		other := w.run("one", `{}`)
		w.until("the other one waits", func() bool {
			return strings.Contains(w.step(other, "a").Reason, "waiting for lock db, held by "+first.JobId)
		})
		if v := w.lock("db"); v.Holding != 1 || v.Waiting != 1 || v.Holders[0].RunID != run || v.Waiters[0].RunID != other || v.Holders[0].Token != first.Locks[0].FencingToken {
			t.Errorf("the lock is %+v", v)
		}
		k.set(func(k *worker) { k.mute = true })
		time.Sleep(10 * time.Second)
		if v := w.lock("db"); v.Holding != 1 || v.Holders[0].RunID != run {
			t.Errorf("before the lease is over the lock is %+v", v)
		}
		k2 := w.newWorker("w2", nil, "job.t.work")
		last := first.Locks[0].FencingToken
		for range 2 {
			next := k2.next()
			if token := next.Locks[0].FencingToken; token <= last {
				t.Errorf("token %d after %d", token, last)
			} else {
				last = token
			}
			k2.accept(next)
			k2.done(next)
		}
		if code := k.done(first); code != wire.AckCode_ACK_CODE_STALE {
			t.Errorf("the late result was answered %s", code)
		}
		w.ended(run)
		w.ended(other)
		w.noHolder()
	})
}

// TestTokenOverARestart: the attempt that a new owner sends has the token of the grant that is stored.
func TestTokenOverARestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, resource_lock: db}\n")
		run := w.run("one", `{}`)
		w.until("it is released", func() bool { return w.count(run, "job_released") == 1 })
		token := w.lock("db").Holders[0].Token
		w.restart()
		k := w.newWorker("w1", nil, "job.t.work")
		job := k.next()
		if len(job.Locks) != 1 || job.Locks[0].FencingToken != token {
			t.Errorf("locks %v, want the token %d", job.Locks, token)
		}
		w.restart()
		k.accept(job)
		k.done(job)
		w.ended(run)
		w.noHolder()
	})
}

// TestCompensationHoldsItsLock: what undoes a step waits for its lock like a step.
func TestCompensationHoldsItsLock(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(`
id: undoes
on_failure: rollback
steps:
  - {id: a, topic: job.t.work, effect: write, compensate: {topic: job.t.undo, resource_lock: "db", idempotent: true}}
  - {id: b, topic: job.t.fail, depends_on: [a]}
`)
		w.newWorker("w1", succeed, "job.t.work")
		w.newWorker("w2", func(*wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "boom"}
		}, "job.t.fail")
		undo := w.newWorker("w3", nil, "job.t.undo")
		if _, err := w.acquire(runner.LockRequest{Name: "db", TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		run := w.run("undoes", `{}`)
		undo.none(time.Minute)
		if _, err := w.r.ReleaseLock(context.Background(), ann, runner.LockRequest{Name: "db"}); err != nil {
			t.Fatal(err)
		}
		job := undo.next()
		if len(job.Locks) != 1 || job.Locks[0].Name != "db" {
			t.Errorf("locks %v", job.Locks)
		}
		undo.done(job)
		if v := w.ended(run); v.Compensation != "done" {
			t.Errorf("the compensation is %s", v.Compensation)
		}
		w.noHolder()
	})
}

// TestOutsiderLetsGoByItself: a job waits for a holder outside, and gets the lock when the holder's time is over, over a restart,
// too.
func TestOutsiderLetsGoByItself(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, resource_lock: db}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		h, err := w.acquire(runner.LockRequest{Name: "db", Owner: "script/7", TTL: time.Minute})
		if err != nil || h.Kind != "external" || h.Holder != "script/7" || h.Until == nil {
			t.Fatalf("%+v, %v", h, err)
		}
		run := w.run("one", `{}`)
		time.Sleep(40 * time.Second)
		again, err := w.r.RenewLock(context.Background(), ann, runner.LockRequest{Name: "db", Owner: "script/7", TTL: time.Minute, Token: h.Token})
		if err != nil || again.Token != h.Token || !again.Until.After(*h.Until) {
			t.Fatalf("renewed: %+v, %v", again, err)
		}
		w.restart()
		k.none(40 * time.Second)
		if r := w.step(run, "a").Reason; r != "waiting for lock db, held by script/7" {
			t.Errorf("it waits: %q", r)
		}
		began := time.Now()
		job := k.next()
		if took := time.Since(began); took > 21*time.Second {
			t.Errorf("the lock came %s late", took)
		}
		if job.Locks[0].FencingToken <= h.Token {
			t.Errorf("token %d after %d", job.Locks[0].FencingToken, h.Token)
		}
		_, err = w.r.RenewLock(context.Background(), ann, runner.LockRequest{Name: "db", Owner: "script/7"})
		is(t, err, runner.ErrConflict)
		_, err = w.r.ReleaseLock(context.Background(), ann, runner.LockRequest{Name: "db", Owner: "script/7", Token: h.Token})
		is(t, err, runner.ErrConflict)
		k.accept(job)
		k.done(job)
		w.ended(run)
		w.noHolder()
	})
}

// TestOutsidersWait: who waits from outside is let in in turn; who does not is told who holds it.
func TestOutsidersWait(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		first, err := w.acquire(runner.LockRequest{Name: "db", Owner: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := w.acquire(runner.LockRequest{Name: "db", Owner: "a"}); err != nil || again.Token != first.Token {
			t.Errorf("asked again: %+v, %v", again, err)
		}
		_, err = w.acquire(runner.LockRequest{Name: "db", Owner: "a", Shared: true})
		is(t, err, runner.ErrConflict)
		_, err = w.acquire(runner.LockRequest{Name: "db", Owner: "b"})
		if is(t, err, runner.ErrConflict); err == nil || !strings.Contains(err.Error(), "held by a") {
			t.Errorf("error %v", err)
		}
		_, err = w.acquire(runner.LockRequest{Name: "db", Owner: "b", Wait: 10 * time.Second})
		is(t, err, runner.ErrConflict)
		if v := w.lock("db"); v.Waiting != 0 {
			t.Errorf("they wait still: %+v", v)
		}
		got := make(chan runner.LockHolder, 1)
		go func() {
			h, _ := w.acquire(runner.LockRequest{Name: "db", Owner: "b", Wait: time.Minute})
			got <- h
		}()
		w.until("b waits", func() bool { return w.lock("db").Waiting == 1 })
		stranger := runner.Caller{Tenant: ann.Tenant, Actor: "user:bob", Reason: "it hangs"}
		_, err = w.r.ReleaseLock(context.Background(), stranger, runner.LockRequest{Name: "db", Owner: "a"})
		is(t, err, runner.ErrForbidden)
		v, err := w.r.ReleaseLock(context.Background(), stranger, runner.LockRequest{Name: "db", Force: true, Holder: "a"})
		if err != nil {
			t.Fatal(err)
		}
		h := <-got
		if h.Token <= first.Token || v.Holding > 1 {
			t.Errorf("b has %+v after %+v", h, first)
		}
		views, _, err := w.r.Locks(context.Background(), ann, "d", "", 10)
		if err != nil || len(views) != 1 || views[0].Holders[0].Holder != "b" {
			t.Errorf("%+v, %v", views, err)
		}
		if views, _, _ := w.r.Locks(context.Background(), runner.Caller{Tenant: "other"}, "", "", 10); len(views) != 0 {
			t.Errorf("another tenant sees %+v", views)
		}
		if _, err := w.r.ReleaseLock(context.Background(), ann, runner.LockRequest{Name: "db", Owner: "b", Token: h.Token}); err != nil {
			t.Error(err)
		}
		w.noHolder()
	})
}

// TestLockEndsWithItsJob ends jobs in every way that there is and looks at who still holds the lock.
func TestLockEndsWithItsJob(t *testing.T) {
	for name, end := range map[string]func(w *world, k *worker, run string, job *wire.JobRequest){
		"cancelled": func(w *world, k *worker, run string, job *wire.JobRequest) {
			w.command(run, runner.VerbCancel)
			<-k.cancelled
			k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
		},
		"timed out": func(*world, *worker, string, *wire.JobRequest) {},
		"lost": func(_ *world, k *worker, _ string, _ *wire.JobRequest) {
			k.set(func(k *worker) { k.mute = true })
		},
		"failed": func(_ *world, k *worker, _ string, job *wire.JobRequest) {
			k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "no"})
		},
		"cancelled by force": func(w *world, _ *worker, run string, _ *wire.JobRequest) {
			if _, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel, Force: true}); err != nil {
				w.t.Fatal(err)
			}
		},
		"forced": func(w *world, k *worker, _ string, job *wire.JobRequest) {
			c := runner.Caller{Tenant: ann.Tenant, Actor: ann.Actor, Reason: "it is gone"}
			if _, err := w.r.ReleaseLock(context.Background(), c, runner.LockRequest{Name: "db", Force: true}); err != nil {
				w.t.Fatal(err)
			}
			k.done(job)
		},
		"ended over a restart": func(w *world, k *worker, _ string, job *wire.JobRequest) {
			w.restart()
			k.done(job)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, timeout: 30s, resource_lock: db}\n")
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("one", `{}`)
				job := k.next()
				k.accept(job)
				end(w, k, run, job)
				w.ended(run)
				w.noHolder()
				if v := w.lock("db"); v.State != "free" {
					t.Errorf("the lock is %+v", v)
				}
			})
		})
	}
}

// TestLockWithoutAName fails its step: a template may give nothing.
func TestLockWithoutAName(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, resource_lock: '${input.db}'}\n")
		v := w.ended(w.run("one", `{"db": ""}`))
		if e := v.Steps[0].Error; e == nil || e.Code != "lock_invalid" {
			t.Errorf("the error is %+v", e)
		}
	})
}

// TestCallsShareAPlace: an owner outside whose next call begins before the one before it ends keeps its place in the line; one that
// asks again only then is behind those who came meanwhile.
func TestCallsShareAPlace(t *testing.T) {
	for name, c := range map[string]struct {
		again time.Duration // after the first call of a minute
		first string
	}{
		"before it ends": {50 * time.Second, "ann"},
		"when it ended":  {61 * time.Second, "ben"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				acquire := func(owner string, wait time.Duration) error {
					_, err := w.acquire(runner.LockRequest{Name: "l", Owner: owner, Wait: wait, TTL: 10 * time.Minute})
					return err
				}
				if err := acquire("cleo", 0); err != nil {
					t.Fatal(err)
				}
				got := make(chan string, 4)
				ask := func(owner string, after time.Duration) {
					go func() {
						time.Sleep(after)
						if acquire(owner, time.Minute) == nil {
							got <- owner
						}
					}()
				}
				ask("ann", 0)
				ask("ben", 30*time.Second)
				ask("ann", c.again)
				time.Sleep(80 * time.Second)
				if _, err := w.r.ReleaseLock(context.Background(), ann, runner.LockRequest{Name: "l", Owner: "cleo"}); err != nil {
					t.Fatal(err)
				}
				if first := <-got; first != c.first {
					t.Errorf("%s got it first, want %s", first, c.first)
				}
				time.Sleep(2 * time.Minute) // the others have given up
			})
		})
	}
}
