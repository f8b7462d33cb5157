package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// ErrExists says that there is a store where one was to be made.
var ErrExists = errors.New("store/redis: there is a store already")

// ErrFilling says that a store was being filled when that was broken off.
var ErrFilling = errors.New("store/redis: it is being filled, or that was broken off")

// Create makes a store with cfg.Identity for one caller to fill: nobody else can open it before [Store.Filled]. It answers
// ErrExists where there is a store. One whose filling was broken off is removed first.
func Create(ctx context.Context, cfg Config) (*Store, error) {
	cfg.InitEmpty, cfg.filling, cfg.Known = true, true, nil
	if err := removeBroken(ctx, cfg); err != nil {
		return nil, err
	}
	return Open(ctx, cfg)
}

// Filled lets others open a store that [Create] made.
func (s *Store) Filled(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	whole := s.meta
	whole.Filling = false
	raw, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	_, err = ask(ctx, s.patience, func(ctx context.Context) (string, error) { return s.link.any().Set(ctx, s.names.meta, raw, 0).Result() })
	if err == nil {
		err = s.confirmMeta(ctx)
	}
	if err != nil {
		return fmt.Errorf("store/redis: write that the store is whole: %w", err)
	}
	return nil
}

// confirmMeta waits for replicas to have everything.
func (s *Store) confirmMeta(ctx context.Context) error {
	for p := range s.parts {
		if err := s.confirm(ctx, store.Partition(p)); err != nil {
			return err
		}
	}
	return nil
}

// removeBroken makes room for a store: it removes one whose filling was broken off, and no other.
func removeBroken(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	l, err := dial(ctx, &cfg)
	if err != nil {
		return err
	}
	raw, err := ask(ctx, cfg.patience, func(ctx context.Context) (string, error) {
		return l.any().Get(ctx, newNames(cfg.Prefix, 0).meta).Result()
	})
	switch {
	case errors.Is(err, redis.Nil):
		err = nil
	case err == nil:
		var m meta
		if m, err = decodeMeta(raw); err == nil && !m.Filling {
			err = fmt.Errorf("%w under the prefix %q: choose another prefix", ErrExists, cfg.Prefix)
		}
		if err == nil {
			err = l.removeAll(ctx, cfg.Prefix)
		}
	}
	return errors.Join(err, l.close())
}

// removeAll removes every key of a store, its description last.
func (l *link) removeAll(ctx context.Context, prefix string) error {
	err := l.each(ctx, func(ctx context.Context, node *redis.Client) error {
		var names []string
		drop := func() error {
			_, err := ask(ctx, l.patience, func(ctx context.Context) ([]redis.Cmder, error) {
				return node.Pipelined(ctx, func(pipe redis.Pipeliner) error { // one key each: they are of many slots
					for _, name := range names {
						pipe.Unlink(ctx, name)
					}
					return nil
				})
			})
			names = names[:0]
			return err
		}
		begin := "{" + prefix + ":"
		err := l.eachKey(ctx, node, begin, func(rest string) error {
			if names = append(names, begin+rest); len(names) < walkCount {
				return nil
			}
			return drop()
		})
		return errors.Join(err, drop())
	})
	if err == nil {
		_, err = ask(ctx, l.patience, func(ctx context.Context) (int64, error) {
			return l.any().Del(ctx, newNames(prefix, 0).meta).Result()
		})
	}
	if err != nil {
		return fmt.Errorf("store/redis: remove what was broken off: %w", err)
	}
	return nil
}
