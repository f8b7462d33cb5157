package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/dag"
)

// model is the naive fleet: no index, no lines, every question answered by looking at everything.
type model struct {
	t        *rapid.T
	f        *Fleet
	now      time.Time
	workers  map[string]*modelWorker
	attempts map[string]*modelAttempt
	rules    Rules
	issued   int
}

type modelWorker struct {
	beat     Beat
	alive    bool
	silent   bool
	refuses  string          // the reason of its last return; empty when it takes work
	refusals int             // in a row
	believe  time.Time       // when a heartbeat ends its refusal
	has      map[string]bool // what the process really has
	lastSeen time.Time
	peak     int // most that it had since its newest heartbeat
	bound    int // what peak was when that came
}

type modelAttempt struct {
	Request
	rank  int64
	until time.Time
	on    string
}

func newModel(t *rapid.T) *model {
	return &model{
		t: t, f: NewFleet(Config{ByTopic: -1}), now: start,
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

// serves tells whether a worker serves a topic.
func (m *model) serves(b Beat, topic string) bool {
	advertised := slices.ContainsFunc(b.Topics, func(p string) bool { return serves(p, topic) })
	if m.rules.Fleet == nil || !m.rules.Fleet.Mapped() {
		return advertised
	}
	entry, ok := m.rules.Fleet.Topic(topic)
	return ok && slices.Contains(entry.Pools, b.Pool) && (advertised || len(b.Topics) == 0)
}

func (m *model) pool(name string) config.Pool {
	if m.rules.Fleet == nil {
		return config.Pool{}
	}
	return m.rules.Fleet.Pools[name]
}

// can tells whether a worker could do the work, room aside.
func (m *model) can(id string, a *modelAttempt) bool {
	w := m.workers[id]
	if w == nil || !w.alive || w.beat.Draining || w.silent || w.refuses != "" || m.rules.Drained[id] || m.pool(w.beat.Pool).Draining {
		return false
	}
	if !m.serves(w.beat, a.Topic) {
		return false
	}
	for _, r := range a.Requires {
		if !slices.Contains(w.beat.Capabilities, r) && !slices.Contains(m.pool(w.beat.Pool).Requires, r) {
			return false
		}
	}
	for k, v := range a.Placement {
		if has, ok := w.beat.Labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// room tells whether a worker, and its pool, have room.
func (m *model) room(id string) bool {
	load, b := m.load(id), m.workers[id].beat
	if load >= b.Max || 10*load > 9*b.Max || (b.CPU >= 90 && load > 0 && load >= m.workers[id].bound) {
		return false
	}
	inPool, most := 0, m.pool(b.Pool).MaxJobs
	for other, w := range m.workers {
		if w.alive && w.beat.Pool == b.Pool {
			inPool += m.load(other)
		}
	}
	return most == 0 || inPool < most
}

// mayHave tells whether a tenant may have one more.
func (m *model) mayHave(tenant string) bool {
	if m.rules.Fleet == nil || m.rules.Fleet.Tenants[tenant].MaxJobs == 0 {
		return true
	}
	has := 0
	for _, a := range m.attempts {
		if a.on != "" && a.Tenant == tenant {
			has++
		}
	}
	return has < m.rules.Fleet.Tenants[tenant].MaxJobs
}

func (m *model) score(id string) float64 {
	return float64(m.load(id)) + m.workers[id].beat.CPU/100
}

// least is the worker with room that should get the attempt, names and pools considered.
func (m *model) least(a *modelAttempt) string {
	if !m.mayHave(a.Tenant) {
		return ""
	}
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
		sameLine := b.Tenant == a.Tenant && b.Topic == a.Topic && slices.Equal(b.Requires, a.Requires) && b.Priority == a.Priority &&
			b.Fairness == a.Fairness && maps.Equal(b.Placement, a.Placement)
		if b.on == "" && b.PreferredWorker == "" && a.PreferredWorker == "" && sameLine && b.ReleasedAt.Before(a.ReleasedAt) {
			m.t.Fatalf("%s was granted before %s, which is ahead of it in line", g.Attempt, id)
		}
	}
	a.on = g.Worker
	m.workers[g.Worker].peak = max(m.workers[g.Worker].peak, m.load(g.Worker))
	m.workers[g.Worker].has[g.Attempt] = true
}

func (m *model) announce(t *rapid.T) {
	m.issued++
	r := Request{
		Attempt:         fmt.Sprintf("a%d", m.issued),
		Tenant:          rapid.SampledFrom([]string{"t1", "t2", "t3"}).Draw(t, "tenant"),
		Topic:           rapid.SampledFrom([]string{"job.a", "job.b"}).Draw(t, "topic"),
		Requires:        rapid.SampledFrom([][]string{nil, nil, {"gpu"}, {"disk", "gpu"}}).Draw(t, "requires"),
		Placement:       rapid.SampledFrom([]map[string]string{nil, nil, nil, {"zone": "x"}, {"zone": "y", "host": "w1"}}).Draw(t, "placement"),
		Fairness:        rapid.SampledFrom([]string{"", "", "k1", "k2"}).Draw(t, "fairness"),
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
		w.beat.Topics = rapid.SampledFrom([][]string{{"job.a"}, {"job.b"}, {"job.*"}, {"job.b", "job.a"}, nil}).Draw(t, "topics")
		w.beat.Capabilities = rapid.SampledFrom([][]string{nil, {"gpu"}, {"gpu", "disk"}}).Draw(t, "capabilities")
		w.beat.Labels = rapid.SampledFrom([]map[string]string{nil, {"host": id}, {"zone": "x"}, {"zone": "y", "host": id}}).Draw(t, "labels")
		w.beat.Max = rapid.SampledFrom([]int{1, 2, 3, 12}).Draw(t, "max")
		w.beat.CPU = rapid.SampledFrom([]float64{0, 20, 50, 95}).Draw(t, "cpu")
		w.beat.Draining = rapid.IntRange(0, 4).Draw(t, "draining") == 0
	}
	m.send(w, w.beat)
}

// send lets a worker beat as it is.
func (m *model) send(w *modelWorker, b Beat) {
	if !w.alive {
		w.has, w.peak = make(map[string]bool), 0
	}
	w.bound = w.peak
	if m.now.Sub(w.lastSeen) >= (forgetLeases+1)*DefaultWorkerLease {
		w.refuses, w.refusals = "", 0
	}
	if !m.now.Before(w.believe) {
		w.refuses = ""
	}
	w.alive, w.silent, w.lastSeen, w.beat = true, false, m.now, b
	b.Holds, b.Active = nil, len(w.has)
	for _, id := range slices.Sorted(maps.Keys(w.has)) {
		b.Holds = append(b.Holds, Hold{Attempt: id})
	}
	c := m.f.Beat(m.now, b)
	m.hear(w, c)
	for i, ago := range sentAtOnce(m.f, c.Unlisted...) {
		m.hear(w, m.f.Sent(m.now, c.Unlisted[i], ago))
	}
	w.peak = m.load(w.beat.Worker)
}

// hear carries what a worker's heartbeat led to.
func (m *model) hear(w *modelWorker, c Change) {
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
	w.refusals = 0
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
	if w.refuses == "" {
		w.believe = m.now.Add(refusalPause(w.refusals))
		w.refusals++
	}
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

// configure sets the fleet up anew.
func (m *model) configure(t *rapid.T) {
	limit := func(name string) int { return rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, name) }
	fleet := &config.Fleet{
		Topics: rapid.SampledFrom([]map[string]config.Topic{
			nil, nil,
			{"job.a": {Pools: []string{"p1"}}, "job.default": {Pools: []string{"p1", "p2"}}},
			{"job.*": {Pools: []string{"p2"}}},
			{"job.b": {Pools: []string{"p1", "p2"}}},
		}).Draw(t, "topics"),
		Pools: map[string]config.Pool{
			"p1": {MaxJobs: limit("p1"), Draining: rapid.IntRange(0, 5).Draw(t, "draining") == 0},
			"p2": {MaxJobs: limit("p2"), Requires: rapid.SampledFrom([][]string{nil, {"gpu"}}).Draw(t, "vouched")},
		},
		Tenants: map[string]config.Tenant{
			"t1": {MaxJobs: limit("t1"), Weight: rapid.IntRange(1, 5).Draw(t, "weight")}, "t2": {MaxJobs: limit("t2")},
		},
	}
	m.rules = Rules{Fleet: fleet, Drained: rapid.SampledFrom([]map[string]bool{nil, nil, {"w2": true}}).Draw(t, "drained")}
	m.carry(m.f.Configure(m.now, m.rules))
}

func (m *model) pass(t *rapid.T) {
	until := m.now.Add(time.Duration(rapid.IntRange(1, 8_000).Draw(t, "ms")) * time.Millisecond)
	if rapid.IntRange(0, 9).Draw(t, "stands still") == 0 {
		until = until.Add(20 * time.Second)
		m.now = until
		m.tick(t)
		return
	}
	m.advance(t, until)
}

// advance ticks whenever that is due.
func (m *model) advance(t *rapid.T, until time.Time) {
	for next := m.f.NextTick(); !next.IsZero() && next.Before(until); next = m.f.NextTick() {
		m.now = next
		m.tick(t)
	}
	m.now = until
	m.tick(t)
}

func (m *model) tick(t *rapid.T) {
	for _, w := range m.workers {
		w.silent = w.silent || m.now.Sub(w.lastSeen) >= m.f.cfg.Silence
	}
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
