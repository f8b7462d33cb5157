package pebble

import (
	"context"
	"fmt"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// Transaction ids are kept in buckets of ten minutes, so that forgetting the old ones is one range deletion and needs
// no index by time. A partition looks for old buckets when it writes the first id into a new one.
const (
	idBucket = 10 * time.Minute
	idKept   = time.Hour
)

func (s *Store) bucketNow() uint32 {
	return uint32(max(0, s.now().Unix()) / int64(idBucket/time.Second))
}

// stageID writes the transaction's id into the batch. The caller holds the partition's mutex.
func (c *commit) stageID(tx *store.Tx) error {
	part := &c.s.parts[tx.Partition]
	// A clock that was set back must not put ids into a bucket that is about to go.
	if now := c.s.bucketNow(); now > part.bucket {
		if err := c.forgetIDs(tx.Partition, now); err != nil {
			return err
		}
		part.bucket = now
	}
	c.key = appendTxIDKey(c.key[:0], tx.Partition, part.bucket, tx.ID)
	return c.batch.Set(c.key, nil, nil)
}

// forgetIDs deletes the buckets that lie a full idKept before now. It writes no tombstone when there is none.
func (c *commit) forgetIDs(p store.Partition, now uint32) error {
	kept := uint32(idKept/idBucket) + 1
	if now <= kept {
		return nil
	}
	lower := appendHead(nil, p, classTxID)
	upper := appendTxIDKey(nil, p, now-kept, "")
	it, err := c.s.db.NewIter(&pebbledb.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("look for old transaction ids: %w", err)
	}
	found := it.First()
	if err := it.Close(); err != nil {
		return fmt.Errorf("look for old transaction ids: %w", err)
	}
	if !found {
		return nil
	}
	return c.batch.DeleteRange(lower, upper, nil)
}

// Committed tells whether the transaction with this id was applied. It goes from bucket to bucket by what is there, not
// by the clock, so a clock that jumped hides nothing.
func (s *Store) Committed(ctx context.Context, p store.Partition, id string) (bool, error) {
	if id == "" {
		return false, fmt.Errorf("%w: an empty transaction id names nothing", store.ErrInvalid)
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return false, err
	}
	defer s.leave()
	lower := appendHead(nil, p, classTxID)
	it, err := s.db.NewIter(&pebbledb.IterOptions{LowerBound: lower, UpperBound: upperBound(lower)})
	if err != nil {
		return false, fmt.Errorf("read transaction ids: %w", err)
	}
	found, err := findID(it, p, id)
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return false, fmt.Errorf("read transaction ids: %w", err)
	}
	return found, nil
}

func findID(it *pebbledb.Iterator, p store.Partition, id string) (bool, error) {
	var key []byte
	for ok := it.First(); ok; {
		bucket, err := decodeTxIDBucket(it.Key())
		if err != nil {
			return false, err
		}
		key = appendTxIDKey(key[:0], p, bucket, id)
		if it.SeekGE(key) && string(it.Key()) == string(key) {
			return true, nil
		}
		if bucket == 1<<32-1 {
			break
		}
		ok = it.SeekGE(appendTxIDKey(nil, p, bucket+1, ""))
	}
	return false, it.Error()
}
