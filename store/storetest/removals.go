package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/store"
)

// testDrops: a dropped log is gone with all its entries, its neighbours are not, and it can begin again.
func testDrops(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	neighbours := []store.LogID{logOf("q"), logOf("r0"), {Tenant: tenantB, Run: "r"}}
	for i := range uint64(300) { // more than a few, so that a store may remove them in another way
		tx := store.Tx{Epoch: e, Appends: []store.Append{entry("long", i, i+1, 1, "x")}}
		if i < 3 {
			tx.Appends = append(tx.Appends, entry("r", i, i+1, 1, "x"))
			for _, l := range neighbours {
				tx.Appends = append(tx.Appends, store.Append{Log: l, Prev: i, First: i + 1, Count: 1})
			}
		}
		commit(t, s, tx)
	}
	refused := store.Tx{Epoch: e + 1, Drops: []store.LogID{logOf("r")}}
	wantErr(t, "a drop by another owner", commitOne(t, s, refused), store.ErrFenced)
	both := store.Tx{Epoch: e, Appends: []store.Append{entry("r", 3, 4, 1, "x")}, Drops: []store.LogID{logOf("r")}}
	wantErr(t, "a log appended to and dropped", commitOne(t, s, both), store.ErrInvalid)
	wantErr(t, "a log without a name", commitOne(t, s, store.Tx{Epoch: e, Drops: []store.LogID{{Tenant: tenantA}}}), store.ErrInvalid)
	wantFirsts(t, "after what was refused", readLog(t, s, 0, logOf("r"), 1, 10), "[1 2 3]")

	commit(t, s, store.Tx{Epoch: e, Drops: []store.LogID{logOf("r"), logOf("long"), logOf("nothing")}})
	wantFirsts(t, "a dropped log", readLog(t, s, 0, logOf("r"), 1, 10), "[]")
	wantFirsts(t, "a long one", readLog(t, s, 0, logOf("long"), 1, 10), "[]")
	for _, l := range neighbours {
		wantFirsts(t, fmt.Sprintf("neighbour %v", l), readLog(t, s, 0, l, 1, 10), "[1 2 3]")
	}
	wantErr(t, "behind an entry that was dropped", commitOne(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 3, 4, 1, "x")}}), store.ErrRolledBack)
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 0, 1, 2, "again")}})
	wantFirsts(t, "the log begun again", readLog(t, s, 0, logOf("r"), 1, 10), "[1]")
}

// testSweeps: a blob goes when it was last put before a time, and only then.
func testSweeps(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	digests := map[string]string{}
	for _, name := range []string{"old", "kept"} {
		digest, err := s.PutBlob(ctx(t), 0, tenantA, []byte(name))
		if err != nil {
			t.Fatal(err)
		}
		digests[name] = digest
	}
	r, err := s.Get(ctx(t), 0, store.BlobKey(tenantA, digests["old"]))
	if err != nil {
		t.Fatalf("when a blob was put: %v", err)
	}
	at, err := store.ParseBlobTime(r.Value)
	if err != nil || time.Since(at) < -time.Minute || time.Since(at) > time.Hour {
		t.Fatalf("a blob put now was put at %v, %v", at, err)
	}
	sweep := func(before time.Time) store.Tx {
		return store.Tx{Epoch: e, Sweeps: []store.Sweep{{Tenant: tenantA, Digest: digests["old"], Before: before}}}
	}
	there := func(name string, want bool) {
		t.Helper()
		_, err := s.GetBlob(ctx(t), 0, tenantA, digests[name])
		if want != (err == nil) || err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("blob %q: %v", name, err)
		}
		_, err = s.Get(ctx(t), 0, store.BlobKey(tenantA, digests[name]))
		if want != (err == nil) {
			t.Errorf("when blob %q was put: %v", name, err)
		}
	}
	commit(t, s, sweep(at.Add(-time.Hour)), sweep(at))
	there("old", true)
	later := sweep(at.Add(time.Hour))
	later.Epoch++
	wantErr(t, "a sweep by another owner", commitOne(t, s, later), store.ErrFenced)
	there("old", true)
	wantErr(t, "a sweep of no digest", commitOne(t, s, store.Tx{Epoch: e, Sweeps: []store.Sweep{{Tenant: tenantA, Digest: "x"}}}), store.ErrInvalid)
	commit(t, s, sweep(at.Add(time.Hour)), sweep(at.Add(time.Hour)))
	there("old", false)
	there("kept", true)
	if _, err := s.PutBlob(ctx(t), 0, tenantA, []byte("old")); err != nil {
		t.Fatal(err)
	}
	there("old", true)
}
