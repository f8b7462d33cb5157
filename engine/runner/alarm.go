package runner

import (
	"container/heap"
	"time"

	"cordum.dev/cordum/engine"
)

// alarm is something a lane does at a time. A run in memory has one, for its earliest timer.
type alarm struct {
	due  time.Time
	slot int // its place in the heap, from 1; 0 when it is not in it
	task task
}

// alarms is a heap of alarms, the earliest on top, in which each knows its place: none is left behind when a run ends.
type alarms []*alarm

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h alarms) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i+1, j+1
}

// Push adds x; for container/heap.
func (h *alarms) Push(x any) {
	a := x.(*alarm)
	*h = append(*h, a)
	a.slot = len(*h)
}

// Pop takes the last one; for container/heap.
func (h *alarms) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.slot = 0
	return a
}

func (h *alarms) set(a *alarm, due time.Time) {
	switch {
	case a.slot == 0:
		a.due = due
		heap.Push(h, a)
	case !due.Equal(a.due):
		a.due = due
		heap.Fix(h, a.slot-1)
	}
}

func (h *alarms) remove(a *alarm) {
	if a.slot > 0 {
		heap.Remove(h, a.slot-1)
	}
}

// later does a task after a while, unless the lane ends before: recovery finds then what it was about.
func (l *lane) later(wait time.Duration, t task) {
	heap.Push(&l.alarms, &alarm{due: l.r.now().Add(wait), task: t})
}

// wakeTask feeds a run its due timers. It is tried again when the store could not be read.
func (l *lane) wakeTask(tenant, run string) task {
	t := task{run: run, tenant: tenant, do: (*turn).fireDue}
	t.fail = func(err error) {
		if transient(err) {
			l.sleep(tenant, run, l.r.now().Add(retryPause))
		}
	}
	return t
}

// schedule sets a run's alarm to its earliest timer. A faulted run's timers wait until it goes on.
func (l *lane) schedule(lr *live) {
	_, due, ok := lr.timers.next()
	if !ok || lr.run.State == engine.RunFaulted {
		l.alarms.remove(&lr.alarm)
		return
	}
	if lr.alarm.task.do == nil {
		lr.alarm.task = l.wakeTask(lr.run.Tenant, lr.id)
	}
	l.alarms.set(&lr.alarm, due)
}

// nextDue is when the first alarm rings or the first sleeper is woken; false when there is neither.
func (l *lane) nextDue() (due time.Time, any bool) {
	due, any = l.sleepers.next()
	if len(l.alarms) > 0 && (!any || l.alarms[0].due.Before(due)) {
		return l.alarms[0].due, true
	}
	return due, any
}

// popDue takes what nextDue has answered.
func (l *lane) popDue() task {
	if due, any := l.sleepers.next(); any && (len(l.alarms) == 0 || !l.alarms[0].due.Before(due)) {
		return l.wake(l.sleepers.pop())
	}
	return heap.Pop(&l.alarms).(*alarm).task
}

// untilNext is how long the lane may sleep.
func (l *lane) untilNext() time.Duration {
	now := l.r.now()
	wait := min(idleSleep, l.sweepAt.Sub(now))
	if due, any := l.nextDue(); any {
		wait = min(wait, due.Sub(now))
	}
	if len(l.soft) > 0 {
		wait = min(wait, softDelay)
	}
	return max(wait, 0)
}
