package runner_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// TestTokensGoOnOverARestart: nothing is kept of a lock that nobody holds, and its next holder still has a greater token than all before.
func TestTokensGoOnOverARestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var last int64
		for range 3 {
			for range 2 {
				req := runner.LockRequest{Name: "db", Owner: "cleo", TTL: time.Minute}
				h, err := w.acquire(req)
				if err != nil {
					t.Fatal(err)
				}
				if h.Token <= last {
					t.Errorf("token %d after %d", h.Token, last)
				}
				last = h.Token
				if _, err := w.r.ReleaseLock(context.Background(), ann, req); err != nil {
					t.Fatal(err)
				}
			}
			w.restart()
		}
	})
}

// TestLockIsHeldUntilTheEndIsDurable: a job whose end cannot be written has not ended, and nobody else gets its lock.
func TestLockIsHeldUntilTheEndIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		flaky := faults.Wrap(w.store)
		w.store = flaky
		w.start()
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, resource_lock: db}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("one", `{}`)
		job := k.next()
		k.accept(job)
		req := runner.LockRequest{Name: "db", Owner: "cleo", TTL: time.Minute, Wait: time.Minute}
		got := make(chan error, 1)
		go func() {
			_, err := w.acquire(req)
			got <- err
		}()
		synctest.Wait()
		flaky.Plan(faults.Fault{
			Method: faults.Commit, Times: -1, Do: faults.Fail(faults.ErrPlanned),
			Match: func(c faults.Call) bool {
				return slices.ContainsFunc(c.Txs, func(tx store.Tx) bool {
					return slices.ContainsFunc(tx.Appends, func(a store.Append) bool { return a.Log.Run == run })
				})
			},
		})
		said := make(chan struct{})
		go func() { defer close(said); k.done(job) }()
		w.until("the commit fails", func() bool { return len(flaky.Fired()) > 0 })
		time.Sleep(time.Second)
		early := len(got) > 0
		flaky.Clear()
		<-said
		k.done(job)
		w.ended(run)
		if err := <-got; err != nil || early {
			t.Errorf("who waits for the lock gets %v, before it is free: %t", err, early)
		}
	})
}
