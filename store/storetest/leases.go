package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/store"
)

func testLeases(t *testing.T, s store.Store) {
	wantErr(t, "a commit before anybody owns", commitOne(t, s, store.Tx{Epoch: 0}), store.ErrFenced)
	wantErr(t, "a commit with a guessed epoch", commitOne(t, s, store.Tx{Epoch: 1}), store.ErrFenced)
	before := time.Now()
	a, err := s.Acquire(ctx(t), 0, "ann", leaseT)
	if err != nil {
		t.Fatal(err)
	}
	if a.Partition != 0 || a.Epoch == 0 || a.Until.Before(before.Add(leaseT/2)) {
		t.Errorf("lease is %+v", a)
	}
	_, err = s.Acquire(ctx(t), 0, "bob", leaseT)
	wantErr(t, "another owner", err, store.ErrLeaseHeld)
	b, err := s.Acquire(ctx(t), 0, "ann", leaseT)
	if err != nil || b.Epoch <= a.Epoch {
		t.Fatalf("the same owner again: %+v after %+v, %v", b, a, err)
	}
	_, err = s.Renew(ctx(t), a, leaseT)
	wantErr(t, "Renew of the older epoch", err, store.ErrFenced)
	wantErr(t, "Release of the older epoch", s.Release(ctx(t), a), store.ErrFenced)
	r, err := s.Renew(ctx(t), b, 2*leaseT)
	if err != nil || r.Epoch != b.Epoch || !r.Until.After(b.Until) {
		t.Errorf("Renew: %+v after %+v, %v", r, b, err)
	}
	if other, err := s.Acquire(ctx(t), 1, "bob", leaseT); err != nil || other.Partition != 1 {
		t.Errorf("another partition: %+v, %v", other, err)
	}
	testRelease(t, s, b)
}

func testRelease(t *testing.T, s store.Store, l store.Lease) {
	if err := s.Release(ctx(t), l); err != nil {
		t.Fatalf("Release: %v", err)
	}
	wantErr(t, "a commit after Release", commitOne(t, s, store.Tx{Epoch: l.Epoch}), store.ErrFenced)
	wantErr(t, "a second Release", s.Release(ctx(t), l), store.ErrFenced)
	_, err := s.Renew(ctx(t), l, leaseT)
	wantErr(t, "Renew after Release", err, store.ErrFenced)
	bob, err := s.Acquire(ctx(t), 0, "bob", leaseT)
	if err != nil || bob.Epoch <= l.Epoch {
		t.Errorf("another owner after Release: %+v, %v", bob, err)
	}
}

// testLeaseRunsOut: time lets another owner in, but only the new epoch shuts the old owner out.
func testLeaseRunsOut(t *testing.T, s store.Store) {
	old, err := s.Acquire(ctx(t), 0, "ann", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var next store.Lease
	deadline := time.Now().Add(10 * time.Second)
	for {
		if err := commitOne(t, s, store.Tx{Epoch: old.Epoch, Puts: []store.Put{put(store.TableDoc, "by", "ann")}}); err != nil {
			t.Fatalf("the last owner before anybody else acquired: %v", err)
		}
		next, err = s.Acquire(ctx(t), 0, "bob", leaseT)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrLeaseHeld) || time.Now().After(deadline) {
			t.Fatalf("a lease of a millisecond: %v", err)
		}
	}
	if next.Epoch <= old.Epoch {
		t.Errorf("epoch %d after %d", next.Epoch, old.Epoch)
	}
	err = commitOne(t, s, store.Tx{Epoch: old.Epoch, Puts: []store.Put{put(store.TableDoc, "by", "late")}})
	wantErr(t, "the old owner", err, store.ErrFenced)
	wantValue(t, s, 0, key(store.TableDoc, "by"), "ann")
}

// testLeaseRenewed: a lease that was renewed runs for as long as it was renewed for, whatever it was given for at first.
func testLeaseRenewed(t *testing.T, s store.Store) {
	const short = time.Millisecond
	l, err := s.Acquire(ctx(t), 0, "ann", short)
	if err != nil {
		t.Fatal(err)
	}
	over := time.Now().Add(short) // at the latest
	if _, err = s.Renew(ctx(t), l, leaseT); err != nil {
		t.Fatal(err)
	}
	for !time.Now().After(over) { // a millisecond, of which most is over
	}
	_, err = s.Acquire(ctx(t), 0, "bob", leaseT)
	wantErr(t, "another owner when the first lease would be over", err, store.ErrLeaseHeld)
	if err := commitOne(t, s, store.Tx{Epoch: l.Epoch, Puts: []store.Put{put(store.TableDoc, "by", "ann")}}); err != nil {
		t.Errorf("who renewed: %v", err)
	}
}

func testFencing(t *testing.T, s store.Store) {
	e1 := acquire(t, s, 0)
	k := key(store.TableDoc, "k")
	commit(t, s, store.Tx{Epoch: e1, Puts: []store.Put{{Key: k, Value: []byte("1")}}, Appends: []store.Append{entry("r", 0, 1, 1, "1")}})
	e2 := acquire(t, s, 0)
	for name, epoch := range map[string]store.Epoch{"old": e1, "none": 0, "future": e2 + 1, "greatest": 1<<64 - 1} {
		err := commitOne(t, s, store.Tx{
			Epoch: epoch, ID: name, Puts: []store.Put{{Key: k, Value: []byte(name)}},
			Deletes: []store.Key{k}, Appends: []store.Append{entry("r", 1, 2, 1, name)},
		})
		wantErr(t, "epoch "+name, err, store.ErrFenced)
	}
	wantValue(t, s, 0, k, "1")
	wantFirsts(t, "log", readLog(t, s, 0, logOf("r"), 1, 9), "[1]")
	commit(t, s, store.Tx{Epoch: e2, Appends: []store.Append{entry("r", 1, 2, 1, "2")}})
}

// testTwoOwners: owners that each believe they have the partition write at once. Every entry of the log was written
// under an epoch that was current at the time: epochs never go down along the log, and nobody's success is missing.
func testTwoOwners(t *testing.T, s store.Store) {
	const owners, writes = 4, 40
	var newest atomic.Uint64 // a guess at the log's end; the store decides
	accepted := make([]map[uint64]string, owners)
	var wg sync.WaitGroup
	for o := range owners {
		accepted[o] = map[uint64]string{}
		wg.Go(func() {
			for i := range writes {
				l, err := s.Acquire(ctx(t), 0, "same", leaseT)
				if err != nil {
					t.Errorf("Acquire: %v", err)
					return
				}
				for range 3 {
					prev := newest.Load()
					value := fmt.Sprintf("%020d %d/%d", l.Epoch, o, i)
					switch err := s.Commit(ctx(t), store.Tx{Epoch: l.Epoch, Appends: []store.Append{entry("r", prev, prev+1, 1, value)}})[0]; {
					case err == nil:
						accepted[o][prev+1] = value
						newest.CompareAndSwap(prev, prev+1)
					case errors.Is(err, store.ErrFenced), errors.Is(err, store.ErrConflict):
					default:
						t.Errorf("Commit: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	total, last := 0, ""
	for _, e := range readLog(t, s, 0, logOf("r"), 1, store.MaxScan) {
		total++
		epoch := string(e.Value[:20])
		if epoch < last {
			t.Errorf("entry %d was written under epoch %s behind one under %s", e.First, epoch, last)
		}
		last = epoch
		for o := range owners {
			if v, ok := accepted[o][e.First]; ok {
				if v != string(e.Value) {
					t.Errorf("entry %d is %q, but %q was acknowledged", e.First, e.Value, v)
				}
				delete(accepted[o], e.First)
			}
		}
	}
	for o := range owners {
		if len(accepted[o]) > 0 {
			t.Errorf("owner %d: acknowledged and not there: %v", o, accepted[o])
		}
	}
	if total == 0 {
		t.Error("nobody wrote anything")
	}
}

// testConcurrentCommits: many callers, each over several partitions in an order of its own, neither lose an update nor
// wait for each other for ever.
func testConcurrentCommits(t *testing.T, s store.Store) {
	const callers, rounds = 8, 150
	parts := min(s.Partitions(), 4)
	epochs := make([]store.Epoch, parts)
	for p := range parts {
		epochs[p] = acquire(t, s, store.Partition(p))
	}
	wins := make([]atomic.Int64, parts)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for r := range rounds {
				txs := make([]store.Tx, parts)
				for i := range txs {
					p := (i*(1+2*(c%2)) + c + r) % parts
					txs[i] = increment(t, s, store.Partition(p), epochs[p])
				}
				for i, err := range s.Commit(ctx(t), txs...) {
					switch {
					case err == nil:
						wins[txs[i].Partition].Add(1)
					case !errors.Is(err, store.ErrConflict):
						t.Errorf("Commit: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	for p := range parts {
		if n := wins[p].Load(); n > 0 {
			wantValue(t, s, store.Partition(p), key(store.TableDoc, "n"), fmt.Sprint(n))
		} else {
			t.Errorf("nobody won in partition %d", p)
		}
	}
}

// increment reads a counter and makes the transaction that raises it, if it still has that value.
func increment(t *testing.T, s store.Store, p store.Partition, e store.Epoch) store.Tx {
	k := key(store.TableDoc, "n")
	check, n := store.Check{Key: k, Absent: true}, 0
	r, err := s.Get(ctx(t), p, k)
	switch {
	case err == nil:
		check = store.Check{Key: k, Value: r.Value}
		if _, err := fmt.Sscan(string(r.Value), &n); err != nil {
			t.Errorf("counter %q: %v", r.Value, err)
		}
	case !errors.Is(err, store.ErrNotFound):
		t.Errorf("Get: %v", err)
	}
	return store.Tx{
		Partition: p, Epoch: e, Checks: []store.Check{check},
		Puts: []store.Put{{Key: k, Value: fmt.Append(nil, n+1)}},
	}
}
