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
//   - a worker with room, in a pool with room, has nothing waiting that it could take, by name or in line, of a tenant that may
//     have more;
//   - a group's free heap holds exactly its workers with room, by their present score;
//   - a line is open (known to its demand, its tenant and the groups that can meet it) exactly while it is not empty;
//   - a group that only its pool's limit keeps from being served is among the pool's starved, and a turn that only its
//     tenant's limit keeps back is among its group's turns or among the tenant's parked.
type Fleet struct {
	cfg   Config
	rules Rules
	now   time.Time // the newest seen

	workers map[string]*worker
	alarms  indexHeap[*alarm]
	groups  map[string]*group
	pools   map[string]*pool // those with workers alive
	labels  labelIndex

	topics  map[string]*topic // those that somebody asks for
	demands map[demandKey]*demand
	inOrder []*demand // the same, in a fixed order
	sweepAt int

	tenants   map[string]*tenant // those that have or want something
	attempts  map[string]*attempt
	arrivals  uint64             // counts announcements: the order of what was released at the same time
	grants    uint64             // numbers what was given to workers
	elsewhere map[string][]claim // attempts that workers list and nobody announced here

	// Whom the call under way has given room. Empty between calls.
	rousedGroups  []*group
	rousedPools   []*pool
	rousedTenants []*tenant
}

// NewFleet makes an empty one, without rules.
func NewFleet(cfg Config) *Fleet {
	return &Fleet{
		cfg:       cfg.withDefaults(),
		workers:   make(map[string]*worker),
		groups:    make(map[string]*group),
		pools:     make(map[string]*pool),
		labels:    newLabelIndex(),
		topics:    make(map[string]*topic),
		demands:   make(map[demandKey]*demand),
		sweepAt:   minSweep,
		tenants:   make(map[string]*tenant),
		attempts:  make(map[string]*attempt),
		elsewhere: make(map[string][]claim),
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
	if a := f.attempts[r.Attempt]; a != nil {
		if a.on != nil && a.listedIn != 0 {
			c.Listed = append(c.Listed, a.granted())
		}
		return c
	}
	a := f.remember(r)
	claims := f.takeClaims(a.id)
	if w := a.rightful(claims); w != nil {
		f.adopt(&c, a, w)
	} else {
		f.settleAttempt(&c, a)
	}
	f.settleClaimants(&c, claims)
	f.settleRoused(&c)
	return c
}

// Adopt says that a worker is known to have an attempt, from before this Fleet began. A worker that is not known yet
// has a lease from now on to show up in. An attempt that waits here stops waiting. Saying again what a heartbeat has listed
// answers that it is listed: whoever says it may have forgotten.
func (f *Fleet) Adopt(now time.Time, r Request, workerID string) Change {
	var c Change
	f.advance(now)
	a := f.attempts[r.Attempt]
	if a == nil {
		a = f.remember(r)
	}
	w := f.workers[workerID]
	if w == nil {
		w = f.enrol(workerID)
	}
	if !w.alive {
		f.revive(w)
	}
	if a.on == w {
		if a.listedIn != 0 {
			c.Listed = append(c.Listed, a.granted())
		}
		f.noteSent(&c, a, f.now)
		f.settleRoused(&c)
		return c
	}
	f.settleClaimants(&c, f.takeClaims(a.id))
	f.move(&c, a, w)
	a.sentAt = f.now
	f.settleRoused(&c)
	return c
}

// Ended says that an attempt has its result, or needs none: whatever it held is free. Unknown ones are ignored.
func (f *Fleet) Ended(now time.Time, attemptID string) Change {
	var c Change
	f.advance(now)
	if a := f.attempts[attemptID]; a != nil {
		w := a.on
		f.forget(a)
		if w != nil {
			f.comeBack(w, a.tenant)
			w.refusals = 0
			f.freed(&c, w)
		}
	} else { // nothing is in both
		for _, cl := range f.takeClaims(attemptID) {
			f.freed(&c, cl.worker)
		}
	}
	f.settleRoused(&c)
	return c
}

// comeBack lets a tenant that has just given something back take its turn where that was, if it has room again.
func (f *Fleet) comeBack(w *worker, t *tenant) {
	if w.group == nil || t.full() {
		return
	}
	if turn := w.group.turn[t.name]; turn != nil && turn.parkedAt > 0 {
		f.unpark(turn)
	}
}

// freed gives a worker of which something has ended what waits for it.
func (f *Fleet) freed(c *Change, w *worker) {
	w.ended.add(f.now)
	if w.refuses == untilRoom {
		w.refuses = refusesNothing
	}
	f.settleWorker(c, w)
}

// Returned says that a worker gave an attempt back without beginning it. It waits again, in its old place, and the worker
// gets nothing before its next heartbeat or, if the reason is ReturnedFull, before something it has ends. A worker that
// finishes nothing in between and gives back again waits longer each time: up to RefusalMost. An answer from a worker that
// cannot have the attempt is ignored.
func (f *Fleet) Returned(now time.Time, attemptID, workerID, reason string) Change {
	var c Change
	f.advance(now)
	a := f.attempts[attemptID]
	if a == nil || a.on == nil || (a.on.id != workerID && !a.anybodys()) {
		return c
	}
	holder := a.on
	f.take(a)
	f.joinLine(a, f.demandOf(&a.req))
	a.refusedBy = workerID
	if holder.voice != nil {
		f.missed(holder.voice) // to whoever listens there it need not be sent again at once
	}
	if w := f.workers[workerID]; w != nil {
		f.refuse(&c, w, reason)
	}
	f.giveBack(&c, a, holder)
	return c
}

// Unheard says that an attempt could not be handed over: nobody listens where it was to be sent. It waits again, in its
// old place. Its topic is tried again later; a worker gets nothing for as long as if it had given the attempt back. What a
// heartbeat has listed is left where it is.
func (f *Fleet) Unheard(now time.Time, attemptID string) Change {
	var c Change
	f.advance(now)
	a := f.attempts[attemptID]
	if a == nil || a.on == nil || a.listedIn != 0 {
		return c
	}
	holder := a.on
	f.take(a)
	f.joinLine(a, f.demandOf(&a.req))
	if holder.voice != nil {
		f.missed(holder.voice)
	} else {
		f.refuse(&c, holder, ReturnedUnknown)
	}
	f.giveBack(&c, a, holder)
	return c
}

// Stranger says that an attempt was not sent to its topic: somebody listens there, and had no time to say who that is. It waits
// again, in its old place, until a worker registers for the topic, or those who listen have had that time: then it is granted as
// asked. Anything else than an attempt that is out to its topic is ignored.
func (f *Fleet) Stranger(now time.Time, attemptID string) Change {
	var c Change
	f.advance(now)
	a := f.attempts[attemptID]
	if a == nil || a.on == nil || a.on.voice == nil {
		return c
	}
	voice := a.on
	f.take(a)
	f.joinLine(a, f.demandOf(&a.req))
	f.introduce(voice.voice)
	f.giveBack(&c, a, voice)
	return c
}

// giveBack serves whom it helps that an attempt was given back, itself last.
func (f *Fleet) giveBack(c *Change, a *attempt, holder *worker) {
	f.comeBack(holder, a.tenant)
	f.settleWorker(c, holder)
	f.settleRoused(c)
	f.unline(c, a)
}

// refuse lets a worker that gave something back get nothing for a while. What it gives back together counts once.
func (f *Fleet) refuse(c *Change, w *worker, reason string) {
	if w.refuses == refusesNothing {
		w.believeAt = f.now.Add(refusalPause(w.refusals))
		w.refusals++
	}
	w.refuses = untilBeat
	if reason == ReturnedFull {
		w.refuses = untilRoom
	}
	f.reindex(w)
	f.settleAttempts(c, f.takeMisplaced(w))
}

// Holder tells which worker has an attempt; false when none is known to.
func (f *Fleet) Holder(attemptID string) (workerID string, ok bool) {
	a := f.attempts[attemptID]
	if a == nil || a.on == nil || a.on.voice != nil {
		return "", false
	}
	return a.on.id, true
}
