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
		if w.hasRoom() && !w.group.pool.full() {
			if w.waiting.len() > 0 || slices.ContainsFunc(w.group.turns.items, func(t *turn) bool { return !t.tenant.full() }) {
				t.Fatalf("%s has room, and something waits for it", w.id)
			}
		}
		waiting += w.waiting.len() + len(w.held)
	}
	for _, d := range f.inOrder {
		if len(d.open) != len(d.lines) {
			t.Fatalf("%s: %d lines in order, %d by key", d.topic.name, len(d.open), len(d.lines))
		}
		for _, l := range d.open {
			waiting += checkLine(t, l)
		}
		for _, st := range d.stands {
			checkStand(t, st)
		}
		if d.topic.voice != nil && d.plain() {
			waiting += len(d.topic.voice.held)
		}
	}
	checkLimits(t, f)
	if waiting != len(f.attempts) {
		t.Fatalf("%d attempts are remembered, %d are somewhere", len(f.attempts), waiting)
	}
}

// checkLimits counts anew what pools and tenants have, and looks for those whom nobody would wake.
func checkLimits(t *rapid.T, f *Fleet) {
	load, held := make(map[*pool]int), make(map[*tenant]int)
	for _, w := range f.workers {
		if w.group != nil {
			load[w.group.pool] += w.load()
			if w.hasRoom() && w.group.pool.full() && w.waiting.len() > 0 && !slices.Contains(w.group.pool.awaited, w) {
				t.Fatalf("nobody would wake those that wait for %s", w.id)
			}
		}
	}
	for _, a := range f.attempts {
		if a.on != nil {
			held[a.tenant]++
		}
	}
	for _, p := range f.pools {
		if p.load != load[p] || p.roused {
			t.Fatalf("pool %s has %d, want %d; roused: %v", p.name, p.load, load[p], p.roused)
		}
	}
	for _, n := range f.tenants {
		if n.held != held[n] || n.wanted == 0 || n.roused {
			t.Fatalf("tenant %s has %d, want %d; wants %d", n.name, n.held, held[n], n.wanted)
		}
	}
	for _, g := range f.groups {
		if hungry := g.free.len() > 0 && g.pool.full() && g.turns.len() > 0; hungry && !slices.Contains(g.pool.starved, g) {
			t.Fatalf("nobody would wake what waits for %s", g.key)
		}
	}
}

func checkLine(t *rapid.T, l *line) (waiting int) {
	for _, s := range l.shares {
		if s.waiting.len() == 0 || s.slot == 0 {
			t.Fatalf("a fairness key with nothing waiting has a share")
		}
		waiting += s.waiting.len()
	}
	if waiting == 0 || waiting != l.size || l.turns.Len() != len(l.shares) || l.tenant.lines[l.tenantAt] != l {
		t.Fatalf("a line of %d has %d, with %d keys and %d turns", l.size, waiting, len(l.shares), l.turns.Len())
	}
	for _, st := range l.demand.stands {
		for _, s := range st.seats {
			turn := s.group.turn[l.tenant.name]
			if turn == nil || !slices.Contains(turn.lines, l) || (turn.slot == 0) == (turn.parkedAt == 0) {
				t.Fatalf("a line is not known to a group that can serve it")
			}
		}
	}
	return waiting
}

func checkStand(t *rapid.T, st *stand) {
	if st.wide {
		for _, s := range st.seats {
			if (s.slot != 0) != (s.group.free.len() > 0) {
				t.Fatalf("a group is ready: %v, with %d free workers", s.slot != 0, s.group.free.len())
			}
		}
	}
	if st.demand.wide && (st.slot != 0) != (st.best() != nil) {
		t.Fatalf("a pool is ready: %v, with a free worker: %v", st.slot != 0, st.best() != nil)
	}
}

// finish lets all that waits be done by workers that can do anything.
func (m *model) finish(t *rapid.T) {
	m.advance(t, m.now.Add(DefaultWorkerLease+DefaultWorkerLease/3+BeatFlight))
	m.rules = Rules{}
	m.carry(m.f.Configure(m.now, m.rules))
	w := &modelWorker{has: make(map[string]bool)}
	m.workers["last"] = w
	m.send(w, Beat{
		Worker: "last", Topics: []string{">"}, Capabilities: []string{"disk", "gpu"}, Max: 2,
		Labels: map[string]string{"zone": "x", "host": "w1"}, Direct: true, ListsJobs: true,
	})
	other := &modelWorker{has: make(map[string]bool)}
	m.workers["other"] = other
	m.send(other, Beat{
		Worker: "other", Topics: []string{">"}, Capabilities: []string{"disk", "gpu"}, Max: 2,
		Labels: map[string]string{"zone": "y", "host": "w1"}, Direct: true, ListsJobs: true,
	})
	for len(m.attempts) > 0 {
		before := len(m.attempts)
		for _, id := range slices.Concat(slices.Collect(maps.Keys(w.has)), slices.Collect(maps.Keys(other.has))) {
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
				m.carry(m.f.Ended(m.now, id))
			},
			"return": m.returned,
			"drop": func(t *rapid.T) { // the process forgets what it has
				id := m.one(t, true)
				delete(m.workers[m.attempts[id].on].has, id)
			},
			"leave or restart": m.leaveOrRestart,
			"configure":        m.configure,
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
		f.Ended(start, "early")
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
