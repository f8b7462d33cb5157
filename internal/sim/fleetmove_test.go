package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

// Topics, tenants and locks of a game.
var (
	fleetTopics  = []string{"job.east.again", "job.east.once", "job.west.again", "job.west.once", "job.any.again", "job.any.once", "job.dark.again", "job.dark.once"}
	fleetTenants = []string{"default", "default", "acme", "acme", "small"}
	fleetLocks   = []string{"", "", "", "db", "db", "file"}
)

// fleetWorkflow has a step that is undone when the other fails for good.
const fleetWorkflow = `
id: pair
on_failure: rollback
steps:
  - {id: a, topic: job.east.once, input: {n: 1}, retry: {max_attempts: 3}, timeout_sec: 40, compensate: {topic: job.any.again, timeout_sec: 40, retry: {max_attempts: 3}}}
  - {id: b, topic: job.west.once, depends_on: [a], input: {shared: false}, resource_lock: db, retry: {max_attempts: 3}, timeout_sec: 40}
`

// move lets one thing happen, and some time pass.
func (g *game) move() {
	if g.journal.gone.Load() {
		g.back()
		g.troubled = time.Now()
	}
	switch n := g.draw.IntN(100); {
	case n < 46:
		for range 1 + g.draw.IntN(4) {
			g.submit()
		}
	case n < 50:
		g.startPair()
	case n < 56:
		g.drain()
	case n < 60:
		g.part()
	case n < 66:
		g.hire(kindOf(g.draw.IntN(4)))
	case n < 69:
		g.freeze()
	case n < 75:
		g.trouble()
	case n < 80:
		g.redrive()
	case n < 86:
		g.lock()
	case n < 89:
		g.cancel()
	case n < 91:
		g.hush()
	}
	time.Sleep(time.Duration(20+g.draw.IntN(900)) * time.Millisecond)
}

// pick draws one of a list.
func pick[T any](g *game, from []T) T { return from[g.draw.IntN(len(from))] }

// call asks the server something. What cannot be answered now is not asked again.
func (g *game) call(tenant string, do func(context.Context, runner.Caller) error) error {
	g.commands++
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return do(ctx, runner.Caller{
		Tenant: tenant, Actor: tester, Reason: "the game", Roles: []string{"admin"}, Command: fmt.Sprintf("command-%d", g.commands),
	})
}

func (g *game) submit() {
	g.jobs++
	g.tally.jobs++
	tenant, topic := pick(g, fleetTenants), pick(g, fleetTopics)
	needs := fleetNeeds{Number: g.jobs, Shared: g.draw.IntN(2) == 0, Untold: g.draw.IntN(3) == 0}
	again := !single(topic)
	req := runner.JobRequest{
		Topic: topic, Idempotent: &again, MaxAttempts: mostAttempts, TimeoutSec: 20 + g.draw.IntN(40), ResourceLock: pick(g, fleetLocks),
		LockShared: needs.Shared, IdempotencyKey: fmt.Sprintf("job-%d", g.jobs), Priority: pick(g, []string{"", "interactive", "critical"}),
		Labels: map[string]string{"fairness_key": fmt.Sprint(g.draw.IntN(3))},
	}
	if needs.Untold {
		req.MaxAttempts = 0
	}
	if topic[:8] == "job.east" && g.draw.IntN(3) == 0 {
		needs.Requires, req.Requires = []string{"gpu"}, []string{"gpu"}
	}
	if topic[:8] == "job.any." && g.draw.IntN(3) == 0 {
		zone := pick(g, []string{"e", "w"})
		needs.Labels, req.Labels["placement.zone"] = map[string]string{"zone": zone}, zone
	}
	if topic[:8] == "job.west" && g.draw.IntN(3) == 0 {
		needs.Requires, req.Requires = []string{"postgres"}, []string{"postgres"}
	}
	if len(g.mates) > 0 && g.draw.IntN(4) == 0 {
		req.PreferredWorkerID = pick(g, g.mates).id
	}
	var err error
	if req.Input, err = json.Marshal(needs); err != nil {
		g.t.Fatal(err)
	}
	err = g.call(tenant, func(ctx context.Context, c runner.Caller) error {
		_, _, err := g.r.Submit(ctx, c, req)
		return err
	})
	g.note("job %d of %s on %s, lock %q %t, %v %v: %v", g.jobs, tenant, topic, req.ResourceLock, req.LockShared, needs.Requires, needs.Labels, err)
}

func (g *game) startPair() {
	err := g.call("default", func(ctx context.Context, c runner.Caller) error {
		if _, err := g.r.PutWorkflow(ctx, c, []byte(fleetWorkflow), runner.FormatYAML); err != nil {
			return err
		}
		_, err := g.r.Start(ctx, c, runner.StartRequest{Workflow: "pair"})
		return err
	})
	g.note("a pair: %v", err)
}

// hire brings a worker, unless there are enough.
func (g *game) hire(k kindOf) *mate {
	if n := len(slices.DeleteFunc(slices.Clone(g.mates), func(m *mate) bool { return m.dead || m.kind != k })); n >= 4 {
		return nil
	}
	g.made++
	m := &mate{g: g, id: fmt.Sprintf("w%d", g.made), kind: k, most: 1 + g.draw.IntN(3), labels: map[string]string{"zone": pick(g, []string{"e", "w"})}}
	switch k {
	case native:
		m.hoards = g.draw.IntN(4) == 0
		m.pool, m.tells, m.topics = "east", true, []string{"job.east.again", "job.east.once", "job.any.*"}
		if g.draw.IntN(2) == 0 {
			m.caps = []string{"gpu"}
		}
	case direct, pooled:
		m.pool, m.tells, m.topics = "west", g.draw.IntN(2) == 0, []string{"job.west.again", "job.west.once", "job.any.again", "job.any.once"}
	case unseen:
		m.pool, m.topics = "shade", []string{"job.dark.again", "job.dark.once"}
	}
	if err := m.arrive(); err != nil {
		g.t.Fatal(err)
	}
	g.mates = append(g.mates, m)
	g.note("worker %s comes: kind %d, %d at once, %v %v", m.id, k, m.most, m.caps, m.labels)
	return m
}

// part lets a worker die, or leave.
func (g *game) part() {
	m := pick(g, g.mates)
	if m.dead {
		return
	}
	if g.draw.IntN(2) == 0 {
		m.leave()
		g.note("worker %s leaves", m.id)
	} else {
		m.die()
		g.note("worker %s dies", m.id)
	}
	g.troubled = time.Now()
}

func (g *game) freeze() {
	m, d := pick(g, g.mates), time.Duration(1+g.draw.IntN(30))*time.Second
	m.freeze(d)
	g.note("worker %s is stopped for %s", m.id, d)
	g.troubled = time.Now().Add(d)
}

// drain drains a pool or a worker, or lifts a drain.
func (g *game) drain() {
	of, name := "pool", pick(g, []string{"east", "west"})
	if g.draw.IntN(2) == 0 {
		of, name = "worker", pick(g, g.mates).id
	}
	lift := g.draw.IntN(5) < 3
	err := g.call("default", func(ctx context.Context, c runner.Caller) error {
		if lift {
			return g.r.LiftDrain(ctx, c, of, name)
		}
		_, err := g.r.SetDrain(ctx, c, of, name)
		return err
	})
	g.note("drain of %s %s, lifted %t: %v", of, name, lift, err)
}

// trouble stops the server, kills it, or takes the store or the bus away for a while.
func (g *game) trouble() {
	for_ := time.Duration(50+g.draw.IntN(6000)) * time.Millisecond
	g.troubled = time.Now().Add(for_)
	switch g.draw.IntN(5) {
	case 0:
		g.note("the server is stopped")
		g.back()
	case 1:
		facts := 1 + g.draw.IntN(12)
		g.note("the server dies within %d facts", facts)
		g.journal.mu.Lock()
		g.journal.killAt = g.journal.facts + facts
		g.journal.mu.Unlock()
	case 2, 3:
		when := faults.Moment(g.draw.IntN(2))
		g.note("the store is away for %s: it fails %s commits", for_, when)
		away := g.faults
		away.Plan(faults.Fault{Method: faults.Commit, Times: -1, When: when, Do: faults.Fail(faults.ErrPlanned)})
		time.AfterFunc(for_, away.Clear)
	case 4:
		g.note("the bus is away for %s", for_)
		g.cut.Store(true)
		time.AfterFunc(for_, func() {
			g.law.begins()
			g.cut.Store(false)
		})
	}
}

// redrive has everything that died done again, or one of it.
func (g *game) redrive() {
	tenant, one := pick(g, fleetTenants), g.draw.IntN(2) == 0
	retried := 0
	err := g.call(tenant, func(ctx context.Context, c runner.Caller) error {
		if !one {
			_, err := g.r.StartRedrive(ctx, c, runner.RedriveRequest{Filter: runner.DeadFilter{State: "dead"}, Rate: 20})
			return err
		}
		list, _, err := g.r.DeadLetters(ctx, c, runner.DeadFilter{}, "", 3)
		if err != nil || len(list) == 0 {
			return err
		}
		retried++
		_, err = g.r.RetryDead(ctx, c, pick(g, list).ID)
		return err
	})
	if err == nil {
		g.tally.redrives++
	}
	g.note("redrive in %s, one %t: %v", tenant, one, err)
}

// lock takes a lock from outside, or lets one go.
func (g *game) lock() {
	if len(g.locks) > 0 && g.draw.IntN(2) == 0 {
		l := g.locks[0]
		g.locks = g.locks[1:]
		err := g.call(l.tenant, func(ctx context.Context, c runner.Caller) error {
			_, err := g.r.ReleaseLock(ctx, c, runner.LockRequest{Name: l.name, Owner: l.Holder, Token: l.Token})
			return err
		})
		g.note("%s lets lock %s go: %v", l.Holder, l.name, err)
		return
	}
	l := outsideLock{tenant: pick(g, fleetTenants), name: pick(g, []string{"db", "file"})}
	req := runner.LockRequest{
		Name: l.name, Owner: fmt.Sprintf("human-%d", len(g.moves)), Shared: g.draw.IntN(2) == 0, TTL: time.Duration(2+g.draw.IntN(10)) * time.Second,
		Wait: time.Duration(g.draw.IntN(3)) * time.Second,
	}
	err := g.call(l.tenant, func(ctx context.Context, c runner.Caller) (err error) {
		l.LockHolder, err = g.r.AcquireLock(ctx, c, req)
		return err
	})
	if err == nil {
		l.Holder = req.Owner
		g.law.outside(l.tenant, l.name, req.Shared, l.Token)
		g.locks = append(g.locks, l)
	}
	g.note("%s takes lock %s of %s, shared %t: %v", req.Owner, l.name, l.tenant, req.Shared, err)
}

func (g *game) cancel() {
	runs := g.law.unfinished()
	if len(runs) == 0 {
		return
	}
	slices.Sort(runs)
	run := pick(g, runs)
	err := g.call(g.law.tenantOf(run), func(ctx context.Context, c runner.Caller) error {
		_, err := g.r.Command(ctx, c, run, runner.Command{Verb: runner.VerbCancel})
		return err
	})
	g.note("run %s is cancelled: %v", run, err)
}

// hush waits until nothing has gone wrong for a while, lets nobody end anything for another while, and looks who waits in vain.
func (g *game) hush() {
	g.journal.mu.Lock()
	g.journal.killAt = 0
	g.journal.mu.Unlock()
	for g.journal.gone.Load() || time.Since(g.troubled) < healthy {
		if g.journal.gone.Load() {
			g.back()
			g.troubled = time.Now()
		}
		time.Sleep(time.Second)
	}
	g.paused.Store(true)
	g.lookOn()
	g.graves()
	g.paused.Store(false)
	g.tally.quiets++
	g.note("looked who waits")
}
