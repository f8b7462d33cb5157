package pebble_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// A store that is put back is in a higher generation, and no epoch of it was given before.
func TestRefence(t *testing.T) {
	cfg := pebble.Config{Dir: "db", FS: vfs.NewMem(), Partitions: 3, Logger: quiet()}
	s := open(t, cfg)
	first := s.Identity()
	if first.ID == "" || first.Generation != 1 || first.Restored != nil {
		t.Fatalf("a new store is %+v", first)
	}
	lease, err := s.Acquire(t.Context(), 2, "o", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	how := store.Restored{At: time.Unix(90, 0).UTC(), From: "b", Before: 1, By: "user:ann"}
	if err := pebble.Refence(cfg, 1, how); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("the same generation again: %v", err)
	}
	if err := pebble.Refence(cfg, store.NextGeneration(1, how.At), how); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	now := s.Identity()
	if now.ID != first.ID || now.Generation != 90 || now.Restored == nil || *now.Restored != how {
		t.Errorf("restored it is %+v, %+v", now, now.Restored)
	}
	for p := range store.Partition(3) {
		again, err := s.Acquire(t.Context(), p, "o", time.Minute)
		if err != nil || again.Epoch <= lease.Epoch || again.Epoch/1_000_000 != 90 {
			t.Errorf("partition %d: epoch %d after %d, %v", p, again.Epoch, lease.Epoch, err)
		}
	}
	old := store.Tx{Partition: 2, Epoch: lease.Epoch, Puts: []store.Put{{Key: store.Key{Table: store.TableDoc, Tenant: "t", ID: "i"}}}}
	if err := s.Commit(t.Context(), old)[0]; !errors.Is(err, store.ErrFenced) {
		t.Errorf("a commit of before: %v", err)
	}
}

// A store that is moved here keeps its name.
func TestNewStoreWithIdentity(t *testing.T) {
	who := &store.Identity{ID: "name", Generation: 7, Restored: &store.Restored{From: "export"}}
	cfg := pebble.Config{Dir: "db", FS: vfs.NewMem(), Partitions: 2, Identity: who}
	if got := open(t, cfg).Identity(); got.ID != "name" || got.Generation != 7 || got.Restored.From != "export" {
		t.Errorf("it is %+v", got)
	}
}

// A checkpoint holds what was committed before it, and nothing that came later.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, pebble.Config{Dir: dir + "/data", Partitions: 1})
	lease, err := s.Acquire(t.Context(), 0, "o", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	put := func(id string) {
		k := store.Key{Table: store.TableDoc, Tenant: "t", ID: id}
		if err := s.Commit(t.Context(), store.Tx{Epoch: lease.Epoch, Puts: []store.Put{{Key: k, Value: []byte(id)}}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	put("before")
	if err := s.Checkpoint(t.Context(), dir+"/copy"); err != nil {
		t.Fatal(err)
	}
	put("after")
	c := open(t, pebble.Config{Dir: dir + "/copy", ReadOnly: true})
	var ids []string
	if err := c.Walk(t.Context(), 0, func(i store.Item) error { ids = append(ids, i.Record.Key.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 1 || ids[0] != "before" || c.Identity().ID != s.Identity().ID {
		t.Errorf("the copy has %q", ids)
	}
	if err := c.Checkpoint(t.Context(), dir+"/again"); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a copy of what is only read: %v", err)
	}
}
