package scheduler

import "slices"

// turn is a tenant's turn at a group, with the lines it has open there. Turns are given by start-time fair queuing: each has
// a start on the group's clock, the earliest goes next and starts again a unit later, divided by the tenant's weight.
// Who comes anew starts where the clock is, behind those that wait there: it has saved nothing up and owes nothing.
type turn struct {
	tenant *tenant // nil while idle
	name   string
	group  *group
	lines  []*line

	start    uint64
	order    uint64 // among the same start: who was served longest ago
	slot     int    // in group.turns
	parkedAt int    // its place in tenant.parked, counted from 1
}

func (t *turn) before(u *turn) bool {
	if t.start != u.start {
		return t.start < u.start
	}
	return t.order < u.order
}

func (t *turn) place() *int { return &t.slot }

// best is the attempt that the tenant's turn goes to: that of the line whose oldest has waited longest, head starts
// considered.
func (t *turn) best() *attempt {
	best := t.lines[0]
	for _, l := range t.lines[1:] {
		if l.rank().before(best.rank()) {
			best = l
		}
	}
	return best.next()
}

// open lets a line take its tenant's turns here.
func (f *Fleet) open(g *group, l *line) {
	t := g.turn[l.tenant.name]
	if t == nil {
		t = &turn{name: l.tenant.name, group: g}
		g.turn[l.tenant.name] = t
	}
	t.lines = append(t.lines, l)
	if len(t.lines) > 1 {
		return
	}
	g.order++
	t.tenant, t.start, t.order = l.tenant, max(t.start, g.clock), g.order
	g.turns.fix(t)
	if t.tenant.full() {
		g.park(t)
	}
	f.noteStarved(g)
}

// shut ends that.
func (g *group) shut(l *line) {
	t := g.turn[l.tenant.name]
	i := slices.Index(t.lines, l)
	t.lines = slices.Delete(t.lines, i, i+1)
	if len(t.lines) > 0 {
		return
	}
	if t.parkedAt > 0 {
		t.leaveParked()
	}
	g.turns.remove(t)
	t.tenant = nil
	if t.start <= g.clock {
		delete(g.turn, t.name)
	} else if len(g.turn) > g.forgetAt {
		g.forgetTurns()
	}
}

// forgetTurns drops the idle turns that the clock has passed. It looks again when there are twice as many.
func (g *group) forgetTurns() {
	for name, t := range g.turn {
		if t.tenant == nil && t.start <= g.clock {
			delete(g.turn, name)
		}
	}
	g.forgetAt = idleTurns + 2*len(g.turn)
}

// next is the attempt whose turn it is, still in its line; nil when nobody waits who may have more.
func (g *group) next() *attempt {
	for {
		t := g.turns.top()
		switch {
		case t == nil:
			return nil
		case t.tenant.full():
			g.park(t)
		default:
			return t.best()
		}
	}
}

// taken says that the tenant had its turn.
func (g *group) taken(tenantName string) {
	t := g.turn[tenantName]
	if t == nil || t.tenant == nil {
		return
	}
	g.order++
	if t.parkedAt == 0 {
		g.clock = max(g.clock, t.start)
	}
	t.start, t.order = max(t.start, g.clock)+turnUnit/t.tenant.weight, g.order
	if t.parkedAt == 0 {
		g.turns.fix(t)
	}
}
