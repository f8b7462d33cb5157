package pebble

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
)

// headsRig is a store of one partition and who owns it.
type headsRig struct {
	s     *Store
	epoch store.Epoch
}

func newHeadsRig(t interface {
	Fatal(args ...any)
	Cleanup(func())
},
) *headsRig {
	s, err := Open(Config{Dir: "db", FS: vfs.NewMem(), Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	l, err := s.Acquire(context.Background(), 0, "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &headsRig{s: s, epoch: l.Epoch}
}

func logOf(run int) store.LogID { return store.LogID{Tenant: "acme", Run: fmt.Sprint("run", run)} }

func (r *headsRig) commit(txs ...store.Tx) []error {
	for i := range txs {
		txs[i].Epoch = r.epoch
	}
	return r.s.Commit(context.Background(), txs...)
}

func appendTo(run int, prev, first uint64, count uint32) store.Tx {
	return store.Tx{Appends: []store.Append{{Log: logOf(run), Prev: prev, First: first, Count: count, Value: []byte("v")}}}
}

// TestHeadsSayWhatDiskSays: whatever is appended, refused and dropped, alone or together in one commit, a store that knows where logs
// end gives the verdicts of one that looks on disk each time; and what it knows is what is there.
func TestHeadsSayWhatDiskSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		knows, looks := newHeadsRig(t), newHeadsRig(t)
		for range rapid.IntRange(1, 40).Draw(t, "commits") {
			looks.s.parts[0].heads = heads{}
			if h := &knows.s.parts[0].heads; rapid.Bool().Draw(t, "more logs") { // so many as make those before the older ones
				h.recent, h.older = nil, h.recent
			}
			txs := rapid.SliceOfN(rapid.Custom(drawTx), 1, 3).Draw(t, "txs")
			got, want := knows.commit(txs...), looks.commit(txs...)
			for i := range txs {
				if kindOf(got[i]) != kindOf(want[i]) {
					t.Fatalf("%+v: %v, without heads %v", txs[i], got[i], want[i])
				}
			}
		}
		h := knows.s.parts[0].heads
		all := maps.Clone(h.older)
		if all == nil {
			all = map[store.LogID]head{}
		}
		maps.Copy(all, h.recent)
		for l, at := range all {
			es, err := knows.s.ReadLog(context.Background(), 0, l, 1, 1000)
			if err != nil || len(es) == 0 {
				t.Fatalf("log %s has a head and no entries: %v", l.Run, err)
			}
			if last := es[len(es)-1]; last.First != at.last || last.First+uint64(last.Count) != at.next {
				t.Fatalf("log %s ends with %d+%d, its head says %+v", l.Run, last.First, last.Count, at)
			}
		}
	})
}

// drawTx appends to a few logs at few places, so that many fit, and drops some.
func drawTx(t *rapid.T) store.Tx {
	run := rapid.IntRange(0, 2).Draw(t, "run")
	if rapid.IntRange(0, 9).Draw(t, "drop") == 0 {
		return store.Tx{Drops: []store.LogID{logOf(run)}}
	}
	prev := rapid.Uint64Range(0, 6).Draw(t, "prev")
	first := prev + rapid.Uint64Range(1, 2).Draw(t, "step")
	return appendTo(run, prev, first, rapid.Uint32Range(1, 2).Draw(t, "count"))
}

// kindOf is what a caller decides by.
func kindOf(err error) string {
	for _, kind := range []error{store.ErrConflict, store.ErrRolledBack, store.ErrInvalid, store.ErrFenced} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return fmt.Sprint(err)
}

// TestHeadsAreBounded: of many logs few ends are kept, those that were written last; the others are found on disk.
func TestHeadsAreBounded(t *testing.T) {
	const logs = 5 * headsKept
	r := newHeadsRig(t)
	for round := range uint64(2) {
		for run := range logs {
			if err := r.commit(appendTo(run, round, round+1, 1))[0]; err != nil {
				t.Fatal(err)
			}
			h := r.s.parts[0].heads
			if len(h.recent)+len(h.older) > 2*headsKept {
				t.Fatalf("%d and %d ends are kept", len(h.recent), len(h.older))
			}
		}
	}
	for run := logs - headsKept; run < logs; run++ {
		if at, known := r.s.parts[0].heads.of(logOf(run)); !known || at != (head{last: 2, next: 3}) {
			t.Fatalf("the end of log %d is %+v, known: %t", run, at, known)
		}
	}
}

// TestHeadsEndWithTheirOwner: who takes a partition is told by the disk where logs end.
func TestHeadsEndWithTheirOwner(t *testing.T) {
	r := newHeadsRig(t)
	if err := r.commit(appendTo(1, 0, 1, 1))[0]; err != nil {
		t.Fatal(err)
	}
	if _, err := r.s.Acquire(context.Background(), 0, "test", time.Hour); err != nil {
		t.Fatal(err)
	}
	if at, known := r.s.parts[0].heads.of(logOf(1)); known {
		t.Errorf("the end of a log is known before it was read: %+v", at)
	}
}
