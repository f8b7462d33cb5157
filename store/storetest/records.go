package storetest

import (
	"errors"
	"testing"

	"cordum.dev/cordum/store"
)

func testDescribe(t *testing.T, s store.Store) {
	if n := s.Partitions(); n < 2 || n > 256 {
		t.Errorf("Partitions() = %d, want 2 to 256", n)
	}
	if s.Level() != store.CurrentLevel {
		t.Errorf("a new store has level %d, want %d", s.Level(), store.CurrentLevel)
	}
	if s.Describe() == "" {
		t.Error("Describe says nothing")
	}
}

func testRecords(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	for table := store.TableDoc; table.Known(); table++ {
		commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{put(table, "a", "1"), put(table, "b", "2"), put(table, "a", "3")}})
		wantValue(t, s, 0, key(table, "a"), "3")
		wantValue(t, s, 0, key(table, "b"), "2")
		commit(t, s, store.Tx{
			Epoch: e, Puts: []store.Put{put(table, "b", "4"), put(table, "c", "5")},
			Deletes: []store.Key{key(table, "b"), key(table, "nothing")},
		})
		wantAbsent(t, s, 0, key(table, "b"))
		wantValue(t, s, 0, key(table, "c"), "5")
	}
	commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: key(store.TableDoc, "empty")}}})
	wantValue(t, s, 0, key(store.TableDoc, "empty"), "")
	if errs := s.Commit(ctx(t)); len(errs) != 0 {
		t.Errorf("Commit of nothing answers %v", errs)
	}
	commit(t, s, store.Tx{Epoch: e}) // an empty transaction asks only whether the epoch is current
}

func testChecks(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	here, empty, missing := key(store.TableDoc, "here"), key(store.TableDoc, "empty"), key(store.TableDoc, "missing")
	commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: here, Value: []byte("v")}, {Key: empty}}})
	for _, c := range []struct {
		name  string
		check store.Check
		want  error
	}{
		{"same value", store.Check{Key: here, Value: []byte("v")}, nil},
		{"other value", store.Check{Key: here, Value: []byte("w")}, store.ErrConflict},
		{"longer value", store.Check{Key: here, Value: []byte("v ")}, store.ErrConflict},
		{"empty for a value", store.Check{Key: here}, store.ErrConflict},
		{"empty value", store.Check{Key: empty}, nil},
		{"missing", store.Check{Key: missing, Value: []byte("v")}, store.ErrConflict},
		{"missing is not empty", store.Check{Key: missing}, store.ErrConflict},
		{"absent", store.Check{Key: missing, Absent: true}, nil},
		{"not absent", store.Check{Key: here, Absent: true}, store.ErrConflict},
		{"empty is not absent", store.Check{Key: empty, Absent: true}, store.ErrConflict},
	} {
		mark := key(store.TableDoc, "mark "+c.name)
		err := commitOne(t, s, store.Tx{Epoch: e, Checks: []store.Check{c.check}, Puts: []store.Put{{Key: mark}}})
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			wantValue(t, s, 0, mark, "")
			continue
		}
		wantErr(t, c.name, err, c.want)
		wantAbsent(t, s, 0, mark)
		if err := commitOne(t, s, store.Tx{Epoch: e, Checks: []store.Check{c.check}}); !errors.Is(err, c.want) {
			t.Errorf("%s, checking only: got %v, want %v", c.name, err, c.want)
		}
	}
}

// testAtomic: a transaction that fails in its last check writes nothing, and its neighbours in the call are not touched.
func testAtomic(t *testing.T, s store.Store) {
	e0, e1 := acquire(t, s, 0), acquire(t, s, 1)
	commit(t, s, store.Tx{Epoch: e0, Puts: []store.Put{put(store.TableHeader, "old", "1")}})
	absent := store.Check{Key: key(store.TableHeader, "old"), Absent: true}
	fine := store.Check{Key: key(store.TableHeader, "other"), Absent: true}
	errs := s.Commit(
		ctx(t),
		store.Tx{Partition: 1, Epoch: e1, Puts: []store.Put{put(store.TableHeader, "a", "1")}, Appends: []store.Append{entry("a", 0, 1, 1, "x")}},
		store.Tx{
			Partition: 0, Epoch: e0, ID: "fails", Checks: []store.Check{fine, absent},
			Puts:    []store.Put{put(store.TableHeader, "old", "2"), put(store.TableHeader, "b", "2")},
			Deletes: []store.Key{key(store.TableHeader, "old")}, Appends: []store.Append{entry("b", 0, 1, 1, "x")},
		},
		store.Tx{Partition: 0, Epoch: e0, Puts: []store.Put{put(store.TableHeader, "c", "3")}},
		store.Tx{Partition: 1, Epoch: e1 + 1, Puts: []store.Put{put(store.TableHeader, "d", "4")}},
	)
	if errs[0] != nil || errs[2] != nil {
		t.Errorf("neighbours of a failed transaction: %v", errs)
	}
	wantErr(t, "failing check", errs[1], store.ErrConflict)
	wantErr(t, "wrong epoch", errs[3], store.ErrFenced)
	wantValue(t, s, 1, key(store.TableHeader, "a"), "1")
	wantValue(t, s, 0, key(store.TableHeader, "old"), "1")
	wantAbsent(t, s, 0, key(store.TableHeader, "b"))
	wantValue(t, s, 0, key(store.TableHeader, "c"), "3")
	wantAbsent(t, s, 1, key(store.TableHeader, "d"))
	wantFirsts(t, "log of the failed transaction", readLog(t, s, 0, logOf("b"), 1, 10), "[]")
	wantFirsts(t, "log of its neighbour", readLog(t, s, 1, logOf("a"), 1, 10), "[1]")
	if done, err := s.Committed(ctx(t), 0, "fails"); done || err != nil {
		t.Errorf("Committed(fails) = %v, %v", done, err)
	}
}

// testOrderWithinCall: transactions of one partition in one call see each other in order.
func testOrderWithinCall(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	k := key(store.TableDoc, "k")
	is := func(v string) []store.Check { return []store.Check{{Key: k, Value: []byte(v)}} }
	absent := []store.Check{{Key: k, Absent: true}}
	errs := s.Commit(
		ctx(t),
		store.Tx{Epoch: e, Checks: absent, Puts: []store.Put{{Key: k, Value: []byte("1")}}, Appends: []store.Append{entry("r", 0, 1, 2, "x")}},
		store.Tx{Epoch: e, Checks: absent, Puts: []store.Put{{Key: k, Value: []byte("never")}}},
		store.Tx{Epoch: e, Checks: is("1"), Puts: []store.Put{{Key: k, Value: []byte("2")}}, Appends: []store.Append{entry("r", 1, 3, 1, "y")}},
		store.Tx{Epoch: e, Appends: []store.Append{entry("r", 1, 3, 1, "z")}},
		store.Tx{Epoch: e, Checks: is("2"), Deletes: []store.Key{k}},
		store.Tx{Epoch: e, Checks: absent, Puts: []store.Put{put(store.TableDoc, "end", "1")}},
	)
	for i, want := range []error{nil, store.ErrConflict, nil, store.ErrConflict, nil, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("transaction %d: got %v, want %v", i, errs[i], want)
		}
	}
	wantAbsent(t, s, 0, k)
	wantValue(t, s, 0, key(store.TableDoc, "end"), "1")
	es := readLog(t, s, 0, logOf("r"), 1, 10)
	wantFirsts(t, "log", es, "[1 3]")
	if len(es) == 2 && string(es[1].Value) != "y" {
		t.Errorf("second entry is %q, want y", es[1].Value)
	}
}

func testTransactionIDs(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, ID: "one", Puts: []store.Put{put(store.TableDoc, "a", "1")}}, store.Tx{Epoch: e, ID: "two"})
	for id, want := range map[string]bool{"one": true, "two": true, "on": false, "onee": false, "three": false} {
		got, err := s.Committed(ctx(t), 0, id)
		if err != nil || got != want {
			t.Errorf("Committed(%q) = %v, %v, want %v", id, got, err, want)
		}
	}
	if got, err := s.Committed(ctx(t), 1, "one"); got || err != nil {
		t.Errorf("Committed in another partition = %v, %v", got, err)
	}
	wantErr(t, "fenced", commitOne(t, s, store.Tx{Epoch: e + 1, ID: "fenced"}), store.ErrFenced)
	if got, err := s.Committed(ctx(t), 0, "fenced"); got || err != nil {
		t.Errorf("Committed(fenced) = %v, %v", got, err)
	}
}

// testSlices: the store keeps nothing it was given, and what it answers belongs to the caller.
func testSlices(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	in := []byte("value")
	k := key(store.TableHeader, "k")
	blob, err := s.PutBlob(ctx(t), 0, tenantA, in)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: k, Value: in}}, Appends: []store.Append{{Log: logOf("r"), First: 1, Count: 1, Value: in}}})
	copy(in, "spoil")
	for range 2 { // the second round reads what the first one spoiled, if it was shared
		r, err := s.Get(ctx(t), 0, k)
		page, err2 := s.Scan(ctx(t), 0, store.Range{Table: store.TableHeader, Tenant: tenantA})
		data, err3 := s.GetBlob(ctx(t), 0, tenantA, blob)
		if err := errors.Join(err, err2, err3); err != nil || len(page.Records) != 1 {
			t.Fatalf("read back: %v, %d records", err, len(page.Records))
		}
		for _, got := range [][]byte{r.Value, page.Records[0].Value, data, readLog(t, s, 0, logOf("r"), 1, 1)[0].Value} {
			if string(got) != "value" {
				t.Errorf("read %q, want %q", got, "value")
			}
			copy(got, "spoil")
		}
	}
}
