package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
)

// model is the naive fleet: no index, no lines, every question answered by looking at everything.
type model struct {
	t        *rapid.T
	f        *Fleet
	now      time.Time
	workers  map[string]*modelWorker
	attempts map[string]*modelAttempt
	issued   int
}

type modelWorker struct {
	beat     Beat
	alive    bool
	refuses  string          // the reason of its last return; empty when it takes work
	has      map[string]bool // what the process really has
	lastSeen time.Time
}

type modelAttempt struct {
	Request
	rank  int64
	until time.Time
	on    string
}

func newModel(t *rapid.T) *model {
	return &model{
		t: t, f: NewFleet(Config{}), now: start,
		workers: make(map[string]*modelWorker), attempts: make(map[string]*modelAttempt),
	}
}

func (m *model) load(id string) (n int) {
	for _, a := range m.attempts {
		if a.on == id {
			n++
		}
	}
	return n
}

// can tells whether a worker could do the work, room aside.
func (m *model) can(id string, a *modelAttempt) bool {
	w := m.workers[id]
	if w == nil || !w.alive || w.beat.Draining || w.refuses != "" {
		return false
	}
	if !slices.ContainsFunc(w.beat.Topics, func(p string) bool { return serves(p, a.Topic) }) {
		return false
	}
	for _, r := range a.Requires {
		if !slices.Contains(w.beat.Capabilities, r) {
			return false
		}
	}
	return true
}

func (m *model) room(id string) bool {
	load, b := m.load(id), m.workers[id].beat
	return load < b.Max && 10*load <= 9*b.Max && b.CPU < 90
}

func (m *model) score(id string) float64 {
	return float64(m.load(id)) + m.workers[id].beat.CPU/100
}

// least is the worker with room that should get the attempt, names and pools considered.
func (m *model) least(a *modelAttempt) string {
	best := ""
	better := func(id string) bool {
		if best == "" {
			return true
		}
		if inPool, other := m.workers[id].beat.Pool == a.PreferredPool, m.workers[best].beat.Pool == a.PreferredPool; inPool != other {
			return inPool
		}
		return m.score(id) < m.score(best) || m.score(id) == m.score(best) && id < best
	}
	for id := range m.workers {
		if m.can(id, a) && m.room(id) && better(id) {
			best = id
		}
	}
	if p := a.PreferredWorker; p != "" && m.can(p, a) && m.room(p) {
		return p
	}
	return best
}

// waitsByName tells whether an attempt waits for the worker it prefers.
func (m *model) waitsByName(a *modelAttempt) bool {
	return a.on == "" && a.PreferredWorker != "" && m.can(a.PreferredWorker, a) && !m.room(a.PreferredWorker) &&
		m.now.Before(a.until)
}

// carry takes over what a call returned, checking each part.
func (m *model) carry(c Change) {
	for _, l := range c.Lost {
		a := m.attempts[l.Attempt]
		if a == nil || a.on != l.Worker {
			m.t.Fatalf("lost %v, which that worker did not have", l)
		}
		delete(m.attempts, l.Attempt)
	}
	for _, id := range c.Gone {
		m.workers[id].alive = false
	}
	for _, g := range c.Adopted {
		m.t.Fatalf("adopted %v, which it was given", g)
	}
	for _, g := range c.Grants {
		m.carryGrant(g)
	}
}

func (m *model) carryGrant(g Grant) {
	a := m.attempts[g.Attempt]
	switch {
	case a == nil:
		m.t.Fatalf("%s was granted and is not wanted", g.Attempt)
	case a.on != "":
		m.t.Fatalf("%s was granted to %s while %s has it", g.Attempt, g.Worker, a.on)
	case !m.can(g.Worker, a):
		m.t.Fatalf("%s was granted to %s, which cannot take it: %+v", g.Attempt, g.Worker, m.workers[g.Worker])
	case !m.room(g.Worker):
		m.t.Fatalf("%s was granted to %s, which has no room", g.Attempt, g.Worker)
	}
	if want := m.least(a); want != g.Worker {
		m.t.Fatalf("%s was granted to %s, and %s is better", g.Attempt, g.Worker, want)
	}
	for id, b := range m.attempts {
		sameLine := b.Tenant == a.Tenant && b.Topic == a.Topic && slices.Equal(b.Requires, a.Requires) && b.Priority == a.Priority
		if b.on == "" && b.PreferredWorker == "" && a.PreferredWorker == "" && sameLine && b.ReleasedAt.Before(a.ReleasedAt) {
			m.t.Fatalf("%s was granted before %s, which is ahead of it in line", g.Attempt, id)
		}
	}
	a.on = g.Worker
	m.workers[g.Worker].has[g.Attempt] = true
}

func (m *model) announce(t *rapid.T) {
	m.issued++
	r := Request{
		Attempt:         fmt.Sprintf("a%d", m.issued),
		Tenant:          rapid.SampledFrom([]string{"t1", "t2", "t3"}).Draw(t, "tenant"),
		Topic:           rapid.SampledFrom([]string{"job.a", "job.b"}).Draw(t, "topic"),
		Requires:        rapid.SampledFrom([][]string{nil, nil, {"gpu"}, {"disk", "gpu"}}).Draw(t, "requires"),
		PreferredWorker: rapid.SampledFrom([]string{"", "", "", "w1", "w2"}).Draw(t, "worker"),
		PreferredPool:   rapid.SampledFrom([]string{"", "", "", "p1", "p2"}).Draw(t, "pool"),
		Priority:        rapid.SampledFrom([]dag.Priority{dag.Batch, dag.Interactive, dag.Critical}).Draw(t, "priority"),
		ReleasedAt:      m.now.Add(-time.Duration(rapid.IntRange(0, 60_000).Draw(t, "age")) * time.Millisecond),
	}
	m.attempts[r.Attempt] = &modelAttempt{Request: r, until: m.now.Add(DefaultPreferWait)}
	m.carry(m.f.Announce(m.now, r))
	m.carry(m.f.Announce(m.now, r)) // the second time does nothing
}

func (m *model) beat(t *rapid.T) {
	id := rapid.SampledFrom([]string{"w1", "w2", "w3", "w4"}).Draw(t, "worker")
	w := m.workers[id]
	if w == nil {
		w = &modelWorker{has: make(map[string]bool), beat: Beat{Worker: id, Direct: true, ListsJobs: true, Incarnation: "1"}}
		m.workers[id] = w
	}
	if rapid.IntRange(0, 3).Draw(t, "change") == 0 || w.beat.Max == 0 {
		w.beat.Pool = rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "pool")
		w.beat.Topics = rapid.SampledFrom([][]string{{"job.a"}, {"job.b"}, {"job.*"}, {"job.b", "job.a"}}).Draw(t, "topics")
		w.beat.Capabilities = rapid.SampledFrom([][]string{nil, {"gpu"}, {"gpu", "disk"}}).Draw(t, "capabilities")
		w.beat.Max = rapid.SampledFrom([]int{1, 2, 3, 12}).Draw(t, "max")
		w.beat.CPU = rapid.SampledFrom([]float64{0, 20, 50, 95}).Draw(t, "cpu")
		w.beat.Draining = rapid.IntRange(0, 4).Draw(t, "draining") == 0
	}
	m.send(w, w.beat)
}

// send lets a worker beat as it is.
func (m *model) send(w *modelWorker, b Beat) {
	if !w.alive {
		w.has = make(map[string]bool)
	}
	w.alive, w.refuses, w.lastSeen, w.beat = true, "", m.now, b
	b.Holds, b.Active = nil, len(w.has)
	for _, id := range slices.Sorted(maps.Keys(w.has)) {
		b.Holds = append(b.Holds, Hold{Attempt: id})
	}
	c := m.f.Beat(m.now, b)
	for _, l := range c.Lost {
		if w.has[l.Attempt] {
			m.t.Fatalf("lost %v, which its worker lists", l)
		}
	}
	m.carry(c)
}

// one picks an attempt that is with a worker, or that waits.
func (m *model) one(t *rapid.T, withWorker bool) string {
	var ids []string
	for id, a := range m.attempts {
		if (a.on != "") == withWorker {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		t.Skip("nothing to pick")
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "attempt")
}

func (m *model) end(id string) {
	w := m.workers[m.attempts[id].on]
	delete(m.attempts, id)
	delete(w.has, id)
	if w.refuses == ReturnedFull {
		w.refuses = ""
	}
	m.carry(m.f.Ended(m.now, id))
	m.carry(m.f.Ended(m.now, id))
}

func (m *model) returned(t *rapid.T) {
	id := m.one(t, true)
	a := m.attempts[id]
	w := m.workers[a.on]
	w.refuses = rapid.SampledFrom([]string{ReturnedFull, ReturnedDrain}).Draw(t, "reason")
	by := a.on
	a.on = ""
	delete(w.has, id)
	m.carry(m.f.Returned(m.now, id, by, w.refuses))
}

func (m *model) leaveOrRestart(t *rapid.T) {
	id := rapid.SampledFrom([]string{"w1", "w2", "w3", "w4"}).Draw(t, "worker")
	w := m.workers[id]
	if w == nil || !w.alive {
		t.Skip("not there")
	}
	w.has = make(map[string]bool)
	b := w.beat
	if rapid.Bool().Draw(t, "leave") {
		b.Leaving = true
		m.carry(m.f.Beat(m.now, b))
		delete(m.workers, id)
	} else {
		m.issued++
		b.Incarnation = fmt.Sprint("again", m.issued)
		m.send(w, b)
	}
	for aid, a := range m.attempts {
		if a.on == id && (m.workers[id] == nil || !w.has[aid]) {
			t.Fatalf("%s is still with %s, which has begun anew", aid, id)
		}
	}
}

func (m *model) pass(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 8_000).Draw(t, "ms")) * time.Millisecond)
	c := m.f.Tick(m.now)
	for _, l := range c.Lost {
		if m.now.Sub(m.workers[l.Worker].lastSeen) < DefaultWorkerLease {
			t.Fatalf("lost %v within its lease", l)
		}
	}
	m.carry(c)
	if next := m.f.NextTick(); !next.IsZero() && !next.After(m.now) {
		t.Fatalf("something is still due at %v", next)
	}
}

// check is what must hold after every call.
func (m *model) check(t *rapid.T) {
	for id, a := range m.attempts {
		if a.on != "" {
			if holder, ok := m.f.Holder(id); !ok || holder != a.on {
				t.Fatalf("%s is with %q, want %q", id, holder, a.on)
			}
			continue
		}
		why, _ := m.f.Why(id)
		if w := m.least(a); w != "" && why != WhyPreferBusy {
			t.Fatalf("%s waits (%s), and %s could take it", id, why, w)
		}
		if why == WhyPreferBusy && !m.waitsByName(a) || why == WhyGranted || why == WhyUnknown {
			t.Fatalf("%s waits, and the reason given is %s", id, why)
		}
	}
	for _, w := range m.f.Workers(m.now) {
		if w.State != WorkerLost && w.Active+w.Reserved != m.load(w.Worker) {
			t.Fatalf("%s has %d+%d, want %d", w.Worker, w.Active, w.Reserved, m.load(w.Worker))
		}
	}
	checkIndexes(t, m.f)
}

// checkIndexes checks what Fleet says must stay true between calls.
func checkIndexes(t *rapid.T, f *Fleet) {
	waiting := 0
	for _, w := range f.workers {
		if in := w.slot != 0; in != w.hasRoom() {
			t.Fatalf("%s has room: %v; it is in its group's heap: %v", w.id, w.hasRoom(), in)
		}
		if w.hasRoom() && (w.waiting.len() > 0 || w.group.turns.Len() > 0) {
			t.Fatalf("%s has room, and something waits for it", w.id)
		}
		waiting += w.waiting.len() + len(w.held)
	}
	for _, d := range f.inOrder {
		if len(d.open) != len(d.lines) {
			t.Fatalf("%s: %d lines in order, %d by key", d.topic, len(d.open), len(d.lines))
		}
		for _, l := range d.open {
			waiting += l.waiting.len()
			if l.waiting.len() == 0 {
				t.Fatalf("an empty line is open")
			}
			for _, s := range d.seats {
				if turn := s.group.turn[l.tenant]; turn == nil || !slices.Contains(turn.lines, l) {
					t.Fatalf("a line is not known to a group that can serve it")
				}
			}
		}
		if d.wide {
			for _, s := range d.seats {
				if (s.slot != 0) != (s.group.free.len() > 0) {
					t.Fatalf("a group is ready: %v, with %d free workers", s.slot != 0, s.group.free.len())
				}
			}
		}
	}
	if waiting != len(f.attempts) {
		t.Fatalf("%d attempts are remembered, %d are somewhere", len(f.attempts), waiting)
	}
}

// finish lets all that waits be done by workers that can do anything.
func (m *model) finish(t *rapid.T) {
	m.now = m.now.Add(DefaultWorkerLease)
	m.carry(m.f.Tick(m.now))
	w := &modelWorker{has: make(map[string]bool)}
	m.workers["last"] = w
	m.send(w, Beat{
		Worker: "last", Topics: []string{">"}, Capabilities: []string{"disk", "gpu"}, Max: 2, Direct: true, ListsJobs: true,
	})
	for len(m.attempts) > 0 {
		before := len(m.attempts)
		for id := range w.has {
			m.end(id)
		}
		if len(m.attempts) == before {
			t.Fatalf("%d attempts wait for ever", before)
		}
	}
	checkIndexes(t, m.f)
	if len(m.f.Queue()) != 0 {
		t.Fatalf("queue is %v", m.f.Queue())
	}
}

// Whatever happens, in whatever order, the fleet does what looking at everything would do: no worker above its slots, the
// best worker always, no attempt lost or given away while its worker has it, none waiting that could run.
func TestFleetAgainstTheNaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		t.Repeat(map[string]func(*rapid.T){
			"announce":  m.announce,
			"announce2": m.announce,
			"beat":      m.beat,
			"beat2":     m.beat,
			"end":       func(t *rapid.T) { m.end(m.one(t, true)) },
			"withdraw": func(t *rapid.T) {
				id := m.one(t, false)
				delete(m.attempts, id)
				queued, c := m.f.Withdraw(m.now, id)
				if !queued {
					t.Fatalf("%s was not waiting", id)
				}
				m.carry(c)
			},
			"return": m.returned,
			"drop": func(t *rapid.T) { // the process forgets what it has
				id := m.one(t, true)
				delete(m.workers[m.attempts[id].on].has, id)
			},
			"leave or restart": m.leaveOrRestart,
			"pass":             m.pass,
			"":                 m.check,
		})
		m.finish(t)
	})
}

// A fleet of many kinds of workers keeps its groups in order; the choice is the same as by looking at each.
func TestWideDemand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFleet(Config{})
		var grants []Grant
		names := 0
		loads := make(map[string]int) // in hundredths
		beat := func(i, c int) {
			id := fmt.Sprintf("w%02d", i)
			loads[id] = c
			for _, g := range grants {
				if g.Worker == id {
					loads[id] += 100
				}
			}
			f.Beat(start, Beat{Worker: id, Topics: []string{"job.a"}, Capabilities: []string{id}, Max: 100, CPU: float64(c), Direct: true})
		}
		f.Announce(start, Request{Attempt: "early", Topic: "job.a"}) // the demand is older than its groups
		f.Withdraw(start, "early")
		for i := range 3 * wideDemand {
			beat(i, i)
		}
		t.Repeat(map[string]func(*rapid.T){
			"place": func(t *rapid.T) {
				names++
				c := f.Announce(start, Request{Attempt: fmt.Sprint(names), Topic: "job.a"})
				for id, load := range loads {
					got := loads[c.Grants[0].Worker]
					if load < got || load == got && id < c.Grants[0].Worker {
						t.Fatalf("granted to %s at %v, and %s is at %v", c.Grants[0].Worker, got, id, load)
					}
				}
				loads[c.Grants[0].Worker] += 100
				grants = append(grants, c.Grants[0])
			},
			"end": func(t *rapid.T) {
				if len(grants) == 0 {
					t.Skip("nothing runs")
				}
				i := rapid.IntRange(0, len(grants)-1).Draw(t, "grant")
				f.Ended(start, grants[i].Attempt)
				loads[grants[i].Worker] -= 100
				grants = slices.Delete(grants, i, i+1)
			},
			"beat": func(t *rapid.T) {
				beat(rapid.IntRange(0, 3*wideDemand-1).Draw(t, "worker"), rapid.IntRange(0, 89).Draw(t, "cpu"))
			},
			"leave": func(t *rapid.T) {
				id := fmt.Sprintf("w%02d", rapid.IntRange(1, 3*wideDemand-1).Draw(t, "worker"))
				f.Beat(start, Beat{Worker: id, Leaving: true})
				delete(loads, id)
				grants = slices.DeleteFunc(grants, func(g Grant) bool { return g.Worker == id })
			},
			"": func(t *rapid.T) { checkIndexes(t, f) },
		})
	})
}

// While they all have something waiting, each of n tenants gets one of any n slots in a row, however much each one
// sends and however urgent it says it is.
func TestFairnessBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFleet(Config{})
		f.Beat(start, Beat{Worker: "w", Topics: []string{"job.>"}, Max: 1, Direct: true})
		f.Announce(start, Request{Attempt: "first", Topic: "job.x"})
		tenants := rapid.IntRange(2, 6).Draw(t, "tenants")
		owner := make(map[string]int)
		left := make([]int, tenants)
		announce := func(tenant int) {
			id := fmt.Sprint(len(owner))
			owner[id] = tenant
			left[tenant]++
			f.Announce(start, Request{
				Attempt: id, Tenant: fmt.Sprint(tenant), Topic: rapid.SampledFrom([]string{"job.x", "job.y"}).Draw(t, "topic"),
				Priority:   rapid.SampledFrom([]dag.Priority{dag.Batch, dag.Critical}).Draw(t, "priority"),
				ReleasedAt: start.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "age")) * time.Second),
			})
		}
		for tenant := range tenants {
			for range rapid.IntRange(1, 10).Draw(t, "backlog") {
				announce(tenant)
			}
		}
		waited := make([]int, tenants)
		running := "first"
		for {
			c := f.Ended(start, running)
			if len(c.Grants) == 0 {
				break
			}
			running = c.Grants[0].Attempt
			left[owner[running]]--
			for tenant := range tenants {
				if waited[tenant]++; tenant == owner[running] || left[tenant] == 0 {
					waited[tenant] = 0
				}
				if waited[tenant] >= tenants {
					t.Fatalf("tenant %d of %d has waited for %d slots", tenant, tenants, waited[tenant])
				}
			}
		}
		for tenant, n := range left {
			if n != 0 {
				t.Fatalf("tenant %d has %d left over", tenant, n)
			}
		}
	})
}

// However many urgent jobs keep coming, a batch job waits no longer than two head starts and the slots of those that
// were released before that.
func TestNoStarvationUnderAgeing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFleet(Config{})
		now := start
		f.Beat(now, Beat{Worker: "w", Topics: []string{"job.x"}, Max: 1, Direct: true})
		f.Announce(now, Request{Attempt: "0", Topic: "job.x"})
		f.Announce(now, Request{Attempt: "batch", Topic: "job.x", Priority: dag.Batch})
		running := "0"
		for i := 1; running != "batch"; i++ {
			step := time.Duration(rapid.IntRange(1, 5_000).Draw(t, "ms")) * time.Millisecond
			if now.Sub(start) > 2*DefaultAgeing+2*step {
				t.Fatalf("still waiting after %v", now.Sub(start))
			}
			now = now.Add(step)
			f.Beat(now, Beat{Worker: "w", Topics: []string{"job.x"}, Max: 1, Direct: true, Active: 1})
			p := rapid.SampledFrom([]dag.Priority{dag.Interactive, dag.Critical}).Draw(t, "priority")
			f.Announce(now, Request{Attempt: fmt.Sprint(i), Topic: "job.x", Priority: p})
			running = f.Ended(now, running).Grants[0].Attempt
		}
	})
}
