package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/store"
)

// This file is how a partition comes to this process: its lease, then its lane takes up what is under way, then it serves.

// take takes partitions that are free, a few at a time. Those that somebody else still has are tried again later.
func (s *shared) take(ctx context.Context, parts []store.Partition) {
	took := make([]bool, len(parts))
	var all sync.WaitGroup
	for i, p := range parts {
		all.Go(func() { took[i] = s.acquire(ctx, p) })
	}
	all.Wait()
	for i, p := range parts {
		if took[i] {
			s.asking = true
			s.comings.take(p)
			s.parts[p].phase = phaseTaking
			if err := s.begin(ctx, p); err != nil {
				s.r.cfg.Logger.Error("partition could not be taken: it is given back", "partition", p, "error", err)
				s.ail(err)
				s.give(p)
			}
		}
	}
}

// askWorkers asks what workers have of partitions that were taken: once for as many as come together.
func (s *shared) askWorkers(now time.Time) {
	if !s.asking || now.Before(s.askAt) {
		return
	}
	if err := s.r.bus.Publish(bus.SubjectAskJobs, nil); err != nil {
		s.r.cfg.Logger.Warn("workers could not be asked what they have", "error", err)
	}
	s.asking, s.askAt = false, now.Add(askEvery)
}

// acquire takes the lease of a partition, and tells whether it got it.
func (s *shared) acquire(ctx context.Context, p store.Partition) bool {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Lease)
	defer cancel()
	lease, err := s.r.store.Acquire(ctx, p, s.r.cfg.Owner, s.cfg.Lease)
	if err != nil {
		s.parts[p].nextAt = begun.Add(keepEvery)
		if !errors.Is(err, store.ErrLeaseHeld) {
			s.ail(fmt.Errorf("take partition %d: %w", p, err))
		}
		return false
	}
	s.parts[p].lost.Store(false)
	s.have(lease, begun)
	return true
}

// begin has the lane of a partition that was acquired take up what is under way in it. When the lane has passed all that,
// keep makes it serve.
func (s *shared) begin(ctx context.Context, p store.Partition) error {
	r, part := s.r, &s.parts[p]
	part.settled.Store(r.now().Add(recoverGrace).UnixNano())
	r.crash(CrashOwned)
	l := r.lanes[int(p)%len(r.lanes)]
	l.inbox.push(task{do: func(t *turn) { t.lane.has[p] = true }})
	r.logs.taken(p)
	err := r.countDead(ctx, p) // before anything of it is decided here
	var taken, asleep int
	if err == nil {
		taken, asleep, err = r.recoverRuns(ctx, p)
	}
	if err == nil {
		err = r.recoverLimits(ctx, p)
	}
	if err == nil {
		part.sub, err = r.bus.Subscribe(bus.Part(int(p)), "", r.onMessage)
	}
	if err != nil {
		return fmt.Errorf("recover partition %d: %w", p, err)
	}
	if taken+asleep > 0 {
		r.cfg.Logger.Info("recovering runs", "partition", p, "under_way", taken, "asleep", asleep)
	}
	passed := s.send(p)
	l.inbox.push(task{do: func(t *turn) { t.lane.behindLoads(p, passed) }})
	return nil
}

// pass has a lane do something about a partition, behind all that it was told before, and keep know when it is done.
func (s *shared) pass(p store.Partition, l *lane, do func(*lane)) {
	passed := s.send(p)
	l.inbox.push(task{do: func(t *turn) {
		do(t.lane)
		passed()
	}})
}

// send begins an errand about a partition; its lane calls the answer when it is done. An earlier one counts no more.
func (s *shared) send(p store.Partition) (passed func()) {
	part := &s.parts[p]
	part.errand++
	n := part.errand
	return func() {
		if n > part.passed.Load() { // only its lane stores here
			part.passed.Store(n)
		}
		ring(s.bell)
	}
}

// serve makes a partition that was taken this process's.
func (s *shared) serve(p store.Partition) {
	part := &s.parts[p]
	part.phase = phaseHeld
	part.serving.Store(true)
	if part.lost.Load() { // meanwhile
		part.serving.Store(false)
		return
	}
	admitted, tenants := s.r.keys.overdue()
	for i, run := range admitted {
		s.r.admit(tenants[i], []string{run})
	}
	for _, f := range s.hooks.taken {
		f(p)
	}
	ring(s.speak)
}
