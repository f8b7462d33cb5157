package sim

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
)

// This file is what puts a store back from a copy under way, and a bus that comes back with nothing in it.

// Walk implements store.Walker.
func (h *handle) Walk(ctx context.Context, at store.Partition, visit func(store.Item) error) error {
	p, err := h.enter(ctx, at)
	if err != nil {
		return err
	}
	items := p.items()
	h.mu.Unlock()
	for _, i := range items {
		if err := visit(i); err != nil {
			return err
		}
	}
	return nil
}

// items are all that a partition holds, in the order of a walk.
func (p *memoryPart) items() (all []store.Item) {
	keys := slices.SortedFunc(maps.Keys(p.records), func(a, b store.Key) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), inOrder(a, b))
	})
	for _, k := range keys {
		if k.Table != store.TableBlob {
			all = append(all, store.Item{Record: &store.Record{Key: k, Value: bytes.Clone(p.records[k])}})
		}
	}
	logs := slices.SortedFunc(maps.Keys(p.logs), func(a, b store.LogID) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Run, b.Run))
	})
	for _, l := range logs {
		for _, e := range p.logs[l] {
			e.Value = bytes.Clone(e.Value)
			all = append(all, store.Item{Entry: &store.LogEntry{Log: l, Entry: e}})
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(p.blobs), inOrder) {
		_, noted := p.records[k]
		all = append(all, store.Item{Blob: &store.Blob{Tenant: k.Tenant, Digest: k.ID, Data: bytes.Clone(p.blobs[k]), Noted: noted}})
	}
	return all
}

// Identity implements store.Identified.
func (h *handle) Identity() store.Identity { return h.who }

// known is a store that says who it is, through whatever stands before it.
type known struct {
	store.Store
	who store.Identity
}

// Identity implements store.Identified.
func (k known) Identity() store.Identity { return k.who }

// restore puts all that the store holds into an empty one, which goes on in its place: nobody may write meanwhile. What was handed
// out before counts no more.
func (w *whole) restore() {
	ctx := context.Background()
	var copied bytes.Buffer
	from, err := w.memory.open()
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now()
	if _, err = backup.Export(ctx, from, &copied, backup.About{At: now, By: tester, Reason: "the game"}); err != nil {
		w.t.Fatal(err)
	}
	empty := newMemory(len(w.memory.parts))
	_, err = backup.Import(ctx, &copied, func(h backup.Header) (store.Store, error) {
		empty.who = store.Identity{
			ID: h.Store, Generation: store.NextGeneration(h.Generation, now),
			Restored: &store.Restored{At: now, From: "the copy", TakenAt: h.TakenAt, Before: h.Generation, By: tester},
		}
		return empty.open()
	})
	if err != nil {
		w.broken("the store cannot be put back: %v", err)
		return
	}
	w.memory, w.open = empty, empty.open
	w.count.Restores++
	w.journal.law.emptied()
}

// emptied takes that leases and their epochs begin anew.
func (l *law) emptied() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.owners)
}

// putBack ends the server, puts its store back, and starts another server.
func (w *whole) putBack() {
	if w.disk != nil || len(w.ghosts) > 0 {
		return
	}
	w.restartWith("the store was put back from a copy", w.restore)
}

// putBack kills everybody, puts the store back, and starts others.
func (t *team) putBack() {
	for _, p := range t.alive() {
		p.kill()
	}
	t.w.restore()
	s, err := t.w.memory.open()
	if err != nil {
		t.w.t.Fatal(err)
	}
	t.w.journal.Store = s
	t.join()
	t.join()
	t.settled()
	t.w.note("the store was put back from a copy")
}

// wipe takes the bus away, with all that it had.
func (w *whole) wipe(d time.Duration) {
	w.count.Wipes++
	w.rough.wipe()
	w.cutBus(d)
	w.note("it comes back with nothing in it")
}
