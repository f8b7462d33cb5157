package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// This file brings runs into memory without their lane waiting for the store: what comes for a run that is being read waits, and
// the lane goes on with the others. A process that takes over the runs of one that died reads very many of them, and those that
// it had before must not feel it.

// loadings are the runs that a lane has read at the moment. Only the lane touches them.
type loadings struct {
	runs   map[string]*loading
	chains map[audit.Chain]bool // that are read beside them
	queue  []*loading           // those whose turn is to come
	under  int                  // how many are being read
	tasks  int                  // how many tasks wait for one of them
}

// loading is one run that is being read, and what waits for it.
type loading struct {
	run, tenant string
	part        store.Partition
	chain       bool   // where its tenant's audit chain stands is read, too
	tasks       []task // in the order in which they came
	stale       bool   // the lane had to do with the run's records meanwhile: what is being read is not used
	then        []func()
}

// loadedRun is what was read.
type loadedRun struct {
	live  *live
	err   error
	chain *audit.State // nil: it was not asked for, or could not be read
}

func newLoadings() loadings {
	return loadings{runs: make(map[string]*loading), chains: make(map[audit.Chain]bool)}
}

// waits tells whether a task has to wait for its run to be read, and sees to it that this happens. What cannot be read so is
// left to who performs the task.
func (l *lane) waits(t *task) bool {
	if t.run == "" || l.runs[t.run] != nil {
		return false
	}
	g := l.loadings.runs[t.run]
	if g == nil {
		tenant := cmp.Or(t.tenant, l.mending[t.run])
		_, gone := l.retired[t.run]
		if t.fresh || tenant == "" || gone || l.broken[t.run] != nil || l.loadings.tasks >= maxLoadingTasks || l.laneless(t.run) {
			return false
		}
		g = l.load(tenant, t.run)
	}
	g.tasks = append(g.tasks, *t)
	l.loadings.tasks++
	return true
}

// laneless tells whether a name is no run of this lane's.
func (l *lane) laneless(run string) bool { return l.r.laneOf(run) != l }

// load has a run read as soon as there is room.
func (l *lane) load(tenant, run string) *loading {
	g := &loading{run: run, tenant: tenant, part: l.r.partOf(run)}
	c := audit.Chain{Partition: g.part, Tenant: tenant}
	if _, known := l.trail.states[c]; !known && !l.loadings.chains[c] {
		g.chain, l.loadings.chains[c] = true, true
	}
	l.loadings.runs[run] = g
	l.loadings.queue = append(l.loadings.queue, g)
	l.loadNext()
	return g
}

// loadNext begins to read those whose turn it is.
func (l *lane) loadNext() {
	b := &l.loadings
	for b.under < loadAtOnce && len(b.queue) > 0 {
		g := b.queue[0]
		b.queue[0] = nil
		if b.queue = b.queue[1:]; len(b.queue) == 0 {
			b.queue = nil
		}
		b.under++
		l.r.work.Go(func() {
			got := l.r.readRunAndChain(g)
			l.inbox.push(task{do: func(t *turn) { t.lane.loaded(g, got) }})
		})
	}
}

// readRunAndChain reads what a lane needs to go on with a run. It is not on the lane.
func (r *Runner) readRunAndChain(g *loading) (got loadedRun) {
	ctx := context.Background() // as on the lane: a store call that was cut off says nothing
	got.live, got.err = r.loadFenced(ctx, g.tenant, g.run)
	if g.chain && got.err == nil {
		if s, err := audit.Load(ctx, r.store, audit.Chain{Partition: g.part, Tenant: g.tenant}); err == nil {
			got.chain = &s
		}
	}
	return got
}

// loaded takes a run that was read, and does what waited for it.
func (l *lane) loaded(g *loading, got loadedRun) {
	l.loadings.under--
	l.loadNext()
	if l.loadings.runs[g.run] != g {
		return // its partition left meanwhile
	}
	l.loadings.end(g)
	ctx, err := context.Background(), l.moved(&task{run: g.run})
	if err == nil {
		err = l.takeLoaded(ctx, g, got)
	}
	for i := range g.tasks {
		l.resume(ctx, &g.tasks[i], g, err)
	}
	if lr := l.runs[g.run]; lr != nil {
		l.schedule(lr)
	}
	for _, f := range g.then {
		f()
	}
}

// takeLoaded makes a run that was read one of the lane's, unless the lane had to do with it meanwhile.
func (l *lane) takeLoaded(ctx context.Context, g *loading, got loadedRun) error {
	c := audit.Chain{Partition: g.part, Tenant: g.tenant}
	if _, known := l.trail.states[c]; got.chain != nil && !known && !g.stale {
		l.trail.read[c] = *got.chain
	}
	switch {
	case g.stale || l.runs[g.run] != nil:
		return nil
	case got.err == nil:
		got.live.freshen(l.r.now())
		l.adopt(got.live)
		return nil
	case errors.Is(got.err, ErrNotFound) || transient(got.err):
		return got.err
	}
	l.setAside(ctx, g.run, g.tenant, got.err)
	return fmt.Errorf("run %s: %w", g.run, errors.Join(errSetAside, ErrUnavailable, got.err))
}

// resume does what waited for a run. An error says why the run could not be had under the name that it was looked for: who asks
// under another one, or makes it when there is none, is answered by a look of their own.
func (l *lane) resume(ctx context.Context, t *task, g *loading, err error) {
	asksAgain := t.tenant != g.tenant || t.mayBe && errors.Is(err, ErrNotFound)
	switch {
	case err == nil || asksAgain:
		l.performNow(ctx, t)
	case t.fail != nil:
		l.guard(t.run, func() { t.fail(err) })
	}
}

// end forgets one that was read.
func (b *loadings) end(g *loading) {
	delete(b.runs, g.run)
	b.tasks -= len(g.tasks)
	if g.chain {
		delete(b.chains, audit.Chain{Partition: g.part, Tenant: g.tenant})
	}
}

// touch notes that the lane has a run that may be about to be read: the one thing that does not wait for that is the noting of a
// fault. What the lane writes now may not be in what is read, and when that comes it may have let go of the run again: it is read
// once more.
func (b *loadings) touch(run string) {
	if g := b.runs[run]; g != nil {
		g.stale = true
	}
}

// touchAll is touch for the runs of a partition.
func (b *loadings) touchAll(p store.Partition) {
	for _, g := range b.runs {
		if g.part == p {
			g.stale = true
		}
	}
}

// behindLoads calls f on the lane when the runs of a partition that are being read now have been taken up: at once when there are
// none. It is not called when the partition leaves.
func (l *lane) behindLoads(p store.Partition, f func()) {
	left := 0
	done := func() {
		if left--; left == 0 {
			f()
		}
	}
	for _, g := range l.loadings.runs {
		if g.part == p {
			left++
			g.then = append(g.then, done)
		}
	}
	if left == 0 {
		f()
	}
}

// forgetLoads drops the runs of a partition that are being read. Who waits for them is told.
func (l *lane) forgetLoads(p store.Partition, moved error) {
	for _, g := range l.loadings.runs {
		if g.part == p {
			l.loadings.end(g)
			g.refuse(moved)
		}
	}
}

// refuse tells everybody who waits.
func (g *loading) refuse(err error) {
	for _, t := range g.tasks {
		if t.fail != nil {
			t.fail(err)
		}
	}
	g.tasks = nil
}
