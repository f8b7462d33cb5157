package scheduler

import "time"

// alarm is something to do at a time: a worker that falls silent, whose lease ends or who is forgotten, an attempt that
// has waited long enough for the worker it prefers, or a topic to be tried again.
type alarm struct {
	due     time.Time
	slot    int
	worker  *worker  // either
	attempt *attempt // or
	topic   *topic   // or
}

func (a *alarm) before(b *alarm) bool { return a.due.Before(b.due) }

func (a *alarm) place() *int { return &a.slot }

// NextTick is when Tick has something to do; the zero time when it has not.
func (f *Fleet) NextTick() time.Time {
	if next := f.alarms.top(); next != nil {
		return next.due
	}
	return time.Time{}
}

// Tick does what is due: workers that missed two heartbeats get nothing new, those whose lease ran out are lost with all they
// had, those lost long ago are forgotten, attempts stop waiting for a preferred worker, and topics on which nobody listened
// are tried again. Early or repeated calls do nothing. A call that comes late says that the process stood still: it may not have read
// what workers said meanwhile, so nobody is lost before there was time for that, once in each silence.
func (f *Fleet) Tick(now time.Time) Change {
	var c Change
	now = f.advance(now)
	next := f.alarms.top()
	late := next != nil && now.Sub(next.due) >= lateTick
	var homeless []*attempt // placed when all that is due is done: not with a worker whose lease has run out, too
	for ; next != nil && !next.due.After(now); next = f.alarms.top() {
		switch {
		case next.topic != nil:
			f.retry(next.topic)
		case next.attempt != nil:
			homeless = append(homeless, next.attempt)
			f.take(next.attempt)
		default:
			homeless = append(homeless, f.missing(&c, next.worker, late)...)
		}
	}
	f.settleAttempts(&c, homeless)
	return c
}

// missing takes a worker that has not been heard of one step further: silent, lost, forgotten. It returns those that waited
// for it by name. late says that nobody may have listened.
func (f *Fleet) missing(c *Change, w *worker, late bool) (homeless []*attempt) {
	switch {
	case !w.alive:
		f.strike(w)
	case late && !w.excused:
		w.excused = true
		return f.hush(w, later(w.lastSeen.Add(f.cfg.WorkerLease), f.now.Add(f.cfg.WorkerLease/3+BeatFlight)))
	case f.now.Sub(w.lastSeen) < f.cfg.WorkerLease:
		return f.hush(w, w.lastSeen.Add(f.cfg.WorkerLease))
	case w.beats > 0:
		homeless = f.dismiss(c, w, LostSilent)
		w.lease.due = f.now.Add(forgetLeases * f.cfg.WorkerLease)
		f.alarms.fix(&w.lease)
	default: // adopted from, and never heard: nothing to show
		homeless = f.dismiss(c, w, LostSilent)
		f.strike(w)
	}
	return homeless
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// hush lets a worker get nothing new before it is heard, or lost at a time. It returns those that waited for it by name.
func (f *Fleet) hush(w *worker, until time.Time) (homeless []*attempt) {
	w.silent = true
	f.reindex(w)
	w.lease.due = until
	f.alarms.fix(&w.lease)
	return f.takeMisplaced(w)
}

// dismiss takes everything from a worker that is gone, and returns those that waited for it by name: the caller finds them
// another place.
func (f *Fleet) dismiss(c *Change, w *worker, reason string) (homeless []*attempt) {
	if !w.alive {
		return nil
	}
	w.alive = false
	c.Gone = append(c.Gone, w.id)
	f.part(w)
	f.dropAllForeign(w)
	w.foreign, w.most = 0, 0
	for len(w.held) > 0 {
		f.lose(c, w.held[len(w.held)-1], reason)
	}
	return f.takeMisplaced(w)
}

// strike removes a worker that is gone from memory.
func (f *Fleet) strike(w *worker) {
	f.alarms.remove(&w.lease)
	delete(f.workers, w.id)
}

// makeRoom tells whether one more worker can be remembered, forgetting the longest lost if need be.
func (f *Fleet) makeRoom() bool {
	if len(f.workers) < f.cfg.MaxWorkers {
		return true
	}
	var oldest *worker
	for _, w := range f.workers {
		if !w.alive && (oldest == nil || w.lastSeen.Before(oldest.lastSeen) ||
			w.lastSeen.Equal(oldest.lastSeen) && w.id < oldest.id) {
			oldest = w
		}
	}
	if oldest == nil {
		return false
	}
	f.strike(oldest)
	return true
}

// lose takes an attempt from a worker that no longer has it, and forgets it: whether there is another attempt is the job
// machine's to say.
func (f *Fleet) lose(c *Change, a *attempt, reason string) {
	c.Lost = append(c.Lost, LostJob{Attempt: a.id, Worker: a.on.id, Reason: reason})
	f.forget(a)
}
