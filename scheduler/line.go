package scheduler

import (
	"slices"

	"cordum.dev/cordum/dag"
)

// line is the attempts of one demand, tenant and priority that wait, the longest waiting first.
type line struct {
	demand  *demand
	tenant  string
	waiting indexHeap[*attempt]
}

type lineKey struct {
	tenant   string
	priority dag.Priority
}

func (a *attempt) lineKey() lineKey { return lineKey{a.req.Tenant, a.req.Priority} }

// joinLine lets an attempt wait in its line, which opens with its first.
func (f *Fleet) joinLine(a *attempt, d *demand) {
	l := d.lines[a.lineKey()]
	if l == nil {
		l = &line{demand: d, tenant: a.req.Tenant}
		d.lines[a.lineKey()] = l
		d.open = append(d.open, l)
		for _, s := range d.seats {
			s.group.open(l)
		}
	}
	a.line = l
	l.waiting.fix(a)
}

// leaveLine takes an attempt out of its line, which closes with its last.
func (f *Fleet) leaveLine(a *attempt) {
	l, d := a.line, a.line.demand
	a.line = nil
	l.waiting.remove(a)
	if l.waiting.len() > 0 {
		return
	}
	delete(d.lines, a.lineKey())
	i := slices.Index(d.open, l)
	d.open = slices.Delete(d.open, i, i+1)
	for _, s := range d.seats {
		s.group.shut(l)
	}
}
