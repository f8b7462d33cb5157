package scheduler

import "time"

// worker is one worker: what it said last, what it has, and what it may get.
type worker struct {
	id       string
	said     Beat // its newest heartbeat, within bounds; zero before the first
	beats    uint64
	alive    bool
	lastSeen time.Time
	lease    alarm  // when it is taken for lost; once it is, when it is forgotten
	replaced string // the incarnation before this one: what it still says is void

	group *group // the workers like it; nil while it is lost or has not been heard yet
	slot  int    // in the group's free heap
	score float64

	held    []*attempt // ours, in no order
	foreign int        // jobs it runs that are not ours
	others  []string   // the ids of those it listed and nobody announced here
	ended   recentCount
	refuses refusal

	waiting   indexHeap[*attempt] // those that wait for this worker by name
	lineFirst bool                // next, the lines have their turn before those
}

// refusal is until when a worker that gave an attempt back gets nothing.
type refusal uint8

const (
	refusesNothing refusal = iota
	untilRoom              // until something it has ends, or it beats
	untilBeat
)

func (w *worker) before(x *worker) bool {
	if w.score != x.score {
		return w.score < x.score
	}
	return w.id < x.id
}

func (w *worker) place() *int { return &w.slot }

// load is everything it runs or is about to: active and reserved together.
func (w *worker) load() int { return len(w.held) + w.foreign }

// takesWork tells whether it may get anything, room aside.
func (w *worker) takesWork() bool {
	return w.group != nil && !w.said.Draining && w.refuses == refusesNothing
}

// hasRoom tells whether it may get one more attempt now.
func (w *worker) hasRoom() bool {
	return w.takesWork() && w.said.CPU < overloadLoad && w.said.GPU < overloadLoad &&
		w.load() < slotsInUse(w.said.Max)
}

// slotsInUse is how many of its slots a worker is given work for: while its load is at most 90 % of them it gets one
// more, which is never more than all of them.
func slotsInUse(slots int) int {
	if slots <= 0 {
		return 0
	}
	return slots*overloadPercent/100 + 1
}

// release takes one of its attempts from it.
func (w *worker) release(a *attempt) {
	last := len(w.held) - 1
	moved := w.held[last]
	w.held[a.heldAt], moved.heldAt = moved, a.heldAt
	w.held[last] = nil
	w.held = w.held[:last]
	a.on = nil
}

// confirmed counts those of ours that its newest heartbeat lists or was late enough to speak of.
func (w *worker) confirmed() int {
	n := 0
	for _, a := range w.held {
		if a.listedIn != 0 || a.grantedAt.Before(w.lastSeen) {
			n++
		}
	}
	return n
}

// enrol makes the record of a worker that was not known, with a lease.
func (f *Fleet) enrol(id string) *worker {
	w := &worker{id: id}
	w.lease.worker = w
	f.workers[id] = w
	f.revive(w)
	return w
}

// revive starts a worker's lease anew.
func (f *Fleet) revive(w *worker) {
	w.alive, w.lastSeen = true, f.now
	w.lease.due = f.now.Add(f.cfg.WorkerLease)
	f.alarms.fix(&w.lease)
}

// reindex brings a worker's place in its group up to date with its load.
func (f *Fleet) reindex(w *worker) {
	if w.group == nil {
		return
	}
	w.score = float64(w.load()) + w.said.CPU/100 + w.said.GPU/100
	if w.hasRoom() {
		w.group.free.fix(w)
	} else {
		w.group.free.remove(w)
	}
	w.group.reseat()
}

// recentCount counts what happened within the last beatFlight, roughly: at most twice as far back.
type recentCount struct {
	window       int64 // which stretch of beatFlight now counts
	now, earlier int
}

func (r *recentCount) add(at time.Time) {
	r.roll(at)
	r.now++
}

func (r *recentCount) count(at time.Time) int {
	r.roll(at)
	return r.now + r.earlier
}

func (r *recentCount) roll(at time.Time) {
	window := at.UnixNano() / int64(beatFlight)
	switch r.window {
	case window:
		return
	case window - 1:
		r.earlier = r.now
	default:
		r.earlier = 0
	}
	r.window, r.now = window, 0
}
