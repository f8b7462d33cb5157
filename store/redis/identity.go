package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
)

// Identity tells this store from every other, and from itself before it was restored.
func (s *Store) Identity() store.Identity {
	return store.Identity{ID: s.meta.ID, Generation: max(1, s.meta.Generation), Restored: s.meta.Restored}
}

// Refence gives a store a new generation, above its own: a server whose files were put back from a copy holds
// it as it was, and whoever asks for the identity learns that now. Processes that still use the store are shut out and stop.
// Broken off, it is finished by whoever opens the store next. Restored.Before is set here. It answers who the store is now.
func Refence(ctx context.Context, cfg Config, r store.Restored) (store.Identity, error) {
	cfg.InitEmpty, cfg.Known = false, nil
	s, err := Open(ctx, cfg)
	if err != nil {
		return store.Identity{}, err
	}
	r.Before = s.Identity().Generation
	err = s.raise(ctx, store.NextGeneration(r.Before, r.At), r)
	return s.Identity(), errors.Join(err, s.Close())
}

// raise writes that a generation begins, and then into every partition.
func (s *Store) raise(ctx context.Context, generation uint64, r store.Restored) error {
	next := s.meta
	next.Before, next.Generation, next.Restored, next.Making = s.meta.head(), generation, &r, true
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	_, err = ask(ctx, s.patience, func(ctx context.Context) (string, error) { return s.link.any().Set(ctx, s.names.meta, raw, 0).Result() })
	if err != nil {
		return fmt.Errorf("store/redis: write generation %d: %w", generation, err)
	}
	s.meta = next
	return s.make(ctx)
}

// Mark is how far a store had come when a process saw it last. Kept elsewhere than with the server, it tells when that was
// set back while nobody looked.
type Mark struct {
	Store      string   `json:"store"`      // its ID
	Generation uint64   `json:"generation"` // of its identity
	Writes     []uint64 `json:"writes"`     // of each partition, as the store counts them
}

// Mark is how far the store has come, as far as this process has seen.
func (s *Store) Mark() Mark {
	m := Mark{Store: s.meta.ID, Generation: s.Identity().Generation, Writes: make([]uint64, len(s.parts))}
	for p := range s.parts {
		m.Writes[p] = s.parts[p].seen.Load()
	}
	return m
}

// follows sees that the store is not behind what is known of it. One that was restored on purpose may be.
func (s *Store) follows(m *Mark) error {
	now := s.Identity()
	switch {
	case m == nil:
		return nil
	case m.Store != now.ID:
		return fmt.Errorf("%w: store %s was here, and now it is %s", store.ErrRolledBack, m.Store, now.ID)
	case now.Generation > m.Generation:
		return nil
	case now.Generation < m.Generation:
		return fmt.Errorf("%w: it was in generation %d, and now it is in %d", store.ErrRolledBack, m.Generation, now.Generation)
	}
	for p, writes := range m.Writes {
		if p >= len(s.parts) {
			return fmt.Errorf("%w: it had %d partitions, and now it has %d", store.ErrRolledBack, len(m.Writes), len(s.parts))
		}
		if have := s.parts[p].seen.Load(); have < writes {
			return fmt.Errorf("%w: partition %d had %d writes, and now it has %d: acknowledged ones are gone", store.ErrRolledBack, p, writes, have)
		}
	}
	return nil
}
