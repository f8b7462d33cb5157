package redis

import (
	"context"
	"fmt"
	"strconv"

	"cordum.dev/cordum/store"
)

// value reads a key, or a member of rows, or answers store.ErrNotFound.
func (s *Store) value(ctx context.Context, p store.Partition, key, member string) (string, error) {
	_, rest, err := s.eval(ctx, &request{p: p, script: getScript, keys: []string{key}, args: []any{member}, bytes: store.MaxValueBytes / answerShare})
	if err != nil {
		return "", err
	}
	v, ok := text(rest, 0)
	if !ok {
		return "", store.ErrNotFound
	}
	return v, nil
}

// Get reads one record.
func (s *Store) Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error) {
	if err := k.Validate(); err != nil {
		return store.Record{}, err
	}
	if err := s.enterReading(ctx, p); err != nil {
		return store.Record{}, err
	}
	defer s.leave()
	key, member := s.names.record(p, k)
	v, err := s.value(ctx, p, key, member)
	if err != nil {
		return store.Record{}, err
	}
	return store.Record{Key: k, Value: []byte(v)}, nil
}

// Committed tells whether the transaction with this id was applied. A no is final: a copy of the commit that is still on
// its way will change nothing.
func (s *Store) Committed(ctx context.Context, p store.Partition, id string) (bool, error) {
	if id == "" {
		return false, fmt.Errorf("%w: an empty transaction id names nothing", store.ErrInvalid)
	}
	if err := s.enterReading(ctx, p); err != nil {
		return false, err
	}
	defer s.leave()
	_, rest, err := s.eval(ctx, &request{p: p, script: getScript, keys: []string{s.names.txID(p, id)}, args: []any{""}})
	if err != nil {
		return false, fmt.Errorf("read a transaction id: %w", err)
	}
	if _, known := text(rest, 0); !known {
		return false, nil
	}
	if err := s.confirm(ctx, p); err != nil {
		return false, err
	}
	return true, nil
}

// Scan reads a page of an ordered table.
func (s *Store) Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error) {
	if err := r.Validate(); err != nil {
		return store.Page{}, err
	}
	if err := s.enterReading(ctx, p); err != nil {
		return store.Page{}, err
	}
	defer s.leave()
	lower, upper := bounds(&r)
	down := "0"
	if r.Reverse {
		down = "1"
	}
	says, rest, err := s.eval(ctx, &request{
		p: p, script: scanScript, keys: []string{s.names.rows(p, r.Table), s.names.index(p, r.Table)},
		args: []any{lower, upper, down, r.Size(), store.MaxPageBytes}, bytes: store.MaxPageBytes / answerShare,
	})
	if err == nil && says == saysTorn {
		err = fmt.Errorf("%w: the index names a row that is not there", errBadRecord)
	}
	if err != nil {
		return store.Page{}, fmt.Errorf("scan table %d: %w", r.Table, err)
	}
	page, err := pageOf(r.Table, rest)
	if err != nil {
		return store.Page{}, fmt.Errorf("scan table %d: %w", r.Table, err)
	}
	return page, nil
}

func pageOf(table store.Table, rest []any) (store.Page, error) {
	var page store.Page
	for i := 1; i < len(rest); i += 2 {
		member, ok := text(rest, i)
		value, ok2 := text(rest, i+1)
		if !ok || !ok2 {
			return store.Page{}, errBadRecord
		}
		k, err := keyOf(table, member)
		if err != nil {
			return store.Page{}, err
		}
		page.Records = append(page.Records, store.Record{Key: k, Value: []byte(value)})
	}
	if more, _ := text(rest, 0); more == "1" && len(page.Records) > 0 {
		last := page.Records[len(page.Records)-1].Key
		page.Next = &last
	}
	return page, nil
}

// ReadLog reads entries of a log.
func (s *Store) ReadLog(ctx context.Context, p store.Partition, l store.LogID, from uint64, n int) ([]store.Entry, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if n < 1 || n > store.MaxScan {
		return nil, fmt.Errorf("%w: %d entries asked for, want 1 to %d", store.ErrInvalid, n, store.MaxScan)
	}
	if err := s.enterReading(ctx, p); err != nil {
		return nil, err
	}
	defer s.leave()
	_, rest, err := s.eval(ctx, &request{
		p: p, script: logScript, keys: []string{s.names.log(p, l)},
		args: []any{digits(from), n, store.MaxPageBytes}, bytes: store.MaxPageBytes / answerShare,
	})
	if err != nil {
		return nil, fmt.Errorf("read log %q: %w", l.Run, err)
	}
	var entries []store.Entry
	for i := 0; i < len(rest); i += 2 {
		header, ok := text(rest, i)
		value, ok2 := text(rest, i+1)
		if !ok || !ok2 {
			return nil, fmt.Errorf("read log %q: %w", l.Run, errBadRecord)
		}
		e, err := entryOf(header, value)
		if err != nil {
			return nil, fmt.Errorf("read log %q: %w", l.Run, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// closeUnit makes the server refuse copies of a unit from now on.
func (s *Store) closeUnit(ctx context.Context, p store.Partition, open *openUnit) error {
	_, _, err := s.eval(ctx, &request{
		p: p, script: settleScript,
		args: []any{s.writer, strconv.FormatUint(open.number, 10), strconv.FormatUint(uint64(open.epoch), 10)},
	})
	return err
}
