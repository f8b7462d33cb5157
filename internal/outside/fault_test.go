package outside

import (
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"
)

// faultKind is what is done to a part or a link.
type faultKind int

const (
	killed   faultKind = iota // kill -9, and it comes back at once or a little later
	stopped                   // SIGSTOP for 1 to 10 leases
	wiped                     // killed, and comes back without its data
	cut                       // a link refuses and closes; a cable loses everything
	slowed                    // a link delays; a cable has a loose contact
	halfOpen                  // a link swallows what is sent
)

// fault is one of a plan.
type fault struct {
	kind  faultKind
	after time.Duration // the fault before it
	at    int           // index of the target or link
	lasts time.Duration // until it is over: the process is back, goes on, the link is whole
	both  bool          // half open in both directions
}

const (
	// gap is the time between two faults, at least; up to three times as much.
	gap = 300 * time.Millisecond
	// away is how long a killed process stays away, at most.
	away = 300 * time.Millisecond
	// linkFor is how long a link is bad, at most: longer than the leases of partitions.
	linkFor = 8 * time.Second
	// linksOfTwenty and cablesOfTwenty are how many faults of twenty are of a link, and of a cable: being cut off is what hosts are there for.
	linksOfTwenty  = 3
	cablesOfTwenty = 9
	// mostLeases a process is stopped for; half of them for one, a quarter for two, and so on.
	mostLeases = 10
	// killsForALease are those of a plan for each lease more that its stops may last: a short one is not to wait for a long stop.
	killsForALease = 6
)

// plan draws faults with so many kills; of twenty faults so many are of a link, if there are any. The same numbers give the same plan.
func plan(random *rand.Rand, targets []target, links, ofLinks, kills int) (faults []fault) {
	for n := 0; n < kills; {
		f := fault{after: gap + time.Duration(random.Int64N(int64(2*gap)))}
		switch dice := random.IntN(20); {
		case dice == 0:
			f.kind, f.at = stopped, random.IntN(len(targets))
		case dice <= ofLinks && links > 0:
			f.kind, f.at = []faultKind{cut, slowed, halfOpen}[random.IntN(3)], random.IntN(links)
			f.lasts, f.both = gap+time.Duration(random.Int64N(int64(linkFor))), random.IntN(2) == 0
		default:
			f.kind, f.at = killed, pick(random, targets)
		}
		switch f.kind {
		case stopped:
			f.lasts = targets[f.at].lease * time.Duration(leases(random, min(mostLeases, 1+kills/killsForALease)))
		case killed:
			n++
			f.lasts = time.Duration(random.Int64N(int64(away)))
			if targets[f.at].wipe != "" && random.IntN(2) == 0 {
				f.kind = wiped
			}
		}
		faults = append(faults, f)
	}
	return faults
}

// leases draws for how many of them, at most, a process is stopped.
func leases(random *rand.Rand, most int) int {
	n := 1
	for n < most && random.IntN(2) == 0 {
		n++
	}
	return n
}

// pick draws a target by weight.
func pick(random *rand.Rand, targets []target) int {
	sum := 0
	for _, t := range targets {
		sum += t.weight
	}
	at := random.IntN(sum)
	for i, t := range targets {
		if at -= t.weight; at < 0 {
			return i
		}
	}
	return 0
}

// tally counts what was done to a system.
type tally struct {
	kills, stops, cuts, wipes int
	parted                    int            // of the cuts those of cables
	killed                    map[string]int // kills by what died: engine, gateway, worker, ...
}

func (t *tally) add(o tally) {
	if t.killed == nil {
		t.killed = map[string]int{}
	}
	for what, n := range o.killed {
		t.killed[what] += n
	}
	t.kills, t.stops, t.cuts, t.wipes, t.parted = t.kills+o.kills, t.stops+o.stops, t.cuts+o.cuts, t.wipes+o.wipes, t.parted+o.parted
}

// storm carries out a plan and returns when its last fault has begun; calm ends those that last.
type storm struct {
	*setup
	t     *testing.T
	over  sync.WaitGroup
	early chan struct{} // closed by calm
	done  tally
}

func (s *storm) blow(faults []fault) {
	for _, f := range faults {
		time.Sleep(f.after)
		switch f.kind {
		case killed, wiped:
			s.kill(f)
		case stopped:
			s.done.stops++
			p := s.targets[f.at]
			p.freeze()
			s.over.Go(func() {
				time.Sleep(f.lasts) // whole leases
				p.thaw()
			})
		case cut, slowed, halfOpen:
			s.done.cuts++
			if s.board != nil {
				s.done.parted++
			}
			s.spoil(f)
		}
	}
}

// kill is over when the process is back: only then the next one dies, so that something is always about to come back.
func (s *storm) kill(f fault) {
	p := s.targets[f.at]
	s.done.add(tally{kills: 1, killed: map[string]int{p.what(): 1}})
	p.kill()
	if f.kind == wiped {
		s.done.wipes++
		if err := os.RemoveAll(p.wipe); err != nil {
			s.t.Error(err)
		}
	}
	time.Sleep(f.lasts)
	p.launch()
}

func (s *storm) spoil(f fault) {
	l := s.links[f.at]
	var err error
	switch f.kind {
	case cut:
		err = l.cut()
	case slowed:
		err = l.slow(100 + int(f.lasts.Milliseconds()/20))
	case halfOpen:
		err = l.halfOpen(f.both)
	}
	if err != nil {
		s.t.Error(err)
	}
	s.later(f.lasts, func() {
		if err := l.heal(); err != nil {
			s.t.Error(err)
		}
	})
}

// later makes a link whole after a while, or when the faults are over.
func (s *storm) later(d time.Duration, end func()) {
	s.over.Go(func() {
		select {
		case <-time.After(d):
		case <-s.early:
		}
		end()
	})
}

// calm ends all faults; only what is stopped sleeps to its end.
func (s *storm) calm() {
	close(s.early)
	s.over.Wait()
	for _, t := range s.targets {
		t.thaw()
		t.launch()
	}
	for _, l := range s.links {
		if err := l.heal(); err != nil {
			s.t.Error(err)
		}
	}
}
