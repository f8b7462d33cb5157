package scheduler

// pool is the workers that say they belong to it, with what the rules say of it.
type pool struct {
	name     string
	most     int // jobs at once over all its workers; 0: as many as they take
	requires []string
	draining bool
	groups   int
	load     int // jobs of all its workers alive: ours and others

	stands  map[*demand]*stand
	starved []*group  // with something waiting and workers free, but for the pool's limit
	awaited []*worker // the same of workers that are waited for by name
	roused  bool      // is in Fleet.rousedPools
}

func (p *pool) full() bool { return p.most > 0 && p.load >= p.most }

// poolOf finds a pool, or makes its record.
func (f *Fleet) poolOf(name string) *pool {
	p := f.pools[name]
	if p == nil {
		p = &pool{name: name, stands: make(map[*demand]*stand)}
		f.pools[name] = p
		if f.rules.Fleet != nil {
			rules := f.rules.Fleet.Pools[name]
			p.most, p.requires, p.draining = rules.MaxJobs, rules.Requires, rules.Draining
		}
	}
	return p
}

// carry counts jobs of a pool's workers. A pool that has room again is served when the call ends.
func (f *Fleet) carry(p *pool, jobs int) {
	was := p.full()
	p.load += jobs
	if p.full() == was {
		return
	}
	for _, st := range p.stands {
		st.refresh()
	}
	if was && !p.roused {
		p.roused = true
		f.rousedPools = append(f.rousedPools, p)
	}
}

// noteStarved remembers a group that its pool's limit alone keeps from being served.
func (f *Fleet) noteStarved(g *group) {
	if !g.starved && g.pool.full() && g.free.len() > 0 && g.turns.len() > 0 {
		g.starved = true
		g.pool.starved = append(g.pool.starved, g)
	}
}

// noteAwaited does so with a worker that is waited for by name.
func (f *Fleet) noteAwaited(w *worker) {
	if !w.awaited && w.waiting.len() > 0 && w.group.pool.full() && w.hasRoom() {
		w.awaited = true
		w.group.pool.awaited = append(w.group.pool.awaited, w)
	}
}

// noteLimited remembers a worker, with its group, that only its pool's limit keeps from getting more.
func (f *Fleet) noteLimited(w *worker) {
	if w.group != nil {
		f.noteStarved(w.group)
		f.noteAwaited(w)
	}
}

// feedPool serves who waited for the pool to have room.
func (f *Fleet) feedPool(c *Change, p *pool) {
	for len(p.awaited) > 0 && !p.full() {
		w := p.awaited[0]
		p.awaited = p.awaited[1:]
		w.awaited = false
		if w.group != nil && w.group.pool == p {
			f.settleWorker(c, w)
		}
	}
	for len(p.starved) > 0 && !p.full() {
		g := p.starved[0]
		p.starved[0] = nil
		p.starved = p.starved[1:]
		g.starved = false
		f.serveGroup(c, g)
	}
}

// serveGroup gives what waits for a group's workers to the best there are, in turns.
func (f *Fleet) serveGroup(c *Change, g *group) {
	for g.free.len() > 0 && !g.pool.full() {
		a := g.next()
		if a == nil {
			return
		}
		f.grantNext(c, g, a)
	}
	f.noteStarved(g)
}

// grantNext gives the attempt whose turn it is at a group with a free worker to the best worker there is.
func (f *Fleet) grantNext(c *Change, g *group, a *attempt) {
	ch := f.choose(a, a.share.line.demand)
	g.taken(a.req.Tenant)
	f.take(a)
	f.grant(c, a, ch)
}

// settleRoused serves, at the end of a call, whom it has given room: limits that are reached no more, topics that nobody
// serves any more.
func (f *Fleet) settleRoused(c *Change) {
	for {
		if g, ok := popLast(&f.rousedGroups); ok {
			f.serveGroup(c, g)
		} else if p, ok := popLast(&f.rousedPools); ok {
			p.roused = false
			f.feedPool(c, p)
		} else if t, ok := popLast(&f.rousedTenants); ok {
			t.roused = false
			f.feedTenant(c, t)
		} else {
			return
		}
	}
}

func popLast[T any](from *[]*T) (last *T, ok bool) {
	n := len(*from)
	if n == 0 {
		return nil, false
	}
	last = (*from)[n-1]
	(*from)[n-1] = nil
	*from = (*from)[:n-1]
	return last, true
}
