package scheduler

import "slices"

// demand is what attempts can ask of a worker: a topic, capabilities and labels. It knows the groups that can meet it, by
// pool.
type demand struct {
	key       demandKey
	topic     *topic
	requires  []string // canonical
	placement []label  // in order
	able      int      // workers alive that can meet it

	stands []*stand          // the pools with groups that can meet it
	wide   bool              // so many that ready is kept
	ready  indexHeap[*stand] // those of them with a free worker, by their best

	lines map[lineKey]*line // open ones
	open  []*line           // the same, in a fixed order
	swept bool
}

// demandKey names a demand. The counts keep a name that looks like a list from being taken for the list.
type demandKey struct {
	topic, requires, placement string
	n, labels                  int
}

// stand is a pool's place in a demand.
type stand struct {
	demand *demand
	pool   *pool
	at     int // its place in demand.stands
	slot   int // in demand.ready
	top    *worker

	seats []*seat
	wide  bool
	ready indexHeap[*seat] // those with a free worker, by their best
}

// seat is a group's place in a stand.
type seat struct {
	group *group
	stand *stand
	at    int // its place in stand.seats
	slot  int // in stand.ready
}

func (s *seat) before(t *seat) bool { return s.group.free.top().before(t.group.free.top()) }

func (s *seat) place() *int { return &s.slot }

func (st *stand) before(u *stand) bool { return st.top.before(u.top) }

func (st *stand) place() *int { return &st.slot }

// best is the worker with room that is least loaded of all that can meet the demand; nil when none has room.
func (d *demand) best() *worker {
	if d.wide {
		if st := d.ready.top(); st != nil {
			return st.top
		}
		return nil
	}
	var best *worker
	for _, st := range d.stands {
		if w := st.best(); w != nil && (best == nil || w.before(best)) {
			best = w
		}
	}
	return best
}

// best is the same within a pool.
func (st *stand) best() (best *worker) {
	if st.pool.full() {
		return nil
	}
	if st.wide {
		if s := st.ready.top(); s != nil {
			return s.group.free.top()
		}
		return nil
	}
	for _, s := range st.seats {
		if w := s.group.free.top(); w != nil && (best == nil || w.before(best)) {
			best = w
		}
	}
	return best
}

// refresh brings a group's place up to date.
func (s *seat) refresh() {
	if st := s.stand; st.wide {
		if s.group.free.len() == 0 {
			st.ready.remove(s)
		} else {
			st.ready.fix(s)
		}
	}
	s.stand.refresh()
}

// refresh brings a pool's place up to date.
func (st *stand) refresh() {
	if !st.demand.wide {
		return
	}
	if st.top = st.best(); st.top == nil {
		st.demand.ready.remove(st)
	} else {
		st.demand.ready.fix(st)
	}
}

// seat adds a group that can meet a demand, and lets it serve the lines that are open.
func (f *Fleet) seat(d *demand, g *group) {
	st := g.pool.stands[d]
	if st == nil {
		st = &stand{demand: d, pool: g.pool, at: len(d.stands)}
		g.pool.stands[d] = st
		d.stands = append(d.stands, st)
	}
	s := &seat{group: g, stand: st, at: len(st.seats)}
	st.seats = append(st.seats, s)
	g.seats = append(g.seats, s)
	if !st.wide && len(st.seats) > wideDemand {
		st.widen()
	}
	if !d.wide && len(d.stands) > wideDemand {
		d.widen()
	}
	s.refresh()
	for _, l := range d.open {
		f.open(g, l)
	}
}

// widen begins to keep the groups in order. A stand stays wide: one that has been may be again.
func (st *stand) widen() {
	st.wide = true
	for _, s := range st.seats {
		if s.group.free.len() > 0 {
			st.ready.fix(s)
		}
	}
}

func (d *demand) widen() {
	d.wide = true
	for _, st := range d.stands {
		st.refresh()
	}
}

// leave takes out the seat of a group that has no workers any more, so it is not ready either.
func (s *seat) leave() {
	st := s.stand
	moved := st.seats[len(st.seats)-1]
	st.seats[s.at], moved.at = moved, s.at
	st.seats[len(st.seats)-1] = nil
	st.seats = st.seats[:len(st.seats)-1]
	if len(st.seats) > 0 {
		return
	}
	d := st.demand
	last := d.stands[len(d.stands)-1]
	d.stands[st.at], last.at = last, st.at
	d.stands[len(d.stands)-1] = nil
	d.stands = d.stands[:len(d.stands)-1]
	delete(st.pool.stands, d)
}

// demandOf finds what an attempt asks for, or makes it.
func (f *Fleet) demandOf(r *Request) *demand {
	requires, placement := canonical(r.Requires), labelsOf(r.Placement)
	key := demandKey{topic: r.Topic, n: len(requires), labels: len(placement)}
	switch key.n {
	case 0:
	case 1:
		key.requires = requires[0]
	default:
		key.requires = quoteAll(requires)
	}
	if key.labels > 0 {
		key.placement = quoteLabels(placement)
	}
	if d := f.demands[key]; d != nil {
		return d
	}
	f.sweep()
	f.ask(placement)
	d := &demand{key: key, topic: f.topicOf(r.Topic), requires: requires, placement: placement, lines: make(map[lineKey]*line)}
	d.topic.demands = append(d.topic.demands, d)
	f.demands[key] = d
	f.inOrder = append(f.inOrder, d)
	f.seatDemand(d)
	return d
}

// seatDemand finds the groups that can meet a new demand: among those that have one of its labels, when it asks for any.
func (f *Fleet) seatDemand(d *demand) {
	among := d.topic.groups
	for _, l := range d.placement {
		if having := f.labels.groupsWith(l); len(having) < len(among) {
			among = having
		}
	}
	for g := range among {
		if _, serves := d.topic.groups[g]; serves && g.meets(d) {
			f.seat(d, g)
			d.able += g.members
		}
	}
	if d.plain() {
		f.giveVoice(d)
	}
}

// plain tells whether a demand asks for nothing but its topic.
func (d *demand) plain() bool { return len(d.requires) == 0 && len(d.placement) == 0 }

// sweep forgets the demands that nobody waits in, when many have come since it last did.
func (f *Fleet) sweep() {
	if len(f.inOrder) < f.sweepAt {
		return
	}
	var unasked []label
	f.inOrder = slices.DeleteFunc(f.inOrder, func(d *demand) bool {
		if d.swept = len(d.open) == 0 && (!d.plain() || !d.topic.speaks()); d.swept {
			delete(f.demands, d.key)
			for _, st := range d.stands {
				delete(st.pool.stands, d)
			}
			unasked = append(unasked, d.placement...)
		}
		return d.swept
	})
	for _, g := range f.groups {
		g.seats = slices.DeleteFunc(g.seats, func(s *seat) bool { return s.stand.demand.swept })
	}
	f.sweepTopics()
	f.unask(unasked)
	f.sweepAt = max(minSweep, 2*len(f.inOrder))
}
