package runner

import (
	"maps"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// The place is the one process of an installation whose fleet gives attempts to workers and whose book lets runs have their
// concurrency keys: the owner of partition 0. Lanes of its own process call it, those of others speak with it in a session that
// carries what both say once and in order. Nothing of it is stored. When it moves, or a session ends, lanes say again all that they
// have, and heartbeats, which every process hears, say the rest.
//
// Two places for a moment do no harm: lanes listen to one of them, the one whose epoch of partition 0 is the greater. While there is
// none each process stands in for it, for its own runs (place_gap.go).

// placePartition is the partition whose owner is the place.
const placePartition store.Partition = 0

// partSaid is what the place knows of a partition's owner.
type partSaid struct {
	epoch   store.Epoch
	peer    *peerEnd  // nil: of this process
	gen     uint64    // counts: another owner, or another session of it
	since   time.Time // when they began to
	vouched bool      // the owner has said all that it has of it
}

// saysPlace is what members are told of where the place is.
func (p *peers) saysPlace() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened == 0 {
		return ""
	}
	return placeAt{p.self, p.opened}.String()
}

// open makes this process the place.
func (p *peers) open() {
	p.turning.Lock()
	defer p.turning.Unlock()
	epoch := p.r.epoch(placePartition)
	p.mu.Lock()
	if p.openAt.IsZero() || p.opened != 0 || epoch == 0 {
		p.mu.Unlock()
		return
	}
	p.opened = epoch
	p.mu.Unlock()
	p.r.dispatch.begin(false)
	p.r.cfg.Logger.Info("this process gives jobs to workers now", "epoch", uint64(epoch))
	p.goToNow(placeAt{p.self, epoch}, "")
	p.r.announceSoon()
	p.answerWhy(true)
	if err := p.r.bus.Publish(bus.SubjectAskJobs, nil); err != nil { // of what has ended while there was no place nobody says so
		p.r.cfg.Logger.Warn("workers could not be asked what they have", "error", err)
	}
}

// close ends that: another process has partition 0, or will have it.
func (p *peers) close() {
	p.turning.Lock()
	defer p.turning.Unlock()
	p.mu.Lock()
	was := p.opened
	p.opened = 0
	clear(p.ends)
	if p.at.name == p.self {
		p.at.name = ""
	}
	p.mu.Unlock()
	if was != 0 {
		p.answerWhy(false)
		p.r.dispatch.end()
		p.r.announceSoon()
	}
}

// goTo has the lanes speak with a place from now on, a member's, if it is a newer one. When nobody says any more that he is the place,
// this process stands in for it.
func (p *peers) goTo(at placeAt, owner string) {
	p.turning.Lock()
	defer p.turning.Unlock()
	p.goToNow(at, owner)
}

// goToNow is goTo for who holds turning.
func (p *peers) goToNow(at placeAt, owner string) {
	p.mu.Lock()
	mine := at.name == p.self
	if gone := p.link; gone != nil && p.at.name != at.name && at.epoch <= p.at.epoch {
		if !p.mayStandIn(time.Now()) {
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.standInNow(gone)
		p.mu.Lock()
	} else if at == p.at {
		p.missed = time.Time{}
	}
	if at.name == "" || at == p.at || at.epoch < p.at.epoch || mine != (p.opened != 0 && p.opened == at.epoch) {
		p.mu.Unlock()
		return
	}
	stoodIn := !p.standsIn.IsZero()
	p.at, p.link, p.linked, p.standsIn, p.missed = at, nil, time.Now(), time.Time{}, time.Time{}
	p.owner, p.lives = owner, true
	if !mine {
		p.link = p.newEnd(at.name, ulid.Make().String())
	}
	p.mu.Unlock()
	if stoodIn && !mine {
		p.r.dispatch.end()
	}
	p.sayAll()
}

// relink begins another session with the place.
func (p *peers) relink(broken *peerEnd) {
	p.mu.Lock()
	again := p.link == broken && time.Since(p.linked) >= peerAlive
	if again {
		p.linked = time.Now()
		p.link = p.newEnd(broken.to, ulid.Make().String())
	}
	p.mu.Unlock()
	if again {
		p.r.cfg.Logger.Warn("the engine that gives jobs to workers does not answer: asking it again from the beginning", "engine", broken.to)
		p.sayAll()
	}
}

// sayAll has every lane say all that it has.
func (p *peers) sayAll() {
	for _, l := range p.r.lanes {
		l.inbox.push(task{do: func(t *turn) { t.lane.sayAll() }})
	}
}

// sayAll has every run of the lane say what it has, and then says of each partition that this was all.
func (l *lane) sayAll() {
	for run := range l.runs {
		l.inbox.push(task{run: run, do: (*turn).sayAgain})
	}
	for p, has := range l.has {
		if has {
			l.vouchFor(store.Partition(p))
		}
	}
}

// sayAgain tells the fleet, and the book of keys, what a run has.
func (t *turn) sayAgain() {
	lr := t.live
	lr.keySaid = keyUnsaid
	if lr.key != "" && lr.committed > 0 {
		t.after(func() {}) // its commit says it
	}
	if lr.active() {
		for i, j := range lr.jobs {
			if j != nil && j.Holds() && j.Worker != "" {
				step := int32(i)
				t.tellFleet(move{kind: moveAdopt, attempt: lr.attemptID(step), worker: j.Worker, at: lr.place(t.lane, step), request: lr.demand(step)})
			}
		}
		if l := t.lane; l.r.settling(lr.part) {
			l.later(recoverGrace, task{run: lr.id, tenant: lr.run.Tenant, do: (*turn).announceScheduled})
		} else {
			t.announceScheduled()
		}
	}
	t.touch()
}

// vouchFor says of a partition, behind all that was said of it before, that this was all.
func (l *lane) vouchFor(p store.Partition) {
	l.inbox.push(task{part: on(p), do: func(t *turn) {
		t.lane.behindLoads(p, func() { t.lane.vouch = append(t.lane.vouch, p) })
	}})
}

// sayVouched adds to what the place is told the partitions of which all was said.
func (l *lane) sayVouched() {
	for _, p := range l.vouch {
		l.moves = append(l.moves, move{kind: moveOwned, part: p})
	}
	l.vouch = l.vouch[:0]
}

// tellPlace brings moves to the place, and answers what it says at once about runs of this lane.
func (l *lane) tellPlace(moves []move) []notice {
	if l.r.peers == nil {
		return l.r.dispatch.tell(l, moves)
	}
	return l.r.peers.tell(l, moves)
}

// tell brings moves to the place, or to who stands in for it. While there is neither they are dropped: all is said again when there is.
func (p *peers) tell(l *lane, moves []move) []notice {
	p.mu.Lock()
	here, link := p.opened != 0 && p.at.name == p.self || !p.standsIn.IsZero(), p.link
	p.mu.Unlock()
	if here {
		return p.r.dispatch.tellOf(l, nil, p.stamped(moves))
	}
	if link != nil {
		moves = p.stamped(moves)
		letters := make([]letter, len(moves))
		for i := range moves {
			letters[i] = write(letterMove, &moves[i])
		}
		link.send(letters)
	}
	return nil
}

// stamped says of each move under which epoch its partition is this process's; what is not is left out.
func (p *peers) stamped(moves []move) []move {
	out := moves[:0]
	for _, m := range moves {
		switch m.kind {
		case moveOwned:
		case moveKey, moveKeyAsk, moveKeyLeft:
			m.part = p.r.partOf(m.at.run)
		default:
			n, err := id.Partition(m.attempt)
			if err != nil {
				continue
			}
			m.part = store.Partition(n)
		}
		if m.at.epoch = p.r.epoch(m.part); m.at.epoch != 0 {
			out = append(out, m)
		}
	}
	return out
}

// heardOnly tells whether this fleet only hears heartbeats, since the place is elsewhere. The caller holds mu.
func (d *dispatch) heardOnly() bool { return d.r.peers != nil && d.book == nil }

// begin makes this fleet the place's, or one that stands in for it. What it has heard of workers counts, and what it was told while it
// stood in.
func (d *dispatch) begin(standsIn bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.standsIn {
		d.places = make(map[string]place)
	}
	d.parts, d.book, d.standsIn = make(map[store.Partition]partSaid), newKeyBook(), standsIn
}

// end makes it one that only hears heartbeats: it begins anew, knowing no attempts. Nothing that it decided comes to a lane after that.
func (d *dispatch) end() {
	d.bringing.Lock()
	defer d.bringing.Unlock()
	d.mu.Lock()
	d.out = nil
	defer d.mu.Unlock()
	d.fleet = scheduler.NewFleet(scheduler.Config{WorkerLease: d.r.cfg.WorkerLease})
	d.fleet.Configure(d.r.now(), d.rules)
	d.places, d.parts, d.book, d.standsIn = make(map[string]place), nil, nil, false
}

// tellOf is tell for a place of several processes: the moves are those of a lane of this one, or of the process at the other end. Those
// of who had a partition before are dropped.
func (d *dispatch) tellOf(l *lane, e *peerEnd, moves []move) (own []notice) {
	d.mu.Lock()
	defer d.unlock()
	if d.book == nil {
		return nil
	}
	now := d.r.now()
	for i := range moves {
		m := &moves[i]
		if !d.speaks(m.part, m.at.epoch, e) {
			continue
		}
		if m.kind.aboutKeys() {
			if !d.standsIn {
				own = d.makeKey(own, m)
			}
			continue
		}
		own = d.notices(own, d.make(now, m))
	}
	return d.keepOthers(own, l)
}

// announceAnew takes the announcement of an attempt by another owner, or in another session, than it was announced by before. A
// grant that went there may not have come: unless a heartbeat lists the attempt it is given anew.
func (d *dispatch) announceAnew(now time.Time, m *move) scheduler.Change {
	c := d.fleet.Announce(now, m.request)
	if len(c.Listed) > 0 {
		return c
	}
	ended, again := d.fleet.Ended(now, m.attempt), d.fleet.Announce(now, m.request)
	for _, more := range []scheduler.Change{ended, again} {
		c.Grants, c.Adopted = append(c.Grants, more.Grants...), append(c.Adopted, more.Adopted...)
		c.Listed, c.Lost = append(c.Listed, more.Listed...), append(c.Lost, more.Lost...)
	}
	return c
}

// sweep forgets attempts of which nobody speaks any more: those of a partition's owner of before that the present one did not
// announce, and those that a process did not say again in its next session. They have ended.
func (d *dispatch) sweep(now time.Time) {
	d.mu.Lock()
	if d.book == nil || now.Before(d.sweepAt) {
		d.mu.Unlock()
		return
	}
	d.sweepAt = now.Add(sweepPlaces)
	if now.Before(d.sweepUntil) {
		d.out = d.sweepAttempts(d.out, now)
	}
	d.out = d.lookAtKeys(d.out, now)
	d.unlock()
}

func (d *dispatch) sweepAttempts(out []notice, now time.Time) []notice {
	at := d.r.now()
	for attempt, is := range d.places {
		said := d.parts[d.r.partOf(is.run)]
		if (is.epoch < said.epoch || is.peer != said.peer) && now.Sub(said.since) >= sayAllWithin {
			delete(d.places, attempt)
			out = d.notices(out, d.fleet.Ended(at, attempt))
		}
	}
	return out
}

// speaks notes who speaks of a partition, under which epoch; false when somebody has it under a newer one.
func (d *dispatch) speaks(p store.Partition, epoch store.Epoch, e *peerEnd) bool {
	said := d.parts[p]
	switch {
	case epoch < said.epoch:
		return false
	case epoch > said.epoch || said.peer != e:
		d.book.gen++
		now := time.Now()
		d.parts[p] = partSaid{epoch: epoch, peer: e, gen: d.book.gen, since: now}
		d.sweepUntil = now.Add(sayAllWithin + 3*sweepPlaces)
	}
	return true
}

// ownedBy is who has a run's partition as the place knows it: a lane of this process, or another process; false when nobody has said
// all of it.
func (d *dispatch) ownedBy(run string) (at place, ok bool) {
	said, known := d.parts[d.r.partOf(run)]
	at = place{run: run, peer: said.peer, epoch: said.epoch}
	if said.peer == nil {
		at.lane = d.r.laneOf(run)
	}
	return at, known && (at.peer != nil || at.lane != nil)
}

// unvouched is of how many partitions not all is said.
func (d *dispatch) unvouched() (n int) {
	n = len(d.r.epochs)
	for said := range maps.Values(d.parts) {
		if said.vouched {
			n--
		}
	}
	return n
}

const (
	// sayAllWithin is how long the owner of a partition may take to say what it has; what it has not said then has ended.
	sayAllWithin = 30 * time.Second
	// sweepPlaces is how often it is looked for that, and for keys that wait.
	sweepPlaces = time.Second
)
