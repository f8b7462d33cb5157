package scheduler

import "slices"

// tenant is what the Fleet keeps of one: what it may have, what it has, and where it waits.
type tenant struct {
	name   string
	weight uint64 // turns for one of the lightest
	most   int    // at once; 0: as many as it gets
	wanted int    // attempts known of it, wherever they are
	held   int    // those of them with workers and with topics
	lines  []*line
	parked []*turn // taken out of their groups' turns until it has room
	roused bool    // is in Fleet.rousedTenants
}

// full tells whether it has as many as it may.
func (t *tenant) full() bool { return t.most > 0 && t.held >= t.most }

// tenantOf finds a tenant, or makes its record.
func (f *Fleet) tenantOf(name string) *tenant {
	t := f.tenants[name]
	if t == nil {
		t = &tenant{name: name}
		f.allow(t)
		f.tenants[name] = t
	}
	return t
}

// allow takes over what the rules say of a tenant.
func (f *Fleet) allow(t *tenant) {
	t.weight, t.most = 1, 0
	if f.rules.Fleet != nil {
		t.weight, t.most = uint64(f.rules.Fleet.Weight(t.name)), f.rules.Fleet.Tenants[t.name].MaxJobs
	}
}

// dropTenant forgets a tenant that has nothing.
func (f *Fleet) dropTenant(t *tenant) {
	if t.wanted == 0 {
		delete(f.tenants, t.name)
	}
}

// letGo takes one off what a tenant has. When it has room again it is served as the call ends.
func (f *Fleet) letGo(t *tenant) {
	was := t.full()
	t.held--
	if was && !t.full() && !t.roused {
		t.roused = true
		f.rousedTenants = append(f.rousedTenants, t)
	}
}

// feedTenant gives a tenant that has room again what it waits for, oldest first. What finds no worker takes its turns as
// usual again.
func (f *Fleet) feedTenant(c *Change, t *tenant) {
	for !t.full() {
		a, ch := f.placeable(t)
		if a == nil {
			break
		}
		ch.worker.group.taken(t.name)
		f.take(a)
		f.grant(c, a, ch)
	}
	for !t.full() && len(t.parked) > 0 {
		f.unpark(t.parked[len(t.parked)-1])
	}
	f.dropTenant(t)
}

// placeable is the attempt of a tenant that waits longest, head starts considered, of those that have a worker now.
func (f *Fleet) placeable(t *tenant) (best *attempt, at choice) {
	for _, l := range t.lines {
		if best != nil && !l.rank().before(best) {
			continue
		}
		if a := l.next(); f.choose(a, l.demand).worker != nil {
			best, at = a, f.choose(a, l.demand)
		}
	}
	return best, at
}

// park takes a tenant's turn out of its group's until the tenant has room.
func (g *group) park(t *turn) {
	g.turns.remove(t)
	t.parkedAt = len(t.tenant.parked) + 1
	t.tenant.parked = append(t.tenant.parked, t)
}

// unpark puts it back. Others had their turns meanwhile: it has not saved up any.
func (f *Fleet) unpark(t *turn) {
	t.leaveParked()
	t.start = max(t.start, t.group.clock)
	t.group.turns.fix(t)
	f.noteStarved(t.group)
}

func (t *turn) leaveParked() {
	parked := t.tenant.parked
	last := parked[len(parked)-1]
	parked[t.parkedAt-1], last.parkedAt = last, t.parkedAt
	t.parkedAt = 0
	parked[len(parked)-1] = nil
	t.tenant.parked = parked[:len(parked)-1]
}

// addLine notes a line of the tenant's that has opened.
func (t *tenant) addLine(l *line) {
	l.tenantAt = len(t.lines)
	t.lines = append(t.lines, l)
}

func (t *tenant) dropLine(l *line) {
	last := t.lines[len(t.lines)-1]
	t.lines[l.tenantAt], last.tenantAt = last, l.tenantAt
	t.lines = slices.Delete(t.lines, len(t.lines)-1, len(t.lines))
}
