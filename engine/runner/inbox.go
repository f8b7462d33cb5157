package runner

import "sync"

// inbox is a lane's queue. Calls from outside are refused when it is full; what lanes tell each other always fits, since
// it is bounded by what they hold, and refusing it could block two lanes on each other.
type inbox struct {
	mu    sync.Mutex
	tasks []task
	limit int
	bell  chan struct{} // holds one token when there is something
}

// task is one thing to do with a run, on its lane.
type task struct {
	run    string // whose it is
	tenant string // where to find it when it is not in memory; "" when only one in memory is meant
	fresh  bool   // the run does not exist yet: do makes it
	do     func(*turn)
	fail   func(error) // the run could not be had, or the lane ends; may be nil
}

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, bell: make(chan struct{}, 1)}
}

// offer takes a task from outside unless the inbox is full.
func (b *inbox) offer(t task) bool {
	b.mu.Lock()
	if len(b.tasks) >= b.limit {
		b.mu.Unlock()
		return false
	}
	b.tasks = append(b.tasks, t)
	b.mu.Unlock()
	b.ring()
	return true
}

// push takes a task from a lane.
func (b *inbox) push(t task) {
	b.mu.Lock()
	b.tasks = append(b.tasks, t)
	b.mu.Unlock()
	b.ring()
}

// drain takes up to n tasks in order into dst and rings again when some are left.
func (b *inbox) drain(dst []task, n int) []task {
	b.mu.Lock()
	k := min(n, len(b.tasks))
	dst = append(dst, b.tasks[:k]...)
	rest := copy(b.tasks, b.tasks[k:])
	clear(b.tasks[rest:])
	b.tasks = b.tasks[:rest]
	b.mu.Unlock()
	if rest > 0 {
		b.ring()
	}
	return dst
}

func (b *inbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}
