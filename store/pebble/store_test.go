package pebble_test

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
	"cordum.dev/cordum/store/storetest"
)

// quiet keeps the expected complaints of failing stores out of the test's output.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func open(t testing.TB, cfg pebble.Config) *pebble.Store {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	s, err := pebble.Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) && !errors.Is(err, pebble.ErrFailed) {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestContractOnDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, pebble.Config{Dir: filepath.Join(t.TempDir(), "made", "by", "open")})
	})
}

func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, pebble.Config{Dir: "db", FS: vfs.NewMem(), Partitions: 2})
	})
}

func TestReopenOnDisk(t *testing.T) {
	storetest.RunReopen(t, func(t *testing.T) storetest.Opener {
		cfg := pebble.Config{Dir: t.TempDir(), Partitions: 5}
		return func(t *testing.T) store.Store { return open(t, cfg) }
	})
}

func TestReopenInMemory(t *testing.T) {
	storetest.RunReopen(t, func(t *testing.T) storetest.Opener {
		cfg := pebble.Config{Dir: "/data/db", FS: vfs.NewMem()}
		return func(t *testing.T) store.Store { return open(t, cfg) }
	})
}
