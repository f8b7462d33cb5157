package scheduler

// ranked is what an indexHeap keeps: it knows who goes first and carries its own place.
type ranked[T any] interface {
	before(other T) bool // a strict order
	place() *int         // its place in the heap, counted from 1; 0 while it is in none
}

// indexHeap is a binary heap whose elements can be found, moved and taken out: each carries its place, so it can be
// in one heap of its kind at a time.
type indexHeap[T ranked[T]] struct {
	items []T
}

func (h *indexHeap[T]) len() int { return len(h.items) }

// top is who goes first; the zero value when the heap is empty.
func (h *indexHeap[T]) top() (first T) {
	if len(h.items) > 0 {
		first = h.items[0]
	}
	return first
}

// fix puts x in, or moves it to where it now belongs.
func (h *indexHeap[T]) fix(x T) {
	at := x.place()
	if *at == 0 {
		h.items = append(h.items, x)
		*at = len(h.items)
	}
	if !h.up(*at - 1) {
		h.down(*at - 1)
	}
}

// remove takes x out, if it is in.
func (h *indexHeap[T]) remove(x T) {
	at := *x.place()
	if at == 0 {
		return
	}
	last := len(h.items) - 1
	moved := h.items[last]
	var none T
	h.items[last] = none
	h.items = h.items[:last]
	*x.place() = 0
	if at-1 == last {
		return
	}
	h.set(at-1, moved)
	if !h.up(at - 1) {
		h.down(at - 1)
	}
}

// pop takes out who goes first. The heap must not be empty.
func (h *indexHeap[T]) pop() T {
	first := h.items[0]
	h.remove(first)
	return first
}

func (h *indexHeap[T]) set(i int, x T) {
	h.items[i] = x
	*x.place() = i + 1
}

func (h *indexHeap[T]) up(i int) (moved bool) {
	x := h.items[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !x.before(h.items[parent]) {
			break
		}
		h.set(i, h.items[parent])
		i, moved = parent, true
	}
	if moved {
		h.set(i, x)
	}
	return moved
}

func (h *indexHeap[T]) down(i int) {
	x := h.items[i]
	start := i
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			break
		}
		if right := child + 1; right < len(h.items) && h.items[right].before(h.items[child]) {
			child = right
		}
		if !h.items[child].before(x) {
			break
		}
		h.set(i, h.items[child])
		i = child
	}
	if i != start {
		h.set(i, x)
	}
}
