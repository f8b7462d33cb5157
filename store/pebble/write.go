package pebble

import (
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// errReadOnly says that the store was opened for reading only.
var errReadOnly = fmt.Errorf("%w: the store is open for reading only", store.ErrInvalid)

// apply makes a batch visible and sends it to the write-ahead log without waiting for the disk. Pebble reports a log
// that cannot be written or rotated by a panic or by Fatalf; both make the store unusable.
func (s *Store) apply(b *pebbledb.Batch) (err error) {
	if s.readOnly {
		return errReadOnly
	}
	defer func() {
		if r := recover(); r != nil {
			err = s.fail(fmt.Errorf("write: %v", r))
		}
	}()
	if b.Empty() { // only checks: what they read must be durable before the answer is
		if err := b.LogData(nil, nil); err != nil {
			return err
		}
	}
	if err := s.db.ApplyNoSyncWait(b, pebbledb.Sync); err != nil {
		return s.fail(err)
	}
	return s.Err()
}

// await waits until an applied batch is on disk.
func (s *Store) await(b *pebbledb.Batch) error {
	if err := b.SyncWait(); err != nil {
		return s.fail(fmt.Errorf("sync: %w", err))
	}
	return s.Err()
}

// write stores one key durably.
func (s *Store) write(key, value []byte) error {
	b := s.db.NewBatch()
	if err := b.Set(key, value, nil); err != nil {
		return err
	}
	return s.applyAndAwait(b)
}

// waitDurable returns when everything that is visible now is on disk.
func (s *Store) waitDurable() error {
	return s.applyAndAwait(s.db.NewBatch())
}

func (s *Store) applyAndAwait(b *pebbledb.Batch) error {
	if err := s.apply(b); err != nil {
		return err
	}
	if err := s.await(b); err != nil {
		return err
	}
	return b.Close()
}
