package runner

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/store"
)

// shared is what a process has that shares the partitions of its store with others. One goroutine, keep, takes and gives them;
// another one renews the leases; lanes forget what was lost. A partition that left is not taken again before its lane has
// forgotten it: what a lane knows it knows under one epoch.
type shared struct {
	r           *Runner
	cfg         Peers
	incarnation string
	began       time.Time // with the monotonic clock
	mem         members
	news        chan struct{} // closed at the next news of members; guarded by mem.mu
	speak       chan struct{} // rung to announce at once
	bell        chan struct{} // rung when keep has something to do
	draining    atomic.Bool
	drained     chan struct{} // closed by keep when it drains and nothing is left
	parts       []share
	listened    time.Time   // when it has listened long enough to take something; keep's
	cut         bool        // nobody hears this process; keep's
	ailing      atomic.Bool // it could not take what it should: others should have it
	askAt       time.Time   // when workers may be asked again what they have; keep's
	asking      bool        // they are to be asked; keep's
	comings     comings     // what the log is not told yet of what came and went
	probeAt     time.Time   // when to look again whether the store answers; keep's
	hooks       hooks
	// earliest is when the first lease of those held is over; nil while none is.
	earliest atomic.Pointer[time.Time]
	// assigned are the owners that partitions should have, as keep saw it last; nil before.
	assigned atomic.Pointer[[]string]
	// missing is what this process lacks of its share; nil: nothing. whole says that there was a time when it lacked nothing.
	missing atomic.Pointer[missing]
	whole   atomic.Bool
}

// missing is a partition that should be served here and is not.
type missing struct {
	p     store.Partition
	since time.Time
	why   string
}

// share is one partition as this process has it.
type share struct {
	serving atomic.Bool // it is this process's, and its lane is ready
	lost    atomic.Bool // keep has to know that it is this process's no more
	// stopped says why it is not taken again while this process lives; nil: nothing is wrong with it.
	stopped atomic.Pointer[string]
	// passed is the last errand of keep's that the lane has done.
	passed atomic.Uint64
	// settled is when workers have had time to say what they have of it, in ns of the clock.
	settled atomic.Int64
	// held are compensations that wait for a person in its runs, as the metric counts them.
	held atomic.Int64

	until time.Time // when the lease is over, with the monotonic clock; guarded by Runner.mu

	// The rest is keep's.
	phase  phase
	errand uint64 // the last thing that its lane was asked for; it has done it when passed is the same
	sub    bus.Subscription
	giving store.Lease // to be given back when the lane has forgotten it
	gaveAt time.Time   // when it was given away last
	nextAt time.Time   // when to try again to take it
	missed time.Time   // since when it should be served here and is not; zero: it is, or should not
	owner  string      // whose it was when the hooks were told last
}

// phase is where a partition stands on its way.
type phase uint8

const (
	phaseFree   phase = iota // not this process's
	phaseTaking              // the lease is ours, its lane takes up what is under way
	phaseHeld
	phaseGiving // its lane commits what it has of it, and forgets it
	phaseLosing // its lane forgets it
)

// hooks are called on keep's goroutine, in the order in which they were registered.
type hooks struct {
	taken, lost []func(store.Partition)
	owner       []func(store.Partition, string)
}

func newShared(r *Runner, cfg Peers) *shared {
	return &shared{
		r: r, cfg: cfg, incarnation: ulid.Make().String(), began: time.Now(),
		mem:  members{known: make(map[string]peer), says: make(map[string]func() string)},
		news: make(chan struct{}), speak: make(chan struct{}, 1), bell: make(chan struct{}, 1), drained: make(chan struct{}),
		parts: make([]share, len(r.epochs)),
	}
}

// alone tells whether this process is the store's only one: it owns every partition from start to end.
func (r *Runner) alone() bool { return r.shared == nil }

// owns tells whether a partition is this process's now, and its lane ready. It takes no lock.
func (r *Runner) owns(p store.Partition) bool {
	s := r.shared
	return s == nil || int(p) < len(s.parts) && s.parts[p].serving.Load()
}

// owned are the partitions that are this process's now, in order.
func (r *Runner) owned() []store.Partition {
	out := make([]store.Partition, 0, len(r.epochs))
	for p := range r.epochs {
		if r.owns(store.Partition(p)) {
			out = append(out, store.Partition(p))
		}
	}
	return out
}

// leads tells whether this process does what is done once for a whole installation: it owns partition 0.
func (r *Runner) leads() bool { return r.owns(docPartition) }

// ownerOf is the process that serves a partition, as far as it said so lately: of two that say so the one of the newer epoch.
func (r *Runner) ownerOf(p store.Partition) (owner string, known bool) {
	s := r.shared
	if s == nil || r.owns(p) {
		return r.cfg.Owner, true
	}
	var newest store.Epoch
	for _, m := range s.present(time.Now()) {
		if epoch := m.Owns[p]; epoch > newest && m.Owner != r.cfg.Owner {
			newest, owner = epoch, m.Owner
		}
	}
	return owner, newest > 0
}

// whenTaken has f called after this process has taken a partition: its lane is ready, and serves it. Hooks are registered before
// Run. They are called on the goroutine that takes and gives partitions, one at a time, and must not wait for long: leases are
// renewed beside it, but nothing else is taken or given meanwhile. Alone they are never called.
func (r *Runner) whenTaken(f func(p store.Partition)) {
	if s := r.shared; s != nil {
		s.hooks.taken = append(s.hooks.taken, f)
	}
}

// whenLost is whenTaken for partitions that this process gave away or lost: its lane has forgotten everything of it.
func (r *Runner) whenLost(f func(p store.Partition)) {
	if s := r.shared; s != nil {
		s.hooks.lost = append(s.hooks.lost, f)
	}
}

// whenOwner is whenTaken for partitions that another process, or this one, says to serve now; owner is "" when nobody does.
func (r *Runner) whenOwner(f func(p store.Partition, owner string)) {
	if s := r.shared; s != nil {
		s.hooks.owner = append(s.hooks.owner, f)
	}
}

// OnPartitions registers what is called when this process begins and ends to serve a partition, before Run. A process that is
// alone serves all of them from the start, and calls neither. Neither may wait for long.
func (r *Runner) OnPartitions(taken, lost func(store.Partition)) {
	r.whenTaken(taken)
	r.whenLost(lost)
}

// Owns tells whether calls about partition p are this process's to answer now.
func (r *Runner) Owns(p int) bool {
	return p >= 0 && p < len(r.epochs) && r.owns(store.Partition(p))
}

// OwnerOf is the name of the engine process that serves partition p, as far as this one knows; "" when nobody is known to.
func (r *Runner) OwnerOf(p int) string {
	if p < 0 || p >= len(r.epochs) {
		return ""
	}
	owner, _ := r.ownerOf(store.Partition(p))
	return owner
}

// Owners are the engine processes that serve each partition, as OwnerOf says.
func (r *Runner) Owners() []string {
	out := make([]string, len(r.epochs))
	for p := range out {
		out[p] = r.OwnerOf(p)
	}
	return out
}

// Partitions is how many partitions the store has.
func (r *Runner) Partitions() int { return len(r.epochs) }

// Alone tells whether this process serves its store by itself.
func (r *Runner) Alone() bool { return r.alone() }

// serves are the partitions that this process serves, with their epochs.
func (s *shared) serves() map[store.Partition]store.Epoch {
	out := make(map[store.Partition]store.Epoch, len(s.parts))
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	for p := range s.parts {
		if s.parts[p].serving.Load() && s.r.epochs[p].Epoch != 0 {
			out[store.Partition(p)] = s.r.epochs[p].Epoch
		}
	}
	return out
}

// lose notes that a partition is this process's no more, whatever its lane still thinks: from here on nothing is committed for it. reason
// is for the metric, why for people.
// It is about one epoch: what is heard late of an earlier one is dropped. Any goroutine may call it.
func (s *shared) lose(p store.Partition, epoch store.Epoch, reason, why string) {
	r := s.r
	r.mu.Lock()
	if epoch == 0 || r.epochs[p].Epoch != epoch {
		r.mu.Unlock()
		return
	}
	r.epochs[p].Epoch = 0
	s.noteEarliest()
	r.mu.Unlock()
	s.parts[p].serving.Store(false)
	s.parts[p].lost.Store(true)
	r.metrics.replicas.leftBy(reason)
	s.comings.lose(p, why)
	ring(s.bell)
}

// stop is lose for a partition that must not be taken again before somebody has looked at it.
func (s *shared) stop(p store.Partition, epoch store.Epoch, why string) {
	s.parts[p].stopped.Store(&why)
	s.r.cfg.Logger.Error("partition stopped: it is not taken again while this process lives", "partition", p, "reason", why)
	s.lose(p, epoch, leftRolledBack, why)
}

// have notes a lease that was granted, or renewed, for a call that began at a time.
func (s *shared) have(lease store.Lease, begun time.Time) {
	r := s.r
	r.mu.Lock()
	r.epochs[lease.Partition] = lease
	s.parts[lease.Partition].until = begun.Add(s.cfg.Lease)
	s.noteEarliest()
	r.mu.Unlock()
}

// noteEarliest finds the first lease that is over. The caller holds Runner.mu.
func (s *shared) noteEarliest() {
	var first *time.Time
	for p := range s.parts {
		if s.r.epochs[p].Epoch != 0 && (first == nil || s.parts[p].until.Before(*first)) {
			until := s.parts[p].until
			first = &until
		}
	}
	s.earliest.Store(first)
}

// over tells whether a time is over by either clock: the wall's leaps, and the monotonic one stands still while a machine sleeps.
func over(until, now time.Time) bool {
	return !now.Before(until) || !now.Round(0).Before(until.Round(0))
}

// dropOverdue loses the partitions whose lease could not be renewed in time: somebody else may have them.
func (s *shared) dropOverdue(now time.Time) {
	if first := s.earliest.Load(); first == nil || !over(*first, now) {
		return
	}
	var late []store.Lease
	s.r.mu.Lock()
	for p := range s.parts {
		if lease := s.r.epochs[p]; lease.Epoch != 0 && over(s.parts[p].until, now) {
			lease.Partition = store.Partition(p)
			late = append(late, lease)
		}
	}
	s.r.mu.Unlock()
	for _, lease := range late {
		s.lose(lease.Partition, lease.Epoch, leftLease, "its lease could not be renewed in time")
	}
}

// eligible are the owners that may have partitions: those that are there, can, and do not drain.
func eligible(all []peer) []string {
	var out []string
	for _, m := range all {
		if !m.Draining && !m.Ailing {
			out = append(out, m.Owner)
		}
	}
	slices.Sort(out)
	return out
}
