package redis_test

import (
	"errors"
	"sync"
	"testing"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
)

// TestLevel raises the level of a store that two processes use: both learn of it, both may raise it at once, and who cannot read
// what comes after is told.
func TestLevel(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server)
	meta := "{" + cfg.Prefix + "}:meta"
	server.Do("set", meta, `{"format":"cordum-store","level":1,"partitions":3,"id":"x","making":true}`)
	one, two := open(t, cfg), open(t, cfg)
	if one.Level() != store.LevelFirst {
		t.Fatalf("an old store is at level %d", one.Level())
	}
	if err := one.RaiseLevel(t.Context(), store.CurrentLevel+1); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a level that nobody knows: %v", err)
	}
	if err := one.WantLevel(t.Context(), store.CurrentLevel); err != nil {
		t.Fatal(err)
	}
	if up, err := two.ReadLevel(t.Context()); err != nil || up != (store.Upgraded{Level: store.LevelFirst, Wanted: store.CurrentLevel}) {
		t.Errorf("with a wish it is at %+v, %v", up, err)
	}
	var both sync.WaitGroup
	for _, s := range []store.Upgrader{one, two} {
		both.Go(func() {
			if err := s.RaiseLevel(t.Context(), store.CurrentLevel); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for _, s := range []store.Upgrader{one, two} {
		if up, err := s.ReadLevel(t.Context()); err != nil || up != (store.Upgraded{Level: store.CurrentLevel}) {
			t.Errorf("raised it is at %+v, %v", up, err)
		}
	}
	if err := one.RaiseLevel(t.Context(), store.LevelFirst); err != nil || one.Level() != store.CurrentLevel {
		t.Errorf("lowered to %d, %v", one.Level(), err)
	}
	server.Do("set", meta, `{"format":"cordum-store","level":99,"partitions":3,"id":"x"}`)
	if _, err := one.ReadLevel(t.Context()); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a level above this binary's: %v", err)
	}
}
