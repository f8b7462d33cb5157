package runner

import (
	"fmt"
	"sync"
)

// inbox is a lane's queue. Calls from outside are refused when it is full; what lanes tell each other always fits, since
// it is bounded by what they hold, and refusing it could block two lanes on each other.
type inbox struct {
	mu     sync.Mutex
	tasks  []task
	limit  int
	closed bool
	bell   chan struct{} // holds one token when there is something
}

// task is one thing to do with a run, on its lane.
type task struct {
	run    string // whose it is; empty when it is about no run
	tenant string // where to find it when it is not in memory; empty when only one in memory is meant
	fresh  bool   // the run does not exist yet: do makes it
	mayBe  bool   // do makes the run when there is none yet
	again  bool   // a run that was set aside is read once more
	once   *onceKey
	do     func(*turn)
	fail   func(error) // the run could not be had, deciding failed, or the lane ends; may be nil
}

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, bell: make(chan struct{}, 1)}
}

// offer takes a task from outside. It answers ErrOverloaded when the inbox is full and ErrUnavailable when the lane has
// ended; the task's fail is not called then.
func (b *inbox) offer(t task) error {
	b.mu.Lock()
	switch {
	case b.closed:
		b.mu.Unlock()
		return fmt.Errorf("stopping: %w", ErrUnavailable)
	case len(b.tasks) >= b.limit:
		b.mu.Unlock()
		return ErrOverloaded
	}
	b.tasks = append(b.tasks, t)
	b.mu.Unlock()
	b.ring()
	return nil
}

// push takes a task from a lane. One that comes after the lane's end is dropped: recovery finds what it was about.
func (b *inbox) push(t task) {
	b.mu.Lock()
	if !b.closed {
		b.tasks = append(b.tasks, t)
	}
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

// close takes what is left and refuses everything from now on.
func (b *inbox) close() []task {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.tasks
	b.tasks, b.closed = nil, true
	return left
}

func (b *inbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}
