package storetest

import (
	"fmt"
	"testing"

	"cordum.dev/cordum/store"
)

func testLog(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	wantFirsts(t, "a log that does not exist", readLog(t, s, 0, logOf("r"), 1, 10), "[]")
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 0, 1, 3, "abc"), entry("q", 0, 1, 1, "other")}})
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 1, 4, 1, "d")}})
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 4, 5, 300, "")}})
	es := readLog(t, s, 0, logOf("r"), 1, 10)
	want := "[{1 3 abc} {4 1 d} {5 300 }]"
	var got []string
	for _, en := range es {
		got = append(got, fmt.Sprintf("{%d %d %s}", en.First, en.Count, en.Value))
	}
	if fmt.Sprint(got) != want {
		t.Errorf("log is %v, want %s", got, want)
	}
	wantFirsts(t, "the other log", readLog(t, s, 0, logOf("q"), 1, 10), "[1]")
}

func testLogRefusals(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 0, 1, 3, "abc")}})
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 1, 4, 2, "de")}})
	for _, c := range []struct {
		name string
		a    store.Append
		want error
	}{
		{"again from the start", entry("r", 0, 1, 1, "x"), store.ErrConflict},
		{"the same entry again", entry("r", 1, 4, 2, "de"), store.ErrConflict},
		{"a second entry behind the same one", entry("r", 1, 4, 9, "x"), store.ErrConflict},
		{"behind an entry that is not the newest", entry("r", 1, 6, 1, "x"), store.ErrConflict},
		{"inside the newest entry", entry("r", 4, 5, 1, "x"), store.ErrConflict},
		{"a gap", entry("r", 4, 7, 1, "x"), store.ErrInvalid},
		{"behind an entry that is gone", entry("r", 6, 7, 1, "x"), store.ErrRolledBack},
		{"behind what is no entry's first", entry("r", 5, 6, 1, "x"), store.ErrRolledBack},
		{"behind an entry of an empty log", entry("new", 1, 2, 1, "x"), store.ErrRolledBack},
		{"no first entry", entry("new", 0, 2, 1, "x"), store.ErrInvalid},
		{"no fact", entry("r", 4, 6, 0, "x"), store.ErrInvalid},
		{"before its own predecessor", entry("r", 4, 4, 1, "x"), store.ErrInvalid},
		{"over the end of numbers", entry("r", 4, 1<<64-1, 2, "x"), store.ErrInvalid},
	} {
		mark := key(store.TableDoc, c.name)
		err := commitOne(t, s, store.Tx{Epoch: e, Appends: []store.Append{c.a}, Puts: []store.Put{{Key: mark}}})
		wantErr(t, c.name, err, c.want)
		wantAbsent(t, s, 0, mark)
	}
	err := commitOne(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 4, 6, 1, "x"), entry("r", 6, 7, 1, "y")}})
	wantErr(t, "two appends to one log", err, store.ErrInvalid)
	wantFirsts(t, "after all refusals", readLog(t, s, 0, logOf("r"), 1, 10), "[1 4]")
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entry("r", 4, 6, 1, "x")}})
}

func testLogReading(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	prev := uint64(0)
	for _, a := range []store.Append{entry("r", 0, 1, 3, ""), entry("r", 1, 4, 1, ""), entry("r", 4, 5, 10, ""), entry("r", 5, 15, 1, "")} {
		if a.Prev != prev {
			t.Fatal("the fixture is wrong")
		}
		prev = a.First
		// Neighbours by name, whose entries must never show up.
		commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{
			a,
			{Log: logOf("q"), Prev: a.Prev, First: a.First, Count: a.Count},
			{Log: logOf("r0"), Prev: a.Prev, First: a.First, Count: a.Count},
			{Log: store.LogID{Tenant: tenantB, Run: "r"}, Prev: a.Prev, First: a.First, Count: a.Count},
		}})
	}
	for _, c := range []struct {
		from uint64
		n    int
		want string
	}{
		{0, 10, "[1 4 5 15]"},
		{1, 10, "[1 4 5 15]"},
		{2, 10, "[1 4 5 15]"},
		{3, 10, "[1 4 5 15]"},
		{4, 10, "[4 5 15]"},
		{5, 10, "[5 15]"},
		{14, 10, "[5 15]"},
		{15, 10, "[15]"},
		{16, 10, "[]"},
		{1 << 63, 10, "[]"},
		{1<<64 - 1, 10, "[]"},
		{1, 1, "[1]"},
		{3, 2, "[1 4]"},
		{4, 1, "[4]"},
		{14, 1, "[5]"},
		{1, store.MaxScan, "[1 4 5 15]"},
	} {
		wantFirsts(t, fmt.Sprintf("from %d, %d entries", c.from, c.n), readLog(t, s, 0, logOf("r"), c.from, c.n), c.want)
	}
	for _, n := range []int{0, -1, store.MaxScan + 1} {
		_, err := s.ReadLog(ctx(t), 0, logOf("r"), 1, n)
		wantErr(t, fmt.Sprintf("%d entries asked for", n), err, store.ErrInvalid)
	}
	testHeavyLog(t, s, e)
}

// testHeavyLog: a reader that goes on from what it got sees every entry once, however much fits into an answer.
func testHeavyLog(t *testing.T, s store.Store, e store.Epoch) {
	const entries = 5
	heavy := make([]byte, store.MaxValueBytes)
	for i := range uint64(entries) {
		commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{{Log: logOf("heavy"), Prev: i, First: i + 1, Count: 1, Value: heavy}}})
	}
	next, calls := uint64(1), 0
	for {
		es := readLog(t, s, 0, logOf("heavy"), next, entries)
		if len(es) == 0 {
			break
		}
		calls++
		weight := 0
		for _, en := range es {
			if en.First != next {
				t.Fatalf("entry %d, want %d", en.First, next)
			}
			next = en.First + uint64(en.Count)
			weight += len(en.Value)
		}
		if weight >= store.MaxPageBytes+store.MaxValueBytes {
			t.Errorf("an answer of %d bytes", weight)
		}
	}
	if next != entries+1 || calls < 2 {
		t.Errorf("read up to fact %d in %d calls", next-1, calls)
	}
}
