package scheduler

import (
	"maps"
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
		c.Refused = RefusedReplaced
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
	f.settleRoused(&c)
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
	w.bound = max(w.most, 1)
	if !f.now.Before(w.believeAt) {
		w.refuses = refusesNothing
	}
	f.revive(w)
	if w.group == nil || !sameKind(before, b) {
		f.part(w)
		f.join(w)
	}
	f.compare(c, w, holds, restarted)
	w.most = w.load()
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
			f.begunAnew(c, a)
		case w.said.ListsJobs && !a.anybodys():
			f.unlisted(c, a)
		}
	}
	f.setForeign(w, max(0, max(w.said.Active, listed)-ours-w.ended.count(f.now)))
}

// readList goes through the jobs that a heartbeat lists and counts them: all, and those that are ours with this
// worker. One that waits here, or was sent to its topic, is adopted: the worker has it, as it knows its token.
func (f *Fleet) readList(c *Change, w *worker, holds []Hold) (listed, ours int) {
	for _, h := range holds {
		a := f.attempts[h.Attempt]
		if a == nil {
			if f.addForeign(w, h) {
				listed++
			}
			continue
		}
		if a.on == w && a.listedIn == w.beats {
			continue // said twice
		}
		listed++
		if a.provedBy(h.Token) && a.refusedBy != w.id && (a.on == nil || (a.on != w && a.anybodys())) {
			f.adopt(c, a, w)
		}
		if a.on == w {
			ours++
			if a.listedIn == 0 {
				c.Listed = append(c.Listed, a.granted())
			}
			a.listedIn, a.missedAt, a.anewAt = w.beats, time.Time{}, time.Time{}
			if a.sentAt.IsZero() {
				a.sentAt = f.now
			}
		}
	}
	return listed, ours
}

// unlisted takes it that a heartbeat of its worker does not list an attempt: the second in a row says that the worker has not got
// it. One that may have been under way when the attempt was sent, or when the one before was, says nothing; nor does any while
// the attempt may not have been sent: whoever carries grants out may wait for a store.
func (f *Fleet) unlisted(c *Change, a *attempt) {
	since := a.sentAt
	if since.IsZero() {
		since = a.grantedAt
	}
	switch {
	case f.now.Sub(since) < BeatFlight:
	case a.missedAt.IsZero():
		a.missedAt = f.now
		f.askSent(c, a)
	case a.sentAt.IsZero():
		f.askSent(c, a)
	case f.now.Sub(a.missedAt) >= BeatFlight:
		f.lose(c, a, LostUnlisted)
	}
}

// begunAnew takes it that an attempt's worker has begun anew and does not list it. What was sent before that is lost.
func (f *Fleet) begunAnew(c *Change, a *attempt) {
	if a.sentAt.IsZero() {
		a.anewAt = f.now
		f.askSent(c, a)
		return
	}
	f.lose(c, a, LostRestarted)
}

// askSent asks since when an attempt is sent, unless that is known.
func (f *Fleet) askSent(c *Change, a *attempt) {
	if a.sentAt.IsZero() {
		c.Unlisted = append(c.Unlisted, Unlisted{Attempt: a.id, Grant: a.grant})
	}
}

// Sent answers what Change.Unlisted asks: that grant was carried out so long ago, or at least is not under way any more.
// Heartbeats that did not list the attempt, and may be about a later time than that, count against it from now on, and so does
// that its worker began anew after it. What was granted anew meanwhile, or has ended, is left alone.
func (f *Fleet) Sent(now time.Time, u Unlisted, ago time.Duration) Change {
	var c Change
	f.advance(now)
	if a := f.attempts[u.Attempt]; a != nil && a.on != nil && a.grant == u.Grant {
		f.noteSent(&c, a, f.now.Add(-max(ago, 0)))
	}
	f.settleRoused(&c)
	return c
}

// noteSent notes when an attempt was sent, the first time that this is said.
func (f *Fleet) noteSent(c *Change, a *attempt, at time.Time) {
	if !a.sentAt.IsZero() {
		return
	}
	a.sentAt = at
	switch w := a.on; {
	case !a.anewAt.IsZero() && at.Before(a.anewAt):
		f.lose(c, a, LostRestarted)
		w.most = w.load() // the new one did not have it
		f.settleWorker(c, w)
	case a.missedAt.Sub(at) < BeatFlight:
		a.missedAt = time.Time{}
	}
}

// setForeign says how many jobs a worker has that are not ours.
func (f *Fleet) setForeign(w *worker, jobs int) {
	was := w.foreign
	w.foreign = jobs
	f.loaded(w, jobs-was)
}

// sameKind tells whether two heartbeats put a worker into the same group.
func sameKind(a, b Beat) bool {
	return a.Pool == b.Pool && slices.Equal(a.Topics, b.Topics) && slices.Equal(a.Capabilities, b.Capabilities) &&
		maps.Equal(a.Labels, b.Labels)
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
	b.Labels = boundedLabels(b.Labels)
	if len(b.Holds) > MaxListed {
		b.Holds = b.Holds[:MaxListed]
	}
	return b
}

// boundedLabels keeps the first good labels by name.
func boundedLabels(labels map[string]string) map[string]string {
	good := len(labels) <= MaxLabels
	for k, v := range labels {
		good = good && k != "" && len(k) <= MaxNameBytes && len(v) <= MaxNameBytes
	}
	if good {
		return labels
	}
	out := make(map[string]string)
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if k != "" && len(k) <= MaxNameBytes && len(labels[k]) <= MaxNameBytes && len(out) < MaxLabels {
			out[k] = labels[k]
		}
	}
	return out
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
