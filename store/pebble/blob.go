package pebble

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// PutBlob stores bytes under their digest. A blob that is there is not written again, but its durability is waited for:
// the one who wrote it may not have been answered yet.
func (s *Store) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	if err := store.ValidateBlob(tenant, data); err != nil {
		return "", err
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return "", err
	}
	defer s.leave()
	sum := sha256.Sum256(data)
	key := appendBlobKey(nil, p, tenant, sum)
	_, closer, err := s.db.Get(key)
	switch {
	case err == nil:
		if err = closer.Close(); err == nil {
			err = s.waitDurable()
		}
	case errors.Is(err, pebbledb.ErrNotFound):
		err = s.write(key, data)
	}
	if err != nil {
		return "", fmt.Errorf("put blob of %d bytes: %w", len(data), err)
	}
	return store.DigestPrefix + hex.EncodeToString(sum[:]), nil
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
