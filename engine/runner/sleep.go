package runner

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// This file keeps the runs that are not in memory and are to be woken when their timer is due. There may be very many: each costs 32
// bytes and nothing that the garbage collector has to look at.

// sleeper is such a run.
type sleeper struct {
	due    int64 // ns since 1970
	ulid   ulid.ULID
	tenant uint32 // as Runner.tenants numbers it
	part   uint16
}

// sleeper makes one, unless run is none of this store's.
func (r *Runner) sleeper(tenant, run string, due time.Time) (sleeper, bool) {
	p, err := id.Partition(run)
	if err != nil || !id.IsRun(run) || p >= len(r.epochs) {
		return sleeper{}, false
	}
	u, err := ulid.ParseStrict(run[2:])
	return sleeper{due: nanos(due), ulid: u, tenant: r.tenants.numberOf(tenant), part: uint16(p)}, err == nil
}

// nanos is a time in ns since 1970; one that is too far away to be said so is the last that can be. A run that is woken too early
// sleeps on.
func nanos(t time.Time) int64 {
	if t.Year() >= 2262 {
		return math.MaxInt64
	}
	return t.UnixNano()
}

// sleepers is a heap of them, the earliest first.
type sleepers struct {
	heap []sleeper
	tidy int // tidied when there are more
}

func (h *sleepers) push(s sleeper) {
	h.heap = append(h.heap, s)
	for i := len(h.heap) - 1; i > 0; {
		above := (i - 1) / 2
		if h.heap[above].due <= h.heap[i].due {
			break
		}
		h.heap[above], h.heap[i] = h.heap[i], h.heap[above]
		i = above
	}
	if len(h.heap) > max(h.tidy, minTidySleepers) {
		h.tidyUp()
	}
}

// tidyUp leaves each run with a time once: one that is looked at again and again while it sleeps comes again each time.
func (h *sleepers) tidyUp() {
	slices.SortFunc(h.heap, func(a, b sleeper) int {
		switch {
		case a.due != b.due && a.due < b.due:
			return -1
		case a.due != b.due:
			return 1
		}
		return a.ulid.Compare(b.ulid)
	})
	h.heap = slices.Compact(h.heap)
	h.tidy = 2 * len(h.heap)
}

// next is when the first is to be woken; false when there is none.
func (h *sleepers) next() (time.Time, bool) {
	if len(h.heap) == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, h.heap[0].due), true
}

// pop takes the first; there must be one.
func (h *sleepers) pop() sleeper {
	top, last := h.heap[0], len(h.heap)-1
	h.heap[0] = h.heap[last]
	h.heap = h.heap[:last]
	h.sink(0)
	if last > minTidySleepers && last < cap(h.heap)/4 { // most are awake: the room is given back
		h.heap, h.tidy = slices.Clone(h.heap), 2*last
	}
	return top
}

func (h *sleepers) sink(i int) {
	for {
		first := i
		for _, below := range [2]int{2*i + 1, 2*i + 2} {
			if below < len(h.heap) && h.heap[below].due < h.heap[first].due {
				first = below
			}
		}
		if first == i {
			return
		}
		h.heap[i], h.heap[first] = h.heap[first], h.heap[i]
		i = first
	}
}

// forget drops those of a partition.
func (h *sleepers) forget(p store.Partition) {
	h.heap = slices.DeleteFunc(h.heap, func(s sleeper) bool { return s.part == uint16(p) })
	for i := len(h.heap)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
}

// tenantNames numbers the names of tenants, so that what there is very much of need not hold them. It is safe for concurrent use.
type tenantNames struct {
	mu     sync.Mutex
	number map[string]uint32
	all    []string
}

// numberOf is the number of a name.
func (n *tenantNames) numberOf(name string) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	number, known := n.number[name]
	if !known {
		if n.number == nil {
			n.number = make(map[string]uint32)
		}
		number = uint32(len(n.all))
		n.all = append(n.all, name)
		n.number[name] = number
	}
	return number
}

// name is the name that has a number.
func (n *tenantNames) name(number uint32) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[number]
}

// sleep wakes a run that is not in memory when its timer is due.
func (l *lane) sleep(tenant, run string, due time.Time) {
	if s, ok := l.r.sleeper(tenant, run, due); ok {
		l.sleepers.push(s)
	}
}

// wake feeds a run that slept its due timers.
func (l *lane) wake(s sleeper) task {
	return l.wakeTask(l.r.tenants.name(s.tenant), id.Run(int(s.part), s.ulid))
}
