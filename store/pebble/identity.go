package pebble

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
)

// epochsPerGeneration is how many epochs of a partition belong to one generation: more than one is ever given, so that no epoch
// of a store that is restored was given before. Generations are seconds since 1970 and a store over Redis takes the microseconds
// for epochs: with a million for each second both go on from where the other was, when a store is moved.
const epochsPerGeneration = 1_000_000

// Identity tells this store from every other, and from itself before it was restored.
func (s *Store) Identity() store.Identity {
	return store.Identity{ID: s.meta.ID, Generation: max(1, s.meta.Generation), Restored: s.meta.Restored}
}

// Refence gives the store in a folder a new generation, which must be above its own: every epoch that was given before is below
// those to come, and whoever asks for the identity learns that it was restored. Nobody may have the folder open. It is done
// wholly or not at all.
func Refence(cfg Config, generation uint64, r store.Restored) error {
	s, err := Open(cfg)
	if err != nil {
		return err
	}
	if now := s.Identity().Generation; generation <= now {
		err = fmt.Errorf("%w: generation %d does not follow %d", store.ErrInvalid, generation, now)
	} else {
		s.meta.Restored = &r
		err = s.raise(generation)
	}
	return errors.Join(err, s.Close())
}

// raise writes a generation, and epochs that follow from it, in one batch.
func (s *Store) raise(generation uint64) error {
	s.meta.Generation = generation
	raw, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	err = b.Set(metaKey, raw, nil)
	for p := 0; p < s.meta.Partitions && err == nil; p++ {
		var given store.Epoch
		if p < len(s.parts) { // a new store has not loaded them, and has none
			given = s.parts[p].epoch
		}
		epoch := max(uint64(given), generation*epochsPerGeneration)
		err = b.Set(appendHead(nil, store.Partition(p), classLease), binary.BigEndian.AppendUint64(nil, epoch), nil)
	}
	if err == nil {
		err = s.applyAndAwait(b)
	}
	if err != nil {
		return fmt.Errorf("store/pebble: write generation %d of %s: %w", generation, s.dir, err)
	}
	return nil
}
