package runner_test

import (
	"context"
	"testing"
	"time"

	"cordum.dev/cordum/store"
)

// TestEndGivesEverythingBack: a process that ends leaves no lease behind, so that the next one begins at once and not when they ran
// out.
func TestEndGivesEverythingBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
		w.run("nap", `{}`)
		w.halt()
		for p := range store.Partition(w.store.Partitions()) {
			if _, err := w.store.Acquire(context.Background(), p, "next", time.Second); err != nil {
				t.Errorf("partition %d: %v", p, err)
			}
		}
	})
}
