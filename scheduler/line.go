package scheduler

import (
	"container/list"

	"cordum.dev/cordum/dag"
)

// line is the attempts of one demand, tenant and priority that wait. Fairness keys take turns in it; what has the same key
// goes in the order of its release.
type line struct {
	demand *demand
	tenant *tenant
	key    lineKey

	shares map[string]*share // by fairness key
	turns  *list.List        // of *share: who has had its turn longest ago is first
	ages   indexHeap[*share] // the same, by their oldest
	size   int

	openAt, tenantAt int // its places in demand.open and tenant.lines
}

type lineKey struct {
	tenant   string
	priority dag.Priority
}

// share is what waits in a line under one fairness key.
type share struct {
	line    *line
	key     string
	waiting queue
	at      *list.Element
	slot    int // in line.ages
}

func (s *share) before(t *share) bool { return s.waiting.top().before(t.waiting.top()) }

func (s *share) place() *int { return &s.slot }

// rank is the one that waits longest: by it lines compete.
func (l *line) rank() *attempt { return l.ages.top().waiting.top() }

// next is the one that goes next: the oldest of the key whose turn it is.
func (l *line) next() *attempt { return l.turns.Front().Value.(*share).waiting.top() }

func (a *attempt) lineKey() lineKey { return lineKey{a.req.Tenant, a.req.Priority} }

// joinLine lets an attempt wait in its line, which opens with its first.
func (f *Fleet) joinLine(a *attempt, d *demand) {
	l := d.lines[a.lineKey()]
	opens := l == nil
	if opens {
		l = &line{
			demand: d, tenant: a.tenant, key: a.lineKey(), shares: make(map[string]*share), turns: list.New(), openAt: len(d.open),
		}
		d.lines[l.key] = l
		d.open = append(d.open, l)
		a.tenant.addLine(l)
	}
	s := l.shares[a.req.Fairness]
	if s == nil {
		s = &share{line: l, key: a.req.Fairness}
		s.at = l.turns.PushBack(s)
		l.shares[s.key] = s
	}
	a.share = s
	s.waiting.add(a)
	l.ages.fix(s)
	l.size++
	if opens {
		f.openLine(l)
	}
}

// openLine lets the groups that can serve a line know of it.
func (f *Fleet) openLine(l *line) {
	for _, st := range l.demand.stands {
		for _, s := range st.seats {
			f.open(s.group, l)
		}
	}
}

// leaveLine takes an attempt out of its line, which closes with its last. When it was the one whose turn it was, its key has
// had it.
func (f *Fleet) leaveLine(a *attempt) {
	s := a.share
	l := s.line
	a.share = nil
	hadTurn := l.next() == a
	l.ages.remove(s)
	s.waiting.remove(a)
	l.size--
	if s.waiting.len() > 0 {
		l.ages.fix(s)
		if hadTurn {
			l.turns.MoveToBack(s.at)
		}
		return
	}
	l.turns.Remove(s.at)
	delete(l.shares, s.key)
	if l.size == 0 {
		f.closeLine(l)
	}
}

func (f *Fleet) closeLine(l *line) {
	d := l.demand
	delete(d.lines, l.key)
	last := d.open[len(d.open)-1]
	d.open[l.openAt], last.openAt = last, l.openAt
	d.open[len(d.open)-1] = nil
	d.open = d.open[:len(d.open)-1]
	l.tenant.dropLine(l)
	for _, st := range d.stands {
		for _, s := range st.seats {
			s.group.shut(l)
		}
	}
}
