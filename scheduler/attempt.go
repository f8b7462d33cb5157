package scheduler

import (
	"time"

	"cordum.dev/cordum/dag"
)

// attempt is what the Fleet remembers of one: what it asks for, and which of the three places it is in.
type attempt struct {
	id        string
	req       Request
	tenant    *tenant
	rank      int64 // when it was released, less its head start: the lowest goes first
	seq       uint64
	slot      int    // in its share's queue, or among those that wait for its preferred worker
	refusedBy string // who gave it back: a heartbeat of theirs that still lists it is older than that

	share *share    // waits in this
	named *worker   // waits for this
	until time.Time // how long the preferred worker is worth waiting for
	alarm *alarm    // goes off then

	on        *worker // has it
	why       string  // it and no other
	heldAt    int     // its place in on.held
	grant     uint64  // which of all grants gave it to on
	grantedAt time.Time
	sentAt    time.Time // zero: nobody has said yet that it was sent
	byTopic   bool      // was sent to its topic: another worker of the queue group may have got it
	listedIn  uint64    // the newest of on's heartbeats that listed it; 0 = none
	missedAt  time.Time // the first of on's heartbeats in a row that did not list it; zero: none
	anewAt    time.Time // on began anew without it, when nobody had said that it was sent; zero: no
}

func (a *attempt) before(b *attempt) bool {
	if a.rank != b.rank {
		return a.rank < b.rank
	}
	return a.seq < b.seq
}

func (a *attempt) place() *int { return &a.slot }

// want fills in what an attempt wants.
func (f *Fleet) want(a *attempt, r Request) {
	if r.ReleasedAt.IsZero() || r.ReleasedAt.After(f.now) {
		r.ReleasedAt = f.now
	}
	if r.Priority == dag.PriorityUnsaid {
		r.Priority = dag.Batch
	}
	a.req, a.tenant = r, f.tenantOf(r.Tenant)
	a.tenant.wanted++
	a.rank = r.ReleasedAt.UnixNano() + int64(headStartsBehind(r.Priority))*int64(f.cfg.Ageing)
	a.until = f.now.Add(f.cfg.PreferWait)
}

// headStartsBehind is how many priorities are above p. What has waited that many head starts longer than the most urgent
// goes before it.
func headStartsBehind(p dag.Priority) int {
	switch p {
	case dag.Critical:
		return 0
	case dag.Interactive:
		return 1
	default:
		return 2
	}
}

// remember makes the record of an attempt that is in no place yet.
func (f *Fleet) remember(r Request) *attempt {
	f.arrivals++
	a := &attempt{id: r.Attempt, seq: f.arrivals}
	f.want(a, r)
	f.attempts[a.id] = a
	return a
}

// forget takes an attempt out of wherever it is and drops it.
func (f *Fleet) forget(a *attempt) {
	f.take(a)
	delete(f.attempts, a.id)
	a.tenant.wanted--
	f.dropTenant(a.tenant)
}

// take takes an attempt out of the place it is in.
func (f *Fleet) take(a *attempt) {
	if a.alarm != nil {
		f.alarms.remove(a.alarm)
		a.alarm = nil
	}
	switch {
	case a.on != nil:
		f.release(a)
	case a.named != nil:
		a.named.waiting.remove(a)
		a.named = nil
	case a.share != nil:
		f.leaveLine(a)
	}
}

// anybodys tells whether any worker of the topic may have the attempt: it was sent to the topic, and nobody has listed
// it yet.
func (a *attempt) anybodys() bool { return a.byTopic && a.listedIn == 0 }

// hand gives an attempt that is in no place to a worker. The caller reindexes the worker.
func (f *Fleet) hand(a *attempt, w *worker) {
	if f.grants++; f.grants == 1 {
		f.grants = uint64(f.now.UnixNano()) // not one of a Fleet before
	}
	a.on, a.heldAt, a.grant = w, len(w.held), f.grants
	a.grantedAt, a.byTopic, a.listedIn, a.why = f.now, false, 0, ""
	a.sentAt, a.missedAt, a.anewAt = time.Time{}, time.Time{}, time.Time{}
	w.held = append(w.held, a)
	a.tenant.held++
	f.loaded(w, 1)
}

// release takes an attempt from the worker that has it.
func (f *Fleet) release(a *attempt) {
	w := a.on
	last := len(w.held) - 1
	moved := w.held[last]
	w.held[a.heldAt], moved.heldAt = moved, a.heldAt
	w.held[last] = nil
	w.held = w.held[:last]
	a.on = nil
	f.letGo(a.tenant)
	f.loaded(w, -1)
}

// loaded counts jobs of a worker in its pool.
func (f *Fleet) loaded(w *worker, jobs int) {
	if w.group != nil && jobs != 0 {
		f.carry(w.group.pool, jobs)
	}
}
