package runner_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// TestLateGrant: the fleet's word that a worker gets an attempt may be overtaken on its way: by a pause and a resume the attempt
// went to another worker meanwhile. The late word sends nothing and takes nothing from the worker that has it: when that one
// dies, the job runs elsewhere.
func TestLateGrant(t *testing.T) {
	for name, begun := range map[string]bool{"given away": false, "begun": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, "none", ""))
				run := w.run("plain", `{}`)
				synctest.Wait()
				attempt := w.step(run, "a").JobID
				late := runner.GrantLate(w.r, attempt, "w1", "job.t.work")
				w.command(run, runner.VerbPause)
				w.command(run, runner.VerbResume)
				has := w.newWorker("w2", nil, "job.t.work")
				job := has.next()
				if job.JobId != attempt {
					t.Fatalf("attempt %s, not %s", job.JobId, attempt)
				}
				if begun {
					has.accept(job)
				}
				other := w.newWorker("w1", nil, "job.t.work")
				synctest.Wait()

				late()
				other.none(time.Second)
				if got := w.step(run, "a").Worker; got != "w2" {
					t.Errorf("worker %q has the job", got)
				}
				has.set(func(k *worker) { k.mute = true })
				next := other.next()
				if next.JobId == job.JobId {
					t.Errorf("%s once more: it is another attempt", next.JobId)
				}
				other.done(next)
				w.states(w.ended(run), "a=succeeded")
			})
		})
	}
}
