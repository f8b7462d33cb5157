package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// This file is how a process that cannot serve what it should lets the others have it: it says that it ails, and is assigned nothing
// until it is well again. What it still serves it gives away in good order; what it cannot give away, because a lane hangs in the
// store, it loses: its lease runs out, and whatever that lane still writes is refused by the store.

// errMissing says that a partition that is this process's to serve was not served for too long.
var errMissing = errors.New("it is not served")

// ail says that this process cannot take anything now, so that what is free goes to others. recover looks when it can again.
func (s *shared) ail(err error) {
	if !s.ailing.Swap(true) {
		s.r.cfg.Logger.Error("partitions cannot be served: others should have them until they can", "error", err)
		ring(s.speak)
	}
}

// recover finds out whether a process that could not serve its partitions can again.
func (s *shared) recover(ctx context.Context, now time.Time) {
	if !s.ailing.Load() || now.Before(s.probeAt) {
		return
	}
	s.probeAt = now.Add(probeEvery)
	if s.hung(s.cfg.Lease) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Lease)
	defer cancel()
	if s.r.storeAnswers(ctx) == nil {
		s.ailing.Store(false)
		s.r.cfg.Logger.Info("the store answers again")
		ring(s.speak)
	}
}

// patience is how long something may be missing here before others should have it.
func (s *shared) patience() time.Duration { return 2 * s.cfg.Lease }

// ailOf ails when a partition that should be served here has not been for too long. One that was stopped for what is wrong with its
// records is for a person: another process would find the same.
func (s *shared) ailOf(now time.Time) {
	for p := range s.parts {
		part := &s.parts[p]
		if !part.missed.IsZero() && part.stopped.Load() == nil && now.Sub(part.missed) >= s.patience() {
			s.ail(fmt.Errorf("partition %d: %w", p, errMissing))
			return
		}
	}
}

// loseHung loses the partitions of lanes that hang in the store: their leases may be renewed for ever, and nothing is done.
func (s *shared) loseHung() {
	for i, l := range s.r.lanes {
		if l.inRound(s) < s.patience() {
			continue
		}
		s.ail(fmt.Errorf("lane %d hangs in the store", i))
		for p := i; p < len(s.parts); p += len(s.r.lanes) {
			at := store.Partition(p)
			s.lose(at, s.r.epoch(at), leftHung, "its lane hangs in the store")
		}
	}
}

// hung tells whether a lane has been in one round for a time.
func (s *shared) hung(most time.Duration) bool {
	for _, l := range s.r.lanes {
		if l.inRound(s) >= most {
			return true
		}
	}
	return false
}

// inRound is for how long a lane has been in its round; 0: it is in none.
func (l *lane) inRound(s *shared) time.Duration {
	since := l.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(s.began) - time.Duration(since)
}

// enterRound notes that a lane begins a round, for those who look whether it hangs.
func (l *lane) enterRound(s *shared) (leave func()) {
	l.since.Store(int64(max(time.Since(s.began), 1)))
	return func() { l.since.Store(0) }
}
