package runner

import (
	"fmt"
	"sync"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// inbox is a lane's queue. Calls from outside are refused when it is full of them; what lanes tell each other, and what recovery
// finds, always fits and takes no room from calls: it is bounded by what they hold, and refusing it could block two lanes on each
// other.
type inbox struct {
	mu     sync.Mutex
	tasks  []task
	done   int    // how many of them, the first ones, were taken
	came   uint64 // how many ever came
	called int    // of the others, those from outside
	limit  int    // of those
	closed bool
	bell   chan struct{} // holds one token when there is something
}

// task is one thing to do with a run, on its lane.
type task struct {
	run    string // whose it is; empty when it is about no run
	part   onPart // whose it is when it is about no run, but about one partition
	tenant string // where to find it when it is not in memory; empty when only one in memory is meant
	fresh  bool   // the run does not exist yet: do makes it
	mayBe  bool   // do makes the run when there is none yet
	called bool   // it comes from outside
	again  bool   // a run that was set aside is read once more
	once   *onceKey
	do     func(*turn)
	fail   func(error) // the run could not be had, deciding failed, or the lane ends; may be nil
}

// onPart is a partition, counted from 1; 0 is none.
type onPart uint16

func on(p store.Partition) onPart { return onPart(p) + 1 }

// partition is the one that a task is about, if it is about one.
func (t *task) partition() (p store.Partition, is bool) {
	if t.part > 0 {
		return store.Partition(t.part - 1), true
	}
	if t.run == "" {
		return 0, false
	}
	n, err := id.Partition(t.run)
	return store.Partition(n), err == nil
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
	case b.called >= b.limit:
		b.mu.Unlock()
		return ErrOverloaded
	}
	t.called = true
	b.called++
	b.came++
	b.tasks = append(b.tasks, t)
	b.mu.Unlock()
	b.ring()
	return nil
}

// push takes a task from a lane. One that comes after the lane's end is dropped: recovery finds what it was about.
func (b *inbox) push(t task) {
	b.mu.Lock()
	if !b.closed {
		b.came++
		b.tasks = append(b.tasks, t)
	}
	b.mu.Unlock()
	b.ring()
}

// count tells how many tasks ever came, and how many of them were taken.
func (b *inbox) count() (came, taken uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.came, b.came - uint64(len(b.tasks)-b.done)
}

// drain takes up to n tasks in order into dst and rings again when some are left.
func (b *inbox) drain(dst []task, n int) []task {
	b.mu.Lock()
	k := min(n, len(b.tasks)-b.done)
	took := b.tasks[b.done : b.done+k]
	for i := range took {
		if took[i].called {
			b.called--
		}
	}
	dst = append(dst, took...)
	clear(took)
	b.done += k
	rest := len(b.tasks) - b.done
	if rest <= b.done { // moving them costs no more than what was taken since the last time
		copy(b.tasks, b.tasks[b.done:])
		clear(b.tasks[b.done:])
		b.tasks, b.done = b.tasks[:rest], 0
	}
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
	left := b.tasks[b.done:]
	b.tasks, b.done, b.called, b.closed = nil, 0, 0, true
	return left
}

func (b *inbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}
