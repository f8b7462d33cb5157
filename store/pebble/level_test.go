package pebble_test

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// TestLevel raises the level of a store of the first version; it stays raised through a power cut, and is never lowered.
func TestLevel(t *testing.T) {
	fs := vfs.NewCrashableMem()
	rawPut(t, fs, "\xff\xffmeta", `{"format":"cordum-store","level":1,"partitions":4,"id":"x"}`)
	s := open(t, pebble.Config{Dir: "db", FS: fs})
	if up, err := s.ReadLevel(t.Context()); err != nil || up != (store.Upgraded{Level: store.LevelFirst}) || s.Level() != store.LevelFirst {
		t.Fatalf("an old store is at %+v, %v", up, err)
	}
	if err := s.RaiseLevel(t.Context(), store.CurrentLevel+1); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a level that nobody knows: %v", err)
	}
	if err := s.WantLevel(t.Context(), store.CurrentLevel); err != nil {
		t.Fatal(err)
	}
	if up, err := s.ReadLevel(t.Context()); err != nil || up != (store.Upgraded{Level: store.LevelFirst, Wanted: store.CurrentLevel}) {
		t.Errorf("with a wish it is at %+v, %v", up, err)
	}
	for _, to := range []store.Level{store.CurrentLevel, store.CurrentLevel, store.LevelFirst} {
		if err := s.RaiseLevel(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		if up, err := s.ReadLevel(t.Context()); err != nil || up != (store.Upgraded{Level: store.CurrentLevel}) {
			t.Errorf("raised to %d it is at %+v, %v", to, up, err)
		}
	}
	cut := fs.CrashClone(vfs.CrashCloneCfg{})
	after := open(t, pebble.Config{Dir: "db", FS: cut})
	if after.Level() != store.CurrentLevel || after.ID() != "x" || after.Partitions() != 4 {
		t.Errorf("after a power cut it is at %d", after.Level())
	}
}

// TestBlobsBelowTheirLevel: what is put into a store that an older version may use has no note of when, and gets none later: nobody
// knows who names it. From that level on what is new has one.
func TestBlobsBelowTheirLevel(t *testing.T) {
	fs := vfs.NewMem()
	rawPut(t, fs, "\xff\xffmeta", `{"format":"cordum-store","level":1,"partitions":4,"id":"x"}`)
	s := open(t, pebble.Config{Dir: "db", FS: fs})
	noted := func(text string) bool {
		t.Helper()
		digest, err := s.PutBlob(t.Context(), 0, "acme", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Get(t.Context(), 0, store.BlobKey("acme", digest))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	if noted("old") {
		t.Error("a blob of the first level is noted")
	}
	if err := s.RaiseLevel(t.Context(), store.LevelNames); err != nil {
		t.Fatal(err)
	}
	if noted("old") || !noted("new") || !noted("new") {
		t.Error("after the upgrade an old blob is noted, or a new one is not")
	}
}
