package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/store"
)

func testInvalid(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	good := key(store.TableDoc, "a")
	long := strings.Repeat("x", store.MaxKeyBytes)
	badKeys := map[string]store.Key{
		"no table": {Tenant: tenantA, ID: "a"}, "unknown table": {Table: 99, Tenant: tenantA, ID: "a"},
		"no tenant": {Table: store.TableDoc, ID: "a"}, "no id": {Table: store.TableDoc, Tenant: tenantA},
		"NUL in tenant": {Table: store.TableDoc, Tenant: "a\x00", ID: "a"}, "NUL in id": {Table: store.TableDoc, Tenant: tenantA, ID: "\x00a"},
		"too long": {Table: store.TableDoc, Tenant: tenantA, ID: long},
	}
	for name, k := range badKeys {
		_, err := s.Get(ctx(t), 0, k)
		wantErr(t, "Get, "+name, err, store.ErrInvalid)
		wantErr(t, "Put, "+name, commitOne(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: good}, {Key: k}}}), store.ErrInvalid)
		wantErr(t, "Delete, "+name, commitOne(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: good}}, Deletes: []store.Key{k}}), store.ErrInvalid)
		wantErr(t, "Check, "+name, commitOne(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: good}}, Checks: []store.Check{{Key: k, Absent: true}}}), store.ErrInvalid)
	}
	badLogs := map[string]store.LogID{
		"no tenant": {Run: "r"}, "no run": {Tenant: tenantA}, "NUL": {Tenant: tenantA, Run: "r\x00"}, "too long": {Tenant: tenantA, Run: long},
	}
	for name, l := range badLogs {
		_, err := s.ReadLog(ctx(t), 0, l, 1, 1)
		wantErr(t, "ReadLog, "+name, err, store.ErrInvalid)
		a := store.Append{Log: l, First: 1, Count: 1}
		wantErr(t, "Append, "+name, commitOne(t, s, store.Tx{Epoch: e, Appends: []store.Append{a}}), store.ErrInvalid)
	}
	fits := strings.Repeat("x", store.MaxKeyBytes-len(tenantA))
	commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{put(store.TableDoc, fits, "longest key")}})
	wantValue(t, s, 0, key(store.TableDoc, fits), "longest key")
	testInvalidSizes(t, s, e)
	testInvalidPartition(t, s, e)
	wantAbsent(t, s, 0, good)
}

func testInvalidSizes(t *testing.T, s store.Store, e store.Epoch) {
	good, largest := key(store.TableDoc, "a"), make([]byte, store.MaxValueBytes)
	over := append(largest, 0)
	for name, tx := range map[string]store.Tx{
		"value":           {Puts: []store.Put{{Key: good, Value: over}}},
		"entry":           {Appends: []store.Append{{Log: logOf("big"), First: 1, Count: 1, Value: over}}},
		"transaction id":  {ID: strings.Repeat("x", store.MaxKeyBytes+1)},
		"NUL in id":       {ID: "a\x00b"},
		"absent value":    {Checks: []store.Check{{Key: good, Absent: true, Value: []byte("v")}}},
		"transaction sum": {Puts: manyPuts(store.MaxTxBytes/store.MaxValueBytes+1, largest)},
	} {
		tx.Epoch = e
		wantErr(t, "too large: "+name, commitOne(t, s, tx), store.ErrInvalid)
	}
	_, err := s.PutBlob(ctx(t), 0, tenantA, over)
	wantErr(t, "too large: blob", err, store.ErrInvalid)
	commit(t, s, store.Tx{Epoch: e, Puts: []store.Put{{Key: key(store.TableDoc, "largest"), Value: largest}}})
	if r, err := s.Get(ctx(t), 0, key(store.TableDoc, "largest")); err != nil || len(r.Value) != len(largest) {
		t.Errorf("the largest value: %d bytes, %v", len(r.Value), err)
	}
}

// manyPuts puts one slice many times: heavy to store, cheap to ask for.
func manyPuts(n int, v []byte) []store.Put {
	puts := make([]store.Put, n)
	for i := range puts {
		puts[i] = store.Put{Key: key(store.TableDoc, "a"), Value: v}
	}
	return puts
}

func testInvalidPartition(t *testing.T, s store.Store, e store.Epoch) {
	p := store.Partition(s.Partitions())
	c, k := ctx(t), key(store.TableDoc, "a")
	calls := map[string]func() error{
		"Commit":    func() error { return s.Commit(c, store.Tx{Partition: p, Epoch: e})[0] },
		"Committed": func() error { _, err := s.Committed(c, p, "id"); return err },
		"Get":       func() error { _, err := s.Get(c, p, k); return err },
		"Scan":      func() error { _, err := s.Scan(c, p, store.Range{Table: store.TableHeader}); return err },
		"ReadLog":   func() error { _, err := s.ReadLog(c, p, logOf("r"), 1, 1); return err },
		"Acquire":   func() error { _, err := s.Acquire(c, p, "o", leaseT); return err },
		"Renew":     func() error { _, err := s.Renew(c, store.Lease{Partition: p, Epoch: e}, leaseT); return err },
		"Release":   func() error { return s.Release(c, store.Lease{Partition: p, Epoch: e}) },
		"PutBlob":   func() error { _, err := s.PutBlob(c, p, tenantA, nil); return err },
		"GetBlob": func() error {
			_, err := s.GetBlob(c, p, tenantA, store.DigestPrefix+strings.Repeat("0", 64))
			return err
		},
		"Acquire without owner":  func() error { _, err := s.Acquire(c, 0, "", leaseT); return err },
		"Acquire without time":   func() error { _, err := s.Acquire(c, 0, "o", 0); return err },
		"Renew without time":     func() error { _, err := s.Renew(c, store.Lease{Epoch: e}, -1); return err },
		"Committed without id":   func() error { _, err := s.Committed(c, 0, ""); return err },
		"PutBlob without tenant": func() error { _, err := s.PutBlob(c, 0, "", nil); return err },
	}
	for name, call := range calls {
		wantErr(t, name, call(), store.ErrInvalid)
	}
}

// testOrderOfRefusals: with everything wrong at once the first of the documented order is told.
func testOrderOfRefusals(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	tx := store.Tx{
		Epoch:   e + 7,
		Checks:  []store.Check{{Key: key(store.TableDoc, "no"), Value: []byte("v")}},
		Appends: []store.Append{entry("a", 0, 1, 0, ""), entry("b", 3, 4, 1, ""), entry("c", 0, 1, 1, "")},
	}
	wantErr(t, "everything wrong", commitOne(t, s, tx), store.ErrInvalid)
	tx.Appends[0].Count = 1
	wantErr(t, "wrong epoch", commitOne(t, s, tx), store.ErrFenced)
	tx.Epoch = e
	wantErr(t, "log rolled back", commitOne(t, s, tx), store.ErrRolledBack)
	tx.Appends[1] = entry("b", 0, 1, 1, "")
	wantErr(t, "check fails", commitOne(t, s, tx), store.ErrConflict)
	tx.Checks = nil
	if err := commitOne(t, s, tx); err != nil {
		t.Errorf("nothing wrong: %v", err)
	}
}

func testCancelled(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	c, cancel := context.WithCancel(ctx(t))
	cancel()
	k := key(store.TableDoc, "a")
	errs := s.Commit(c, store.Tx{Epoch: e, ID: "late", Puts: []store.Put{{Key: k}}})
	if errs[0] == nil {
		return // a store may be too far on to stop; then it has written
	}
	for _, known := range []error{store.ErrFenced, store.ErrConflict, store.ErrRolledBack, store.ErrInvalid, store.ErrNotFound} {
		if errors.Is(errs[0], known) {
			t.Errorf("a cancelled commit answers %v, which says that the outcome is known", errs[0])
		}
	}
	done, err := s.Committed(ctx(t), 0, "late")
	if err != nil {
		t.Fatal(err)
	}
	if done {
		wantValue(t, s, 0, k, "")
	} else {
		wantAbsent(t, s, 0, k)
	}
	if _, err := s.Get(c, 0, k); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a cancelled Get answers %v: could not read is never not found", err)
	}
}

func testClosed(t *testing.T, s store.Store) {
	e := acquire(t, s, 0)
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	c, k := ctx(t), key(store.TableDoc, "a")
	calls := map[string]func() error{
		"Commit":    func() error { return s.Commit(c, store.Tx{Epoch: e})[0] },
		"Committed": func() error { _, err := s.Committed(c, 0, "id"); return err },
		"Get":       func() error { _, err := s.Get(c, 0, k); return err },
		"Scan":      func() error { _, err := s.Scan(c, 0, store.Range{Table: store.TableHeader}); return err },
		"ReadLog":   func() error { _, err := s.ReadLog(c, 0, logOf("r"), 1, 1); return err },
		"Acquire":   func() error { _, err := s.Acquire(c, 0, "o", time.Second); return err },
		"Renew":     func() error { _, err := s.Renew(c, store.Lease{Epoch: e}, time.Second); return err },
		"Release":   func() error { return s.Release(c, store.Lease{Epoch: e}) },
		"PutBlob":   func() error { _, err := s.PutBlob(c, 0, tenantA, nil); return err },
		"GetBlob": func() error {
			_, err := s.GetBlob(c, 0, tenantA, store.DigestPrefix+strings.Repeat("0", 64))
			return err
		},
		"Close": s.Close,
	}
	for name, call := range calls {
		wantErr(t, name, call(), store.ErrClosed)
	}
}
