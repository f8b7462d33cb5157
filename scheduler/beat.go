package scheduler

import (
	"math"
	"slices"
	"time"
)

// Beat takes a heartbeat: the worker is alive for a lease from now, and has what it lists. A heartbeat that lists no jobs
// renews everything its worker was given.
func (f *Fleet) Beat(now time.Time, b Beat) Change {
	var c Change
	f.advance(now)
	if !isSubject(b.Worker, false) {
		c.Refused = "worker id is empty, too long, or cannot be part of a subject"
		return c
	}
	w := f.workers[b.Worker]
	switch {
	case w != nil && b.Incarnation != "" && b.Incarnation == w.replaced:
		c.Refused = "a newer process has taken this worker's id"
	case b.Leaving:
		if w != nil {
			homeless := f.dismiss(&c, w, LostLeft)
			f.strike(w)
			f.settleAttempts(&c, homeless)
		}
	case w == nil && !f.makeRoom():
		c.Refused = "too many workers"
	default:
		if w == nil {
			w = f.enrol(b.Worker)
		}
		f.hear(&c, w, b.bounded(f.cfg.Slots))
	}
	return c
}

// hear brings a worker up to date with its heartbeat.
func (f *Fleet) hear(c *Change, w *worker, b Beat) {
	before := w.said
	restarted := before.Incarnation != "" && b.Incarnation != before.Incarnation
	if restarted {
		w.replaced = before.Incarnation
	}
	holds := b.Holds
	b.Holds = nil
	w.said = b
	w.beats++
	w.refuses = refusesNothing
	f.revive(w)
	if w.group == nil || !sameKind(before, b) {
		f.part(w)
		f.join(w)
	}
	f.compare(c, w, holds, restarted)
	misplaced := f.takeMisplaced(w) // before it gets what waits for it: these it cannot take
	f.settleWorker(c, w)
	f.settleAttempts(c, misplaced)
}

// compare squares what we gave a worker with what it says it has.
func (f *Fleet) compare(c *Change, w *worker, holds []Hold, restarted bool) {
	f.dropAllForeign(w)
	listed, ours := f.readList(c, w, holds)
	if !w.said.ListsJobs && !restarted {
		ours = len(w.held)
	}
	for i := len(w.held) - 1; i >= 0; i-- {
		a := w.held[i]
		switch {
		case a.listedIn == w.beats:
		case restarted:
			f.lose(c, a, LostRestarted)
		case w.said.ListsJobs && !a.anybodys() && a.missedAgain(f.now):
			f.lose(c, a, LostUnlisted)
		}
	}
	w.foreign = max(0, max(w.said.Active, listed)-ours-w.ended.count(f.now))
}

// readList goes through the jobs that a heartbeat lists and counts them: all, and those that are ours with this
// worker. One that waits here, or was sent to its topic, is adopted: the worker has it.
func (f *Fleet) readList(c *Change, w *worker, holds []Hold) (listed, ours int) {
	for _, h := range holds {
		a := f.attempts[h.Attempt]
		if a == nil {
			if f.elsewhere[h.Attempt] != w {
				listed++
				f.addForeign(w, h.Attempt)
			}
			continue
		}
		if a.on == w && a.listedIn == w.beats {
			continue // said twice
		}
		listed++
		if a.refusedBy != w.id && (a.on == nil || (a.on != w && a.anybodys())) {
			f.adopt(c, a, w)
		}
		if a.on == w {
			ours++
			a.listedIn, a.missedOnce = w.beats, false
		}
	}
	return listed, ours
}

// missedAgain counts a heartbeat that does not list the attempt, and tells whether it is the second in a row. One that may
// have been under way when the attempt was granted, or when the one before was sent, says nothing.
func (a *attempt) missedAgain(now time.Time) bool {
	switch {
	case now.Sub(a.grantedAt) < beatFlight:
		return false
	case !a.missedOnce:
		a.missedOnce, a.missedAt = true, now
		return false
	default:
		return now.Sub(a.missedAt) >= beatFlight
	}
}

// addForeign notes that a worker has an attempt which nobody announced here; who says so last is believed.
func (f *Fleet) addForeign(w *worker, attemptID string) {
	f.elsewhere[attemptID] = w
	w.others = append(w.others, attemptID)
}

// dropForeign forgets that, with the slot it took.
func (f *Fleet) dropForeign(w *worker, attemptID string) {
	delete(f.elsewhere, attemptID)
	w.foreign = max(0, w.foreign-1)
}

// dropAllForeign forgets all that a worker listed and is not ours.
func (f *Fleet) dropAllForeign(w *worker) {
	for _, attemptID := range w.others {
		if f.elsewhere[attemptID] == w {
			delete(f.elsewhere, attemptID)
		}
	}
	w.others, w.foreign = w.others[:0], 0
}

// sameKind tells whether two heartbeats put a worker into the same group.
func sameKind(a, b Beat) bool {
	return a.Pool == b.Pool && slices.Equal(a.Topics, b.Topics) && slices.Equal(a.Capabilities, b.Capabilities)
}

// bounded cuts a heartbeat's claims down to what is possible. Slots is what a worker has that does not say.
func (b Beat) bounded(slots int) Beat {
	if b.Max == 0 {
		b.Max = slots
	}
	b.Max = clamp(b.Max, 1, MaxSlots)
	b.Active = clamp(b.Active, 0, MaxSlots)
	b.CPU, b.GPU = percent(b.CPU), percent(b.GPU)
	if len(b.Pool) > MaxNameBytes {
		b.Pool = ""
	}
	b.Topics = atMost(b.Topics, MaxTopics, func(t string) bool { return isSubject(t, true) })
	b.Capabilities = atMost(b.Capabilities, MaxCapabilities, func(n string) bool {
		return n != "" && len(n) <= MaxNameBytes
	})
	if len(b.Holds) > MaxListed {
		b.Holds = b.Holds[:MaxListed]
	}
	return b
}

// atMost keeps the first names that are good.
func atMost(names []string, most int, good func(string) bool) []string {
	if slices.ContainsFunc(names, func(n string) bool { return !good(n) }) {
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !good(n) })
	}
	return names[:min(len(names), most)]
}

func clamp(n, low, high int) int { return min(max(n, low), high) }

// percent reads a load: not a number is "not said".
func percent(load float64) float64 {
	if math.IsNaN(load) {
		return 0
	}
	return min(max(load, 0), 100)
}
