package pebble

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// PutBlob stores bytes under their digest, with the time. A blob that is there is not written again, but its durability is waited
// for: the one who wrote it may not have been answered yet.
func (s *Store) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	if err := store.ValidateBlob(tenant, data); err != nil {
		return "", err
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return "", err
	}
	defer s.leave()
	sum := sha256.Sum256(data)
	digest := digestOf(sum)
	again, err := s.putAgain(p, tenant, digest, sum)
	if err == nil && !again {
		err = s.putNew(p, tenant, digest, sum, data)
	}
	if err != nil {
		return "", fmt.Errorf("put blob of %d bytes: %w", len(data), err)
	}
	return digest, nil
}

// putAgain notes that a blob that is there was put now, and tells whether it is. Nothing sweeps it meanwhile: the partition is held.
func (s *Store) putAgain(p store.Partition, tenant, digest string, sum [32]byte) (bool, error) {
	part := &s.parts[p]
	part.mu.Lock()
	there, err := s.has(appendBlobKey(nil, p, tenant, sum))
	if err != nil || !there {
		part.mu.Unlock()
		return false, err
	}
	b := s.db.NewBatch()
	put := appendRecordKey(nil, p, store.BlobKey(tenant, digest))
	timed, err := s.has(put)
	if err == nil && timed {
		err = b.Set(put, store.BlobTime(s.now()), nil)
	}
	if err == nil {
		err = s.apply(b)
	}
	part.mu.Unlock()
	if err != nil {
		return true, err
	}
	if err := s.await(b); err != nil {
		return true, err
	}
	return true, b.Close()
}

// putNew writes a blob with the time, from store.LevelNames on. The partition is not held: of several that write the same bytes each is right, and nothing
// sweeps what was put just now.
func (s *Store) putNew(p store.Partition, tenant, digest string, sum [32]byte, data []byte) error {
	b := s.db.NewBatch()
	if err := b.Set(appendBlobKey(nil, p, tenant, sum), data, nil); err != nil {
		return err
	}
	if s.Level() >= store.LevelNames {
		if err := b.Set(appendRecordKey(nil, p, store.BlobKey(tenant, digest)), store.BlobTime(s.now()), nil); err != nil {
			return err
		}
	}
	return s.applyAndAwait(b)
}

// has tells whether a key is there.
func (s *Store) has(key []byte) (bool, error) {
	_, closer, err := s.db.Get(key)
	if errors.Is(err, pebbledb.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, closer.Close()
}

// GetBlob reads a blob and checks it against its digest: bytes that changed on disk are an error, never an answer.
func (s *Store) GetBlob(ctx context.Context, p store.Partition, tenant, digest string) ([]byte, error) {
	if err := store.ValidateBlob(tenant, nil); err != nil {
		return nil, err
	}
	sum, err := store.ParseDigest(digest)
	if err != nil {
		return nil, err
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return nil, err
	}
	defer s.leave()
	data, err := s.get(appendBlobKey(nil, p, tenant, sum))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", digest, err)
	}
	if sha256.Sum256(data) != sum {
		return nil, fmt.Errorf("blob %s: its %d bytes do not have this digest", digest, len(data))
	}
	return data, nil
}
