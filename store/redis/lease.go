package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"cordum.dev/cordum/store"
)

// Who holds a lease and until when is kept by the server and measured by its clock, one for all processes. A Lease's
// Until is by this process's clock, from before the server was asked: it never ends later than the server's.

// Acquire takes a partition with a new epoch.
func (s *Store) Acquire(ctx context.Context, p store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	if owner == "" || ttl <= 0 {
		return store.Lease{}, fmt.Errorf("%w: a lease needs an owner and a time above 0", store.ErrInvalid)
	}
	if err := s.enterPartition(ctx, p); err != nil {
		return store.Lease{}, err
	}
	defer s.leave()
	part := &s.parts[p]
	part.acquiring.Lock()
	defer part.acquiring.Unlock()
	for range acquireTries {
		begun := time.Now()
		says, rest, err := s.eval(ctx, &request{p: p, script: acquireScript, args: []any{part.last, owner, micros(ttl)}})
		if err != nil {
			return store.Lease{}, fmt.Errorf("acquire partition %d: %w", p, err)
		}
		answer, _ := text(rest, 0)
		number, err := strconv.ParseUint(answer, 10, 64)
		switch {
		case err != nil:
			return store.Lease{}, fmt.Errorf("acquire partition %d: %w: the script answered %s %.50q", p, ErrUnknown, says, answer)
		case says == saysMoved:
			part.last = answer
		case says == saysHeld:
			left := time.Duration(number) * time.Microsecond
			return store.Lease{}, fmt.Errorf("%w: partition %d for %s more", store.ErrLeaseHeld, p, left.Round(time.Millisecond))
		default:
			part.last = answer
			return store.Lease{Partition: p, Epoch: store.Epoch(number), Until: begun.Add(ttl)}, nil
		}
	}
	return store.Lease{}, fmt.Errorf("%w: partition %d: others were quicker %d times", store.ErrLeaseHeld, p, acquireTries)
}

// Renew prolongs a lease from now on.
func (s *Store) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	if ttl <= 0 {
		return store.Lease{}, fmt.Errorf("%w: a lease needs a time above 0", store.ErrInvalid)
	}
	begun := time.Now()
	says, err := s.lease(ctx, l, micros(ttl), "")
	switch {
	case err != nil:
		return store.Lease{}, fmt.Errorf("renew the lease of partition %d: %w", l.Partition, err)
	case says == saysFenced:
		return store.Lease{}, store.ErrFenced
	}
	l.Until = begun.Add(ttl)
	return l, nil
}

// Release gives a lease back.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	says, err := s.lease(ctx, l, 0, rand.Text())
	switch {
	case err != nil:
		return fmt.Errorf("release partition %d: %w", l.Partition, err)
	case says == saysFenced:
		return store.ErrFenced
	}
	return nil
}

// lease runs renew.lua; 0 gives the lease back, under a name of this call.
func (s *Store) lease(ctx context.Context, l store.Lease, us int64, name string) (says string, err error) {
	if err := s.enterPartition(ctx, l.Partition); err != nil {
		return "", err
	}
	defer s.leave()
	says, _, err = s.eval(ctx, &request{
		p: l.Partition, script: renewScript, args: []any{strconv.FormatUint(uint64(l.Epoch), 10), us, name},
	})
	return says, err
}

// micros is a time in microseconds, at least one.
func micros(d time.Duration) int64 { return max(d.Microseconds(), 1) }

// Idle answers store.ErrLocked while anybody's lease on a partition runs: some process uses the store.
func (s *Store) Idle(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	now, err := ask(ctx, s.patience, func(ctx context.Context) (time.Time, error) {
		node, err := s.link.node(ctx, s.names.meta)
		if err != nil {
			return time.Time{}, err
		}
		return node.Time(ctx).Result()
	})
	if err != nil {
		return fmt.Errorf("store/redis: ask for the time: %w", err)
	}
	for p := range s.parts {
		held, err := ask(ctx, s.patience, func(ctx context.Context) ([]any, error) {
			return s.link.any().HMGet(ctx, s.names.head(store.Partition(p)), "owner", "until").Result()
		})
		if err != nil {
			return fmt.Errorf("store/redis: who owns partition %d: %w", p, err)
		}
		owner, _ := text(held, 0)
		until, _ := text(held, 1)
		if us, err := strconv.ParseInt(until, 10, 64); err == nil && us > now.UnixMicro() {
			return fmt.Errorf("%w: %s has partition %d for %s more, or longer", store.ErrLocked, owner, p, time.UnixMicro(us).Sub(now).Round(time.Millisecond))
		}
	}
	return nil
}
