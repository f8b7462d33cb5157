package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
	"cordum.dev/cordum/store/pebble"
	"cordum.dev/cordum/store/storetest"
)

func open(t *testing.T) *faults.Store {
	t.Helper()
	under, err := pebble.Open(pebble.Config{Dir: "db", FS: vfs.NewMem(), Partitions: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = under.Close() })
	return faults.Wrap(under)
}

func TestContractWithoutFaults(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}

// owned is a store with partition 0 acquired.
func owned(t *testing.T) (*faults.Store, store.Epoch) {
	t.Helper()
	s := open(t)
	l, err := s.Acquire(t.Context(), 0, "o", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return s, l.Epoch
}

func write(t *testing.T, s store.Store, e store.Epoch, id string) error {
	t.Helper()
	return s.Commit(t.Context(), store.Tx{Epoch: e, ID: id})[0]
}

// wantDone checks whether a commit was done beneath, whatever its caller was told.
func wantDone(t *testing.T, s store.Store, id string, want bool) {
	t.Helper()
	if got, err := s.Committed(t.Context(), 0, id); got != want || err != nil {
		t.Errorf("Committed(%s) = %v, %v, want %v", id, got, err, want)
	}
}

func TestNthCall(t *testing.T) {
	s, e := owned(t)
	boom := errors.New("boom")
	s.Plan(
		faults.Fault{Point: "CP4", Method: faults.Commit, Nth: 2, Do: faults.Fail(boom)},
		faults.Fault{Point: "CP5", Method: faults.Commit, Nth: 4, Times: 2, When: faults.After, Do: faults.Fail(boom)},
	)
	for i, c := range []struct{ fails, done bool }{{false, true}, {true, false}, {false, true}, {true, true}, {true, true}, {false, true}} {
		id := fmt.Sprint("tx", i)
		if err := write(t, s, e, id); errors.Is(err, boom) != c.fails || (err != nil) != c.fails {
			t.Errorf("call %d: %v, want a failure: %v", i+1, err, c.fails)
		}
		wantDone(t, s, id, c.done)
	}
	if want := []string{"CP4 (before Commit 2)", "CP5 (after Commit 4)", "CP5 (after Commit 4)"}; !slices.Equal(s.Fired(), want) {
		t.Errorf("Fired() = %q, want %q", s.Fired(), want)
	}
	if s.Calls(faults.Commit) != 6 || s.Calls(faults.Committed) != 6 || s.Calls(faults.Acquire) != 1 || s.Calls(faults.Get) != 0 {
		t.Errorf("calls: %d Commit, %d Committed", s.Calls(faults.Commit), s.Calls(faults.Committed))
	}
}

func TestUntilClear(t *testing.T) {
	s, e := owned(t)
	s.Plan(faults.Fault{Method: faults.Commit, Times: -1, Do: faults.Fail(faults.ErrPlanned)})
	for range 5 {
		if err := write(t, s, e, "x"); !errors.Is(err, faults.ErrPlanned) {
			t.Fatalf("got %v", err)
		}
	}
	s.Clear()
	if err := write(t, s, e, "x"); err != nil {
		t.Fatal(err)
	}
}

func TestMatch(t *testing.T) {
	s, e := owned(t)
	s.Plan(faults.Fault{Method: faults.Commit, Nth: 2, Do: faults.Fail(faults.ErrPlanned), Match: func(c faults.Call) bool {
		return slices.ContainsFunc(c.Txs, func(tx store.Tx) bool { return tx.ID == "chosen" })
	}})
	for i, c := range []struct {
		id    string
		fails bool
	}{{"other", false}, {"chosen", false}, {"other", false}, {"chosen", true}, {"chosen", false}} {
		if err := write(t, s, e, c.id); (err != nil) != c.fails {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// TestHang: a call that hangs before leaves nothing behind when its caller gives up; one that hangs after has done its
// work; a released one goes on.
func TestHang(t *testing.T) {
	s, e := owned(t)
	release, struck := make(chan struct{}), make(chan struct{}, 3)
	signal := faults.Run(func() { struck <- struct{}{} })
	hang := func(nth int, when faults.Moment) []faults.Fault {
		return []faults.Fault{
			{Method: faults.Commit, Nth: nth, When: when, Do: signal},
			{Method: faults.Commit, Nth: nth, When: when, Do: faults.Hang(release)},
		}
	}
	for i, when := range []faults.Moment{faults.Before, faults.After} {
		s.Plan(hang(1, when)...)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone, answer, id := errors.New("the caller is gone"), make(chan error), when.String()
		go func() { answer <- s.Commit(ctx, store.Tx{Epoch: e, ID: id})[0] }()
		<-struck
		cancel(gone)
		if err := <-answer; !errors.Is(err, gone) {
			t.Errorf("hung call: %v", err)
		}
		wantDone(t, s, id, i == 1)
	}
	s.Plan(hang(1, faults.Before)...)
	answer := make(chan error, 1)
	go func() { answer <- s.Commit(t.Context(), store.Tx{Epoch: e, ID: "released"})[0] }()
	<-struck
	if len(answer) != 0 {
		t.Error("answered while hanging")
	}
	wantDone(t, s, "released", false)
	close(release)
	if err := <-answer; err != nil {
		t.Errorf("released: %v", err)
	}
	wantDone(t, s, "released", true)
}

// TestEveryMethod strikes each method once before and once after.
func TestEveryMethod(t *testing.T) {
	ctx := t.Context()
	key := store.Key{Table: store.TableHeader, Tenant: "a", ID: "x"}
	for m := faults.Commit; m <= faults.Close; m++ {
		s, e := owned(t)
		digest, err := s.PutBlob(ctx, 0, "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		lease := store.Lease{Epoch: e}
		calls := map[faults.Method]func() error{
			faults.Commit:    func() error { return s.Commit(ctx, store.Tx{Epoch: e, Puts: []store.Put{{Key: key}}})[0] },
			faults.Committed: func() error { _, err := s.Committed(ctx, 0, "id"); return err },
			faults.Get:       func() error { _, err := s.Get(ctx, 0, key); return err },
			faults.Scan:      func() error { _, err := s.Scan(ctx, 0, store.Range{Table: store.TableHeader}); return err },
			faults.ReadLog:   func() error { _, err := s.ReadLog(ctx, 0, store.LogID{Tenant: "a", Run: "r"}, 1, 1); return err },
			faults.Acquire:   func() error { _, err := s.Acquire(ctx, 1, "o", time.Hour); return err },
			faults.Renew:     func() error { _, err := s.Renew(ctx, lease, time.Hour); return err },
			faults.Release:   func() error { return s.Release(ctx, lease) },
			faults.PutBlob:   func() error { _, err := s.PutBlob(ctx, 0, "a", nil); return err },
			faults.GetBlob:   func() error { _, err := s.GetBlob(ctx, 0, "a", digest); return err },
			faults.Close:     s.Close,
		}
		if err := s.Commit(ctx, store.Tx{Epoch: e, Puts: []store.Put{{Key: key}}})[0]; err != nil {
			t.Fatal(err)
		}
		s.Plan(
			faults.Fault{Method: m, Nth: 1, Do: faults.Fail(faults.ErrPlanned)},
			faults.Fault{Method: m, Nth: 2, When: faults.After, Do: faults.Fail(faults.ErrPlanned)},
		)
		for name, call := range calls {
			if name == m || name == faults.Close || name == faults.Release {
				continue
			}
			if err := call(); err != nil {
				t.Errorf("%v while %v is to fail: %v", name, m, err)
			}
		}
		for range 2 {
			if err := calls[m](); !errors.Is(err, faults.ErrPlanned) {
				t.Errorf("%v: %v", m, err)
			}
		}
		if len(s.Fired()) != 2 {
			t.Errorf("%v: fired %q", m, s.Fired())
		}
	}
}

func TestCrashPoint(t *testing.T) {
	s, e := owned(t)
	var passed []string
	note := func(p string) faults.Action { return faults.Run(func() { passed = append(passed, p) }) }
	s.Plan(
		faults.Fault{Method: faults.Commit, When: faults.After, Do: note("after")},
		faults.Fault{Method: faults.Commit, When: faults.Before, Do: note("before")},
		faults.Fault{Method: faults.Commit, When: faults.Before, Do: note("before, planned later")},
	)
	if err := write(t, s, e, "x"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"before", "before, planned later", "after"}; !slices.Equal(passed, want) {
		t.Errorf("passed %q, want %q", passed, want)
	}
	wantDone(t, s, "x", true)
}

func TestScatter(t *testing.T) {
	a, b := faults.Scatter(7, 50, 10, faults.Commit, faults.Get), faults.Scatter(7, 50, 10, faults.Commit, faults.Get)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the same seed gives two lists")
	}
	if fmt.Sprint(a) == fmt.Sprint(faults.Scatter(8, 50, 10, faults.Commit, faults.Get)) {
		t.Error("another seed gives the same list")
	}
	moments := map[string]int{}
	for _, f := range a {
		if f.Nth < 1 || f.Nth > 10 {
			t.Errorf("%v is out of reach", f)
		}
		moments[fmt.Sprint(f.When, f.Method)]++
	}
	if len(moments) != 4 {
		t.Errorf("50 faults strike only at %v", moments)
	}
}

func TestPlanRefusesNonsense(t *testing.T) {
	for _, f := range []faults.Fault{{}, {Method: faults.Get}, {Do: faults.Fail(nil)}, {Method: 99, Do: faults.Fail(nil)}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v was planned", f)
				}
			}()
			open(t).Plan(f)
		}()
	}
}
