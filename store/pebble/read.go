package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// get reads a copy of a value or answers store.ErrNotFound.
func (s *Store) get(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebbledb.ErrNotFound) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	out := bytes.Clone(v)
	return out, closer.Close()
}

// Get reads one record.
func (s *Store) Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error) {
	if err := k.Validate(); err != nil {
		return store.Record{}, err
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return store.Record{}, err
	}
	defer s.leave()
	v, err := s.get(appendRecordKey(nil, p, k))
	if err != nil {
		return store.Record{}, err
	}
	return store.Record{Key: k, Value: v}, nil
}

// Scan reads a page of an ordered table.
func (s *Store) Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error) {
	if err := r.Validate(); err != nil {
		return store.Page{}, err
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return store.Page{}, err
	}
	defer s.leave()
	lower, upper := scanBounds(p, &r)
	if bytes.Compare(lower, upper) >= 0 {
		return store.Page{}, nil
	}
	it, err := s.db.NewIter(&pebbledb.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return store.Page{}, fmt.Errorf("scan table %d: %w", r.Table, err)
	}
	page, err := readPage(it, p, &r)
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return store.Page{}, fmt.Errorf("scan table %d: %w", r.Table, err)
	}
	return page, nil
}

func scanBounds(p store.Partition, r *store.Range) (lower, upper []byte) {
	if r.Tenant == "" {
		lower = appendTablePrefix(nil, p, r.Table)
		return lower, upperBound(lower)
	}
	lower = appendTenantPrefix(nil, p, r.Table, r.Tenant)
	if r.To != "" {
		upper = append(bytes.Clone(lower), r.To...)
	} else {
		upper = upperBound(lower)
	}
	return append(lower, r.From...), upper
}

// seek goes to the first record of a page, in the range's direction.
func seek(it *pebbledb.Iterator, p store.Partition, r *store.Range) bool {
	if r.After == nil {
		if r.Reverse {
			return it.Last()
		}
		return it.First()
	}
	after := appendRecordKey(nil, p, *r.After)
	if r.Reverse {
		return it.SeekLT(after)
	}
	return it.SeekGE(append(after, 0)) // no id holds a NUL byte, so this is just behind it
}

func readPage(it *pebbledb.Iterator, p store.Partition, r *store.Range) (store.Page, error) {
	var page store.Page
	step := it.Next
	if r.Reverse {
		step = it.Prev
	}
	limit, weight := r.Size(), 0
	for ok := seek(it, p, r); ok; ok = step() {
		if len(page.Records) == limit || weight >= store.MaxPageBytes {
			last := page.Records[len(page.Records)-1].Key
			page.Next = &last
			break
		}
		k, err := decodeRecordKey(it.Key())
		if err != nil {
			return store.Page{}, err
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return store.Page{}, err
		}
		page.Records = append(page.Records, store.Record{Key: k, Value: bytes.Clone(v)})
		weight += len(k.Tenant) + len(k.ID) + len(v)
	}
	return page, it.Error()
}

// ReadLog reads entries of a log.
func (s *Store) ReadLog(ctx context.Context, p store.Partition, l store.LogID, from uint64, n int) ([]store.Entry, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if n < 1 || n > store.MaxScan {
		return nil, fmt.Errorf("%w: %d entries asked for, want 1 to %d", store.ErrInvalid, n, store.MaxScan)
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return nil, err
	}
	defer s.leave()
	prefix := appendLogPrefix(nil, p, l)
	it, err := s.db.NewIter(&pebbledb.IterOptions{LowerBound: prefix, UpperBound: upperBound(prefix)})
	if err != nil {
		return nil, fmt.Errorf("read log %q: %w", l.Run, err)
	}
	entries, err := readEntries(it, appendLogKey(nil, p, l, from), from, n)
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("read log %q: %w", l.Run, err)
	}
	return entries, nil
}

// readEntries begins with the last entry that starts at or before from, when it reaches that far.
func readEntries(it *pebbledb.Iterator, key []byte, from uint64, n int) ([]store.Entry, error) {
	if !it.SeekLT(append(key, 0)) && !it.First() {
		return nil, it.Error()
	}
	var entries []store.Entry
	weight := 0
	for ok := true; ok && len(entries) < n && weight < store.MaxPageBytes; ok = it.Next() {
		e, err := entryAt(it)
		if err != nil {
			return nil, err
		}
		if e.First < from && from-e.First >= uint64(e.Count) {
			continue // the entry before, which ends before from
		}
		e.Value = bytes.Clone(e.Value)
		entries = append(entries, e)
		weight += len(e.Value)
	}
	return entries, it.Error()
}

// entryAt decodes the entry that the iterator stands on. Its value is valid until the iterator moves.
func entryAt(it *pebbledb.Iterator) (store.Entry, error) {
	first, err := decodeFirst(it.Key())
	if err != nil {
		return store.Entry{}, err
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return store.Entry{}, err
	}
	count, value, err := decodeEntry(v)
	if err != nil {
		return store.Entry{}, fmt.Errorf("entry %d: %w", first, err)
	}
	return store.Entry{First: first, Count: count, Value: value}, nil
}
