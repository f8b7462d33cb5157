package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
)

// machine draws requests from small sets, so that they meet each other, and asks the store and the model the same.
type machine struct {
	t     *testing.T
	s     store.Store
	model *model
	round string
}

var (
	drawPartition = rapid.SampledFrom([]store.Partition{0, 1})
	drawTable     = rapid.SampledFrom([]store.Table{store.TableDoc, store.TableHeader, store.TableApproval})
	drawOrdered   = rapid.SampledFrom([]store.Table{store.TableHeader, store.TableApproval})
	drawID        = rapid.SampledFrom([]string{"a", "a1", "b", "\xff", "zz"})
	drawValue     = rapid.SampledFrom([]string{"", "x", "y"})
	drawRun       = rapid.SampledFrom([]string{"r", "s"})
)

// tenant draws one of two tenants that only this round has.
func (m *machine) tenant(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"t" + m.round, "t" + m.round + "b"}).Draw(rt, "tenant")
}

func (m *machine) key(rt *rapid.T, tables *rapid.Generator[store.Table]) store.Key {
	return store.Key{Table: tables.Draw(rt, "table"), Tenant: m.tenant(rt), ID: drawID.Draw(rt, "id")}
}

// start takes both partitions.
func (m *machine) start(rt *rapid.T) {
	for _, p := range []store.Partition{0, 1} {
		m.acquire(rt, p)
	}
}

func (m *machine) acquire(rt *rapid.T, p store.Partition) {
	l, err := m.s.Acquire(m.t.Context(), p, "owner", leaseT)
	if err != nil {
		rt.Fatalf("Acquire: %v", err)
	}
	if before, ok := m.model.epochs[p]; ok && l.Epoch <= before {
		rt.Fatalf("epoch %d after %d", l.Epoch, before)
	}
	m.model.epochs[p] = l.Epoch
}

func (m *machine) acquires(rt *rapid.T) { m.acquire(rt, drawPartition.Draw(rt, "partition")) }

func (m *machine) releases(rt *rapid.T) {
	p := drawPartition.Draw(rt, "partition")
	e := m.epoch(rt, p)
	err := m.s.Release(m.t.Context(), store.Lease{Partition: p, Epoch: e})
	if current, owned := m.model.epochs[p]; !owned || e != current {
		m.same(rt, "Release", err, store.ErrFenced)
		return
	}
	m.same(rt, "Release", err, nil)
	delete(m.model.epochs, p)
}

// epoch draws the current epoch most of the time.
func (m *machine) epoch(rt *rapid.T, p store.Partition) store.Epoch {
	e := m.model.epochs[p]
	switch rapid.IntRange(0, 19).Draw(rt, "epoch") {
	case 0:
		return e + 1
	case 1:
		return max(e, 1) - 1
	}
	return e
}

func (m *machine) commits(rt *rapid.T) {
	txs := make([]store.Tx, rapid.IntRange(1, 3).Draw(rt, "transactions"))
	for i := range txs {
		txs[i] = m.tx(rt)
	}
	got := m.s.Commit(m.t.Context(), txs...)
	if len(got) != len(txs) {
		rt.Fatalf("%d answers for %d transactions", len(got), len(txs))
	}
	for i := range txs {
		m.same(rt, fmt.Sprintf("transaction %d %+v", i, txs[i]), got[i], m.model.commit(m.s.Partitions(), &txs[i]))
	}
}

func (m *machine) tx(rt *rapid.T) store.Tx {
	tx := store.Tx{Partition: drawPartition.Draw(rt, "partition")}
	tx.Epoch = m.epoch(rt, tx.Partition)
	if rapid.Bool().Draw(rt, "has id") {
		tx.ID = m.round + rapid.SampledFrom([]string{"i", "j", "k"}).Draw(rt, "tx id")
	}
	for range rapid.IntRange(0, 2).Draw(rt, "checks") {
		tx.Checks = append(tx.Checks, m.check(rt, tx.Partition))
	}
	for range rapid.IntRange(0, 3).Draw(rt, "puts") {
		tx.Puts = append(tx.Puts, store.Put{Key: m.key(rt, drawTable), Value: []byte(drawValue.Draw(rt, "value"))})
	}
	for range rapid.IntRange(0, 1).Draw(rt, "deletes") {
		tx.Deletes = append(tx.Deletes, m.key(rt, drawTable))
	}
	for range rapid.IntRange(0, 2).Draw(rt, "appends") {
		tx.Appends = append(tx.Appends, m.append(rt, tx.Partition))
	}
	if rapid.IntRange(0, 4).Draw(rt, "drops") == 0 {
		tx.Drops = append(tx.Drops, store.LogID{Tenant: m.tenant(rt), Run: drawRun.Draw(rt, "run")})
	}
	return tx
}

// check draws a condition that holds in the model most of the time.
func (m *machine) check(rt *rapid.T, p store.Partition) store.Check {
	c := store.Check{Key: m.key(rt, drawTable)}
	v, ok := m.model.records[modelKey{p, c.Key}]
	if rapid.IntRange(0, 5).Draw(rt, "guess") == 0 {
		ok, v = rapid.Bool().Draw(rt, "present"), drawValue.Draw(rt, "value")
	}
	if c.Absent = !ok; ok {
		c.Value = []byte(v)
	}
	return c
}

// append draws an entry that continues its log most of the time.
func (m *machine) append(rt *rapid.T, p store.Partition) store.Append {
	a := store.Append{Log: store.LogID{Tenant: m.tenant(rt), Run: drawRun.Draw(rt, "run")}}
	a.First = 1
	if log := m.model.logs[modelLog{p, a.Log}]; len(log) > 0 {
		last := log[len(log)-1]
		a.Prev, a.First = last.First, last.First+uint64(last.Count)
	}
	a.Count = uint32(rapid.IntRange(1, 3).Draw(rt, "count"))
	a.Value = []byte(drawValue.Draw(rt, "value"))
	switch rapid.IntRange(0, 9).Draw(rt, "mistake") {
	case 0:
		a.First++
	case 1:
		a.Prev, a.First = uint64(rapid.IntRange(0, 9).Draw(rt, "prev")), uint64(rapid.IntRange(0, 12).Draw(rt, "first"))
	case 2:
		a.Count = 0
	}
	return a
}

func (m *machine) gets(rt *rapid.T) {
	p, k := drawPartition.Draw(rt, "partition"), m.key(rt, drawTable)
	want, ok := m.model.records[modelKey{p, k}]
	got, err := m.s.Get(m.t.Context(), p, k)
	if !ok {
		m.same(rt, "Get", err, store.ErrNotFound)
		return
	}
	if err != nil || string(got.Value) != want {
		rt.Fatalf("Get(%v) = %q, %v, want %q", k, got.Value, err, want)
	}
}

func (m *machine) committed(rt *rapid.T) {
	p, id := drawPartition.Draw(rt, "partition"), m.round+rapid.SampledFrom([]string{"i", "j", "k"}).Draw(rt, "tx id")
	got, err := m.s.Committed(m.t.Context(), p, id)
	if err != nil || got != m.model.ids[p][id] {
		rt.Fatalf("Committed(%d, %s) = %v, %v", p, id, got, err)
	}
}

func (m *machine) scans(rt *rapid.T) {
	p := drawPartition.Draw(rt, "partition")
	r := store.Range{Table: drawOrdered.Draw(rt, "table"), Tenant: m.tenant(rt)}
	r.Reverse = rapid.Bool().Draw(rt, "reverse")
	r.Limit = rapid.IntRange(0, 4).Draw(rt, "limit")
	bound := rapid.SampledFrom([]string{"", "", "a", "a0", "b", "zz", "\xff\xff"})
	r.From, r.To = bound.Draw(rt, "from"), bound.Draw(rt, "to")
	if rapid.Bool().Draw(rt, "after") {
		r.After = &store.Key{Table: r.Table, Tenant: r.Tenant, ID: drawID.Draw(rt, "after id")}
	}
	page, err := m.s.Scan(m.t.Context(), p, r)
	if err != nil {
		rt.Fatalf("Scan(%+v): %v", r, err)
	}
	var got []string
	for _, rec := range page.Records {
		got = append(got, rec.Key.Tenant+":"+rec.Key.ID+"="+string(rec.Value))
	}
	want, more := m.model.scan(p, r)
	if !slices.Equal(got, want) || (page.Next != nil) != more {
		rt.Fatalf("Scan(%+v) = %q, next %v, want %q, more %v", r, got, page.Next, want, more)
	}
}

func (m *machine) readLogs(rt *rapid.T) {
	p, l := drawPartition.Draw(rt, "partition"), store.LogID{Tenant: m.tenant(rt), Run: drawRun.Draw(rt, "run")}
	from, n := uint64(rapid.IntRange(0, 20).Draw(rt, "from")), rapid.IntRange(1, 5).Draw(rt, "n")
	got, err := m.s.ReadLog(m.t.Context(), p, l, from, n)
	if err != nil {
		rt.Fatalf("ReadLog: %v", err)
	}
	want := m.model.readLog(p, l, from, n)
	if !slices.EqualFunc(got, want, func(a, b store.Entry) bool {
		return a.First == b.First && a.Count == b.Count && string(a.Value) == string(b.Value)
	}) {
		rt.Fatalf("ReadLog(%v, %d, %d) = %v, want %v", l, from, n, got, want)
	}
}

// same compares two errors by what a caller decides by.
func (m *machine) same(rt *rapid.T, what string, got, want error) {
	for _, e := range []error{store.ErrNotFound, store.ErrFenced, store.ErrConflict, store.ErrRolledBack, store.ErrInvalid, store.ErrLeaseHeld} {
		if errors.Is(got, e) != errors.Is(want, e) {
			rt.Fatalf("%s: got %v, want %v", what, got, want)
		}
	}
	if (got == nil) != (want == nil) {
		rt.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
