package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store/redis"
)

// The crash matrix with two engines on one Redis and one NATS: what one of them leaves half done, the other takes up, while people
// ask that one. A server that died stays away; one that hung comes back behind its leases, or is killed.

// replicaCell is one place of it.
type replicaCell struct{ matrixCell }

func (c replicaCell) name() string { return "redis/" + c.matrixCell.name() }

func (c replicaCell) family() string { return "two engines, Redis" }

// replicaPoints are those at which it matters who goes on: around a commit, a send and a result, and where partitions change hands.
func replicaPoints() []string {
	return []string{
		runner.CrashStarted, runner.CrashDecided, runner.CrashCommitted, runner.CrashHalfSent, runner.CrashSent, runner.CrashResult,
		runner.CrashAccepted, runner.CrashTimer, runner.CrashUndone, runner.CrashApproved, runner.CrashOwned, runner.CrashDrain,
	}
}

func replicaCells() (cells []replicaCell) {
	for _, c := range matrixCells() {
		again := c.plan.Hit > 1 && c.plan.Point == runner.CrashDrain // of which there is one in a life
		if slices.Contains(replicaPoints(), c.plan.Point) && !again {
			cells = append(cells, replicaCell{c})
		}
	}
	return cells
}

// sampleReplicaCells has each point once, the actions in turn, and shapes and times as the seed has it.
func sampleReplicaCells(seed uint64, all []replicaCell) (some []replicaCell) {
	random := rand.New(rand.NewPCG(seed, seed))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	points := replicaPoints()
	random.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	shapes := map[string]bool{} // each once, as long as there are others
	for i, point := range points {
		fits := func(c replicaCell) bool {
			return c.plan.Point == point && c.plan.Action == crashActions()[i%len(crashActions())]
		}
		at := slices.IndexFunc(all, func(c replicaCell) bool { return fits(c) && !shapes[c.shape.id] })
		if at < 0 {
			at = slices.IndexFunc(all, fits)
		}
		shapes[all[at].shape.id] = true
		some = append(some, all[at])
	}
	return some
}

const (
	// pairsMost is how many pairs of runs are started at most until the point is met: partitions are shared by two engines, and one
	// of them fails.
	pairsMost = 24
	// pairsPace is how long the ones before have for that.
	pairsPace = 700 * time.Millisecond
)

func (c replicaCell) play(t *testing.T, lost *atomic.Int64) {
	c.playWith(t, lost, func(d *cellDrive, _ *redisd.Server) { d.oneOfTwoFails() })
}

// playWith plays it with two engines on a server, one of which fails has fail.
func (c replicaCell) playWith(t *testing.T, lost *atomic.Int64, fails func(*cellDrive, *redisd.Server)) {
	server := redisd.Start(t, redisd.Durable...)
	bus, url := startNATS(t), storeURL("redis", server)
	stays, failing := replica(t, "gateway,engine", bus, url), replica(t, "gateway,engine", bus, url)
	stays.tags, failing.tags = "crashtest", "crashtest"
	d := newCellDrive(t, c.matrixCell, stays, failing)
	d.open = func() (serverStore, error) {
		conf, err := offlineRedis(&storeSettings{URL: url})
		if err != nil {
			return nil, err
		}
		return redis.Open(context.Background(), conf)
	}
	defer func() { lost.Add(int64(d.checkStore())) }()
	stays.inProcess("saga")
	stays.start()
	if c.plan.Point == runner.CrashOwned { // there must be something to hand over
		d.until("something is under way", func() bool { d.push(); return stays.sagaDone() > 0 })
	}
	fails(d, server)
	d.finish()
	d.audit()
}

// oneOfTwoFails starts the engine that fails and has runs started until it has.
func (d *cellDrive) oneOfTwoFails() {
	answers := crashNext[d.c.plan.Point] == crashAnswer
	if lives := d.c.plan.Action == crashError || d.c.plan.Action == crashDoneError; answers && lives {
		d.through = d.failing // an answer of its own is cut
		defer func() { d.through = nil }()
	}
	pairs, next, ready := 1, time.Time{}, d.c.plan.Point == runner.CrashOwned
	d.more = func() bool {
		switch {
		case !ready:
			ready = d.failing.call("GET", "/readyz", "", nil, nil) == nil
			next = time.Now().Add(pairsPace)
		case time.Now().After(next) && pairs < pairsMost:
			d.addRuns(fmt.Sprintf("-%d", pairs))
			pairs, next = pairs+1, time.Now().Add(pairsPace)
		}
		return ready
	}
	d.serverFails(d.c.plan)
}
