package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/engine/runner"
)

// idler is a worker that could have a job that waits.
type idler struct{ worker, token string }

// lookOn looks, while nobody ends anything, who waits in vain. What is so at one look may be about to change; what is so at two in a
// row is wrong, unless the worker has given something back and may be left alone for that.
func (g *game) lookOn() {
	time.Sleep(hushed)
	var before map[idler]fleetWait
	for since := time.Now(); time.Since(since) < looked && len(g.wrongs()) == 0; time.Sleep(time.Second) {
		synctest.Wait() // what happens at this moment has happened
		now := g.idlers()
		for i, w := range now {
			if _, still := before[i]; still {
				g.law.idle(i.worker, w, g.saysOf(w.run)+"; "+g.saysOfWorker(i.worker))
			}
		}
		before = now
	}
}

// idlers are the jobs that wait and the workers that could have them.
func (g *game) idlers() map[idler]fleetWait {
	has, held := map[string]string{}, map[string]map[string]bool{}
	for _, m := range g.mates {
		held[m.id] = map[string]bool{}
		for _, token := range m.tokens() {
			held[m.id][token] = true
			if !m.dead {
				has[token] = m.id
			}
		}
	}
	waiting, busy := g.law.waiting(has)
	tenants, west := map[string]int{}, 0
	for _, b := range busy {
		tenants[b.tenant]++
		for _, worker := range []string{b.worker, b.given} {
			if held[worker] != nil { // of what went to a topic, who is known to have it, and who was to get it
				held[worker][b.token] = true
			}
		}
	}
	for _, m := range g.mates {
		if m.pool == "west" && !m.dead {
			west += len(held[m.id])
		}
	}
	drains := map[string]bool{}
	for _, d := range g.r.Drains(context.Background(), runner.Caller{Tenant: "default"}) {
		drains[d.Of+d.Name] = true
	}
	found := map[idler]fleetWait{}
	for _, w := range waiting {
		if w.pauses() || w.tenant == "small" && tenants["small"] >= smallMost {
			continue
		}
		for _, m := range g.mates {
			full := len(held[m.id]) >= m.most || m.pool == "west" && west >= westMost
			if m.takesWork() && !drains["pool"+m.pool] && !drains["worker"+m.id] && m.serves(w) && (m.kind == unseen || !full) {
				found[idler{m.id, w.token}] = w
			}
		}
	}
	return found
}

// pauses tells whether a job may wait for a moment whoever has room: for a worker that it prefers, or because so many were sent it
// and did not begin.
func (w *fleetWait) pauses() bool {
	since := time.Since(w.since)
	return since < preferred || w.free > runner.PatientSends && since < runner.ResendMost+preferred
}

// takesWork tells whether a mate is there and may not be left alone.
func (m *mate) takesWork() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.dead && (m.backAt.IsZero() || time.Since(m.backAt) > alone)
}

// saysOfWorker is what a worker says of itself, and the server of it.
func (g *game) saysOfWorker(id string) string {
	var said []string
	for _, m := range g.mates {
		if m.id == id {
			m.mu.Lock()
			said = append(said, fmt.Sprintf("worker %s has %d jobs of %d, beat at %s and gave something back at %s", id, len(m.have), m.most, clock(m.beatAt), clock(m.backAt)))
			m.mu.Unlock()
		}
	}
	if g.r == nil {
		return strings.Join(said, "; ")
	}
	views, err := g.r.Workers(context.Background(), runner.Caller{Tenant: "default"})
	if err != nil {
		said = append(said, err.Error())
	}
	for _, v := range views {
		if v.ID == id {
			said = append(said, fmt.Sprintf("the server has it %s with %d active, %d reserved of %d, seen at %s", v.State, v.Active, v.Reserved, v.Max, clock(v.LastSeen)))
		}
	}
	return strings.Join(said, "; ")
}

// clock shows a time of a game.
func clock(at time.Time) string {
	if at.IsZero() {
		return "no time"
	}
	return at.Format("15:04:05.000")
}

// shows is a run as the server shows it.
func (g *game) shows(tenant, run string) (runner.RunView, error) {
	if g.view != nil {
		return g.view(tenant, run)
	}
	return g.r.View(context.Background(), runner.Caller{Tenant: tenant}, run)
}

// saysOf is what the server says of a run: of each step how it is, and where it waits.
func (g *game) saysOf(run string) string {
	v, err := g.shows(g.law.tenantOf(run), run)
	said := []string{v.State}
	for _, s := range v.Steps {
		one := fmt.Sprintf("%s %s, attempt %d is %s with %q", s.Path, s.State, s.Attempt, s.JobState, s.Worker)
		if s.Reason != "" {
			one += " (" + s.Reason + ")"
		}
		if s.Placement != nil {
			one += ", " + s.Placement.Reason + ": " + s.Placement.Why
		}
		said = append(said, one)
	}
	if err != nil {
		said = append(said, err.Error())
	}
	return strings.Join(said, "; ")
}

// serves tells whether a worker may have a job.
func (m *mate) serves(w fleetWait) bool {
	if !slices.ContainsFunc(m.topics, func(topic string) bool { return config.Covers(topic, w.topic) }) {
		return false
	}
	caps := m.caps
	if m.pool == "west" {
		caps = append(slices.Clone(caps), "postgres")
	}
	for _, need := range w.needs.Requires {
		if !slices.Contains(caps, need) {
			return false
		}
	}
	for name, value := range w.needs.Labels {
		if m.labels[name] != value {
			return false
		}
	}
	return true
}

// settle lets nothing go wrong any more: everything ends, and everything that died is done again and ends well.
func (g *game) settle() {
	g.kind.Store(true)
	g.hush()
	g.liftAll()
	for _, k := range []kindOf{native, native, direct, unseen} {
		if m := g.hire(k); m != nil {
			g.note("worker %s is there to the end", m.id)
		}
	}
	g.able()
	g.end("everything ends")
	for _, tenant := range []string{"default", "acme", "small"} {
		g.redriveAll(tenant)
	}
	g.end("what died ends")
	g.graves()
}

// able sees to it that every job finds a worker that may have it.
func (g *game) able() {
	for _, kind := range []kindOf{native, direct} {
		for _, zone := range []string{"e", "w"} {
			g.made++
			m := &mate{g: g, id: fmt.Sprintf("w%d", g.made), kind: kind, most: 3, labels: map[string]string{"zone": zone}, tells: true}
			if m.pool, m.topics = "west", []string{"job.west.*", "job.any.*"}; kind == native {
				m.pool, m.caps, m.topics = "east", []string{"gpu"}, []string{"job.east.*", "job.any.*"}
			}
			if err := m.arrive(); err != nil {
				g.t.Fatal(err)
			}
			g.mates = append(g.mates, m)
		}
	}
}

func (g *game) liftAll() {
	for _, d := range g.r.Drains(context.Background(), runner.Caller{Tenant: "default"}) {
		if err := g.call("default", func(ctx context.Context, c runner.Caller) error { return g.r.LiftDrain(ctx, c, d.Of, d.Name) }); err != nil {
			g.t.Errorf("drain of %s %s: %v", d.Of, d.Name, err)
		}
	}
}

// end waits until every run has ended.
func (g *game) end(what string) {
	for since := time.Now(); len(g.law.unfinished()) > 0 && len(g.wrongs()) == 0; time.Sleep(time.Second) {
		if time.Since(since) < inTheEnd {
			continue
		}
		for _, run := range g.law.unfinished() {
			g.law.stuck(what, run, g.saysOf(run))
		}
		for _, m := range g.mates {
			g.note("%s", g.saysOfWorker(m.id))
		}
	}
	g.note("%s", what)
}

// redriveAll has what died in a tenant done again, and waits until that is said of all of it.
func (g *game) redriveAll(tenant string) {
	var all runner.Redrive
	for range 600 { // another one may be under way
		err := g.call(tenant, func(ctx context.Context, c runner.Caller) (err error) {
			all, err = g.r.StartRedrive(ctx, c, runner.RedriveRequest{Filter: runner.DeadFilter{State: "dead"}, Rate: 100})
			return err
		})
		if err == nil {
			break
		}
		if !errors.Is(err, runner.ErrConflict) {
			g.t.Fatalf("redrive: %v", err)
		}
		time.Sleep(time.Second)
	}
	for all.State == "running" {
		time.Sleep(time.Second)
		err := g.call(tenant, func(ctx context.Context, c runner.Caller) (err error) {
			all, err = g.r.Redrive(ctx, c, all.ID)
			return err
		})
		if err != nil {
			g.t.Fatalf("redrive: %v", err)
		}
	}
	g.tally.redrives++
	g.note("redrive of all in %s: %+v", tenant, all)
}
