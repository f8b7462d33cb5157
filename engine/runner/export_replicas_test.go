package runner

import (
	"slices"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// Assign is whose each partition should be.
var Assign = assign

// LeaseOver tells whether a lease is over at a time.
var LeaseOver = over

// Owned are the partitions that a process serves.
func Owned(r *Runner) []store.Partition { return r.owned() }

// Lose takes the partition of a run from a replica, as another one's write does.
func Lose(r *Runner, run string) {
	p := r.partOf(run)
	r.losePartition(p, r.epoch(p), "on purpose")
}

// MembersOf are the names of the processes that one knows.
func MembersOf(r *Runner) (names []string) {
	for _, m := range r.members() {
		names = append(names, m.Owner)
	}
	return names
}

// RememberedOf counts what a process's lanes know of partitions that it does not own: nothing, once they have forgotten them.
func RememberedOf(r *Runner) (n int) {
	counts := make(chan int, len(r.lanes))
	asked := 0
	for _, l := range r.lanes {
		if l.inbox.offer(task{do: func(t *turn) { counts <- t.lane.foreign() }}) == nil {
			asked++
		}
	}
	for range asked {
		n += <-counts
	}
	return n
}

func (l *lane) foreign() (n int) {
	away := func(run string) bool { return !l.has[l.r.partOf(run)] }
	count := func(is bool) {
		if is {
			n++
		}
	}
	for run := range l.runs {
		count(away(run))
	}
	for run := range l.waiting {
		count(away(run))
	}
	for _, run := range l.idle {
		count(away(run))
	}
	for _, lr := range l.soft {
		count(away(lr.id))
	}
	for _, h := range l.limits {
		count(!l.has[h.name.part])
	}
	for p := range l.fences {
		count(!l.has[p])
	}
	for c := range l.trail.states {
		count(!l.has[c.Partition])
	}
	for i := range l.alarms {
		p, about := l.alarms[i].task.partition()
		count(about && !l.has[p])
	}
	for _, s := range l.sleepers.heap {
		count(!l.has[s.part])
	}
	for c := range l.trail.states {
		count(!l.has[c.Partition])
	}
	return n
}

// HeldResults is how many results of plain workers a replica keeps for others.
func HeldResults(r *Runner) int {
	h := &r.peers.held
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.list)
}

// LosePlace has a process find that nobody listens where the place should be.
func LosePlace(r *Runner) {
	r.peers.mu.Lock()
	link := r.peers.link
	r.peers.mu.Unlock()
	r.peers.unheard(bus.Msg{Subject: r.peers.goneSubject(link.stream.session), NoResponders: true})
}

// StandsIn tells whether a process gives the jobs of its own runs to workers by itself.
func StandsIn(r *Runner) bool {
	r.peers.mu.Lock()
	defer r.peers.mu.Unlock()
	return !r.peers.standsIn.IsZero()
}

// Leads tells whether a process does what is done once for the installation.
func Leads(r *Runner) bool { return r.leads() }

// AllWrite tells whether a process would raise the store's level to the newest.
func AllWrite(r *Runner) bool { return r.allWrite(store.CurrentLevel) }

// HearOlder has a process hear of an engine that can write the first level only.
func HearOlder(r *Runner, owner string) {
	s := r.shared
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	s.mem.known[owner] = peer{announcement: announcement{Owner: owner, Incarnation: "0", Draining: true, Level: uint16(store.LevelFirst)}, heard: time.Now()}
}

// Waits tells whether something waits for a worker of a topic, as far as this process's fleet knows.
func Waits(r *Runner, topic string) bool {
	return slices.ContainsFunc(r.dispatch.queue(), func(q scheduler.QueueStat) bool { return q.Topic == topic && q.Depth > 0 })
}
