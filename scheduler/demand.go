package scheduler

import "slices"

// demand is what attempts can ask of a worker: a topic, capabilities, and, when it stands for "this pool, if it can", a
// pool. It knows the groups that can meet it.
type demand struct {
	key      demandKey
	topic    string
	requires []string // canonical
	pool     string   // empty: any

	seats []*seat          // the groups that can meet it
	wide  bool             // so many that ready is kept
	ready indexHeap[*seat] // those of them with a free worker, by their best

	lines map[lineKey]*line // open ones
	open  []*line           // the same, in a fixed order
	swept bool
}

// demandKey names a demand. The count of capabilities keeps one whose name looks like a list from being taken for
// the list.
type demandKey struct {
	topic, requires, pool string
	n                     int
}

// seat is a group's place in a demand.
type seat struct {
	group  *group
	demand *demand
	at     int // its place in demand.seats
	slot   int // in demand.ready
}

func (s *seat) before(t *seat) bool { return s.group.free.top().before(t.group.free.top()) }

func (s *seat) place() *int { return &s.slot }

// best is the worker with room that is least loaded of all that can meet the demand; nil when none has room.
func (d *demand) best() *worker {
	if d.wide {
		if s := d.ready.top(); s != nil {
			return s.group.free.top()
		}
		return nil
	}
	var best *worker
	for _, s := range d.seats {
		if w := s.group.free.top(); w != nil && (best == nil || w.before(best)) {
			best = w
		}
	}
	return best
}

// seat adds a group that can meet the demand, and lets it serve the lines that are open.
func (d *demand) seat(g *group) {
	s := &seat{group: g, demand: d, at: len(d.seats)}
	d.seats = append(d.seats, s)
	g.seats = append(g.seats, s)
	switch {
	case d.wide:
		g.reseat()
	case len(d.seats) > wideDemand:
		d.widen()
	}
	for _, l := range d.open {
		g.open(l)
	}
}

// widen begins to keep the groups in order. A demand stays wide: one that has been may be again.
func (d *demand) widen() {
	d.wide = true
	for _, s := range d.seats {
		if s.group.free.len() > 0 {
			d.ready.fix(s)
		}
	}
}

// unseat removes a group that has no workers any more, so it is not ready either.
func (d *demand) unseat(s *seat) {
	last := len(d.seats) - 1
	moved := d.seats[last]
	d.seats[s.at], moved.at = moved, s.at
	d.seats[last] = nil
	d.seats = d.seats[:last]
}

// demandFor finds what an attempt asks for, or makes it. A pool is only given when it has workers.
func (f *Fleet) demandFor(topic string, requires []string, pool string) *demand {
	requires = canonical(requires)
	key := demandKey{topic: topic, pool: pool, n: len(requires)}
	switch key.n {
	case 0:
	case 1:
		key.requires = requires[0]
	default:
		key.requires = quoteAll(requires)
	}
	if d := f.demands[key]; d != nil {
		return d
	}
	f.sweep()
	d := &demand{
		key: key, topic: topic, requires: requires, pool: pool,
		lines: make(map[lineKey]*line),
	}
	f.demands[key] = d
	f.inOrder = append(f.inOrder, d)
	for _, g := range f.groups {
		if g.meets(d) {
			d.seat(g)
		}
	}
	return d
}

// sweep forgets the demands that nobody waits in, when many have come since it last did.
func (f *Fleet) sweep() {
	if len(f.inOrder) < f.sweepAt {
		return
	}
	f.inOrder = slices.DeleteFunc(f.inOrder, func(d *demand) bool {
		if d.swept = len(d.open) == 0; d.swept {
			delete(f.demands, d.key)
		}
		return d.swept
	})
	for _, g := range f.groups {
		g.seats = slices.DeleteFunc(g.seats, func(s *seat) bool { return s.demand.swept })
	}
	f.sweepAt = max(minSweep, 2*len(f.inOrder))
}
