package runner

import (
	"bytes"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/store"
)

// heldResults are the results of plain workers that are another process's to take, as everybody hears them and the worker says them
// once. That process may have died and nobody know it yet: then those that it did not take are brought to whoever has its partitions
// next. They are kept for as long as such a death can go unnoticed, and where there are too many the oldest go.
type heldResults struct {
	mu     sync.Mutex
	list   []heldResult // oldest first
	weight int
	looked time.Time // when their processes were looked at last
}

// heldResult is one of them.
type heldResult struct {
	owner, incarnation string // whose it is
	data               []byte
	at                 time.Time
}

// keep keeps a result for a process.
func (h *heldResults) keep(now time.Time, owner *peer, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.list) > 0 && (len(h.list) >= maxHeldResults || h.weight+len(data) > maxHeldBytes) {
		h.drop()
	}
	h.list = append(h.list, heldResult{owner.Owner, owner.Incarnation, bytes.Clone(data), now})
	h.weight += len(data)
}

// due tells whether there is something to look at, which is once in a while.
func (h *heldResults) due(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) == 0 || now.Sub(h.looked) < lookAtHeld {
		return false
	}
	h.looked = now
	return true
}

// drop forgets the oldest. The caller holds mu.
func (h *heldResults) drop() {
	h.weight -= len(h.list[0].data)
	h.list[0].data = nil
	h.list = h.list[1:]
}

// orphans takes out the results of processes that have died, and forgets those that were kept until now, and those of processes that
// left in good order: they took what was theirs, or handed it on.
func (h *heldResults) orphans(until time.Time, fateOf func(*heldResult) peerFate) (out [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.list) > 0 && h.list[0].at.Before(until) {
		h.drop()
	}
	left := h.list[:0]
	for i := range h.list {
		switch one := &h.list[i]; fateOf(one) {
		case fateLives:
			left = append(left, *one)
			continue
		case fateDied:
			out = append(out, one.data)
		}
		h.weight -= len(h.list[i].data)
	}
	clear(h.list[len(left):])
	h.list = left
	return out
}

// peerFate is what became of a process.
type peerFate uint8

const (
	fateLeft peerFate = iota // it said that it leaves
	fateLives
	fateDied
)

// fateOf tells what became of the process for which a result is kept.
func (s *shared) fateOf(h *heldResult, now time.Time) peerFate {
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	m, known := s.mem.known[h.owner]
	switch {
	case !known:
		return fateLeft
	case m.Incarnation != h.incarnation, now.Sub(m.heard) >= s.cfg.Away:
		return fateDied
	}
	return fateLives
}

// server is the process that serves a partition of others, as ownerOf names it.
func (r *Runner) server(p store.Partition) (*peer, bool) {
	owner, known := r.ownerOf(p)
	if !known || owner == r.cfg.Owner {
		return nil, false
	}
	s := r.shared
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	m, known := s.mem.known[owner]
	return &m, known
}

// takeOrphans takes the results of processes that died as if nobody were known to own their jobs' partitions: they wait here until
// somebody does.
func (p *peers) takeOrphans(now time.Time) {
	s := p.r.shared
	if !p.held.due(now) {
		return
	}
	fateOf := func(h *heldResult) peerFate { return s.fateOf(h, now) }
	for _, data := range p.held.orphans(now.Add(-s.cfg.Away-s.cfg.Lease), fateOf) {
		var packet wire.BusPacket
		if proto.Unmarshal(data, &packet) != nil {
			continue // it was read when it came
		}
		p.r.takePlain(bus.Msg{Subject: bus.SubjectResult, Data: data}, &packet)
	}
}

const (
	// maxHeldResults is how many results are kept for other processes, maxHeldBytes what they weigh: some seconds of those of a busy
	// installation. Plain workers with more of them want streams.
	maxHeldResults = 1 << 15
	maxHeldBytes   = 32 << 20
	// lookAtHeld is how often it is looked what became of the processes for which they are kept: some times while it is known that one
	// has died.
	lookAtHeld = 500 * time.Millisecond
)
