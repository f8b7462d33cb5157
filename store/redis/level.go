package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

var _ store.Upgrader = (*Store)(nil)

// swapScript replaces a value that is still what was read.
var swapScript = redis.NewScript(`
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2])
return 1`)

// swapTries is how often the description is read again because somebody else changed it meanwhile.
const swapTries = 10

// Level is the store's level, as this process read it last.
func (s *Store) Level() store.Level { return store.Level(s.level.Load()) }

// WantLevel keeps that the level is to be raised.
func (s *Store) WantLevel(ctx context.Context, to store.Level) error {
	return s.changeLevel(ctx, to, func(m *meta) { m.Wanted = to })
}

// RaiseLevel raises the level.
func (s *Store) RaiseLevel(ctx context.Context, to store.Level) error {
	return s.changeLevel(ctx, to, func(m *meta) {
		if m.Level = max(m.Level, to); m.Wanted <= m.Level {
			m.Wanted = 0
		}
	})
}

// ReadLevel reads what the store says.
func (s *Store) ReadLevel(ctx context.Context) (store.Upgraded, error) {
	if err := s.enter(ctx); err != nil {
		return store.Upgraded{}, err
	}
	defer s.leave()
	_, m, err := s.readMeta(ctx)
	if err != nil {
		return store.Upgraded{}, err
	}
	s.level.Store(uint32(m.Level))
	return store.Upgraded{Level: m.Level, Wanted: m.Wanted}, nil
}

func (s *Store) readMeta(ctx context.Context) (raw string, m meta, err error) {
	raw, err = ask(ctx, s.patience, func(ctx context.Context) (string, error) { return s.link.any().Get(ctx, s.names.meta).Result() })
	switch {
	case errors.Is(err, redis.Nil):
		return "", meta{}, fmt.Errorf("%w: its description is gone", store.ErrRolledBack)
	case err != nil:
		return "", meta{}, fmt.Errorf("store/redis: read the description of the store: %w", err)
	}
	m, err = decodeMeta(raw)
	return raw, m, err
}

// changeLevel changes the description of the store, unless it says so already.
func (s *Store) changeLevel(ctx context.Context, to store.Level, change func(*meta)) error {
	if to > store.CurrentLevel {
		return fmt.Errorf("%w: level %d, this binary knows levels up to %d", store.ErrInvalid, to, store.CurrentLevel)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	for range swapTries {
		raw, m, err := s.readMeta(ctx)
		if err != nil {
			return err
		}
		level, wanted := m.Level, m.Wanted
		change(&m)
		if m.Level == level && m.Wanted == wanted {
			s.level.Store(uint32(level))
			return nil
		}
		next, err := json.Marshal(m)
		if err != nil {
			return err
		}
		done, err := ask(ctx, s.patience, func(ctx context.Context) (int, error) {
			return swapScript.Run(ctx, s.link.any(), []string{s.names.meta}, raw, next).Int()
		})
		if err != nil {
			return fmt.Errorf("store/redis: write the level: %w", err)
		}
		if done == 1 {
			s.level.Store(uint32(m.Level))
			return nil
		}
	}
	return fmt.Errorf("store/redis: the description of the store changes all the time: try again")
}
