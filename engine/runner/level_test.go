package runner_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// lowStore is a store that an older version may still use.
type lowStore struct {
	*pebble.Store
	low atomic.Bool
}

func (s *lowStore) Level() store.Level {
	if s.low.Load() {
		return store.LevelFirst
	}
	return s.Store.Level()
}

// TestNothingIsSweptBelowItsLevel: as long as a process of an older version may name a blob without a note of it, no blob is swept,
// however long no run is known to name it; from the level on at which all note it, it goes.
func TestNothingIsSweptBelowItsLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		low := &lowStore{Store: w.store.(*pebble.Store)}
		low.low.Store(true)
		w.store = low
		w.cfg.Retention = runner.RetentionConfig{Runs: runner.Keep{Age: 10 * time.Minute}, BlobRest: 4 * time.Minute, DefinitionRest: 4 * time.Minute}
		w.start()
		w.flows()
		w.newWorker("w1", succeed, "job.t.work")
		w.ended(w.run("work", weighty(1)))
		time.Sleep(2 * time.Hour)
		if left := w.left(); left["blobs"] == 0 {
			t.Errorf("a blob was swept from a store that an older version may use: %v", left)
		}
		low.low.Store(false)
		time.Sleep(2 * time.Hour)
		if left := w.left(); left["blobs"] != 0 {
			t.Errorf("%d blobs are left that nothing names", left["blobs"])
		}
	})
}

// TestLevelWaitsForAll: the level is not raised while an engine that cannot write it may have leases: one that is there, or one that
// was a moment ago and is not heard.
func TestLevelWaitsForAll(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		lead, other := rs.all[0], rs.all[1]
		if !runner.Leads(lead.r) {
			lead, other = other, lead
		}
		if !runner.AllWrite(lead.r) || runner.AllWrite(other.r) {
			t.Errorf("the one that leads may raise the level: %t, the other: %t", runner.AllWrite(lead.r), runner.AllWrite(other.r))
		}
		other.bus.deaf.Store(true)
		rs.until("it is no member", func() bool { return len(runner.MembersOf(lead.r)) == 1 })
		if runner.AllWrite(lead.r) {
			t.Error("the level may be raised while partitions are nobody's")
		}
		rs.until("one has everything", func() bool { return len(runner.Owned(lead.r)) == rs.store.Partitions() })
		rs.until("the level may be raised", func() bool { return runner.AllWrite(lead.r) })
		other.bus.deaf.Store(false)
		rs.settled()
		runner.HearOlder(lead.r, "older")
		if runner.AllWrite(lead.r) {
			t.Error("the level may be raised beside an engine that cannot write it")
		}
		time.Sleep(runner.DefaultPeerAway + 100*time.Millisecond)
		if runner.AllWrite(lead.r) {
			t.Error("the level may be raised as soon as that engine is silent")
		}
		rs.until("its leases are over", func() bool { return runner.AllWrite(lead.r) })
	})
}
