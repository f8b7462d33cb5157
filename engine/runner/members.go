package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/store"
)

// This file is what engine processes say to each other of themselves, so that each knows who is there and who owns what. It is
// soft: everything of it may be lost, and is said again every Beat. What it leads to is guarded by the leases in the store.

// SubjectEngines is where every engine process says who it is and what it owns. Workers may neither publish nor listen there.
const SubjectEngines = "cordum.engines"

// Peers says how a process shares its store's partitions with others. Zero fields mean their default.
type Peers struct {
	// Lease is for how long a partition is taken, Renew how often that is said again. Who has not been able to for a Lease stops
	// acting on the partition by itself. Defaults: DefaultLeaseTTL, DefaultLeaseRenew.
	Lease, Renew time.Duration
	// Beat is how often a process says that it is there, Away the silence after which the others take it to be gone. Defaults:
	// DefaultPeerBeat, DefaultPeerAway.
	Beat, Away time.Duration
	// Listen is how long a process that starts listens who is there before it takes anything. Default: DefaultPeerListen.
	Listen time.Duration
	// Drain is how long a process that ends may take to give its partitions to the others one after another; what it still has
	// then it gives back at once. Default: DefaultDrain.
	Drain time.Duration
}

func (p Peers) withDefaults() Peers {
	p.Lease = cmp.Or(p.Lease, DefaultLeaseTTL)
	p.Renew = cmp.Or(p.Renew, DefaultLeaseRenew)
	p.Beat = cmp.Or(p.Beat, DefaultPeerBeat)
	p.Away = cmp.Or(p.Away, DefaultPeerAway)
	p.Listen = cmp.Or(p.Listen, DefaultPeerListen)
	p.Drain = cmp.Or(p.Drain, DefaultDrain)
	return p
}

// check refuses times with which every process would take the others to be gone, or lose what it has.
func (p Peers) check() error {
	if p.Renew*2 > p.Lease || p.Beat*2 > p.Away || min(p.Lease, p.Renew, p.Beat, p.Away, p.Listen, p.Drain) <= 0 {
		return fmt.Errorf("runner: a lease of %s renewed every %s, and a word every %s where %s of silence count, are too tight: "+
			"each needs time for two", p.Lease, p.Renew, p.Beat, p.Away)
	}
	return nil
}

// announcement is what a process says of itself.
type announcement struct {
	Owner string `json:"owner"`
	// Incarnation tells this process from another one of the same name. It rises with the time at which a process began.
	Incarnation string `json:"incarnation"`
	Draining    bool   `json:"draining,omitempty"` // it gives everything away
	Ailing      bool   `json:"ailing,omitempty"`   // it cannot take anything now
	Leaving     bool   `json:"leaving,omitempty"`  // its last word
	Level       uint16 `json:"level"`              // of stored formats that it can write
	// Owns are the partitions that it serves, each with its epoch.
	Owns map[store.Partition]store.Epoch `json:"owns,omitempty"`
	// Says is what others wait for to hear of it: the policy that it has in force, say.
	Says map[string]string `json:"says,omitempty"`
}

// peer is an engine process as the others see it. It is a value: nobody changes what its maps hold.
type peer struct {
	announcement
	heard time.Time // when it was heard of last; with the monotonic clock
	away  bool      // that is long ago: it is no member
}

// members are the processes that were heard of lately, this one included.
type members struct {
	mu    sync.Mutex
	known map[string]peer // by owner
	says  map[string]func() string
}

// members are the engine processes that are there, by name, this one included; nil when the process is alone.
func (r *Runner) members() []peer {
	s := r.shared
	if s == nil {
		return nil
	}
	out := s.present(time.Now())
	slices.SortFunc(out, func(a, b peer) int { return cmp.Compare(a.Owner, b.Owner) })
	return out
}

// announceAlso has every announcement of this process say something more, by a name of its own. It is called before Run; value
// is called often, from any goroutine. Alone it does nothing.
func (r *Runner) announceAlso(name string, value func() string) {
	if s := r.shared; s != nil {
		s.mem.says[name] = value
	}
}

// announceSoon has the process say at once what it says every Beat. Alone it does nothing.
func (r *Runner) announceSoon() {
	if s := r.shared; s != nil {
		ring(s.speak)
	}
}

// present are the members that were heard of within Away.
func (s *shared) present(now time.Time) (out []peer) {
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	for _, m := range s.mem.known {
		if now.Sub(m.heard) < s.cfg.Away {
			out = append(out, m)
		}
	}
	return out
}

// announce says who this process is every Beat, and at once when it is asked to, until ctx ends.
func (s *shared) announce(ctx context.Context) error {
	beat := time.NewTicker(s.cfg.Beat)
	defer beat.Stop()
	for {
		s.say(false)
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		case <-s.speak:
		}
	}
}

// say publishes what this process says of itself now. What is lost is said again.
func (s *shared) say(leaving bool) {
	a := announcement{
		Owner: s.r.cfg.Owner, Incarnation: s.incarnation, Draining: s.draining.Load(), Ailing: s.ailing.Load(), Leaving: leaving,
		Level: uint16(store.CurrentLevel), Owns: s.serves(), Says: make(map[string]string, len(s.mem.says)),
	}
	for name, value := range s.mem.says {
		a.Says[name] = value()
	}
	data, err := json.Marshal(a)
	if err == nil {
		err = s.r.bus.Publish(SubjectEngines, data)
	}
	if err != nil && !errors.Is(err, bus.ErrClosed) {
		s.r.cfg.Logger.Debug("announcement could not be sent", "error", err)
	}
}

// sayGoodbye is this process's last word, so that nobody waits for it.
func (s *shared) sayGoodbye() {
	s.say(true)
	_ = s.r.bus.Flush() // at worst the others wait for Away
}

// hear takes a process's word of itself. A newcomer is answered at once, so that it need not wait a Beat for each of the others.
func (s *shared) hear(m bus.Msg) {
	var a announcement
	if len(m.Data) > maxAnnouncement || json.Unmarshal(m.Data, &a) != nil || a.Owner == "" || len(a.Owner) > maxOwner {
		s.r.metrics.malformed.Inc()
		return
	}
	if a.Owner == s.r.cfg.Owner && a.Incarnation != s.incarnation {
		s.hearNamesake(a)
		return
	}
	now := time.Now()
	s.mem.mu.Lock()
	before, known := s.mem.known[a.Owner]
	known = known && now.Sub(before.heard) < s.cfg.Away && before.Incarnation == a.Incarnation
	if a.Leaving {
		delete(s.mem.known, a.Owner)
	} else if len(s.mem.known) < maxMembers || known {
		s.mem.known[a.Owner] = peer{announcement: a, heard: now}
	}
	s.mem.mu.Unlock()
	if !known && !a.Leaving && a.Owner != s.r.cfg.Owner {
		ring(s.speak)
	}
	if !known || a.Leaving || before.Draining != a.Draining || before.Ailing != a.Ailing || !maps.Equal(before.Owns, a.Owns) || !maps.Equal(before.Says, a.Says) {
		s.changed()
	}
}

// hearNamesake ends the younger one of two processes under one name: each would take the other's partitions for its own.
func (s *shared) hearNamesake(a announcement) {
	if a.Leaving || a.Incarnation > s.incarnation {
		return
	}
	err := fmt.Errorf("another engine process runs under the name %q: give each process its own", a.Owner)
	s.r.broken.CompareAndSwap(nil, &err)
	ring(s.bell)
}

// forgetAway drops members whose silence is long, and tells whether there were any. They are remembered until their lease on what is
// in force is over, too.
func (s *shared) forgetAway(now time.Time) (news bool) {
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	for owner, m := range s.mem.known {
		silence := now.Sub(m.heard)
		switch {
		case silence >= max(s.cfg.Away, s.silence()):
			delete(s.mem.known, owner)
			news = true
		case silence >= s.cfg.Away && !m.away:
			m.away, news = true, true
			s.mem.known[owner] = m
		}
	}
	return news
}

// silence is how long after its last word a process may go by what it knew then: a lease, and what a word may have been late.
func (s *shared) silence() time.Duration { return s.cfg.Lease + s.cfg.Beat }

// silent are the processes that are no members any more, did not say that they leave, and may still go by what they knew.
func (s *shared) silent(now time.Time) (owners []string) {
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	for owner, m := range s.mem.known {
		if silence := now.Sub(m.heard); owner != s.r.cfg.Owner && silence >= s.cfg.Away && silence < s.silence() {
			owners = append(owners, owner)
		}
	}
	return owners
}

// lately are the processes that are members, or were until a moment ago and may still go by what they knew then; not who said that
// it leaves.
func (s *shared) lately(now time.Time) (out []peer) {
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	for _, m := range s.mem.known {
		if now.Sub(m.heard) < max(s.cfg.Away, s.silence()) {
			out = append(out, m)
		}
	}
	return out
}

// unserved is how many partitions none of the members says to serve.
func (s *shared) unserved(members []peer) int {
	served := make(map[store.Partition]bool, len(s.parts))
	for _, m := range members {
		for p := range m.Owns {
			served[p] = true
		}
	}
	return len(s.parts) - len(served)
}

// name tells a process from every other, also from another one of the same owner.
func (p *peer) name() string { return p.Owner + " " + p.Incarnation }

// heardWithin tells whether the bus carried this process's own word within a time.
func (s *shared) heardWithin(now time.Time, within time.Duration) bool {
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	m, known := s.mem.known[s.r.cfg.Owner]
	return known && now.Sub(m.heard) < within
}

// heardItself tells whether the bus carried this process's own word lately: else the others do not hear it either.
func (s *shared) heardItself(now time.Time) bool { return s.heardWithin(now, s.cfg.Away) }

// changed wakes everybody who waits for news of the members.
func (s *shared) changed() {
	s.mem.mu.Lock()
	news := s.news
	s.news = make(chan struct{})
	s.mem.mu.Unlock()
	close(news)
	ring(s.bell)
}

// membersChanged answers a channel that is closed at the next news of any member: it came, went, took or gave something, or
// says something else. Take it before looking at members. It is nil, and so never closed, when the process is alone.
func (r *Runner) membersChanged() <-chan struct{} {
	s := r.shared
	if s == nil {
		return nil
	}
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	return s.news
}
