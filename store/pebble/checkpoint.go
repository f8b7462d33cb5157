package pebble

import (
	"context"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// Checkpoint makes a copy of the store, as it is at one moment, in a folder that is not there yet. Commits go on meanwhile:
// everything that was acknowledged before the call is in it. On one file system it takes no room at first, as files that never
// change are shared by links; elsewhere they are copied. The folder is durable when Checkpoint returns; after an error what is
// there of it is no store. One that is open for reading only cannot be copied.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.readOnly {
		return errReadOnly
	}
	if err := s.db.Checkpoint(dir, pebbledb.WithFlushedWAL()); err != nil {
		return fmt.Errorf("store/pebble: copy %s to %s: %w", s.dir, dir, err)
	}
	return s.Err()
}
