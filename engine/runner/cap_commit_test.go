package runner_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// TestHandOverThatIsNotDurable: the commit that says who gets an attempt fails, or nobody knows whether it did. Nobody was sent the
// attempt, and no heartbeat would ever say so: it waits again, and is given away again.
func TestHandOverThatIsNotDurable(t *testing.T) {
	for name, topic := range map[string]string{"to a worker": "job.t.work", "to a topic": "job.t.dark"} {
		for _, when := range []faults.Moment{faults.Before, faults.After} {
			t.Run(name+", "+when.String(), func(t *testing.T) {
				capWorld(t, func(t *testing.T, w *world, _ *shelf) {
					w.halt()
					failing := faults.Wrap(w.store)
					w.store = failing
					w.start()
					w.put(sprintf("id: plain\nsteps:\n  - {id: a, topic: %s, effect: none}\n", topic))
					k := w.newPlainWorker("p", poolBeat("job.t.work"), topic)
					failing.Plan(faults.Fault{
						Method: faults.Commit, When: when, Do: faults.Fail(faults.ErrPlanned),
						Match: func(c faults.Call) bool { return slices.ContainsFunc(c.Txs, holdsHandOver) },
					})
					run := w.run("plain", `{}`)
					k.succeed(k.next().JobId)
					if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
						t.Errorf("%s after attempt %d", v.State, v.Steps[0].Attempt)
					}
					if len(failing.Fired()) != 1 || time.Since(*w.view(run).EndedAt) > time.Minute {
						t.Errorf("failed %q", failing.Fired())
					}
				})
			})
		}
	}
}

// holdsHandOver tells whether a transaction says who gets an attempt: that fact alone says why.
func holdsHandOver(tx store.Tx) bool {
	return slices.ContainsFunc(tx.Appends, func(a store.Append) bool {
		return bytes.Contains(a.Value, []byte("least loaded")) || bytes.Contains(a.Value, []byte("queue group"))
	})
}
