package scheduler

import "slices"

// settleAttempt finds an attempt that is in no place its place: with a worker, waiting for the one it prefers, or in
// line.
func (f *Fleet) settleAttempt(c *Change, a *attempt) {
	d := f.demandFor(a.req.Topic, a.req.Requires, "")
	if w := f.preferred(a, d); w != nil {
		if w.hasRoom() {
			f.grant(c, a, w)
			return
		}
		if f.now.Before(a.until) {
			f.waitFor(a, w)
			return
		}
	}
	if w := f.leastLoaded(a, d); w != nil {
		f.grant(c, a, w)
		return
	}
	f.joinLine(a, d)
}

// settleAttempts does so for several.
func (f *Fleet) settleAttempts(c *Change, as []*attempt) {
	for _, a := range as {
		f.settleAttempt(c, a)
	}
}

// preferred is the worker that an attempt asks for by name, if it can do the work and takes any; nil otherwise.
func (f *Fleet) preferred(a *attempt, d *demand) *worker {
	if a.req.PreferredWorker == "" {
		return nil
	}
	w := f.workers[a.req.PreferredWorker]
	if w == nil || !w.takesWork() || !w.group.meets(d) {
		return nil
	}
	return w
}

// leastLoaded is the worker with room that has least to do, of the preferred pool if one of that has room.
func (f *Fleet) leastLoaded(a *attempt, d *demand) *worker {
	if pool := a.req.PreferredPool; pool != "" && f.pools[pool] > 0 {
		if w := f.demandFor(a.req.Topic, a.req.Requires, pool).best(); w != nil {
			return w
		}
	}
	return d.best()
}

// grant gives an attempt that is in no place to a worker with room.
func (f *Fleet) grant(c *Change, a *attempt, w *worker) {
	f.give(c, a, w)
	f.reindex(w)
}

// give hands an attempt to a worker that is not known to have it: it must be sent. The caller reindexes the worker.
func (f *Fleet) give(c *Change, a *attempt, w *worker) {
	f.hand(a, w)
	a.byTopic = !w.said.Direct
	c.Grants = append(c.Grants, a.granted())
}

func (a *attempt) granted() Grant {
	return Grant{Attempt: a.id, Worker: a.on.id, Topic: a.req.Topic, Direct: !a.byTopic}
}

// adopt records that a worker has an attempt which is announced here.
func (f *Fleet) adopt(c *Change, a *attempt, w *worker) {
	if f.elsewhere[a.id] == w {
		f.dropForeign(w, a.id)
	}
	f.move(c, a, w)
	a.listedIn = w.beats
	c.Adopted = append(c.Adopted, a.granted())
}

// move puts an attempt, wherever it is, where it is known to be: with a worker.
func (f *Fleet) move(c *Change, a *attempt, w *worker) {
	before := a.on
	f.take(a)
	f.hand(a, w)
	f.reindex(w)
	if before != nil {
		f.settleWorker(c, before)
	}
}

// settleWorker gives a worker what waits for it, as far as it has room, and brings its place in its group up to date.
func (f *Fleet) settleWorker(c *Change, w *worker) {
	for w.hasRoom() {
		a := w.next()
		if a == nil {
			break
		}
		f.take(a)
		f.give(c, a, w)
	}
	f.reindex(w)
}

// next is the attempt that a worker with room gets next: those that wait for it by name and the lines go in turns, so
// that asking by name is no way around the other tenants.
func (w *worker) next() *attempt {
	named, inLine := w.waiting.top(), w.group.next()
	if named != nil && (inLine == nil || !w.lineFirst) {
		w.lineFirst = true
		return named
	}
	w.lineFirst = false
	if inLine != nil {
		w.group.taken(inLine.req.Tenant)
	}
	return inLine
}

// waitFor lets an attempt wait for the worker it prefers.
func (f *Fleet) waitFor(a *attempt, w *worker) {
	a.named = w
	w.waiting.fix(a)
	a.alarm = &alarm{due: a.until, attempt: a}
	f.alarms.fix(a.alarm)
}

// takeMisplaced takes out those that wait by name for a worker which takes no work, or not theirs, and returns them in their
// order.
func (f *Fleet) takeMisplaced(w *worker) []*attempt {
	var out []*attempt
	for _, a := range w.waiting.items {
		if !w.takesWork() || !w.group.servesTopic(a.req.Topic) || w.group.lacks(canonical(a.req.Requires)) != "" {
			out = append(out, a)
		}
	}
	for _, a := range out {
		f.take(a)
	}
	slices.SortFunc(out, func(a, b *attempt) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return out
}
