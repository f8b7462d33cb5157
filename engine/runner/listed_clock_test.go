package runner_test

import (
	"testing"
	"time"

	"cordum.dev/cordum/store/faults"
)

// TestClockOfWhatIsListed: a worker's word that it took an attempt is lost, and its heartbeat, which says the same, comes while the
// store is away: what it said is forgotten with the commit that fails. When the run is read again the attempt has its clock all the
// same, and ends by its timeout, whatever its worker does.
func TestClockOfWhatIsListed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		flaky := faults.Wrap(w.store)
		w.store = flaky
		w.start()
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, idempotent: true, resource_lock: db, timeout: 30s}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("one", `{}`)
		job := k.next() // and that it took it is never heard
		flaky.Plan(faults.Fault{Method: faults.Commit, Times: -1, Do: faults.Fail(faults.ErrPlanned)})
		k.beat()
		w.until("what the heartbeat says could not be written", func() bool { return len(flaky.Fired()) > 0 })
		time.Sleep(time.Second)
		flaky.Clear()

		v := w.ended(run) // the worker goes on beating with it
		if took := v.EndedAt.Sub(v.StartedAt); v.Steps[0].State != "timed_out" || took > time.Minute {
			t.Errorf("%s, which timed out after 30s with %s, is %s after %s", v.Steps[0].ID, job.JobId, v.Steps[0].State, took)
		}
		w.noHolder()
	})
}
