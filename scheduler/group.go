package scheduler

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// group is the workers that are alike: same pool, topics, capabilities, and same values of those labels that somebody asks
// for. What one of them can do, each can.
type group struct {
	key          string
	pool         *pool
	topics       []string
	capabilities []string // what its workers advertise, and what its pool vouches for
	labels       []label  // those that some demand asks for
	members      int      // workers alive
	free         indexHeap[*worker]
	voice        *topic // it is the voice of this one, not a group of workers

	seats    []*seat // one for each demand it can meet
	serves   []*topic
	barred   []*topic // it advertises them, and may not serve them
	shown    *worker  // the top of free when its seats were brought up to date last
	shownAt  float64  // with this score
	turns    indexHeap[*turn]
	turn     map[string]*turn // by tenant, idle ones included
	clock    uint64           // where the turns are
	order    uint64
	forgetAt int
	starved  bool // is in its pool's starved
}

// label is a label with its value.
type label struct{ key, value string }

func (l label) less(m label) int {
	if c := strings.Compare(l.key, m.key); c != 0 {
		return c
	}
	return strings.Compare(l.value, m.value)
}

// meets tells whether the group's workers can do what a demand asks, its topic aside.
func (g *group) meets(d *demand) bool {
	return g.lacks(d.requires) == "" && !slices.ContainsFunc(d.placement, func(l label) bool { return !slices.Contains(g.labels, l) })
}

func (g *group) advertises(topicName string) bool {
	return slices.ContainsFunc(g.topics, func(p string) bool { return serves(p, topicName) })
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

// reseat brings the group's place among those that can meet its wide demands up to date.
func (g *group) reseat() {
	top := g.free.top()
	if top == g.shown && (top == nil || top.score == g.shownAt) {
		return
	}
	g.shown = top
	if top != nil {
		g.shownAt = top.score
	}
	for _, s := range g.seats {
		s.refresh()
	}
}

// join puts a worker into the group of those like it, by what it said last.
func (f *Fleet) join(w *worker) {
	p := f.poolOf(w.said.Pool)
	topics := canonical(w.said.Topics)
	capabilities := canonical(slices.Concat(w.said.Capabilities, p.requires))
	f.labels.note(w)
	labels := f.labels.of(w.said.Labels)
	key := strconv.Quote(p.name) + quoteAll(topics) + "|" + quoteAll(capabilities) + "|" + quoteLabels(labels)
	g := f.groups[key]
	if g == nil {
		g = &group{key: key, pool: p, topics: topics, capabilities: capabilities, labels: labels, turn: make(map[string]*turn)}
		p.groups++
		f.groups[key] = g
		f.labels.add(g)
		f.seatGroup(g)
	}
	g.members++
	w.group = g
	for _, s := range g.seats {
		s.stand.demand.able++
	}
	f.carry(p, w.load())
}

// seatGroup lets a new group serve all that it can.
func (f *Fleet) seatGroup(g *group) {
	for _, t := range f.topicsOf(g) {
		if !t.servedBy(g) {
			f.bar(t, g)
			continue
		}
		f.serve(t, g)
		for _, d := range t.demands {
			if g.meets(d) {
				f.seat(d, g)
			}
		}
	}
}

// part takes a worker out of its group; the last one out ends it.
func (f *Fleet) part(w *worker) {
	g := w.group
	if g == nil {
		return
	}
	f.carry(g.pool, -w.load())
	f.labels.erase(w)
	w.group, w.awaited = nil, false
	g.free.remove(w)
	g.reseat()
	g.members--
	for _, s := range g.seats {
		s.stand.demand.able--
	}
	if g.members == 0 {
		f.endGroup(g)
	}
}

func (f *Fleet) endGroup(g *group) {
	for _, s := range g.seats {
		s.leave()
	}
	g.seats = nil
	for _, t := range g.serves {
		f.serveNoMore(t, g)
	}
	for _, t := range g.barred {
		f.barNoMore(t, g)
	}
	f.labels.drop(g)
	delete(f.groups, g.key)
	for _, t := range g.turn {
		if t.parkedAt > 0 {
			t.leaveParked()
		}
	}
	p := g.pool
	if i := slices.Index(p.starved, g); i >= 0 {
		p.starved = slices.Delete(p.starved, i, i+1)
	}
	if p.groups--; p.groups == 0 {
		delete(f.pools, p.name)
	}
}

// regroup puts the workers that have one of some labels into the groups that they now belong to.
func (f *Fleet) regroup(about []label) {
	var moved []*worker
	for _, l := range about {
		for w := range f.labels.having[l] {
			moved = append(moved, w)
		}
	}
	slices.SortFunc(moved, func(a, b *worker) int { return strings.Compare(a.id, b.id) })
	for _, w := range slices.Compact(moved) {
		f.part(w)
		f.join(w)
		f.reindex(w)
	}
}

// labelIndex knows the labels that demands ask for: the only ones that tell groups apart, so that workers with a label of their
// own each are still one group while nobody asks for it. And it knows who has a label that somebody begins to ask for.
type labelIndex struct {
	asked  map[label]*askedLabel
	having map[label]map[*worker]struct{} // workers in groups
}

// askedLabel is how many demands ask for a label, and the groups that have it.
type askedLabel struct {
	demands int
	groups  map[*group]struct{}
}

func newLabelIndex() labelIndex {
	return labelIndex{asked: make(map[label]*askedLabel), having: make(map[label]map[*worker]struct{})}
}

// note adds a worker's labels, erase takes out those that were added.
func (x *labelIndex) note(w *worker) {
	w.noted = w.said.Labels
	for k, v := range w.noted {
		l := label{k, v}
		if x.having[l] == nil {
			x.having[l] = make(map[*worker]struct{})
		}
		x.having[l][w] = struct{}{}
	}
}

func (x *labelIndex) erase(w *worker) {
	for k, v := range w.noted {
		l := label{k, v}
		if delete(x.having[l], w); len(x.having[l]) == 0 {
			delete(x.having, l)
		}
	}
	w.noted = nil
}

// of picks those of a worker's labels that somebody asks for.
func (x *labelIndex) of(labels map[string]string) (out []label) {
	if len(x.asked) == 0 {
		return nil
	}
	for k, v := range labels {
		if l := (label{k, v}); x.asked[l] != nil {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, label.less)
	return out
}

// groupsWith are the groups that have a label which somebody asks for.
func (x *labelIndex) groupsWith(l label) map[*group]struct{} { return x.asked[l].groups }

func (x *labelIndex) add(g *group) {
	for _, l := range g.labels {
		x.asked[l].groups[g] = struct{}{}
	}
}

func (x *labelIndex) drop(g *group) {
	for _, l := range g.labels {
		if a := x.asked[l]; a != nil {
			delete(a.groups, g)
		}
	}
}

// ask counts a demand for labels; what nobody asked for before tells groups apart from now on.
func (f *Fleet) ask(labels []label) {
	var fresh []label
	for _, l := range labels {
		if f.labels.asked[l] == nil {
			f.labels.asked[l] = &askedLabel{groups: make(map[*group]struct{})}
			fresh = append(fresh, l)
		}
		f.labels.asked[l].demands++
	}
	if len(fresh) > 0 {
		f.regroup(fresh)
	}
}

// unask ends demands for labels.
func (f *Fleet) unask(labels []label) {
	var last []label
	for _, l := range labels {
		if f.labels.asked[l].demands--; f.labels.asked[l].demands == 0 {
			delete(f.labels.asked, l)
			last = append(last, l)
		}
	}
	if len(last) > 0 {
		f.regroup(last)
	}
}

// labelsOf puts what a placement demands into one order.
func labelsOf(placement map[string]string) []label {
	if len(placement) == 0 {
		return nil
	}
	out := make([]label, 0, len(placement))
	for _, k := range slices.Sorted(maps.Keys(placement)) {
		out = append(out, label{k, placement[k]})
	}
	return out
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

func quoteLabels(labels []label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(strconv.Quote(l.key))
		b.WriteString(strconv.Quote(l.value))
	}
	return b.String()
}
