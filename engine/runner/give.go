package runner

import (
	"container/heap"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// This file is how a partition leaves this process: given away in good order, with everything committed, or lost. Either way its
// lane forgets all of it before it may be taken again.

// give has the lane commit what it has of a partition and forget it; then keep gives the lease back.
func (s *shared) give(p store.Partition) {
	part := &s.parts[p]
	part.phase = phaseGiving
	part.serving.Store(false)
	s.hangUp(p)
	s.r.mu.Lock()
	part.giving = s.r.epochs[p]
	s.r.mu.Unlock()
	passed := s.send(p)
	l := s.r.lanes[int(p)%len(s.r.lanes)]
	l.inbox.push(task{do: func(t *turn) { t.lane.leave(p, passed) }})
}

// gave gives the lease of a partition back that its lane has forgotten.
func (s *shared) gave(ctx context.Context, p store.Partition) {
	part := &s.parts[p]
	lease := part.giving
	s.r.mu.Lock()
	mine := s.r.epochs[p].Epoch == lease.Epoch && lease.Epoch != 0
	s.r.epochs[p].Epoch = 0
	s.noteEarliest()
	s.r.mu.Unlock()
	if mine {
		s.r.metrics.replicas.leftBy(leftGiven)
		ctx, cancel := context.WithTimeout(ctx, s.cfg.Lease)
		defer cancel()
		if err := s.r.store.Release(ctx, lease); err != nil {
			s.r.cfg.Logger.Warn("lease not given back: it runs out by itself", "partition", p, "error", err)
		}
	}
	part.gaveAt = time.Now()
	s.free(p)
}

// drop has the lane of a partition that was lost forget it.
func (s *shared) drop(p store.Partition) {
	s.parts[p].phase = phaseLosing
	s.hangUp(p)
	s.pass(p, s.r.lanes[int(p)%len(s.r.lanes)], func(l *lane) { l.forgetPartition(p) })
}

// free ends a partition's time with this process.
func (s *shared) free(p store.Partition) {
	part := &s.parts[p]
	part.phase = phaseFree
	part.lost.Store(false)
	s.r.hub.endPartition(p)
	for _, f := range s.hooks.lost {
		f(p)
	}
	ring(s.speak)
}

// hangUp hears no more what is sent to a partition.
func (s *shared) hangUp(p store.Partition) {
	part := &s.parts[p]
	if part.sub != nil {
		_ = part.sub.Unsubscribe()
		part.sub = nil
	}
}

// hangUpAll does so for all of them, and serves none any more: for a process that ends.
func (s *shared) hangUpAll() {
	for p := range s.parts {
		s.parts[p].serving.Store(false)
		s.hangUp(store.Partition(p))
	}
}

// parting is a partition that leaves its lane, and who is told when it has.
type parting struct {
	p    store.Partition
	gone func()
}

// moved tells what keeps a task from being done here: the partition that it is about is not this lane's, or no more.
func (l *lane) moved(t *task) error {
	if l.has == nil {
		return nil
	}
	p, about := t.partition()
	if !about {
		return nil
	}
	if int(p) >= len(l.has) || !l.has[p] {
		return ErrMoved
	}
	return l.lost(p)
}

// lost is ErrMoved for a partition that this process lost, whether its lane has forgotten it already or not. A lease that ran out
// while the lane waited for the store is over now, not when somebody looks next.
func (l *lane) lost(p store.Partition) error {
	s := l.r.shared
	if s == nil {
		return nil
	}
	if s.dropOverdue(time.Now()); s.parts[p].lost.Load() {
		return ErrMoved
	}
	return nil
}

// leave takes nothing new for a partition from now on, and has what is decided of it committed with this round.
func (l *lane) leave(p store.Partition, gone func()) {
	l.has[p] = false
	l.parting = append(l.parting, parting{p, gone})
	for _, lr := range l.soft {
		if lr.part == p && len(lr.pending) > 0 {
			l.queue(lr)
		}
	}
	l.keepLogs()
}

// part forgets the partitions that leave, behind their last commit. What a commit's effects decide is committed, too, as long as
// that comes to an end soon; the rest is found again by who takes up the runs.
func (l *lane) part(ctx context.Context) {
	leaving := l.parting
	l.parting = nil
	for range lastCommits {
		if !slices.ContainsFunc(leaving, func(p parting) bool { return l.unsaved(p.p) }) {
			break
		}
		l.commit(ctx)
		l.flushMoves(ctx)
	}
	for _, p := range leaving {
		l.forgetPartition(p.p)
		p.gone()
	}
}

// lastCommits is how many commits a partition may cause after it was given away.
const lastCommits = 4

// unsaved tells whether something of a partition waits for the next commit.
func (l *lane) unsaved(p store.Partition) bool {
	return slices.ContainsFunc(l.dirty, func(lr *live) bool { return lr.part == p }) ||
		slices.ContainsFunc(l.docs, func(d docWrite) bool { return d.part == p }) ||
		slices.ContainsFunc(l.reserving, func(h *limitHome) bool { return h.name.part == p })
}

// forgetPartition drops everything that the lane knows of a partition, committed or not: it is another process's. Who waits for
// something of it is answered ErrMoved.
func (l *lane) forgetPartition(p store.Partition) {
	l.has[p] = false
	l.parting = slices.DeleteFunc(l.parting, func(q parting) bool { return q.p == p }) // it may be taken again before the round ends
	of := func(run string) bool { return l.r.partOf(run) == p }
	moved := fmt.Errorf("partition %d: %w", p, ErrMoved)
	l.forgetRuns(p, moved)
	l.forgetLoads(p, moved)
	l.forgetLimits(p, moved)
	l.dirty = slices.DeleteFunc(l.dirty, func(lr *live) bool { return lr.part == p })
	l.soft = slices.DeleteFunc(l.soft, func(lr *live) bool { return lr.part == p })
	l.idle = slices.DeleteFunc(l.idle, of)
	maps.DeleteFunc(l.broken, func(run string, _ error) bool { return of(run) })
	maps.DeleteFunc(l.mending, func(run, _ string) bool { return of(run) })
	maps.DeleteFunc(l.doubts, func(run string, _ []string) bool { return of(run) })
	maps.DeleteFunc(l.waiting, func(run string, _ *live) bool { return of(run) })
	maps.DeleteFunc(l.keys, func(_ string, a answered) bool { return of(a.Run) })
	maps.DeleteFunc(l.trail.states, func(c audit.Chain, _ audit.State) bool { return c.Partition == p })
	maps.DeleteFunc(l.trail.read, func(c audit.Chain, _ audit.State) bool { return c.Partition == p })
	l.trail.acts = slices.DeleteFunc(l.trail.acts, func(a act) bool { return a.part == p })
	l.forgetDocs(p, moved)
	l.forgetAlarms(p)
	l.r.countUndosHeld(p, -int(l.r.shared.parts[p].held.Load()))
	l.r.keys.forgetPartition(p)
}

// forgetRuns drops the runs of a partition.
func (l *lane) forgetRuns(p store.Partition, moved error) {
	for run, lr := range l.runs {
		if lr.part != p {
			continue
		}
		delete(l.runs, run)
		l.alarms.remove(&lr.alarm)
		replies := lr.replies
		lr.replies, lr.then, lr.moves, lr.pending, lr.effects = nil, nil, nil, nil, nil
		for _, reply := range replies {
			l.guard(run, func() { reply(moved) })
		}
	}
}

// forgetLimits drops the limits and locks of a partition.
func (l *lane) forgetLimits(p store.Partition, moved error) {
	for key, h := range l.limits {
		if h.name.part != p {
			continue
		}
		delete(l.limits, key)
		l.alarms.remove(&h.alarm)
		for _, kept := range h.kept {
			kept.fail(moved)
		}
		h.answers, h.kept, h.acts = nil, nil, nil
		l.lockLost(h, moved)
	}
	l.reserving = slices.DeleteFunc(l.reserving, func(h *limitHome) bool { return h.name.part == p })
	delete(l.fences, p)
}

// forgetDocs drops records that were to be written beside the runs of a partition.
func (l *lane) forgetDocs(p store.Partition, moved error) {
	docs := l.docs
	l.docs = nil
	for _, d := range docs {
		switch {
		case d.part != p:
			l.docs = append(l.docs, d)
		case d.done != nil:
			d.done(moved)
		}
	}
}

// forgetAlarms drops what was to be done about a partition later.
func (l *lane) forgetAlarms(p store.Partition) {
	keep := l.alarms[:0]
	for _, a := range l.alarms {
		if of, about := a.task.partition(); about && of == p {
			a.slot = 0
			continue
		}
		keep = append(keep, a)
		a.slot = len(keep)
	}
	clear(l.alarms[len(keep):])
	l.alarms = keep
	heap.Init(&l.alarms)
	l.sleepers.forget(p)
}

// forgetPartition drops the runs of a partition from all lines, and lets nobody in for that: they go on elsewhere.
func (k *keyring) forgetPartition(p store.Partition) {
	is := func(run string) bool {
		n, err := id.Partition(run)
		return err == nil && store.Partition(n) == p
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, line := range k.lines {
		line.has, line.waits = slices.DeleteFunc(line.has, is), slices.DeleteFunc(line.waits, is)
		maps.DeleteFunc(line.leaving, func(run string, _ bool) bool { return is(run) })
		if len(line.has)+len(line.waits) == 0 {
			delete(k.lines, name)
		}
	}
}

// endPartition ends the watches of a partition's runs: they go on at its owner, behind what was shown here.
func (h *hub) endPartition(p store.Partition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for run, watching := range h.runs {
		if n, err := id.Partition(run); err == nil && store.Partition(n) == p {
			for w := range watching {
				w.finish()
			}
		}
	}
}
