package scheduler

import (
	"container/list"
	"slices"
	"strconv"
	"strings"
)

// group is the workers that are alike: same pool, topics and capabilities. What one of them can do, each can.
type group struct {
	key          string
	pool         string
	topics       []string
	capabilities []string
	members      int                // workers alive
	free         indexHeap[*worker] // those with room, the least loaded first

	seats []*seat          // one for each demand it can meet
	turns *list.List       // of *turn: tenants that wait for what it can do, next first
	turn  map[string]*turn // the same by tenant
}

// turn is a tenant's turn at a group, with the lines it has open there.
type turn struct {
	tenant string
	lines  []*line
	at     *list.Element
}

// meets tells whether the group's workers can do what a demand asks.
func (g *group) meets(d *demand) bool {
	return (d.pool == "" || d.pool == g.pool) && g.servesTopic(d.topic) && g.lacks(d.requires) == ""
}

func (g *group) servesTopic(topic string) bool {
	return slices.ContainsFunc(g.topics, func(p string) bool { return serves(p, topic) })
}

// lacks names the first of the required capabilities that the group does not have; empty when it has them all.
func (g *group) lacks(requires []string) string {
	for _, r := range requires {
		if _, has := slices.BinarySearch(g.capabilities, r); !has {
			return r
		}
	}
	return ""
}

// open lets a line take its tenant's turns here.
func (g *group) open(l *line) {
	t := g.turn[l.tenant]
	if t == nil {
		t = &turn{tenant: l.tenant}
		t.at = g.turns.PushBack(t)
		g.turn[l.tenant] = t
	}
	t.lines = append(t.lines, l)
}

// shut ends that.
func (g *group) shut(l *line) {
	t := g.turn[l.tenant]
	i := slices.Index(t.lines, l)
	t.lines = slices.Delete(t.lines, i, i+1)
	if len(t.lines) == 0 {
		g.turns.Remove(t.at)
		delete(g.turn, t.tenant)
	}
}

// next is the attempt whose turn it is, still in its line: the first of the best line of the tenant who is next.
// Nil when nobody waits.
func (g *group) next() *attempt {
	front := g.turns.Front()
	if front == nil {
		return nil
	}
	var best *attempt
	for _, l := range front.Value.(*turn).lines {
		if a := l.waiting.top(); best == nil || a.before(best) {
			best = a
		}
	}
	return best
}

// taken says that the tenant had its turn.
func (g *group) taken(tenant string) {
	if t := g.turn[tenant]; t != nil {
		g.turns.MoveToBack(t.at)
	}
}

// reseat brings the group's place among those that can meet its wide demands up to date.
func (g *group) reseat() {
	for _, s := range g.seats {
		if !s.demand.wide {
			continue
		}
		if g.free.len() == 0 {
			s.demand.ready.remove(s)
		} else {
			s.demand.ready.fix(s)
		}
	}
}

// join puts a worker into the group of those like it, by what it said last.
func (f *Fleet) join(w *worker) {
	topics, capabilities := canonical(w.said.Topics), canonical(w.said.Capabilities)
	key := strconv.Quote(w.said.Pool) + quoteAll(topics) + "|" + quoteAll(capabilities)
	g := f.groups[key]
	if g == nil {
		g = &group{
			key: key, pool: w.said.Pool, topics: topics, capabilities: capabilities,
			turns: list.New(), turn: make(map[string]*turn),
		}
		f.groups[key] = g
		f.pools[g.pool]++
		for _, d := range f.inOrder {
			if g.meets(d) {
				d.seat(g)
			}
		}
	}
	g.members++
	w.group = g
}

// part takes a worker out of its group; the last one out ends it.
func (f *Fleet) part(w *worker) {
	g := w.group
	if g == nil {
		return
	}
	w.group = nil
	g.free.remove(w)
	g.reseat()
	g.members--
	if g.members > 0 {
		return
	}
	for _, s := range g.seats {
		s.demand.unseat(s)
	}
	delete(f.groups, g.key)
	if f.pools[g.pool]--; f.pools[g.pool] == 0 {
		delete(f.pools, g.pool)
	}
}

// canonical sorts names and drops what is said twice. It never changes its argument.
func canonical(names []string) []string {
	if len(names) < 2 {
		return names
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

func quoteAll(names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(strconv.Quote(n))
	}
	return b.String()
}
