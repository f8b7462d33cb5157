package storetest

import (
	"fmt"
	"testing"

	"cordum.dev/cordum/store"
)

// RunReopen tests what must survive that a store is closed and opened again. fresh answers an Opener of a new store.
func RunReopen(t *testing.T, fresh func(t *testing.T) Opener) {
	t.Run("what was acknowledged", func(t *testing.T) { testReopenRecords(t, fresh(t)) })
	t.Run("epochs only rise", func(t *testing.T) { testReopenEpochs(t, fresh(t)) })
	t.Run("logs go on", func(t *testing.T) { testReopenLogs(t, fresh(t)) })
}

func closeStore(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func testReopenRecords(t *testing.T, open Opener) {
	s := open(t)
	parts := s.Partitions()
	e := acquire(t, s, 1)
	commit(t, s, store.Tx{
		Partition: 1, Epoch: e, ID: "first",
		Puts:    []store.Put{put(store.TableHeader, "a", "1"), put(store.TableDoc, "gone", "1")},
		Appends: []store.Append{entry("r", 0, 1, 2, "xy")},
	})
	commit(t, s, store.Tx{Partition: 1, Epoch: e, Deletes: []store.Key{key(store.TableDoc, "gone")}})
	digest, err := s.PutBlob(ctx(t), 1, tenantA, []byte("blob"))
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)

	s = open(t)
	defer closeStore(t, s)
	if s.Partitions() != parts || s.Level() != store.CurrentLevel {
		t.Errorf("opened again: %d partitions, level %d", s.Partitions(), s.Level())
	}
	wantValue(t, s, 1, key(store.TableHeader, "a"), "1")
	wantAbsent(t, s, 1, key(store.TableDoc, "gone"))
	if es := readLog(t, s, 1, logOf("r"), 1, 5); len(es) != 1 || es[0].Count != 2 || string(es[0].Value) != "xy" {
		t.Errorf("log opened again: %v", es)
	}
	if done, err := s.Committed(ctx(t), 1, "first"); !done || err != nil {
		t.Errorf("Committed(first) = %v, %v", done, err)
	}
	if data, err := s.GetBlob(ctx(t), 1, tenantA, digest); string(data) != "blob" || err != nil {
		t.Errorf("GetBlob = %q, %v", data, err)
	}
}

func testReopenEpochs(t *testing.T, open Opener) {
	last := store.Epoch(0)
	for round := range 4 {
		s := open(t)
		e := acquire(t, s, 0)
		if e <= last {
			t.Errorf("round %d: epoch %d after %d", round, e, last)
		}
		wantErr(t, "the epoch of before", commitOne(t, s, store.Tx{Epoch: last}), store.ErrFenced)
		commit(t, s, store.Tx{Epoch: e})
		if round == 2 {
			if err := s.Release(ctx(t), store.Lease{Partition: 0, Epoch: e}); err != nil {
				t.Errorf("Release: %v", err)
			}
		}
		last = e
		closeStore(t, s)
	}
}

func testReopenLogs(t *testing.T, open Opener) {
	const rounds = 5
	for i := range uint64(rounds) {
		s := open(t)
		e := acquire(t, s, 0)
		wantErr(t, "behind what was never written", commitOne(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", i+1, i+2, 1, "")}}), store.ErrRolledBack)
		commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", i, i+1, 1, fmt.Sprint(i))}})
		wantErr(t, "the same again", commitOne(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", i, i+1, 1, "twice")}}), store.ErrConflict)
		closeStore(t, s)
	}
	s := open(t)
	defer closeStore(t, s)
	wantFirsts(t, "log", readLog(t, s, 0, logOf("r"), 1, 100), "[1 2 3 4 5]")
}
