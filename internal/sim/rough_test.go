package sim

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
)

// rough is a bus that loses messages, says them twice, and brings them late, while it is told to. What goes to workers of others
// than ours is never said twice: they do what they are told as often as they are told.
type rough struct {
	native func(subject string) bool // whether only workers of ours listen there

	mu    sync.Mutex
	draw  *rand.Rand
	until time.Time
	era   int // rises when everything that is on its way is lost
	count struct{ lost, twice, late int }
}

// wipe loses everything that is on its way.
func (r *rough) wipe() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.era++
}

// later says something after a while, unless it is lost on its way.
func (r *rough) later(late time.Duration, say func()) {
	r.mu.Lock()
	era := r.era
	r.mu.Unlock()
	time.AfterFunc(late, func() {
		r.mu.Lock()
		lost := r.era != era
		r.mu.Unlock()
		if !lost {
			say()
		}
	})
}

// latest is how late a message comes at most.
const latest = 8 * time.Second

// what becomes of a message.
type fate uint8

const (
	passes fate = iota
	isLost
	comesTwice
	comesLate
)

// roughen begins a time in which messages fare badly.
func (r *rough) roughen(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until = time.Now().Add(d)
}

// next draws what becomes of a message, and how late it is.
func (r *rough) next() (fate, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !time.Now().Before(r.until) {
		return passes, 0
	}
	late := time.Duration(r.draw.Int64N(int64(latest)))
	switch n := r.draw.IntN(100); {
	case n < 12:
		r.count.lost++
		return isLost, 0
	case n < 24:
		r.count.twice++
		return comesTwice, late
	case n < 36:
		r.count.late++
		return comesLate, late
	}
	return passes, 0
}

// carry says something, as it goes on such a bus. A nil one carries everything at once.
func (r *rough) carry(subject string, say func() error) error {
	if r == nil || strings.HasPrefix(subject, bus.InboxPrefix) {
		return say()
	}
	what, late := r.next()
	if what == comesTwice && r.native != nil && !r.native(subject) {
		what = passes
	}
	switch what {
	case isLost:
		return nil
	case comesLate:
		r.later(late, func() { _ = say() })
		return nil
	case comesTwice:
		r.later(late, func() { _ = say() })
	}
	return say()
}

// asks tells whether a question reaches whom it is for. A second copy of it may come much later, and who asked does not hear what is
// said to that.
func (r *rough) asks(on *bus.Memory, subject string, data []byte) bool {
	if r == nil {
		return true
	}
	what, late := r.next()
	if what == comesTwice || what == comesLate {
		r.later(late, func() { _ = on.PublishRequest(subject, bus.InboxPrefix+".nobody", data) })
	}
	return what == passes || what == comesTwice
}
