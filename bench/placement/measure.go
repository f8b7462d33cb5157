package placement

import (
	"container/heap"
	"runtime"
	"slices"
	"time"
)

// Rounds of a measurement: of some the median counts, so that what else the machine does at a moment does not.
const (
	rounds      = 7
	opsPerRound = 30_000
)

// measure times an operation. It is called with 0, 1, 2 and so on; the first round warms up and is not counted.
func measure(op func(i int)) Cost {
	i := 0
	round := func() time.Duration {
		began := time.Now()
		for range opsPerRound {
			op(i)
			i++
		}
		return time.Since(began)
	}
	round()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	took := make([]time.Duration, rounds)
	for r := range took {
		took[r] = round()
	}
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	return Cost{
		PerOp:  took[rounds/2] / opsPerRound,
		Allocs: float64(after.Mallocs-before.Mallocs) / (rounds * opsPerRound),
	}
}

// record is what the floor remembers of a job.
type record struct {
	name string
	on   *load
}

// load is a worker in the floor's heap.
type load struct {
	jobs, slot int
}

// loads is a heap of them, the least loaded first.
type loads []*load

func (l loads) Len() int           { return len(l) }
func (l loads) Less(i, j int) bool { return l[i].jobs < l[j].jobs }
func (l loads) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].slot, l[j].slot = i, j
}
func (l *loads) Push(x any) { *l = append(*l, x.(*load)) }
func (l *loads) Pop() any   { panic("placement: the floor's heap never shrinks") }

// placeFloor is the least that placing takes: the job's name into a map, the least loaded of a heap one heavier, and the same
// undone for another job.
func placeFloor(workers int) Cost {
	var all loads
	for i := range workers {
		all = append(all, &load{slot: i})
	}
	names := attempts(4_096)
	running := min(workers*4, len(names)/2)
	known := make(map[string]*record)
	return measure(func(i int) {
		r := &record{name: names[i%len(names)], on: all[0]}
		known[r.name] = r
		r.on.jobs++
		heap.Fix(&all, r.on.slot)
		if i < running {
			return
		}
		ended := names[(i-running)%len(names)]
		w := known[ended].on
		delete(known, ended)
		w.jobs--
		heap.Fix(&all, w.slot)
	})
}

// queueFloor is the least that a queue of a depth takes: a name into a map and to the end of a line, one from its front and
// out of the map.
func queueFloor(depth int) Cost {
	names := attempts(depth + 10_000)
	known := make(map[string]*record)
	line := make([]*record, 0, len(names))
	next := 0
	join := func() {
		r := &record{name: names[next%len(names)]}
		known[r.name] = r
		line = append(line, r)
		next++
	}
	for range depth {
		join()
	}
	return measure(func(int) {
		delete(known, line[0].name)
		line = line[1:]
		join()
	})
}
