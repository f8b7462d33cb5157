package trial

import (
	"container/heap"
	"time"
)

// event is something that will happen in the world.
type event struct {
	at  time.Time
	seq int
	do  func()
}

// agenda orders events by time; those of one time happen in the order they were made.
type agenda []event

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].seq < a[j].seq
	}
	return a[i].at.Before(a[j].at)
}

// Push adds x; for container/heap.
func (a *agenda) Push(x any) { *a = append(*a, x.(event)) }

// Pop takes the last one; for container/heap.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = event{}
	*a = (*a)[:last]
	return e
}

// later makes something happen after a while.
func (w *world) later(wait time.Duration, do func()) { w.at(w.now.Add(wait), do) }

// at makes something happen at a time; one that has passed means now.
func (w *world) at(due time.Time, do func()) {
	if due.Before(w.now) {
		due = w.now
	}
	w.made++
	heap.Push(&w.agenda, event{at: due, seq: w.made, do: do})
}
