package scheduler

import (
	"maps"
	"slices"
	"time"
)

// Configure puts rules in force: for the workers that are there, for what waits, and for all that comes. What workers have
// already they keep, also where that is now more than they or their tenant may. It costs as much as there are workers and
// lines.
func (f *Fleet) Configure(now time.Time, r Rules) Change {
	var c Change
	f.advance(now)
	f.rules = r
	for _, t := range f.tenants {
		f.allow(t)
	}
	workers := make([]*worker, 0, len(f.workers))
	for _, id := range slices.Sorted(maps.Keys(f.workers)) {
		w := f.workers[id]
		w.drained = r.Drained[id]
		if w.group != nil {
			workers = append(workers, w)
			f.part(w) // the last one out ends its pool: it is made anew by the rules
		}
	}
	for _, t := range f.topics {
		t.mapTo(r.Fleet)
		f.rouseVoice(t)
	}
	for _, w := range workers {
		f.join(w)
		f.reindex(w)
	}
	f.replace(&c, workers)
	return c
}

// replace finds all that waits the place that it has now.
func (f *Fleet) replace(c *Change, workers []*worker) {
	for _, w := range workers {
		for _, a := range f.takeMisplaced(w) {
			f.joinLine(a, f.demandOf(&a.req))
		}
	}
	for _, t := range f.tenants {
		for !t.full() && len(t.parked) > 0 {
			f.unpark(t.parked[len(t.parked)-1])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.groups)) {
		f.serveGroup(c, f.groups[key])
	}
	for _, w := range workers {
		f.settleWorker(c, w)
	}
	f.settleRoused(c)
}
