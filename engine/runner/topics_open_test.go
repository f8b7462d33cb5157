package runner_test

import (
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestPoolOfOneTopicClosesNoOther: where no file maps topics to pools, a topic that is registered with a pool goes there, and every
// other one still goes to whoever advertises it.
func TestPoolOfOneTopicClosesNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.topic(runner.TopicSpec{Name: "job.t.other", Pool: "others"})
		k := w.newWorker("w1", succeed, "job.t.work", "job.t.other")
		w.put(sprintf(plain, "none", ""))
		w.states(w.ended(w.run("plain", `{}`)), "a=succeeded")

		j, err := w.submitTo("job.t.other", `{}`)
		if err != nil {
			t.Fatal(err)
		}
		w.until("the other topic waits for its pool", func() bool {
			v, err := w.r.Job(t.Context(), ann, j.ID)
			return err == nil && v.Placement != nil && v.Placement.Reason == "no_workers" || err == nil && v.Placement != nil && v.Placement.Reason == "topic_unheard"
		})
		k.set(func(k *worker) { k.pool = "others" })
		w.until("it is done there", func() bool {
			v, err := w.r.Job(t.Context(), ann, j.ID)
			return err == nil && v.State == "succeeded"
		})
	})
}
