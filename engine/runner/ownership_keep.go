package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordum.dev/cordum/store"
)

// This file is the loop that takes and gives partitions, so that each process has its share of them.

// keep takes and gives partitions until ctx ends.
func (s *shared) keep(ctx context.Context) error {
	s.listened = time.Now().Add(s.cfg.Listen)
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	defer s.tellComings()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.bell:
		}
		if err := s.r.fatal(); err != nil {
			return err
		}
		s.step(ctx)
		s.tellComings()
	}
}

// tellComings tells the log what came and went.
func (s *shared) tellComings() {
	s.r.mu.Lock()
	has := 0
	for _, lease := range s.r.epochs {
		if lease.Epoch != 0 {
			has++
		}
	}
	s.r.mu.Unlock()
	s.comings.tell(s.r.cfg.Logger, has)
}

// step takes every partition one step further on its way.
func (s *shared) step(ctx context.Context) {
	now := time.Now()
	s.dropOverdue(now)
	s.loseHung()
	if s.forgetAway(now) {
		s.changed()
	}
	for p := range s.parts {
		s.advance(ctx, store.Partition(p))
	}
	s.recover(ctx, now)
	s.aim(now)
	s.spread(now)
	s.gather(ctx, now)
	s.askWorkers(now)
	s.tellOwners(now)
	s.look(now)
	s.ailOf(now)
	if s.draining.Load() && s.empty() {
		s.endDrain()
	}
}

// advance follows up what a lane has done, or what was lost.
func (s *shared) advance(ctx context.Context, p store.Partition) {
	part := &s.parts[p]
	if part.lost.Load() && part.phase != phaseFree && part.phase != phaseLosing {
		s.drop(p)
		return
	}
	if part.passed.Load() != part.errand {
		return
	}
	switch part.phase {
	case phaseTaking:
		s.serve(p)
	case phaseGiving:
		s.gave(ctx, p)
	case phaseLosing:
		s.free(p)
	}
}

// aim finds out whose each partition should be. A process that the others do not hear has none: they take it to be gone.
func (s *shared) aim(now time.Time) {
	if now.Before(s.listened) {
		return
	}
	if cut := !s.heardItself(now); cut != s.cut {
		s.cut = cut
		if cut {
			s.r.cfg.Logger.Warn("the bus does not carry what this engine says: it has no partitions until it does")
		} else {
			s.r.cfg.Logger.Info("the bus carries what this engine says")
		}
	}
	owners := make([]string, len(s.parts))
	members := eligible(s.present(now))
	if s.cut || s.draining.Load() {
		members = slices.DeleteFunc(members, func(m string) bool { return m == s.r.cfg.Owner })
	}
	for p, m := range assign(members, len(s.parts)) {
		owners[p] = members[m]
	}
	s.assigned.Store(&owners)
}

// spread gives partitions away that should be another's, a few at a time so that most of them are served by somebody at any time.
func (s *shared) spread(now time.Time) {
	owners := s.assigned.Load()
	if owners == nil {
		return
	}
	room := giveAtOnce - s.onTheWay(now, *owners)
	for p := range s.parts {
		part := &s.parts[p]
		if room <= 0 {
			return
		}
		if part.phase == phaseHeld && (*owners)[p] != s.r.cfg.Owner && (s.draining.Load() || s.cut || (*owners)[p] != "") {
			s.give(store.Partition(p))
			room--
		}
	}
}

// onTheWay counts partitions that were given to somebody who has not said yet that it serves them.
func (s *shared) onTheWay(now time.Time, owners []string) (n int) {
	for p := range s.parts {
		part := &s.parts[p]
		switch part.phase {
		case phaseGiving:
			n++
		case phaseFree:
			if owners[p] != "" && now.Sub(part.gaveAt) < handOver && s.claimed(store.Partition(p), now) == "" {
				n++
			}
		}
	}
	return n
}

// claimed is who else says to serve a partition; "" when nobody does.
func (s *shared) claimed(p store.Partition, now time.Time) (owner string) {
	var newest store.Epoch
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	for _, m := range s.mem.known {
		if epoch := m.Owns[p]; epoch > newest && m.Owner != s.r.cfg.Owner && now.Sub(m.heard) < s.cfg.Away {
			newest, owner = epoch, m.Owner
		}
	}
	return owner
}

// gather takes partitions that should be this process's and that nobody is known to serve.
func (s *shared) gather(ctx context.Context, now time.Time) {
	owners := s.assigned.Load()
	if owners == nil || s.draining.Load() || s.cut {
		return
	}
	var next []store.Partition
	for p, owner := range *owners {
		part := &s.parts[p]
		if part.phase != phaseFree || owner != s.r.cfg.Owner || now.Before(part.nextAt) ||
			part.stopped.Load() != nil || s.claimed(store.Partition(p), now) != "" {
			continue
		}
		if next = append(next, store.Partition(p)); len(next) == takeAtOnce {
			s.take(ctx, next)
			next = nil
		}
	}
	if len(next) > 0 {
		s.take(ctx, next)
	}
}

// look notes what this process lacks of its share.
func (s *shared) look(now time.Time) {
	owners := s.assigned.Load()
	if owners == nil {
		return
	}
	var first *missing
	for p := range s.parts {
		part := &s.parts[p]
		if (*owners)[p] != s.r.cfg.Owner || part.serving.Load() || s.claimed(store.Partition(p), now) != "" {
			part.missed = time.Time{}
			continue
		}
		if part.missed.IsZero() {
			part.missed = now
		}
		if first == nil || part.missed.Before(first.since) {
			first = &missing{p: store.Partition(p), since: part.missed}
			if why := part.stopped.Load(); why != nil {
				first.why = ": " + *why
			}
		}
	}
	s.missing.Store(first)
	if first == nil && !s.cut && !s.ailing.Load() {
		s.whole.Store(true)
	}
}

// tellOwners tells the hooks whose partitions are whose now.
func (s *shared) tellOwners(now time.Time) {
	if len(s.hooks.owner) == 0 {
		return
	}
	for p := range s.parts {
		part := &s.parts[p]
		owner := s.r.cfg.Owner
		if !part.serving.Load() {
			owner = s.claimed(store.Partition(p), now)
		}
		if owner == part.owner {
			continue
		}
		part.owner = owner
		for _, f := range s.hooks.owner {
			f(store.Partition(p), owner)
		}
	}
}

// drain gives every partition to the others, for as long as that may take, and answers when nothing is left.
func (s *shared) drain(ctx context.Context) {
	s.draining.Store(true)
	ring(s.speak)
	ring(s.bell)
	over := time.NewTimer(s.cfg.Drain)
	defer over.Stop()
	select {
	case <-s.drained:
	case <-over.C:
		s.r.cfg.Logger.Warn("not every partition was given away in time: the rest is given back at once")
	case <-ctx.Done():
	}
}

// empty tells whether this process has no partition.
func (s *shared) empty() bool {
	for p := range s.parts {
		if s.parts[p].phase != phaseFree {
			return false
		}
	}
	return true
}

func (s *shared) endDrain() {
	select {
	case <-s.drained:
	default:
		close(s.drained)
	}
}

// renew keeps the leases until ctx ends.
func (s *shared) renew(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s.renewAll(ctx)
		s.dropOverdue(time.Now())
	}
}

// renewAll renews every lease once, a few at a time.
func (s *shared) renewAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Lease)
	defer cancel()
	s.r.mu.Lock()
	held := slices.DeleteFunc(slices.Clone(s.r.epochs), func(l store.Lease) bool { return l.Epoch == 0 })
	s.r.mu.Unlock()
	var all sync.WaitGroup
	var missed missedLeases
	room := make(chan struct{}, renewAtOnce)
	for _, lease := range held {
		room <- struct{}{}
		all.Go(func() {
			s.renewOne(ctx, lease, &missed)
			<-room
		})
	}
	all.Wait()
	missed.tell(s.r.cfg.Logger, "leases not renewed")
}

// renewOne renews a lease; that it was not for the store's sake is noted in missed.
func (s *shared) renewOne(ctx context.Context, lease store.Lease, missed *missedLeases) {
	begun := time.Now()
	next, err := s.r.store.Renew(ctx, lease, s.cfg.Lease)
	switch {
	case err == nil:
		s.prolonged(next, begun)
	case errors.Is(err, store.ErrFenced):
		s.lose(lease.Partition, lease.Epoch, leftFenced, "fenced: another process owns it now")
	case ctx.Err() == nil:
		missed.add(lease.Partition, err)
	}
}

// prolonged notes a lease that was renewed, unless the partition left meanwhile.
func (s *shared) prolonged(lease store.Lease, begun time.Time) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.r.epochs[lease.Partition].Epoch == lease.Epoch {
		s.r.epochs[lease.Partition] = lease
		s.parts[lease.Partition].until = begun.Add(s.cfg.Lease)
		s.noteEarliest()
	}
}

// health answers nil when this process is one of those that serve the store, and has what it should have. What it is about to
// take over of others does not count against it for two leases: it serves what it has.
func (s *shared) health() error {
	switch {
	case s.draining.Load():
		return fmt.Errorf("it gives its partitions away: %w", ErrUnavailable)
	case !s.heardItself(time.Now()):
		return fmt.Errorf("the bus does not carry what it says: %w", ErrUnavailable)
	case s.ailing.Load():
		return fmt.Errorf("the store does not answer, so that its partitions are not served: %w", ErrUnavailable)
	case s.assigned.Load() == nil:
		return fmt.Errorf("it listens who else is there: %w", ErrUnavailable)
	}
	lacks, whole := s.missing.Load(), s.whole.Load()
	switch {
	case whole && (lacks == nil || lacks.why == "" && time.Since(lacks.since) < 2*s.cfg.Lease):
		return nil
	case lacks == nil:
		return fmt.Errorf("its partitions are not served yet: %w", ErrUnavailable)
	}
	return fmt.Errorf("partition %d is not served yet%s: %w", lacks.p, lacks.why, ErrUnavailable)
}
