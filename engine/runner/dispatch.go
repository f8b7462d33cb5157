package runner

import (
	"context"
	"sync"
	"time"

	"cordum.dev/cordum/scheduler"
)

// dispatch holds the one Fleet of the process: lanes announce released attempts to it, heartbeats feed it, and what it
// grants goes back to the lane of the attempt's run, which sends it.
type dispatch struct {
	r  *Runner
	mu sync.Mutex
	// The rest is guarded by mu. places are the attempts that the fleet was told of and where they live; wakeAt is when
	// Run ticks the fleet next.
	fleet  *scheduler.Fleet
	places map[string]place
	wakeAt time.Time
	bell   chan struct{} // rung when the next tick is earlier than wakeAt
}

// place is where an attempt's job lives.
type place struct {
	lane    *lane
	run     string
	step    int32 // node
	watched bool  // its step has a heartbeat timeout: heartbeats that list it end its worker's silence
}

func (lr *live) place(l *lane, step int32) place {
	return place{lane: l, run: lr.id, step: step, watched: lr.run.DefOf(step).HeartbeatTimeout > 0}
}

// move is one thing a lane tells the fleet.
type move struct {
	kind    moveKind
	attempt string
	at      place             // announce, adopt
	request scheduler.Request // announce
	worker  string            // adopt, returned
	reason  string            // returned
}

type moveKind uint8

const (
	moveEnded moveKind = iota
	moveAnnounce
	moveAdopt
	moveReturned
)

func newDispatch(r *Runner) *dispatch {
	return &dispatch{
		r: r, fleet: scheduler.NewFleet(scheduler.Config{WorkerLease: r.cfg.WorkerLease}),
		places: make(map[string]place), bell: make(chan struct{}, 1),
	}
}

// notice is one thing the fleet answers, for the lane of an attempt.
type notice struct {
	place
	attempt string
	fresh   bool // a grant
	do      func(*turn, int32)
}

// flushMoves tells the fleet what a commit made true, under one lock, and does at once what it answers about the lane's own
// runs.
func (l *lane) flushMoves(ctx context.Context) {
	for len(l.moves) > 0 {
		moves := l.moves
		l.moves = l.spare[:0]
		for _, n := range l.r.dispatch.tell(moves) {
			if n.lane == l {
				l.perform(ctx, n.task())
			} else {
				n.lane.inbox.push(*n.task())
			}
		}
		clear(moves)
		l.spare = moves
	}
}

// tell brings moves to the fleet, in order.
func (d *dispatch) tell(moves []move) (out []notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.r.now()
	for i := range moves {
		out = d.notices(out, d.make(now, &moves[i]))
	}
	d.rouse()
	return out
}

func (d *dispatch) make(now time.Time, m *move) scheduler.Change {
	switch m.kind {
	case moveAnnounce:
		d.places[m.attempt] = m.at
		return d.fleet.Announce(now, m.request)
	case moveAdopt:
		d.places[m.attempt] = m.at
		return d.fleet.Adopt(now, m.attempt, m.worker)
	case moveReturned:
		return d.fleet.Returned(now, m.attempt, m.worker, m.reason)
	}
	delete(d.places, m.attempt)
	return d.fleet.Ended(now, m.attempt)
}

// notices adds what the fleet answered. An attempt it forgot is forgotten here, too.
func (d *dispatch) notices(out []notice, c scheduler.Change) []notice {
	for _, g := range c.Grants {
		if at, ok := d.places[g.Attempt]; ok {
			out = append(out, notice{place: at, attempt: g.Attempt, fresh: true, do: func(t *turn, step int32) { t.granted(step, g) }})
		}
	}
	for _, g := range c.Adopted {
		if at, ok := d.places[g.Attempt]; ok {
			out = append(out, notice{place: at, attempt: g.Attempt, do: func(t *turn, step int32) { t.adopted(step, g) }})
		}
	}
	for _, lost := range c.Lost {
		d.r.cfg.Logger.Warn("worker lost", "worker_id", lost.Worker, "job_id", lost.Attempt, "reason", lost.Reason)
		if at, ok := d.places[lost.Attempt]; ok {
			delete(d.places, lost.Attempt)
			out = append(out, notice{place: at, attempt: lost.Attempt, do: func(t *turn, step int32) { t.orphaned(step, lost) }})
		}
	}
	return out
}

// task is a notice as its lane's task. A grant that finds no run in memory is given back: recovery announces it again.
func (n *notice) task() *task {
	t := &task{run: n.run}
	do, step := n.do, n.step
	t.do = func(t *turn) {
		if t.live.jobs[step] != nil {
			do(t, step)
		}
	}
	if n.fresh {
		l, attempt := n.lane, n.attempt
		t.fail = func(error) { l.moves = append(l.moves, move{kind: moveEnded, attempt: attempt}) }
	}
	return t
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

// deliver hands what the fleet answered to the lanes.
func deliver(all []notice) {
	for i := range all {
		all[i].lane.inbox.push(*all[i].task())
	}
}

// beat feeds a heartbeat.
func (d *dispatch) beat(b scheduler.Beat) {
	d.mu.Lock()
	var out []notice
	for _, h := range b.Holds {
		if at := d.places[h.Attempt]; at.watched {
			out = append(out, notice{place: at, do: func(t *turn, step int32) {
				t.live.heard(step, t.now)
				t.lane.schedule(t.live)
			}})
		}
	}
	c := d.fleet.Beat(d.r.now(), b)
	out = d.notices(out, c)
	d.rouse()
	d.mu.Unlock()
	if c.Refused != "" {
		d.r.cfg.Logger.Warn("heartbeat refused", "worker_id", clip(b.Worker), "reason", c.Refused)
	}
	deliver(out)
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
		out := d.notices(nil, d.fleet.Tick(d.r.now()))
		d.mu.Unlock()
		deliver(out)
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
