package runner_test

import (
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// TestPlainResultWhileItsRunIsReadAgain: a commit fails, so its run is forgotten and read again a moment later. What a plain worker says
// in that moment, once and to nobody in particular, is not lost.
func TestPlainResultWhileItsRunIsReadAgain(t *testing.T) {
	for _, when := range []faults.Moment{faults.Before, faults.After} {
		t.Run(when.String(), func(t *testing.T) {
			capWorld(t, func(t *testing.T, w *world, _ *shelf) {
				w.halt()
				failing := faults.Wrap(w.store)
				w.store = failing
				w.start()
				k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
				w.put("id: both\nsteps:\n  - {id: a, topic: job.t.work, effect: none}\n  - {id: b, topic: job.t.work, effect: none}\n")
				run := w.run("both", `{}`)
				first, second := k.next(), k.next()
				time.Sleep(5 * time.Second)
				failing.Plan(faults.Fault{
					Method: faults.Commit, When: when, Do: faults.Fail(faults.ErrPlanned),
					Match: func(c faults.Call) bool {
						return slices.ContainsFunc(c.Txs, func(tx store.Tx) bool { return len(tx.Appends) > 0 })
					},
				})
				k.succeed(first.JobId)
				w.until("the commit fails", func() bool { return len(failing.Fired()) == 1 })
				time.Sleep(50 * time.Millisecond)
				k.succeed(second.JobId)
				began := time.Now()
				w.states(w.ended(run), "a=succeeded b=succeeded")
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("after %s", took)
				}
			})
		})
	}
}

// TestPlainWordAboutANativeJob: a result without a token says nothing about a job that a native worker has, whoever says it.
func TestPlainWordAboutANativeJob(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("one", `{}`)
		job := k.next()
		k.accept(job)
		if err := w.bus.Publish(bus.SubjectResult, packed(t, resultOf(job, nil, "w1"))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if v := w.view(run); v.EndedAt != nil {
			t.Errorf("the run is %s by a word without a token", v.State)
		}
		k.done(job)
		w.states(w.ended(run), "a=succeeded")
	})
}
