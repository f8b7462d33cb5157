package pebble

import (
	"encoding/hex"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// singleDeletes is up to how many entries of a log are removed one by one. A range of keys costs one write whatever it holds, but
// many of them slow every reader down until they are compacted away.
const singleDeletes = 128

// stageRemovals adds what a transaction removes beside records.
func (c *commit) stageRemovals(tx *store.Tx) error {
	for i := range tx.Drops {
		if err := c.stageDrop(tx.Partition, tx.Drops[i]); err != nil {
			return fmt.Errorf("drop log %q: %w", tx.Drops[i].Run, err)
		}
	}
	for i := range tx.Sweeps {
		if err := c.stageSweep(tx.Partition, &tx.Sweeps[i]); err != nil {
			return fmt.Errorf("sweep blob %s: %w", tx.Sweeps[i].Digest, err)
		}
	}
	return nil
}

func (c *commit) stageDrop(p store.Partition, l store.LogID) error {
	lower := appendLogPrefix(nil, p, l)
	upper := upperBound(lower)
	it, err := c.from.NewIter(&pebbledb.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	n := 0
	for ok := it.First(); ok && err == nil && n < singleDeletes; ok = it.Next() {
		err = c.batch.Delete(it.Key(), nil)
		n++
	}
	if err == nil && n == singleDeletes {
		err = c.batch.DeleteRange(lower, upper, nil)
	}
	return errors.Join(err, it.Error(), it.Close())
}

// stageSweep removes a blob that was put long enough ago, with the record of that.
func (c *commit) stageSweep(p store.Partition, w *store.Sweep) error {
	digest, err := store.ParseDigest(w.Digest)
	if err != nil {
		return err
	}
	put := appendRecordKey(nil, p, store.BlobKey(w.Tenant, w.Digest))
	v, closer, err := c.from.Get(put)
	if errors.Is(err, pebbledb.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	at, err := store.ParseBlobTime(v)
	_ = closer.Close()
	if err != nil || at.Unix() >= w.Before.Unix() {
		return nil //nolint:nilerr // a time that cannot be read is not known to be old
	}
	if err := c.batch.Delete(appendBlobKey(nil, p, w.Tenant, digest), nil); err != nil {
		return err
	}
	return c.batch.Delete(put, nil)
}

// digestOf is how a digest is written.
func digestOf(sum [32]byte) string { return store.DigestPrefix + hex.EncodeToString(sum[:]) }
