package pebble

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cordum.dev/cordum/store"
)

// What is read without writing stays as it is on disk, and cannot be written to.
func TestReadOnly(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "data"), context.Background()
	if _, err := Open(Config{Dir: dir, ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a store that is not there: %v", err)
	}
	s, err := Open(Config{Dir: dir, Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.Acquire(ctx, 1, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	key := store.Key{Table: store.TableDoc, Tenant: "default", ID: "a"}
	if err := s.Commit(ctx, store.Tx{Partition: 1, Epoch: lease.Epoch, Puts: []store.Put{{Key: key, Value: []byte("b")}}})[0]; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	if s, err = Open(Config{Dir: dir, ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if rec, err := s.Get(ctx, 1, key); err != nil || string(rec.Value) != "b" {
		t.Errorf("%q, %v", rec.Value, err)
	}
	if _, err := s.Acquire(ctx, 1, "test", time.Minute); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("acquire: %v", err)
	}
	if _, err := s.PutBlob(ctx, 1, "default", []byte("x")); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("put a blob: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after := contents(t, dir); len(after) != len(before) {
		t.Errorf("%d files, %d before", len(after), len(before))
	} else {
		for name, raw := range before {
			if after[name] != raw {
				t.Errorf("%s has changed", name)
			}
		}
	}
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(raw)
	}
	return out
}
