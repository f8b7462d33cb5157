package scheduler

import "time"

// worker is one worker: what it said last, what it has, and what it may get.
type worker struct {
	id       string
	said     Beat // its newest heartbeat, within bounds; zero before the first
	beats    uint64
	alive    bool
	lastSeen time.Time
	silent   bool   // it missed two heartbeats: nothing new
	excused  bool   // its lease was over when nobody may have listened, and lasts for a heartbeat more
	drained  bool   // people said that it gets nothing new
	lease    alarm  // when it is silent; then, when it is taken for lost; then, when it is forgotten
	replaced string // the incarnation before this one: what it still says is void

	voice *topic            // it stands for who listens on this topic, and is nobody that we know
	noted map[string]string // its labels as the index of labels has them
	group *group            // the workers like it; nil while it is lost or has not been heard yet
	slot  int               // in the group's free heap
	score float64

	held    []*attempt // ours, in no order
	foreign int        // jobs it runs that are not ours
	most    int        // its greatest load since its newest heartbeat
	bound   int        // while it is strained: the greatest load that it is given work up to
	others  []string   // the ids of those it claims: see Fleet.elsewhere
	ended   recentCount
	refuses refusal
	// refusals is how often in a row it gave back what it got, having finished nothing in between; before believeAt no heartbeat
	// ends a refusal.
	refusals  int
	believeAt time.Time

	waiting   indexHeap[*attempt] // those that wait for this worker by name
	awaited   bool                // is in its pool's awaited
	lineFirst bool                // next, the lines have their turn before those
}

// refusal is until when a worker that gave an attempt back gets nothing.
type refusal uint8

const (
	refusesNothing refusal = iota
	untilRoom              // until something it has ends, or it beats
	untilBeat
)

// refusalPause is how long a worker's heartbeats do not end its refusal, after so many in a row.
func refusalPause(before int) time.Duration {
	if before == 0 {
		return 0
	}
	return min(refusalFirst<<min(before-1, 16), RefusalMost)
}

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
	return w.group != nil && !w.draining() && !w.silent && w.refuses == refusesNothing
}

// draining tells whether somebody said that it gets nothing new: it, people, or the rules of its pool.
func (w *worker) draining() bool {
	return w.said.Draining || w.drained || (w.group != nil && w.group.pool.draining)
}

// canTake tells whether it may get one more attempt now, as far as it and its pool go.
func (w *worker) canTake() bool { return w.hasRoom() && !w.group.pool.full() }

// hasRoom tells whether it may get one more attempt now, as far as it alone goes.
func (w *worker) hasRoom() bool {
	if w.voice != nil {
		return w.voice.takes()
	}
	return w.takesWork() && w.load() < slotsInUse(w.said.Max) && (!w.strained() || w.load() < w.bound)
}

// strained tells whether its machine is busy, with our work or with others'. A strained worker gets no more at once than it had
// at most since its heartbeat before, and one if that was nothing: a busy machine takes nothing more on, goes on with what it
// does, and is never starved.
func (w *worker) strained() bool { return w.said.CPU >= overloadLoad || w.said.GPU >= overloadLoad }

// slotsInUse is how many of its slots a worker is given work for: while its load is at most 90 % of them it gets one
// more, which is never more than all of them.
func slotsInUse(slots int) int {
	if slots <= 0 {
		return 0
	}
	return slots*overloadPercent/100 + 1
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
	w := &worker{id: id, drained: f.rules.Drained[id]}
	w.lease.worker = w
	f.workers[id] = w
	f.revive(w)
	return w
}

// revive starts a worker's lease anew.
func (f *Fleet) revive(w *worker) {
	w.alive, w.silent, w.excused, w.lastSeen = true, false, false, f.now
	w.lease.due = f.now.Add(f.cfg.Silence)
	f.alarms.fix(&w.lease)
}

// reindex brings a worker's place in its group up to date with its load.
func (f *Fleet) reindex(w *worker) {
	if w.group == nil {
		return
	}
	w.score = float64(w.load()) + w.said.CPU/100 + w.said.GPU/100
	w.most = max(w.most, w.load())
	if w.hasRoom() {
		w.group.free.fix(w)
	} else {
		w.group.free.remove(w)
	}
	w.group.reseat()
	f.noteLimited(w)
}

// recentCount counts what happened within the last BeatFlight, roughly: at most twice as far back.
type recentCount struct {
	window       int64 // which stretch of BeatFlight now counts
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
	window := at.UnixNano() / int64(BeatFlight)
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
