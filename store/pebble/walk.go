package pebble

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// walked are the classes of a partition's keys that belong to what it keeps, in the order of a walk.
var walked = []byte{classRecord, classLog, classBlob}

// Walk hands over everything of a partition as it is now. A key or a value that is not as this package writes it ends the walk
// with an error that says which.
func (s *Store) Walk(ctx context.Context, p store.Partition, visit func(store.Item) error) error {
	if err := s.enterPartition(ctx, p); err != nil {
		return err
	}
	defer s.leave()
	at := s.db.NewSnapshot()
	var err error
	for _, class := range walked {
		if err = walkClass(ctx, at, p, class, visit); err != nil {
			break
		}
	}
	return errors.Join(err, at.Close())
}

func walkClass(ctx context.Context, at *pebbledb.Snapshot, p store.Partition, class byte, visit func(store.Item) error) error {
	lower := appendHead(nil, p, class)
	it, err := at.NewIter(&pebbledb.IterOptions{LowerBound: lower, UpperBound: upperBound(lower)})
	if err != nil {
		return fmt.Errorf("walk partition %d: %w", p, err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var item store.Item
		if item, err = itemAt(it, class); err == nil && item.Blob != nil {
			item.Blob.Noted, err = isNoted(at, p, item.Blob)
		}
		if err != nil {
			err = fmt.Errorf("walk partition %d: %w", p, err)
		} else if err = ctx.Err(); err == nil && !ours(item) {
			err = visit(item)
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

// ours tells whether an item is the store's own: when a blob was put.
func ours(item store.Item) bool {
	return item.Record != nil && item.Record.Key.Table == store.TableBlob
}

// isNoted tells whether a store says when a blob was put.
func isNoted(at *pebbledb.Snapshot, p store.Partition, b *store.Blob) (bool, error) {
	_, closer, err := at.Get(appendRecordKey(nil, p, store.BlobKey(b.Tenant, b.Digest)))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, closer.Close()
}

// itemAt decodes what the iterator stands on.
func itemAt(it *pebbledb.Iterator, class byte) (store.Item, error) {
	v, err := it.ValueAndErr()
	if err != nil {
		return store.Item{}, err
	}
	switch class {
	case classRecord:
		k, err := decodeRecordKey(it.Key())
		return store.Item{Record: &store.Record{Key: k, Value: bytes.Clone(v)}}, err
	case classLog:
		l, err := decodeLog(it.Key())
		if err != nil {
			return store.Item{}, err
		}
		e, err := entryAt(it)
		if err != nil {
			return store.Item{}, fmt.Errorf("log %q: %w", l.Run, err)
		}
		e.Value = bytes.Clone(e.Value)
		return store.Item{Entry: &store.LogEntry{Log: l, Entry: e}}, nil
	}
	tenant, sum, err := decodeBlobKey(it.Key())
	return store.Item{Blob: &store.Blob{Tenant: tenant, Digest: store.DigestPrefix + hex.EncodeToString(sum), Data: bytes.Clone(v)}}, err
}
