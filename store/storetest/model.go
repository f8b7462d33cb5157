package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
)

// model is the contract in its shortest form: maps in memory, one caller at a time.
type model struct {
	records map[modelKey]string
	logs    map[modelLog][]store.Entry
	ids     map[store.Partition]map[string]bool
	epochs  map[store.Partition]store.Epoch // current ones; released partitions are absent
}

type modelKey struct {
	p store.Partition
	k store.Key
}

type modelLog struct {
	p store.Partition
	l store.LogID
}

func newModel() *model {
	return &model{
		records: map[modelKey]string{}, logs: map[modelLog][]store.Entry{},
		ids: map[store.Partition]map[string]bool{}, epochs: map[store.Partition]store.Epoch{},
	}
}

func (m *model) commit(partitions int, tx *store.Tx) error {
	if err := tx.Validate(partitions); err != nil {
		return err
	}
	if e, owned := m.epochs[tx.Partition]; !owned || e != tx.Epoch {
		return store.ErrFenced
	}
	if err := m.checkAppends(tx); err != nil {
		return err
	}
	for _, c := range tx.Checks {
		v, ok := m.records[modelKey{tx.Partition, c.Key}]
		if ok == c.Absent || (ok && v != string(c.Value)) {
			return store.ErrConflict
		}
	}
	m.write(tx)
	return nil
}

// checkAppends tells the worst that any append meets: a gap or a loss before a conflict.
func (m *model) checkAppends(tx *store.Tx) error {
	var conflict error
	for _, a := range tx.Appends {
		err := checkAppend(m.logs[modelLog{tx.Partition, a.Log}], a)
		if errors.Is(err, store.ErrConflict) {
			conflict = err
		} else if err != nil {
			return err
		}
	}
	return conflict
}

func checkAppend(log []store.Entry, a store.Append) error {
	at := slices.IndexFunc(log, func(e store.Entry) bool { return e.First == a.Prev })
	next := uint64(1)
	if a.Prev > 0 {
		if at < 0 {
			return store.ErrRolledBack
		}
		next = a.Prev + uint64(log[at].Count)
	}
	switch {
	case at != len(log)-1, a.First < next:
		return store.ErrConflict
	case a.First > next:
		return store.ErrInvalid
	}
	return nil
}

func (m *model) write(tx *store.Tx) {
	for _, p := range tx.Puts {
		m.records[modelKey{tx.Partition, p.Key}] = string(p.Value)
	}
	for _, k := range tx.Deletes {
		delete(m.records, modelKey{tx.Partition, k})
	}
	for _, a := range tx.Appends {
		l := modelLog{tx.Partition, a.Log}
		m.logs[l] = append(m.logs[l], store.Entry{First: a.First, Count: a.Count, Value: a.Value})
	}
	for _, l := range tx.Drops {
		delete(m.logs, modelLog{tx.Partition, l})
	}
	if tx.ID != "" {
		if m.ids[tx.Partition] == nil {
			m.ids[tx.Partition] = map[string]bool{}
		}
		m.ids[tx.Partition][tx.ID] = true
	}
}

// scan answers the names of a page and whether more is left.
func (m *model) scan(p store.Partition, r store.Range) (page []string, more bool) {
	var all []store.Key
	for mk := range m.records {
		if mk.p == p && inRange(mk.k, &r) {
			all = append(all, mk.k)
		}
	}
	sort.Slice(all, func(i, j int) bool { return keyLess(all[i], all[j]) != r.Reverse })
	for _, k := range all {
		if len(page) == r.Size() {
			return page, true
		}
		page = append(page, k.Tenant+":"+k.ID+"="+m.records[modelKey{p, k}])
	}
	return page, false
}

func inRange(k store.Key, r *store.Range) bool {
	if k.Table != r.Table || (r.Tenant != "" && k.Tenant != r.Tenant) {
		return false
	}
	if (r.From != "" && k.ID < r.From) || (r.To != "" && k.ID >= r.To) {
		return false
	}
	if r.After == nil {
		return true
	}
	if r.Reverse {
		return keyLess(k, *r.After)
	}
	return keyLess(*r.After, k)
}

func keyLess(a, b store.Key) bool {
	if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
		return c < 0
	}
	return a.ID < b.ID
}

func (m *model) readLog(p store.Partition, l store.LogID, from uint64, n int) []store.Entry {
	var out []store.Entry
	for _, e := range m.logs[modelLog{p, l}] {
		if e.First+uint64(e.Count) > from && len(out) < n {
			out = append(out, e)
		}
	}
	return out
}

// testModel does random things to a store and to the model and compares every answer.
func testModel(t *testing.T, open func(t *testing.T) store.Store) {
	// One store for all runs of the property: each takes tenants of its own.
	s := open(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		m := &machine{t: t, s: s, model: newModel(), round: fmt.Sprintf("%06d", round)}
		m.start(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"commit": m.commits, "scan": m.scans, "read log": m.readLogs, "get": m.gets,
			"committed": m.committed, "acquire": m.acquires, "release": m.releases,
		})
	})
}
