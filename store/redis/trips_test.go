package redis_test

import (
	"fmt"
	"sync"
	"testing"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
)

// TestRoundTrips: a commit alone is one round trip, two when the server has forgotten the script; all partitions of a
// call share it; and under load commits share them.
func TestRoundTrips(t *testing.T) {
	var count trips
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server).Watched(&count)
	cfg.Partitions = 8
	s := open(t, cfg)
	txs := make([]store.Tx, cfg.Partitions)
	for p := range txs {
		txs[p] = store.Tx{Partition: store.Partition(p), Epoch: acquire(t, s, store.Partition(p)), Puts: putOf("a", "1")}
	}
	count.since()
	want := func(what string, trips int) {
		t.Helper()
		if got, _ := count.since(); got != trips {
			t.Errorf("%s: %d round trips, want %d", what, got, trips)
		}
	}
	commit(t, s, txs[0])
	want("the first commit", 2) // the server learns the script
	commit(t, s, txs[0])
	want("a commit alone", 1)
	server.Do("script", "flush")
	commit(t, s, txs[0])
	want("a commit after SCRIPT FLUSH", 2)
	for i, err := range s.Commit(t.Context(), txs...) {
		if err != nil {
			t.Errorf("transaction %d: %v", i, err)
		}
	}
	want("a commit of 8 partitions", 1)

	const callers, commits = 32, 40
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			tx := txs[c%len(txs)]
			for i := range commits {
				tx.Puts = putOf(fmt.Sprint(c), fmt.Sprint(i))
				if err := s.Commit(t.Context(), tx)[0]; err != nil {
					t.Errorf("Commit: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, scripts := count.since()
	t.Logf("%d commits of %d callers in 8 partitions: %d round trips, %d scripts", callers*commits, callers, got, scripts)
	if got > callers*commits/2 {
		t.Errorf("under load %d round trips for %d commits, want at most half", got, callers*commits)
	}
}
