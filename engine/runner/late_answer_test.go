package runner_test

import (
	"testing"
	"testing/synctest"
)

// TestLateAnswerOfALostIdempotentAttempt: what an attempt says that was lost changes nothing of what the one after it said.
func TestLateAnswerOfALostIdempotentAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "none", ""))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		lost := k.next()
		k.accept(lost)
		k.set(func(k *worker) { k.mute = true })
		w.until("it is lost", func() bool { return w.step(run, "a").Attempt == 2 })
		k2 := w.newWorker("w2", nil, "job.t.work")
		next := k2.next()
		k2.accept(next)
		k2.done(next)
		before := w.ended(run).Steps[0]
		res := succeed(lost)
		res.Output = []byte(`{"by":"the lost one"}`)
		k.answer(lost, res)
		synctest.Wait()
		if after := w.view(run).Steps[0]; string(after.Output) != string(before.Output) {
			t.Errorf("the output was %s and is %s: %v", before.Output, after.Output, w.types(run))
		}
	})
}
