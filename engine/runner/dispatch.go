package runner

import (
	"context"
	"reflect"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// dispatch holds the one Fleet of the process: lanes announce released attempts to it, heartbeats feed it, and what it
// grants goes back to the lane of the attempt's run, which sends it.
type dispatch struct {
	r *Runner
	// bringing is held while what was decided is brought to its lanes, so that it comes in the order in which it was. It is taken
	// before mu.
	bringing sync.Mutex
	mu       sync.Mutex
	// The rest is guarded by mu. places are the attempts that the fleet was told of and where they live; wakeAt is when
	// Run ticks the fleet next.
	fleet  *scheduler.Fleet
	places map[string]place
	wakeAt time.Time
	bell   chan struct{} // rung when the next tick is earlier than wakeAt
	// out is what was decided for lanes and is not on its way yet; spare is its room.
	out, spare []notice
	// askedAt is when all workers were asked for a heartbeat.
	askedAt time.Time

	// book has the concurrency keys of the installation, parts who has which partition; only the place of several processes has them.
	book    *keyBook
	parts   map[store.Partition]partSaid
	sweepAt time.Time
	// sweepUntil is until when attempts may be there of which nobody speaks.
	sweepUntil time.Time
	// standsIn says that the place is gone, and this fleet has only what its own process's lanes said.
	standsIn bool

	rules   scheduler.Rules // in force; whoever reloads the configuration has it alone
	metrics *fleetMetrics
}

// place is where an attempt's job lives.
type place struct {
	lane *lane
	peer *peerEnd // of another process: where its lane is reached; lane is nil then
	run  string
	step int32 // node
	// epoch is that of its partition's owner; 0 where one process has them all.
	epoch store.Epoch
	// withheld is how often a pause had taken the attempt out of the queue when it was announced: a grant of a time before comes
	// late, and counts no more.
	withheld uint32
	watched  bool // its step has a heartbeat timeout: heartbeats that list it end its worker's silence
}

func (lr *live) place(l *lane, step int32) place {
	return place{lane: l, run: lr.id, step: step, withheld: lr.ids[step].withheld, watched: lr.run.DefOf(step).HeartbeatTimeout > 0}
}

// move is one thing a lane tells the fleet.
type move struct {
	kind    moveKind
	attempt string
	part    store.Partition   // between processes: that of the attempt's run
	at      place             // announce, adopt
	request scheduler.Request // announce, adopt
	worker  string            // adopt, returned
	reason  string            // returned
	key     *keyWish          // about a concurrency key
	grant   uint64            // sent
	ago     time.Duration     // sent: so long
}

// moveKind is sent between processes: the numbers stay.
type moveKind uint8

const (
	moveEnded moveKind = iota
	moveAnnounce
	moveAdopt
	moveReturned
	moveUnheard  // nobody listens where it was to be sent
	moveDoubted  // it is over unless its worker's heartbeats say when it is
	moveOwned    // the partition's owner has said all that it has of it
	moveKey      // a run has its workflow's concurrency key, or waits for it
	moveKeyAsk   // a run that is about to be made wants it at once or not at all
	moveKeyLeft  // a run needs it no more
	moveStranger // who listens on its topic was not asked who that is
	moveSent     // the answer to noticeUnlisted: the grant is carried out
)

// aboutKeys tells whether a move is for the book of concurrency keys.
func (k moveKind) aboutKeys() bool { return k >= moveOwned && k <= moveKeyLeft }

func newDispatch(r *Runner) *dispatch {
	d := &dispatch{
		r: r, fleet: scheduler.NewFleet(scheduler.Config{WorkerLease: r.cfg.WorkerLease}),
		places: make(map[string]place), bell: make(chan struct{}, 1),
	}
	d.metrics = newFleetMetrics(d)
	return d
}

// flushMoves tells the fleet what a commit made true, under one lock, and does at once what it answers about the lane's own
// runs. Others hear theirs from the fleet.
func (l *lane) flushMoves(ctx context.Context) {
	for len(l.moves)+len(l.vouch) > 0 {
		if len(l.moves) == 0 {
			l.sayVouched()
		}
		moves := l.moves
		l.moves = l.spare[:0]
		answers := l.tellPlace(moves)
		for i := range answers {
			l.perform(ctx, answers[i].task())
		}
		clear(moves)
		l.spare = moves
		if clear(answers); cap(answers) <= maxSpare {
			l.answers = answers
		}
	}
}

// tell brings a lane's moves to the fleet, in order, and answers what is for that lane.
func (d *dispatch) tell(l *lane, moves []move) (own []notice) {
	d.mu.Lock()
	now := d.r.now()
	own, l.answers = l.answers[:0], nil
	for i := range moves {
		own = d.notices(own, d.make(now, &moves[i]))
	}
	own = d.keepOthers(own, l)
	d.unlock()
	return own
}

func (d *dispatch) make(now time.Time, m *move) scheduler.Change {
	switch m.kind {
	case moveAnnounce:
		before, known := d.places[m.attempt]
		d.places[m.attempt] = m.at
		if known && (before.epoch != m.at.epoch || before.peer != m.at.peer) {
			return d.announceAnew(now, m)
		}
		return d.fleet.Announce(now, m.request)
	case moveAdopt:
		d.places[m.attempt] = m.at
		return d.fleet.Adopt(now, m.request, m.worker)
	case moveReturned:
		return d.fleet.Returned(now, m.attempt, m.worker, m.reason)
	case moveUnheard:
		return d.fleet.Unheard(now, m.attempt)
	case moveStranger:
		return d.fleet.Stranger(now, m.attempt)
	case moveSent:
		return d.fleet.Sent(now, scheduler.Unlisted{Attempt: m.attempt, Grant: m.grant}, m.ago)
	case moveDoubted:
		if d.fleet.Listed(m.attempt) {
			return scheduler.Change{}
		}
	}
	delete(d.places, m.attempt)
	return d.fleet.Ended(now, m.attempt)
}

// rouse wakes Run when the fleet's next tick is earlier than it sleeps. The caller holds mu.
func (d *dispatch) rouse() {
	next := d.fleet.NextTick()
	if next.IsZero() || !next.Before(d.wakeAt) {
		return
	}
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// beat feeds a heartbeat. Who lists an attempt of another's says nothing of it.
func (d *dispatch) beat(b scheduler.Beat) {
	holds := b.Holds
	d.mu.Lock()
	c := d.fleet.Beat(d.r.now(), b)
	d.out = d.notices(d.out, c)
	for _, h := range holds {
		at := d.places[h.Attempt]
		if holder, _ := d.fleet.Holder(h.Attempt); at.watched && holder == b.Worker && c.Refused == "" {
			d.out = append(d.out, notice{place: at, kind: noticeHeard, attempt: h.Attempt})
		}
	}
	d.unlock()
	if c.Refused != "" {
		d.refused(&b, c.Refused)
	}
}

// askWho asks all workers for a heartbeat, once in a while: one that begins to listen on a topic beats by itself, too.
func (d *dispatch) askWho() {
	d.mu.Lock()
	now := d.r.now()
	soon := now.Sub(d.askedAt) < askAgain
	if !soon {
		d.askedAt = now
	}
	d.mu.Unlock()
	if soon {
		return
	}
	if err := d.r.bus.Publish(bus.SubjectAskJobs, nil); err != nil {
		d.r.cfg.Logger.Warn("workers could not be asked what they have", "error", err)
	}
}

// refused says that a heartbeat was not taken: once in a while of each worker that is known, and of all others together, as
// their ids are made up easily.
func (d *dispatch) refused(b *scheduler.Beat, reason string) {
	about := ""
	if reason == scheduler.RefusedReplaced {
		about = b.Worker
	}
	if d.r.registered.say("heartbeat "+about+" "+reason, sayAgain) {
		d.r.cfg.Logger.Warn("heartbeat refused", "worker_id", clip(b.Worker), "reason", reason)
	}
}

// Run ticks the fleet when a lease or a wait is over.
func (d *dispatch) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(d.sleep())
		select {
		case <-ctx.Done():
			return nil
		case <-d.bell:
			continue
		case <-timer.C:
		}
		d.mu.Lock()
		d.out = d.notices(d.out, d.fleet.Tick(d.r.now()))
		d.unlock()
	}
}

// sleep is how long there is nothing to tick, and notes until when.
func (d *dispatch) sleep() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.r.now()
	d.wakeAt = now.Add(idleSleep)
	if next := d.fleet.NextTick(); !next.IsZero() && next.Before(d.wakeAt) {
		d.wakeAt = next
	}
	return max(d.wakeAt.Sub(now), time.Millisecond)
}

// queue is what waits, by topic.
func (d *dispatch) queue() []scheduler.QueueStat {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fleet.Queue()
}

// workers are the workers as the fleet sees them.
func (d *dispatch) workers() []WorkerView {
	d.mu.Lock()
	states := d.fleet.Workers(d.r.now())
	d.mu.Unlock()
	out := make([]WorkerView, 0, len(states))
	for _, w := range states {
		out = append(out, WorkerView{
			ID: w.Worker, Pool: w.Pool, Topics: w.Topics, Capabilities: w.Capabilities, Labels: w.Labels, Active: w.Active,
			Reserved: w.Reserved, Max: w.Max, CPU: w.CPU, GPU: w.GPU, State: w.State, LastSeen: w.LastSeen,
		})
	}
	return out
}

// configure takes over how the fleet is set up now. Only one reload calls it at a time.
func (d *dispatch) configure() {
	rules := scheduler.Rules{Fleet: d.r.fleetConfig(), Drained: d.r.drained()}
	if reflect.DeepEqual(rules, d.rules) { // beside the lock: a configuration may be large
		return
	}
	d.mu.Lock()
	d.rules = rules
	d.out = d.notices(d.out, d.fleet.Configure(d.r.now(), rules))
	d.unlock()
}

// why may ask another process and wait for it. It says where an attempt is, or what it waits for: one of the fleet's reasons, and a sentence for people.
func (d *dispatch) why(attempt string) (reason, detail string) {
	d.mu.Lock()
	if d.heardOnly() {
		d.mu.Unlock()
		return d.r.peers.askWhy(attempt)
	}
	defer d.mu.Unlock()
	return d.fleet.Why(attempt)
}
