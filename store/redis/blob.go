package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// PutBlob stores bytes under their digest, from store.LevelNames on with the time. A blob that is there is not written again.
func (s *Store) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	if err := store.ValidateBlob(tenant, data); err != nil {
		return "", err
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return "", err
	}
	defer s.leave()
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	note, noted := store.BlobKey(tenant, store.DigestPrefix+digest), "0"
	if s.Level() >= store.LevelNames {
		noted = "1"
	}
	_, _, err := s.eval(ctx, &request{
		p: p, script: blobScript, bytes: len(data),
		keys: []string{s.names.blob(p, tenant, digest), s.names.rows(p, note.Table), s.names.index(p, note.Table)},
		args: []any{data, memberOf(note), store.BlobTime(time.Now()), noted},
	})
	if err == nil {
		err = s.confirm(ctx, p)
	}
	if err != nil {
		return "", fmt.Errorf("put blob of %d bytes: %w", len(data), err)
	}
	return store.DigestPrefix + digest, nil
}

// GetBlob reads a blob and checks it against its digest: bytes that changed are an error, never an answer.
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
	v, err := s.value(ctx, p, s.names.blob(p, tenant, hex.EncodeToString(sum[:])), "")
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", digest, err)
	}
	data := []byte(v)
	if sha256.Sum256(data) != sum {
		return nil, fmt.Errorf("blob %s: its %d bytes do not have this digest", digest, len(data))
	}
	return data, nil
}
