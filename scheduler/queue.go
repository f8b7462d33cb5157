package scheduler

// queue is attempts by their rank. Most come in the order in which they go: those are kept one behind the other, so that
// a long queue costs no more than a short one; who comes late with a place further ahead is kept in a heap beside.
type queue struct {
	inOrder []*attempt // from head on; nil where one was taken out
	head    int        // the first that is still there, when there is any
	gone    int        // how many were dropped from the front of inOrder: what the attempts' slots count, too
	last    *attempt   // of those in order, as it was put in
	live    int        // how many of inOrder are still there
	late    indexHeap[*attempt]
}

func (q *queue) len() int { return q.live + q.late.len() }

// top is who goes first; nil when the queue is empty.
func (q *queue) top() *attempt {
	late := q.late.top()
	if q.live == 0 || (late != nil && late.before(q.inOrder[q.head])) {
		return late
	}
	return q.inOrder[q.head]
}

// add puts an attempt in that is in no queue. Its slot is its place: negative among those in order.
func (q *queue) add(a *attempt) {
	if q.live > 0 && a.before(q.last) {
		q.late.fix(a)
		return
	}
	if q.live == 0 {
		q.gone += len(q.inOrder)
		q.inOrder, q.head = q.inOrder[:0], 0
	}
	q.inOrder = append(q.inOrder, a)
	a.slot = -(q.gone + len(q.inOrder))
	q.last = a
	q.live++
}

// remove takes out an attempt that is in.
func (q *queue) remove(a *attempt) {
	if a.slot > 0 {
		q.late.remove(a)
		return
	}
	q.inOrder[-a.slot-1-q.gone] = nil
	a.slot = 0
	if q.live--; q.live == 0 {
		q.last = nil
		return
	}
	for q.inOrder[q.head] == nil {
		q.head++
	}
	switch left := len(q.inOrder) - q.head; {
	case q.head > len(q.inOrder)/2 && q.head >= minShift:
		q.shift()
	case left-q.live > left/2 && left-q.live >= minShift:
		q.close()
	}
}

// close drops the places of those that were taken out of the middle. The others get new ones.
func (q *queue) close() {
	kept := q.inOrder[:0]
	for _, a := range q.inOrder[q.head:] {
		if a != nil {
			kept = append(kept, a)
			a.slot = -(q.gone + len(kept))
		}
	}
	clear(q.inOrder[len(kept):])
	q.inOrder, q.head = kept, 0
}

// shift drops the front, which is empty.
func (q *queue) shift() {
	n := copy(q.inOrder, q.inOrder[q.head:])
	clear(q.inOrder[n:])
	q.inOrder = q.inOrder[:n]
	q.gone += q.head
	q.head = 0
}
