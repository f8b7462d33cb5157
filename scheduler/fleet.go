package scheduler

import "time"

// Fleet knows the workers by their heartbeats and gives released attempts to them.
//
// An attempt is in one of three places: in a line, waiting for a worker it prefers, or with a worker. What the Fleet returns
// is to be carried out; it does not wait to hear that it was. Every call takes the time, which never goes backwards here: a
// reading older than the newest seen counts as the newest. Give it readings of Go's monotonic clock, so that a
// step of the wall clock ends no leases.
//
// What must stay true between calls:
//   - a worker with room has nothing waiting that it could take, by name or in line;
//   - a group's free heap holds exactly its workers with room, by their present score;
//   - a line is open (known to its demand and to the groups that can meet it) exactly while it is not empty.
type Fleet struct {
	cfg Config
	now time.Time // the newest seen

	workers map[string]*worker
	alarms  indexHeap[*alarm]
	groups  map[string]*group
	pools   map[string]int // groups of each pool

	demands map[demandKey]*demand
	inOrder []*demand // the same, in a fixed order
	sweepAt int

	attempts  map[string]*attempt
	arrivals  uint64             // counts announcements: the order of what was released at the same time
	elsewhere map[string]*worker // attempts that a worker lists and nobody announced here
}

// NewFleet makes an empty one.
func NewFleet(cfg Config) *Fleet {
	return &Fleet{
		cfg:       cfg.withDefaults(),
		workers:   make(map[string]*worker),
		groups:    make(map[string]*group),
		pools:     make(map[string]int),
		demands:   make(map[demandKey]*demand),
		sweepAt:   minSweep,
		attempts:  make(map[string]*attempt),
		elsewhere: make(map[string]*worker),
	}
}

// advance moves the Fleet's time on and returns it.
func (f *Fleet) advance(now time.Time) time.Time {
	if now.After(f.now) {
		f.now = now
	}
	return f.now
}

// Announce says that a released attempt wants a worker. It is granted at once, or adopted if a worker's heartbeat lists
// it, or it waits. Saying it again changes nothing.
func (f *Fleet) Announce(now time.Time, r Request) Change {
	var c Change
	f.advance(now)
	if known := f.attempts[r.Attempt]; known != nil {
		if !known.announced { // adopted before: now we know what it asks for
			known.ask(r, f.now, f.cfg)
		}
		return c
	}
	a := f.remember(r.Attempt)
	a.ask(r, f.now, f.cfg)
	if w := f.elsewhere[r.Attempt]; w != nil {
		f.adopt(&c, a, w)
		return c
	}
	f.settleAttempt(&c, a)
	return c
}

// Adopt says that a worker is known to have an attempt, from before this Fleet began. A worker that is not known yet
// has a lease from now on to show up in. An attempt that waits here stops waiting.
func (f *Fleet) Adopt(now time.Time, attemptID, workerID string) Change {
	var c Change
	f.advance(now)
	a := f.attempts[attemptID]
	if a == nil {
		a = f.remember(attemptID)
	}
	w := f.workers[workerID]
	if w == nil {
		w = f.enrol(workerID)
	}
	if !w.alive {
		f.revive(w)
	}
	if a.on == w {
		return c
	}
	if lister := f.elsewhere[attemptID]; lister != nil {
		f.dropForeign(lister, attemptID)
		f.settleWorker(&c, lister)
	}
	f.move(&c, a, w)
	return c
}

// Ended says that an attempt has its result, or needs none: whatever it held is free. Unknown ones are ignored.
func (f *Fleet) Ended(now time.Time, attemptID string) Change {
	var c Change
	f.advance(now)
	if w := f.elsewhere[attemptID]; w != nil {
		f.dropForeign(w, attemptID)
		f.freed(&c, w)
	}
	a := f.attempts[attemptID]
	if a == nil {
		return c
	}
	w := a.on
	f.forget(a)
	if w != nil {
		f.freed(&c, w)
	}
	return c
}

// freed gives a worker of which something has ended what waits for it.
func (f *Fleet) freed(c *Change, w *worker) {
	w.ended.add(f.now)
	if w.refuses == untilRoom {
		w.refuses = refusesNothing
	}
	f.settleWorker(c, w)
}

// Withdraw says that an attempt was cancelled or superseded. One that waits is gone, and wasQueued is true. One that a worker
// has keeps its slot until its result comes (Ended) or a heartbeat no longer counts it; it will not be reported as lost.
func (f *Fleet) Withdraw(now time.Time, attemptID string) (wasQueued bool, c Change) {
	f.advance(now)
	a := f.attempts[attemptID]
	if a == nil {
		return false, c
	}
	w := a.on
	f.forget(a)
	if w == nil {
		return true, c
	}
	f.addForeign(w, attemptID)
	w.foreign++
	f.reindex(w)
	return false, c
}

// Returned says that a worker gave an attempt back without beginning it. It waits again, in its old place, and the worker
// gets nothing before its next heartbeat or, if the reason is ReturnedFull, before something it has ends. An answer from a
// worker that cannot have the attempt is ignored.
func (f *Fleet) Returned(now time.Time, attemptID, workerID, reason string) Change {
	var c Change
	f.advance(now)
	a := f.attempts[attemptID]
	if a == nil || a.on == nil || (a.on.id != workerID && !a.anybodys()) {
		return c
	}
	holder := a.on
	f.take(a)
	if w := f.workers[workerID]; w != nil {
		f.refuse(&c, w, reason)
	}
	f.settleWorker(&c, holder)
	if !a.announced {
		f.forget(a)
		c.Lost = append(c.Lost, LostJob{Attempt: attemptID, Worker: workerID, Reason: LostReturned})
		return c
	}
	a.refusedBy = workerID
	f.settleAttempt(&c, a)
	return c
}

// refuse lets a worker that gave something back get nothing for a while.
func (f *Fleet) refuse(c *Change, w *worker, reason string) {
	w.refuses = untilBeat
	if reason == ReturnedFull {
		w.refuses = untilRoom
	}
	f.reindex(w)
	f.settleAttempts(c, f.takeMisplaced(w))
}

// Holder tells which worker has an attempt; false when none has, as far as the Fleet knows.
func (f *Fleet) Holder(attemptID string) (workerID string, ok bool) {
	a := f.attempts[attemptID]
	if a == nil || a.on == nil {
		return "", false
	}
	return a.on.id, true
}
