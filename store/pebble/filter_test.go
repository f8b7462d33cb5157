package pebble

import (
	"context"
	"fmt"
	"testing"

	"cordum.dev/cordum/store"
)

// TestNewLogsReadNoOldBlocks: appends to new logs are answered by the filters, although the entries around them, in the last
// level, are large. Before, each read the block between its neighbours: 1 ms and more for what a fan-out of 100,000 left there.
func TestNewLogsReadNoOldBlocks(t *testing.T) {
	const old, appends = 8, 500
	s, err := Open(Config{Dir: t.TempDir(), Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	lease, err := s.Acquire(context.Background(), 0, "test", 1e12)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(run string, value []byte) {
		t.Helper()
		tx := store.Tx{Epoch: lease.Epoch, Appends: []store.Append{{Log: store.LogID{Tenant: "default", Run: run}, First: 1, Count: 1, Value: value}}}
		if err := s.Commit(context.Background(), tx)[0]; err != nil {
			t.Fatal(err)
		}
	}
	for i := range old {
		begin(fmt.Sprintf("00%d", i), make([]byte, 1<<20))
	}
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	before := s.db.Metrics()
	if last := before.Levels[len(before.Levels)-1]; last.TablesCount == 0 {
		t.Fatal("nothing is in the last level")
	}
	for i := range appends {
		begin(fmt.Sprintf("00%d-%d", i%(old-1), i), []byte{1}) // between two old ones
	}
	if hits := s.db.Metrics().Filter.Hits - before.Filter.Hits; hits < appends*9/10 {
		t.Errorf("%d of %d appends were answered by a filter", hits, appends)
	}
}
