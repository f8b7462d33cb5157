package runner

import (
	"container/heap"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// timerRef names one timer of a run: what it is for (engine.Timer, scheduler.JobTimer or timerApproval) and which node
// has it, -1 for the run itself.
type timerRef struct {
	kind uint8
	step int32
}

// timerApproval is an approval's expiry. Numbers from 32 are the approvals'.
const timerApproval = 32

// runTimers are the timers of one run, derived from its facts. What is cleared or moved stays in the heap until it
// surfaces.
type runTimers struct {
	due  map[timerRef]time.Time
	heap dueHeap[timerRef]
	// excused are those that were found late and put off, and when they were due: what is stored says that.
	excused map[timerRef]time.Time
}

func (t *runTimers) set(ref timerRef, due time.Time) {
	if was, excused := t.excused[ref]; excused && was.Equal(due) {
		return // it is put off once
	}
	delete(t.excused, ref)
	if due.IsZero() {
		t.clear(ref)
		return
	}
	if t.due == nil {
		t.due = make(map[timerRef]time.Time)
	}
	t.due[ref] = due
	heap.Push(&t.heap, dueItem[timerRef]{due, ref})
	if len(t.heap) > 2*len(t.due)+minStale {
		t.compact()
	}
}

// compact makes the heap anew from what is set: what was cleared under a far earlier timer must not pile up.
func (t *runTimers) compact() {
	t.heap = t.heap[:0]
	for ref, due := range t.due {
		t.heap = append(t.heap, dueItem[timerRef]{due, ref})
	}
	heap.Init(&t.heap)
}

// minStale is how many cleared timers a run's heap holds before it is made anew.
const minStale = 64

func (t *runTimers) clear(ref timerRef) {
	delete(t.due, ref)
	delete(t.excused, ref)
}

func (t *runTimers) clearAll() { t.due, t.heap, t.excused = nil, nil, nil }

// putOff puts a timer off that waits for a worker's word and was found much later than it was due: nobody listened meanwhile, as this
// process stood still, or none served the run. The worker says again what was not answered; once it is given the time for that.
func (t *runTimers) putOff(ref timerRef, now time.Time) bool {
	_, excused := t.excused[ref]
	was := t.due[ref]
	if excused || now.Sub(was) < lateTimer {
		return false
	}
	t.set(ref, now.Add(saidAgain))
	if t.excused == nil {
		t.excused = make(map[timerRef]time.Time)
	}
	t.excused[ref] = was
	return true
}

// decided is when a timer is due as the run's facts say.
func (t *runTimers) decided(ref timerRef) time.Time {
	if was, excused := t.excused[ref]; excused {
		return was
	}
	return t.due[ref]
}

// waitsForWorker tells whether a worker's word in time keeps a timer from ringing.
func (lr *live) waitsForWorker(ref timerRef) bool {
	if ref.kind == uint8(engine.TimerTotal) {
		j := lr.jobs[ref.step]
		return j != nil && j.Holds()
	}
	return ref.kind >= uint8(scheduler.TimerQueue) && ref.kind < timerApproval
}

// clearForward clears the timers of the forward part: those of compensations stay.
func (t *runTimers) clearForward(r *engine.Run) {
	for ref := range t.due {
		if ref.step < 0 || !r.IsUndo(ref.step) {
			t.clear(ref)
		}
	}
	t.compact()
}

// next is the earliest timer, and whether there is one.
func (t *runTimers) next() (timerRef, time.Time, bool) {
	for len(t.heap) > 0 {
		top := t.heap[0]
		if due, ok := t.due[top.of]; ok && due.Equal(top.due) {
			return top.of, top.due, true
		}
		heap.Pop(&t.heap)
	}
	return timerRef{}, time.Time{}, false
}

// dueItem is something with a time.
type dueItem[T any] struct {
	due time.Time
	of  T
}

// dueHeap has the earliest item on top.
type dueHeap[T any] []dueItem[T]

func (h dueHeap[T]) Len() int           { return len(h) }
func (h dueHeap[T]) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap[T]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push adds x; for container/heap.
func (h *dueHeap[T]) Push(x any) { *h = append(*h, x.(dueItem[T])) }

// Pop takes the last item; for container/heap.
func (h *dueHeap[T]) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
