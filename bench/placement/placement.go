package placement

import (
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/scheduler"
)

// Report is what was measured.
type Report struct {
	Decisions []Decision
	Queues    []Queue
	Turn      Turn
}

// Decision is what placing a job costs in a fleet of a size, its bookkeeping and the end of another job included.
type Decision struct {
	Workers int
	Kinds   int // of workers, by their capabilities: 1 is that all are alike
	Cost
	Floor Cost
	Goal  time.Duration
}

// Queue is what letting one of many waiting jobs go costs when another ends, with one more joining the line.
type Queue struct {
	Depth int
	Cost
	Floor Cost
}

// Turn is how long a tenant's only job waits behind another tenant's many.
type Turn struct {
	Queued int // of the other tenant
	Slots  int // that the other tenant got before it
}

// Cost is what one operation takes.
type Cost struct {
	PerOp  time.Duration // the median of some rounds
	Allocs float64
}

// Goals that the project set itself.
const (
	GoalFew  = 5 * time.Microsecond  // at fewWorkers
	GoalMany = 20 * time.Microsecond // at manyWorkers
)

// Sizes of what is measured.
const (
	fewWorkers, manyWorkers = 10, 10_000
	fewJobs, manyJobs       = 1_000, 100_000
	workerSlots             = 64
)

// start is when all of it happens: the fleet takes the time as an argument.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Measure measures everything, in some seconds.
func Measure() (Report, error) {
	var report Report
	for _, d := range []Decision{
		{Workers: fewWorkers, Kinds: 1, Goal: GoalFew},
		{Workers: manyWorkers, Kinds: 1, Goal: GoalMany},
		{Workers: manyWorkers, Kinds: manyWorkers, Goal: GoalMany},
	} {
		var err error
		if d.Cost, err = place(d.Workers, d.Kinds); err != nil {
			return report, fmt.Errorf("placement at %d workers: %w", d.Workers, err)
		}
		d.Floor = placeFloor(d.Workers)
		report.Decisions = append(report.Decisions, d)
	}
	for _, depth := range []int{fewJobs, manyJobs} {
		q := Queue{Depth: depth, Floor: queueFloor(depth)}
		var err error
		if q.Cost, err = drain(depth); err != nil {
			return report, fmt.Errorf("a queue of %d: %w", depth, err)
		}
		report.Queues = append(report.Queues, q)
	}
	slots, err := turn(manyJobs)
	if err != nil {
		return report, fmt.Errorf("a tenant with %d jobs: %w", manyJobs, err)
	}
	report.Turn = Turn{Queued: manyJobs, Slots: slots}
	return report, nil
}

// fleetOf makes a fleet of workers that all can do "every", spread over some kinds.
func fleetOf(workers, kinds int) *scheduler.Fleet {
	f := scheduler.NewFleet(scheduler.Config{MaxWorkers: workers})
	for i := range workers {
		f.Beat(start, scheduler.Beat{
			Worker: fmt.Sprintf("w%05d", i), Topics: []string{"job.a.*"}, Max: workerSlots, CPU: float64(i % 80), Direct: true,
			ListsJobs: true, Capabilities: []string{fmt.Sprintf("kind-%d", i%kinds), "every"},
		})
	}
	return f
}

// attempts are names of so many.
func attempts(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("run.step~%d", i)
	}
	return names
}

func request(attempt, tenant string) scheduler.Request {
	return scheduler.Request{Attempt: attempt, Tenant: tenant, Topic: "job.a.b", Requires: requires, ReleasedAt: start}
}

// requires is what every worker can do, beside what only its kind can.
var requires = []string{"every"}

// errNotGranted says that the fleet did not do what its rules say, so that nothing was measured.
var errNotGranted = errors.New("a job that a worker has room for was not given away")

// place keeps some jobs running in a fleet, and lets one end for each that comes.
func place(workers, kinds int) (Cost, error) {
	f := fleetOf(workers, kinds)
	names := attempts(4_096)
	running := min(workers*4, len(names)/2)
	var err error
	cost := measure(func(i int) {
		if got := f.Announce(start, request(names[i%len(names)], "t")); len(got.Grants) != 1 {
			err = errNotGranted
		}
		if i >= running {
			f.Ended(start, names[(i-running)%len(names)])
		}
	})
	return cost, err
}

// fill announces jobs until so many wait, and returns those that run.
func fill(f *scheduler.Fleet, names []string, tenant string, waiting int) (running []string, next int) {
	for ; next-len(running) < waiting; next++ {
		for _, g := range f.Announce(start, request(names[next%len(names)], tenant)).Grants {
			running = append(running, g.Attempt)
		}
	}
	return running, next
}

// drain keeps a queue at a depth: one ends, one that waited is given away, one comes.
func drain(depth int) (Cost, error) {
	f := fleetOf(fewWorkers, 1)
	names := attempts(depth + 10_000)
	running, next := fill(f, names, "t", depth)
	var err error
	cost := measure(func(i int) {
		at := &running[i%len(running)]
		got := f.Ended(start, *at)
		if len(got.Grants) != 1 {
			err = errNotGranted
			return
		}
		*at = got.Grants[0].Attempt
		f.Announce(start, request(names[next%len(names)], "t"))
		next++
	})
	return cost, err
}

// turn lets one tenant's job come behind many of another's, and counts what the other gets before it.
func turn(queued int) (int, error) {
	f := fleetOf(fewWorkers, 1)
	running, _ := fill(f, attempts(queued+10_000), "many", queued)
	f.Announce(start, request("only", "one"))
	for slots, ended := range running {
		got := f.Ended(start, ended)
		if len(got.Grants) != 1 {
			return 0, errNotGranted
		}
		if got.Grants[0].Attempt == "only" {
			return slots, nil
		}
	}
	return len(running), nil
}
