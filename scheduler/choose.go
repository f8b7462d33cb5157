package scheduler

import (
	"slices"
	"strconv"
)

// choice is a worker for an attempt, and by which rule it was chosen.
type choice struct {
	worker *worker // nil: nobody has room
	rule   rule
	of     int // workers that could have taken it, room aside
}

type rule uint8

const (
	byLoad rule = iota
	byName
	byPool
	byVoice
)

// choose finds the worker for an attempt: the one it prefers, the least loaded of the pool it prefers, or the least loaded.
// It is the one place where that is said.
func (f *Fleet) choose(a *attempt, d *demand) choice {
	if w := f.preferred(a, d); w != nil && w.canTake() {
		return choice{worker: w, rule: byName}
	}
	if p := f.pools[a.req.PreferredPool]; p != nil && a.req.PreferredPool != "" {
		if st := p.stands[d]; st != nil {
			if w := st.best(); w != nil {
				return choice{worker: w, rule: byPool, of: d.able}
			}
		}
	}
	w := d.best()
	if w != nil && w.voice != nil {
		return choice{worker: w, rule: byVoice}
	}
	return choice{worker: w, rule: byLoad, of: d.able}
}

// why says it for people. The worker's score is from before it got the attempt.
func (ch choice) why() string {
	score := strconv.FormatFloat(ch.worker.score, 'f', 2, 64)
	switch ch.rule {
	case byName:
		return "preferred worker"
	case byPool:
		return "preferred pool: least loaded of its workers (score " + score + ")"
	case byVoice:
		return "the topic's queue group: no worker is registered"
	}
	return "least loaded of " + strconv.Itoa(ch.of) + " (score " + score + ")"
}

// settleAttempt finds an attempt that is in no place its place: with a worker, waiting for the one it prefers, or in
// line.
func (f *Fleet) settleAttempt(c *Change, a *attempt) {
	d := f.demandOf(&a.req)
	if !a.tenant.full() {
		if w := f.preferred(a, d); w != nil && !w.canTake() && f.now.Before(a.until) {
			f.waitFor(a, w)
			return
		}
		if ch := f.choose(a, d); ch.worker != nil {
			f.grant(c, a, ch)
			return
		}
	}
	f.joinLine(a, d)
}

// settleAttempts does so for several, when others may have got room meanwhile: they go in line with those first.
func (f *Fleet) settleAttempts(c *Change, as []*attempt) {
	for _, a := range as {
		f.joinLine(a, f.demandOf(&a.req))
	}
	f.settleRoused(c)
	for _, a := range as {
		f.unline(c, a)
	}
}

// unline lets an attempt that still waits in line have whoever has room, or wait for the worker it prefers.
func (f *Fleet) unline(c *Change, a *attempt) {
	if a.share != nil {
		f.take(a)
		f.settleAttempt(c, a)
	}
}

// preferred is the worker that an attempt asks for by name, if it can do the work and takes any; nil otherwise.
func (f *Fleet) preferred(a *attempt, d *demand) *worker {
	if a.req.PreferredWorker == "" {
		return nil
	}
	w := f.workers[a.req.PreferredWorker]
	if w == nil || !w.takesWork() || !w.can(d) {
		return nil
	}
	return w
}

// can tells whether a worker that is alive can do what a demand asks.
func (w *worker) can(d *demand) bool {
	_, serves := d.topic.groups[w.group]
	return serves && w.group.meets(d)
}

// grant gives an attempt that is in no place to a worker with room, which is not known to have it: it must be sent.
func (f *Fleet) grant(c *Change, a *attempt, ch choice) {
	w := ch.worker
	why := ch.why()
	f.hand(a, w)
	a.byTopic, a.why = !w.said.Direct, why
	if w.voice != nil {
		f.sent(w.voice)
	}
	f.reindex(w)
	c.Grants = append(c.Grants, a.granted())
}

func (a *attempt) granted() Grant {
	w := a.on
	return Grant{
		Attempt: a.id, Worker: w.id, Topic: a.req.Topic, Direct: !a.byTopic, ByTopic: w.voice != nil, Native: w.said.ListsJobs,
		Asked: w.voice != nil && w.voice.asked, Why: a.why,
	}
}

// adopt records that a worker has an attempt which is announced here.
func (f *Fleet) adopt(c *Change, a *attempt, w *worker) {
	f.move(c, a, w)
	a.listedIn, a.sentAt = w.beats, f.now
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
	f.reindex(w)
	for w.canTake() {
		named, inLine := f.firstNamed(w), w.group.next()
		switch {
		case named != nil && (inLine == nil || !w.lineFirst):
			w.lineFirst = true // asking by name is no way around the other tenants
			f.take(named)
			f.grant(c, named, choice{worker: w, rule: byName})
		case inLine != nil:
			w.lineFirst = false
			f.grantNext(c, w.group, inLine)
		default:
			return
		}
	}
	f.noteLimited(w)
}

// firstNamed is the first that waits for a worker by name. Those whose tenant may have no more go in line.
func (f *Fleet) firstNamed(w *worker) *attempt {
	for {
		a := w.waiting.top()
		if a == nil || !a.tenant.full() {
			return a
		}
		f.take(a)
		f.joinLine(a, f.demandOf(&a.req))
	}
}

// waitFor lets an attempt wait for the worker it prefers.
func (f *Fleet) waitFor(a *attempt, w *worker) {
	a.named = w
	w.waiting.fix(a)
	a.alarm = &alarm{due: a.until, attempt: a}
	f.alarms.fix(a.alarm)
	f.noteAwaited(w)
}

// takeMisplaced takes out those that wait by name for a worker which takes no work, or not theirs, and returns them in their
// order.
func (f *Fleet) takeMisplaced(w *worker) []*attempt {
	var out []*attempt
	for _, a := range w.waiting.items {
		if !w.takesWork() || !w.can(f.demandOf(&a.req)) {
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
