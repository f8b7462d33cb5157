package runner

import (
	"testing"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/scheduler"
)

// TestQueuedAtPools: what waits counts at each pool that may serve it, once, and at no other.
func TestQueuedAtPools(t *testing.T) {
	fleet := &config.Fleet{Topics: map[string]config.Topic{"job.mapped": {Pools: []string{"a"}}}}
	workers := []WorkerView{
		{ID: "1", Pool: "a", Topics: []string{"job.x"}, State: scheduler.WorkerAlive},
		{ID: "2", Pool: "b", Topics: []string{"job.>", "job.x", "job.mapped"}, State: scheduler.WorkerAlive},
		{ID: "3", Pool: "c", Topics: []string{"job.x"}, State: scheduler.WorkerLost},
		{ID: "4", Pool: "", Topics: []string{"job.x"}, State: scheduler.WorkerAlive},
	}
	views := map[string]*PoolView{"a": {}, "b": {}, "c": {}}
	addQueued(views, fleet, workers, []scheduler.QueueStat{{Topic: "job.mapped", Depth: 1}, {Topic: "job.x", Depth: 10}, {Topic: "job.y", Depth: 100}})
	for pool, want := range map[string]int{"a": 11, "b": 110, "c": 0} {
		if views[pool].Queued != want {
			t.Errorf("%d wait at pool %s, want %d", views[pool].Queued, pool, want)
		}
	}
}
