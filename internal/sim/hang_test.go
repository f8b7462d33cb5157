package sim

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// This file is about one commit that hangs, for longer than workers need to say twice what they have: whoever was granted a job
// meanwhile gets it late, and it is not lost.

const (
	// shortestHang and moreHang are how long such a commit takes. When it has not begun after waitForHang, people go on.
	shortestHang, moreHang = 2 * time.Second, 10 * time.Second
	waitForHang            = 5 * time.Second
	// slowShare is how many seeds there are for a game of one server in which nothing goes wrong but that commits take long;
	// slowTeams, for such a one of a team.
	slowShare, slowTeams = 10, 20
)

// slowAlone tells whether nothing goes wrong in a seed's game but that commits take long: then no job may be lost.
func slowAlone(seed uint64, kind gameKind) bool {
	switch kind {
	case inMemory:
		return seed%slowShare == slowShare/2
	case byATeam:
		return seed%slowTeams == slowTeams/2-2
	}
	return false
}

// hang is one commit that takes long.
type hang struct {
	w     *whole
	lasts time.Duration
	every time.Duration // workers are asked so often meanwhile what they have
	sends bool          // it is one before which something was released that no worker has got
	begun atomic.Bool
}

// hang draws one, and brings a worker when it has begun: that is granted what waits for a worker, and gets it late.
func (w *whole) hang(plan func(*hang)) {
	more := moreHang
	if w.team != nil && w.law.keeps {
		more = runner.DefaultLeaseTTL - shortestHang // an engine whose commit hangs for longer loses what it owns
	}
	h := &hang{
		w: w, lasts: shortestHang + time.Duration(w.draw.Int64N(int64(more))),
		every: scheduler.BeatFlight + time.Duration(w.draw.Int64N(int64(scheduler.BeatFlight/2))), sends: w.draw.IntN(3) > 0,
	}
	w.count.Hangs++
	w.note("a commit is to take %s, one before which something is to be sent %t", h.lasts, h.sends)
	plan(h)
	for since := time.Now(); !h.begun.Load() && time.Since(since) < waitForHang; {
		time.Sleep(10 * time.Millisecond)
	}
	if h.begun.Load() {
		w.employ(native)
	}
}

// due tells whether a commit that begins now is the one. who is the engine whose it is, "" where there is one server.
func (h *hang) due(who string) bool {
	return !h.begun.Load() && (!h.sends || h.w.law.unsent(func(run string) bool { return who == "" || h.w.journal.law.owns(who, run) }))
}

// last lasts as long as the commit hangs. Workers are asked for more heartbeats than their usual ones, as engines ask that begin:
// there would not be two of those before an engine of a team whose commit hangs loses what it owns.
func (h *hang) last() {
	if h.begun.Swap(true) {
		return
	}
	h.w.note("a commit hangs")
	begun := time.Now()
	for left := h.lasts; left > 0; left -= h.every {
		time.Sleep(min(left, h.every))
		_ = h.w.bus.Publish(bus.SubjectAskJobs, nil) // it may be closed already
	}
	h.w.law.hung(begun)
	h.w.note("a commit hangs no more")
}

// takeLong has a commit of the server, or of an engine, hang, or each take long for a while.
func (w *whole) takeLong(d time.Duration) {
	switch often := w.draw.IntN(4) == 0; {
	case w.team != nil && often:
		w.team.slowDown(pick(w.game, w.team.alive()), d, time.Duration(1+w.draw.IntN(900))*time.Millisecond)
	case w.team != nil:
		w.team.hangOnce(w.team.alive()...)
	case often:
		w.slowDown(d)
	default:
		w.hangOnce()
	}
}

// hangOnce has one commit of one of some engines hang.
func (t *team) hangOnce(some ...*peer) {
	t.w.hang(func(h *hang) {
		for _, p := range some {
			p.reach.hangs.Store(h)
		}
	})
}

// slowDown makes each commit of an engine slow, for a while.
func (t *team) slowDown(p *peer, d, slow time.Duration) {
	p.reach.slow.Store(int64(slow))
	time.AfterFunc(d, func() { p.reach.slow.Store(0) })
	t.w.note("each commit of %s takes %s for %s", p.name, slow, d)
}

// hangOnce has one commit of the server hang.
func (w *whole) hangOnce() {
	w.hang(func(h *hang) {
		w.faults.Plan(faults.Fault{Method: faults.Commit, Match: func(faults.Call) bool { return h.due("") }, Do: faults.Run(h.last)})
	})
}

// slowDown makes commits of the server slow, for a while.
func (w *whole) slowDown(d time.Duration) {
	w.count.Away++
	away, slow := w.faults, time.Duration(1+w.draw.IntN(900))*time.Millisecond
	away.Plan(faults.Fault{Method: faults.Commit, Times: -1, Do: faults.Run(func() { time.Sleep(slow) })})
	time.AfterFunc(d, away.Clear)
	w.note("each commit takes %s for %s", slow, d)
}

// unsent tells whether something was released, of one of some runs, that no worker has got.
func (l *fleetLaw) unsent(of func(run string) bool) bool {
	l.mu.Lock()
	var runs []string
	for token, s := range l.tokens {
		if s.worker == "" && l.isOpen(token) {
			runs = append(runs, s.run)
		}
	}
	l.mu.Unlock()
	return slices.ContainsFunc(runs, of)
}

// owns tells whether an engine has a run, as the store has it.
func (l *law) owns(who, run string) bool {
	at, err := id.Partition(run)
	l.mu.Lock()
	defer l.mu.Unlock()
	return err == nil && l.owners[store.Partition(at)].who == who
}

// hung takes that a commit hung until now.
func (l *fleetLaw) hung(from time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hungFrom, l.hungUntil = from, time.Now()
}

// doubts takes that something happens by which what is sent may be lost, or was.
func (l *fleetLaw) doubts() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubt()
}

func (l *fleetLaw) doubt() {
	if len(l.tokens) > 0 { // before that there is nothing to be lost
		l.doubted = time.Now().Add(healthy)
	}
}

// gaveBack takes that a worker gives a job back.
func (l *fleetLaw) gaveBack(token []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.returned[string(token)] = true
}

// lost looks at a send that ends without an answer as that of a worker that has it no more, or that is followed by another one of the
// same attempt: where nothing happened by which it can be lost, it is not, however long a commit took.
func (l *fleetLaw) lost(run string, node int32, j *fleetJob, what string) {
	if !l.keeps || l.returned[j.token] || !j.since.After(l.doubted) {
		return
	}
	got := "nobody has got it"
	switch s := l.tokens[j.token]; {
	case s == nil:
		return
	case s.worker != "":
		got = s.worker + " got it at " + clock(s.at)
	}
	l.broken("run %s: attempt %d of node %d, released at %s, %s, and nothing went wrong by which it was lost: %s", run, j.attempt, node, clock(j.since), what, got)
}

// TestLawOfTheLost shows the law sends that end without an answer.
func TestLawOfTheLost(t *testing.T) {
	asked, released := &engine.JobAsked{Attempt: 1}, &scheduler.JobReleased{Send: 1, Token: []byte("1")}
	again, lost := &scheduler.JobReleased{Send: 2, Token: []byte("2")}, &scheduler.JobEnded{State: scheduler.JobFailed}
	doubt := func(l *fleetLaw) { l.doubts() }
	for name, c := range map[string]struct {
		meanwhile func(*fleetLaw)
		then      []codec.Fielder
		want      string
	}{
		"sent again":             {then: []codec.Fielder{again}, want: "is sent again"},
		"ended":                  {then: []codec.Fielder{lost}, want: "ends as lost"},
		"answered":               {then: []codec.Fielder{&scheduler.JobEnded{State: scheduler.JobFailed, Answered: true}}},
		"withheld":               {then: []codec.Fielder{&scheduler.JobWithheld{}, again}},
		"given back":             {meanwhile: func(l *fleetLaw) { l.gaveBack(released.Token) }, then: []codec.Fielder{again}},
		"asked to end":           {then: []codec.Fielder{&scheduler.JobCancelling{}, lost}, want: "attempt 1 of node 0"},
		"may be lost":            {meanwhile: doubt, then: []codec.Fielder{lost}},
		"what came before might": {meanwhile: doubt, then: []codec.Fielder{lost, &engine.JobAsked{Attempt: 2}, again, lost}, want: "attempt 2 of node 0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, r := newFleetLaw(), &fleetRun{nodes: map[int32]*fleetJob{}}
				l.keeps = true
				l.take("r", r, asked)
				l.take("r", r, released)
				if c.meanwhile != nil {
					c.meanwhile(l)
				}
				for _, f := range c.then {
					time.Sleep(healthy)
					l.take("r", r, f)
				}
				said := strings.Join(l.wrongs(), "\n")
				if (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
					t.Errorf("it says %q, want %q", said, c.want)
				}
			})
		})
	}
}
