package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// Only the epoch of a lease is stored. Who holds it and until when is kept in memory: the folder's lock makes this
// process the only one, so a lease of an earlier process has ended with it. After a start nobody owns anything.

const leaseLen = 8 // the epoch, big-endian

// loadPartitions reads the highest epoch ever given of each partition.
func (s *Store) loadPartitions() error {
	s.parts = make([]partition, s.meta.Partitions)
	var key []byte
	for i := range s.parts {
		key = appendHead(key[:0], store.Partition(i), classLease)
		raw, err := s.get(key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil && len(raw) != leaseLen {
			err = errBadRecord
		}
		if err != nil {
			return fmt.Errorf("store/pebble: read the epoch of partition %d in %s: %w", i, s.dir, err)
		}
		s.parts[i].epoch = store.Epoch(binary.BigEndian.Uint64(raw))
	}
	return nil
}

// Acquire takes a partition with a new epoch, which is on disk when Acquire returns.
func (s *Store) Acquire(ctx context.Context, p store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	if owner == "" || ttl <= 0 {
		return store.Lease{}, fmt.Errorf("%w: a lease needs an owner and a time above 0", store.ErrInvalid)
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return store.Lease{}, err
	}
	defer s.leave()
	part := &s.parts[p]
	part.mu.Lock()
	defer part.mu.Unlock()

	now := s.now()
	if part.owner != "" && part.owner != owner && now.Before(part.until) {
		return store.Lease{}, fmt.Errorf("%w: partition %d until %s", store.ErrLeaseHeld, p, part.until.Format(time.RFC3339Nano))
	}
	epoch := part.epoch + 1
	if err := s.write(appendHead(nil, p, classLease), binary.BigEndian.AppendUint64(nil, uint64(epoch))); err != nil {
		return store.Lease{}, fmt.Errorf("acquire partition %d: %w", p, err)
	}
	part.epoch, part.owner, part.until = epoch, owner, now.Add(ttl)
	part.heads = heads{} // who takes a partition finds its logs on disk
	return store.Lease{Partition: p, Epoch: epoch, Until: part.until}, nil
}

// Renew prolongs a lease from now on.
func (s *Store) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	if ttl <= 0 {
		return store.Lease{}, fmt.Errorf("%w: a lease needs a time above 0", store.ErrInvalid)
	}
	if err := s.enterPartition(ctx, l.Partition); err != nil {
		return store.Lease{}, err
	}
	defer s.leave()
	part := &s.parts[l.Partition]
	part.mu.Lock()
	defer part.mu.Unlock()
	if !part.current(l.Epoch) {
		return store.Lease{}, store.ErrFenced
	}
	part.until = s.now().Add(ttl)
	l.Until = part.until
	return l, nil
}

// Release gives a lease back. Nothing is written: no epoch is current until the next Acquire raises it.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	if err := s.enterPartition(ctx, l.Partition); err != nil {
		return err
	}
	defer s.leave()
	part := &s.parts[l.Partition]
	part.mu.Lock()
	defer part.mu.Unlock()
	if !part.current(l.Epoch) {
		return store.ErrFenced
	}
	part.owner, part.until = "", time.Time{}
	return nil
}

// current tells whether an epoch may write. The caller holds the partition's mutex.
func (p *partition) current(e store.Epoch) bool {
	return p.owner != "" && e == p.epoch
}
