package runner_test

import (
	"testing"
	"testing/synctest"

	"cordum.dev/cordum/store/faults"
)

// TestLockOfAWorkerThatSleeps: the process dies when a worker was just given a job that it may begin without leave, and the worker
// says nothing to the next one. It may go on later, so that nobody else gets the job under the token that it has.
func TestLockOfAWorkerThatSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		flaky := faults.Wrap(w.store)
		w.store = flaky
		w.start()
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, idempotent: true, resource_lock: db, retry: {max_attempts: 2, initial: 1s}}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("one", `{}`)
		first := k.next()
		flaky.Plan(faults.Fault{Method: faults.Commit, Times: -1, Do: faults.Fail(faults.ErrPlanned)}) // nothing more is written
		k.set(func(k *worker) { k.mute = true })
		w.halt()
		flaky.Clear()
		w.start()
		k2 := w.newWorker("w2", nil, "job.t.work")
		next := k2.next()
		if had, has := first.Locks[0].FencingToken, next.Locks[0].FencingToken; has <= had {
			t.Errorf("another worker has the job with token %d, and the one that sleeps has %d", has, had)
		}
		k2.accept(next)
		k2.done(next)
		if v := w.ended(run); v.State != "succeeded" {
			t.Errorf("the run is %s", v.State)
		}
		w.noHolder()
	})
}
