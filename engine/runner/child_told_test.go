package runner_test

import (
	"testing"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/store/faults"
)

// TestParentHearsOfTheEndAllTheSame: the commit that ends a sub-workflow is done, and answered with an error. The run is read again, has
// ended, and the run that started it goes on.
func TestParentHearsOfTheEndAllTheSame(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		h := hangingWorld(w)
		w.put("id: below\nsteps:\n  - {id: x, topic: job.t.work}\n")
		w.put("id: above\nsteps:\n  - {id: sub, type: subworkflow, workflow: below}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("above", `{}`)
		job := k.next()
		k.accept(job)
		h.Plan(faults.Fault{Method: faults.Commit, When: faults.After, Do: faults.Fail(faults.ErrPlanned)})
		k.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
			JobId: job.JobId, Token: job.Token, WorkerId: "w1", Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{}`),
		}}}) // once: its worker dies
		k.set(func(k *worker) { k.mute = true })
		w.until("the commit has failed", func() bool { return len(h.Fired()) == 1 })
		w.states(w.ended(run), "sub=succeeded")
	})
}
