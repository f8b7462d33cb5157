package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/store"
)

// Opener opens the same store each time it is called, with what was acknowledged before. The test closes it.
type Opener func(t *testing.T) store.Store

// Run tests a store through its contract. open answers a fresh, empty store with at least two partitions and closes it
// with t.Cleanup; a store closed by the test before must not trouble that.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	groups := []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"describes itself", testDescribe},
		{"records", testRecords},
		{"checks", testChecks},
		{"atomic", testAtomic},
		{"order within a call", testOrderWithinCall},
		{"log", testLog},
		{"log refusals", testLogRefusals},
		{"log reading", testLogReading},
		{"transaction ids", testTransactionIDs},
		{"slices are not shared", testSlices},
		{"invalid requests", testInvalid},
		{"order of refusals", testOrderOfRefusals},
		{"scan", testScan},
		{"scan all tenants", testScanAllTenants},
		{"scan pages", testScanPages},
		{"tenants are apart", testTenants},
		{"partitions are apart", testPartitions},
		{"leases", testLeases},
		{"lease that ran out", testLeaseRunsOut},
		{"lease that was renewed", testLeaseRenewed},
		{"fencing", testFencing},
		{"two owners", testTwoOwners},
		{"concurrent commits", testConcurrentCommits},
		{"blobs", testBlobs},
		{"logs that are dropped", testDrops},
		{"blobs that are swept", testSweeps},
		{"cancelled calls", testCancelled},
		{"walk", testWalk},
		{"closed", testClosed},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) { g.test(t, open(t)) })
	}
	t.Run("model", func(t *testing.T) { testModel(t, open) })
}

// Fixture values of the suite.
const (
	tenantA = "acme"
	tenantB = "bolt"
	leaseT  = time.Hour
)

func ctx(t *testing.T) context.Context { return t.Context() }

func key(table store.Table, id string) store.Key {
	return store.Key{Table: table, Tenant: tenantA, ID: id}
}

func put(table store.Table, id, value string) store.Put {
	return store.Put{Key: key(table, id), Value: []byte(value)}
}

func logOf(run string) store.LogID { return store.LogID{Tenant: tenantA, Run: run} }

func entry(run string, prev, first uint64, count uint32, value string) store.Append {
	return store.Append{Log: logOf(run), Prev: prev, First: first, Count: count, Value: []byte(value)}
}

func acquire(t *testing.T, s store.Store, p store.Partition) store.Epoch {
	t.Helper()
	l, err := s.Acquire(ctx(t), p, "owner", leaseT)
	if err != nil {
		t.Fatalf("Acquire(%d): %v", p, err)
	}
	return l.Epoch
}

func commit(t *testing.T, s store.Store, txs ...store.Tx) {
	t.Helper()
	for i, err := range s.Commit(ctx(t), txs...) {
		if err != nil {
			t.Fatalf("Commit: transaction %d: %v", i, err)
		}
	}
}

func commitOne(t *testing.T, s store.Store, tx store.Tx) error {
	t.Helper()
	errs := s.Commit(ctx(t), tx)
	if len(errs) != 1 {
		t.Fatalf("Commit of one transaction answered %d errors", len(errs))
	}
	return errs[0]
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantValue(t *testing.T, s store.Store, p store.Partition, k store.Key, want string) {
	t.Helper()
	r, err := s.Get(ctx(t), p, k)
	if err != nil {
		t.Errorf("Get(%v): %v", k, err)
		return
	}
	if string(r.Value) != want || r.Key != k {
		t.Errorf("Get(%v) = %v %q, want %q", k, r.Key, r.Value, want)
	}
}

func wantAbsent(t *testing.T, s store.Store, p store.Partition, k store.Key) {
	t.Helper()
	_, err := s.Get(ctx(t), p, k)
	wantErr(t, fmt.Sprintf("Get(%v)", k), err, store.ErrNotFound)
}

func readLog(t *testing.T, s store.Store, p store.Partition, l store.LogID, from uint64, n int) []store.Entry {
	t.Helper()
	es, err := s.ReadLog(ctx(t), p, l, from, n)
	if err != nil {
		t.Fatalf("ReadLog(%v, %d): %v", l, from, err)
	}
	return es
}

// firsts writes the First of entries as text, to compare at a glance.
func firsts(es []store.Entry) string {
	out := []uint64{}
	for _, e := range es {
		out = append(out, e.First)
	}
	return fmt.Sprint(out)
}

func wantFirsts(t *testing.T, what string, es []store.Entry, want string) {
	t.Helper()
	if got := firsts(es); got != want {
		t.Errorf("%s: entries begin at %s, want %s", what, got, want)
	}
}
