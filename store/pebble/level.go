package pebble

import (
	"context"
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/store"
)

var _ store.Upgrader = (*Store)(nil)

// Level is the store's level.
func (s *Store) Level() store.Level { return store.Level(s.level.Load()) }

// WantLevel keeps that the level is to be raised. Only one process uses a folder, which may as well raise it.
func (s *Store) WantLevel(ctx context.Context, to store.Level) error {
	return s.describeLevel(ctx, to, func(m *meta) { m.Wanted = to })
}

// RaiseLevel raises the level.
func (s *Store) RaiseLevel(ctx context.Context, to store.Level) error {
	return s.describeLevel(ctx, to, func(m *meta) {
		if m.Level = max(m.Level, to); m.Wanted <= m.Level {
			m.Wanted = 0
		}
	})
}

// ReadLevel answers what the store says.
func (s *Store) ReadLevel(ctx context.Context) (store.Upgraded, error) {
	if err := s.enter(ctx); err != nil {
		return store.Upgraded{}, err
	}
	defer s.leave()
	s.levels.Lock()
	defer s.levels.Unlock()
	return store.Upgraded{Level: s.Level(), Wanted: s.meta.Wanted}, nil
}

// describeLevel changes the description of the store, by one durable write.
func (s *Store) describeLevel(ctx context.Context, to store.Level, change func(*meta)) error {
	if to > store.CurrentLevel {
		return fmt.Errorf("%w: level %d, this binary knows levels up to %d", store.ErrInvalid, to, store.CurrentLevel)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	s.levels.Lock()
	defer s.levels.Unlock()
	next := s.meta
	next.Level = s.Level()
	change(&next)
	if next.Level == s.Level() && next.Wanted == s.meta.Wanted {
		return nil
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := s.write(metaKey, raw); err != nil {
		return fmt.Errorf("store/pebble: write the level of %s: %w", s.dir, err)
	}
	s.meta.Wanted = next.Wanted
	s.level.Store(uint32(next.Level))
	return nil
}
