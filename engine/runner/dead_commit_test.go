package runner_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// TestDeadLetterIsInTheCommitOfItsDeath: a process that dies at any moment leaves both, or neither.
func TestDeadLetterIsInTheCommitOfItsDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		seen := faults.Wrap(w.store)
		w.store = seen
		w.start()
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write}\n")
		w.newWorker("w1", func(*wire.JobRequest) *wire.JobResult { return fatal() }, "job.t.work")
		row := func(p store.Put) bool { return p.Key.Table == store.TableDeadLetter }
		death := func(a store.Append) bool { return bytes.Contains(a.Value, []byte(fatal().ErrorMessage)) }
		rows, deaths := make(chan bool, 16), make(chan bool, 16) // whether the other one is in the same commit
		seen.Plan(faults.Fault{
			Method: faults.Commit, Times: -1, Do: faults.Run(func() {}),
			Match: func(c faults.Call) bool {
				for _, tx := range c.Txs {
					has, dies := slices.ContainsFunc(tx.Puts, row), slices.ContainsFunc(tx.Appends, death)
					if has {
						rows <- dies
					}
					if dies {
						deaths <- has
					}
				}
				return false
			},
		})
		w.ended(w.run("one", `{}`))
		w.dead()
		if len(rows) != 1 || len(deaths) != 1 || !<-rows || !<-deaths {
			t.Errorf("%d commits with the row, %d with the death, and not the same one", len(rows), len(deaths))
		}
	})
}
