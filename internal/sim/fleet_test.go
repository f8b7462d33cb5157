package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// The fleet of every game. Workers of east are native, those of west are plain CAP; both serve job.any. Nobody is registered for
// job.dark: whoever listens there is not known.
const fleetPools = `
topics:
  job.east.>: [east]
  job.west.>: [west]
  job.any.again: [east, west]
  job.any.once: {pools: [east, west], max_jobs: 3}
  job.dark.>: [dark]
pools:
  east:
  west: {requires: [postgres], max_jobs: 5}
  dark:
tenants:
  acme: {weight: 3}
  small: {max_jobs: 2}
`

// What fleetPools says, for the laws.
const (
	westMost  = 5
	smallMost = 2
)

// Times of a game, on its clock.
const (
	// healthy is how long nothing must go wrong before it is looked whether somebody waits in vain: silence of a worker is over,
	// and what was lost on its way is known to be.
	healthy = 2 * lease
	lease   = scheduler.DefaultWorkerLease
	// preferred is longer than a job waits for the worker that it prefers.
	preferred = scheduler.DefaultPreferWait + time.Second
	// hushed is how long nobody ends anything then, before it is looked who waits: everybody has beaten, and what was refused
	// is tried again.
	hushed = 2*beatEvery + preferred
	// alone is how long a worker that has given something back may be left alone: so long no heartbeat of it is believed, and the
	// next one is. looked, of which each second is looked at, is longer.
	alone  = scheduler.RefusalMost + beatEvery
	looked = alone + beatEvery
	// inTheEnd is how long everything may take to end when nothing goes wrong any more.
	inTheEnd = 4 * time.Hour
)

// fleetFiles are the configuration.
type fleetFiles struct{}

func (fleetFiles) Pools() ([]byte, string, error)    { return []byte(fleetPools), "pools.yaml", nil }
func (fleetFiles) Timeouts() ([]byte, string, error) { return nil, "", nil }

// game plays one fleet: a server that is away again and again, workers that come, die and are stopped, and people who send
// jobs, drain, redrive and take locks.
type game struct {
	t       *testing.T
	seed    uint64
	draw    *rand.Rand
	bus     *bus.Memory
	open    opener
	opened  func(before *journal, s store.Store)                // is told, before a server has it; nil: nobody is
	config  runner.Config                                       // of every server, but for what makes it one
	rough   *rough                                              // nil: what is said arrives as it was said
	sees    func(data []byte)                                   // is shown what servers say; nil: nobody is
	view    func(tenant, run string) (runner.RunView, error)    // how a run is looked at; nil: the server is asked
	doom    func(kindOf, *wire.JobRequest) (end, time.Duration) // how an attempt ends; nil: see fate
	journal *journal
	faults  *faults.Store
	law     *fleetLaw

	r    *runner.Runner
	stop context.CancelFunc
	done chan error

	resources resources
	paused    atomic.Bool // nobody ends anything
	cut       atomic.Bool // the bus carries nothing
	kind      atomic.Bool // nothing goes wrong any more
	sent      atomic.Int64

	mates    []*mate
	made     int
	jobs     int
	commands int
	locks    []outsideLock
	troubled time.Time // when the last thing went wrong
	tally    tally

	telling sync.Mutex
	moves   []string
}

// tally counts what a game was made of.
type tally struct{ jobs, deaths, outages, quiets, redrives, grants, fenced, sent int }

func (t *tally) add(o tally) {
	t.jobs += o.jobs
	t.deaths += o.deaths
	t.outages += o.outages
	t.quiets += o.quiets
	t.redrives += o.redrives
	t.grants += o.grants
	t.fenced += o.fenced
	t.sent += o.sent
}

// outsideLock is one that somebody outside holds.
type outsideLock struct {
	tenant string
	runner.LockHolder
	name string
}

// playFleet plays a game and answers what is wrong with it.
func playFleet(t *testing.T, seed uint64, moves int) (why []string, counts tally) {
	synctest.Test(t, func(t *testing.T) {
		stir(seed)
		g := newGame(t, seed)
		defer g.close()
		for range moves {
			if len(g.wrongs()) > 0 {
				break
			}
			g.move()
		}
		if len(g.wrongs()) == 0 {
			g.settle()
		}
		g.journal.law.outage(g.journal.Store)
		if why = g.wrongs(); len(why) > 0 {
			why = append(why, fmt.Sprintf("to play it again: -run TestFleets -fleet %d -fleets 1, more than once", seed), "what happened:")
			why = append(why, g.told()...)
		}
		g.tally.deaths, g.tally.grants, g.tally.fenced, g.tally.sent = g.law.dead, g.law.granted, g.law.refenced, int(g.sent.Load())
		counts = g.tally
	})
	return why, counts
}

func newGame(t *testing.T, seed uint64) *game {
	t.Helper()
	g := &game{
		t: t, draw: rand.New(rand.NewPCG(seed, 1)), seed: seed, bus: bus.NewMemory(), open: onDisk(4),
		journal: newJournal(), law: newFleetLaw(), resources: resources{alone: map[string]int64{}, with: map[string]int64{}},
		config: runner.Config{Owner: "fleet", Lanes: 2, Policy: safety.NewSnapshot(safety.Allow), Logger: quiet(), Fleet: fleetFiles{}},
	}
	g.journal.law.fleet = g.law
	g.start()
	for _, k := range []kindOf{native, native, native, direct, direct, pooled, unseen, unseen} {
		g.hire(k)
	}
	return g
}

func (g *game) close() {
	for _, m := range g.mates {
		m.die()
	}
	g.halt()
	if err := g.bus.Close(); err != nil {
		g.t.Error(err)
	}
	for _, m := range g.mates {
		m.all.Wait()
	}
}

// wrongs are what breaks a law.
func (g *game) wrongs() []string {
	return append(g.law.wrongs(), g.journal.law.wrongs()...)
}

// note remembers what was done, for whoever reads about a failure.
func (g *game) note(format string, args ...any) {
	g.telling.Lock()
	defer g.telling.Unlock()
	g.moves = append(g.moves, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (g *game) told() []string {
	g.telling.Lock()
	defer g.telling.Unlock()
	return slices.Clone(g.moves)
}

// seen takes a job as some worker got it.
func (g *game) seen(job *wire.JobRequest) {
	g.sent.Add(1)
	g.journal.law.delivered(job)
}

// fate draws how an attempt ends: whatever was drawn before, and whoever does it.
func (g *game) fate(k kindOf, job *wire.JobRequest) (end, time.Duration) {
	if g.doom != nil {
		return g.doom(k, job)
	}
	var needs fleetNeeds
	_ = json.Unmarshal(job.Input, &needs) // that of a pair has no number
	which := fnv.New64a()
	_, _ = fmt.Fprint(which, job.WorkflowId, job.StepId, needs.Number, job.Attempt)
	draw := rand.New(rand.NewPCG(g.seed, which.Sum64()))
	takes := 20*time.Millisecond + time.Duration(draw.Int64N(int64(4*time.Second)))
	if g.kind.Load() {
		return endsWell, takes / 8
	}
	switch n := draw.IntN(100); {
	case n < 72:
		return endsWell, takes
	case n < 86:
		return endsBadly, takes
	case n < 95:
		return endsForGood, takes
	case k == native:
		return endsNever, 0
	}
	return endsWell, 4 * takes
}

// start opens the store and runs a server over it.
func (g *game) start() {
	s, err := g.open()
	if err != nil {
		g.t.Fatal(err)
	}
	if g.opened != nil {
		g.opened(g.journal, s)
	}
	g.journal = g.journal.next(s)
	g.faults = faults.Wrap(g.journal)
	var over store.Store = g.faults
	if who, is := s.(store.Identified); is {
		over = known{g.faults, who.Identity()}
	}
	r, err := runner.New(g.config, over, shaky{line{g.bus, g.journal.gone, g.law.book != nil}, &g.cut, g.rough, g.sees})
	if err != nil {
		g.t.Fatal(err)
	}
	g.law.begins()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	g.r, g.stop, g.done = r, cancel, done
	go func() { done <- r.Run(ctx) }()
	for r.Health(ctx) != nil {
		select {
		case err := <-g.done:
			g.t.Fatalf("the server ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

func (g *game) halt() {
	g.faults.Clear()
	g.stop()
	err := <-g.done
	if g.journal.gone.Load() {
		err = nil
	}
	if err = errors.Join(err, g.journal.Close()); err != nil {
		g.t.Errorf("the server ended with %v", err)
	}
}

// back starts another server over the same store.
func (g *game) back() {
	g.halt()
	g.start()
	g.tally.outages++
	g.journal.law.outage(g.journal.Store)
	g.note("the server is back")
}

// shaky is a connection to a bus that carries nothing for a while.
type shaky struct {
	line
	cut   *atomic.Bool
	rough *rough
	sees  func(data []byte) // what is said; nil: nobody listens
}

// Publish says something, unless the bus is away.
func (s shaky) Publish(subject string, data []byte) error {
	if s.cut.Load() {
		return nil
	}
	if s.sees != nil && !s.gone.Load() {
		s.sees(data)
	}
	if s.rough != nil {
		data = bytes.Clone(data) // it may come late, and the bytes are used again
	}
	return s.rough.carry(subject, func() error { return s.line.Publish(subject, data) })
}

// PublishRequest asks something, unless the bus is away.
func (s shaky) PublishRequest(subject, reply string, data []byte) error {
	if s.cut.Load() {
		return nil
	}
	return s.line.PublishRequest(subject, reply, data)
}

// To play other games than those that are always played.
var (
	fleets  = flag.Int("fleets", 32, "how many fleets are played")
	fleetAt = flag.Int("fleet", 0, "the seed of the first of them")
	anyhow  = flag.Bool("anyhow", false, "goroutines of fleets run at once: a game differs each time, and shows more")
)

// TestFleets plays fleets, each from its seed.
func TestFleets(t *testing.T) {
	games, moves := *fleets, 140
	if testing.Short() {
		games = min(games, 10)
	}
	var all tally
	for seed := *fleetAt; seed < *fleetAt+games; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			alike(t, uint64(seed))
			why, counts := playFleet(t, uint64(seed), moves)
			if len(why) > 0 {
				t.Error(strings.Join(why, "\n"))
			}
			all.add(counts)
		})
	}
	t.Logf("%+v", all)
	if n := games; all.jobs < 40*n || all.deaths < 5*n || all.outages < 2*n || all.quiets < n || all.redrives < n || all.grants < 5*n {
		t.Errorf("%d games with %+v are too little", n, all)
	}
}

// graves reads the dead letters as they lie in the store.
func (g *game) graves() {
	ctx := context.Background()
	var found [2][]store.Key
	for i, table := range []store.Table{store.TableDeadLetter, store.TableDeadRecent} {
		for p := range g.journal.Partitions() {
			page, err := g.journal.Scan(ctx, store.Partition(p), store.Range{Table: table, Limit: store.MaxScan})
			if err != nil {
				g.t.Fatal(err)
			}
			for _, rec := range page.Records {
				found[i] = append(found[i], rec.Key)
			}
		}
	}
	g.law.graves(found[0], found[1])
}
