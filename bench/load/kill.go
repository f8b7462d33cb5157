package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordum.dev/cordum/bench/process"
	"cordum.dev/cordum/internal/id"
)

// Killed is how long runs took before and after one of two engines was killed, by whose they were.
type Killed struct {
	Before, After Latency // of runs of the engine that goes on, POST to end seen
	Lost          int     // partitions of the killed engine
	Delayed       int     // runs that it had when it was killed, and that had more to do
	Resumed       Latency // from the kill to their ends
	Place         bool    // it was the one that gives jobs to workers
}

// Latency is how long some runs took.
type Latency struct {
	Runs          int
	P50, P99, Max time.Duration
}

func latencyOf(all []time.Duration) Latency {
	if len(all) == 0 {
		return Latency{}
	}
	slices.Sort(all)
	at := func(share float64) time.Duration { return all[min(len(all)-1, int(share*float64(len(all))))] }
	return Latency{Runs: len(all), P50: at(0.5), P99: at(0.99), Max: all[len(all)-1]}
}

// The measurement around a kill.
const (
	killWindow   = 20 * time.Second      // that are measured before it, and after: the slowest of a hundred is one of several
	killEvery    = 20 * time.Millisecond // between two starts of runs
	killWarm     = 3 * time.Second       // of starts before the measurement
	killDelay    = 2 * time.Second       // that some runs wait before their step
	killDelayed  = 100                   // of those, which the engine has when it is killed
	delayedEvery = 15 * time.Millisecond // between two of their starts: a burst would be measured as harm done by the kill
)

// lived is one run of the measurement.
type lived struct {
	id    string
	began time.Time
	ended time.Time
	err   error
}

// kill starts runs at a steady rate and kills one of two engines in the middle: that which gives jobs to workers, since it owns
// partition 0, or the other one.
func (cfg ReplicasConfig) kill(ctx context.Context, place bool) (k Killed, err error) {
	c, err := startCluster(ctx, cfg, clusterShape{engines: 2, fsync: "everysec"})
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	pause(ctx, settle)
	s, err := newSteady(ctx, c.client)
	if err != nil {
		return k, c.told(err)
	}
	defer s.finish()
	pause(ctx, killWarm+killWindow)
	delayedAt := time.Now()
	delayed := s.startDelayed(ctx, killDelayed)

	victim, lost, err := c.victim(place)
	if err != nil {
		return k, err
	}
	killedAt := time.Now()
	victim.Kill()
	pause(ctx, killWindow)
	all := s.finish()
	k.Lost, k.Place = len(lost), lost[0]
	return k, k.judge(all, delayed(), lost, span{delayedAt.Add(-killWindow), delayedAt}, span{killedAt, killedAt.Add(killWindow)})
}

// victim is the engine that owns partition 0, or one that does not, and what it owns.
func (c *cluster) victim(place bool) (*process.Process, map[int]bool, error) {
	for i, e := range c.engines {
		if owns := c.owners.of(c.names[i]); len(owns) > 0 && owns[0] == place {
			return e, owns, nil
		}
	}
	return nil, nil, errors.New("no engine owns what the one to be killed has to own")
}

// span is from one moment to another.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// judge sorts runs by whose they were and when they began. Those between the two spans are not judged: the delayed ones began
// among them.
func (k *Killed) judge(all, delayed []lived, lost map[int]bool, quiet, killed span) error {
	var before, after, resumed []time.Duration
	for _, r := range all {
		p, err := id.Partition(r.id)
		switch {
		case r.err != nil && r.id == "":
			continue // asked of the killed engine: counted where the runs are that it had
		case err != nil:
			return err
		case lost[p]:
			continue
		case r.err != nil:
			return fmt.Errorf("a run of the engine that goes on: %w", r.err)
		case quiet.has(r.began):
			before = append(before, r.ended.Sub(r.began))
		case killed.has(r.began):
			after = append(after, r.ended.Sub(r.began))
		}
	}
	for _, r := range delayed {
		if r.err != nil {
			return fmt.Errorf("a run that waited when an engine was killed: %w", r.err)
		}
		if p, err := id.Partition(r.id); err == nil && lost[p] {
			resumed = append(resumed, r.ended.Sub(killed.from))
		}
	}
	k.Before, k.After, k.Resumed = latencyOf(before), latencyOf(after), latencyOf(resumed)
	k.Delayed = len(resumed)
	if k.Before.Runs == 0 || k.After.Runs == 0 || k.Delayed == 0 {
		return fmt.Errorf("too few runs around the kill: %d before, %d after, %d that waited", k.Before.Runs, k.After.Runs, k.Delayed)
	}
	return nil
}

// steady starts runs of one step at a steady rate, however long they take.
type steady struct {
	c      *client
	stop   context.CancelFunc
	over   chan struct{}
	flight sync.WaitGroup
	mu     sync.Mutex
	all    []lived
}

// Workflows of the measurement around a kill.
const (
	steadyWorkflow  = "bench-steady"
	delayedWorkflow = "bench-delayed"
)

func newSteady(ctx context.Context, c *client) (*steady, error) {
	if err := c.register(ctx, chainDefinition(steadyWorkflow, toolNoop, 1)); err != nil {
		return nil, err
	}
	if err := c.register(ctx, delayedDefinition(delayedWorkflow, toolNoop, killDelay)); err != nil {
		return nil, err
	}
	s := &steady{c: c, over: make(chan struct{})}
	starting, stop := context.WithCancel(ctx)
	s.stop = stop
	go s.run(ctx, starting)
	return s, nil
}

// run starts a run every killEvery until starting ends.
func (s *steady) run(ctx, starting context.Context) {
	defer close(s.over)
	tick := time.NewTicker(killEvery)
	defer tick.Stop()
	for {
		select {
		case <-starting.Done():
			return
		case <-tick.C:
		}
		s.flight.Go(func() {
			r := one(ctx, s.c, steadyWorkflow)
			s.mu.Lock()
			s.all = append(s.all, r)
			s.mu.Unlock()
		})
	}
}

// one is one run from its start to its end, each asked of by itself: a look at one must not wait for another's owner.
func one(ctx context.Context, c *client, workflow string) lived {
	r := lived{began: time.Now()}
	if r.id, r.err = c.start(ctx, workflow, ""); r.err == nil {
		r.err = c.untilEnded(ctx, r.id)
	}
	r.ended = time.Now()
	return r
}

// untilEnded waits until a run has ended. While its owner is away it is asked again.
func (c *client) untilEnded(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	for seq := uint64(0); ; {
		var r run
		err := c.get(ctx, fmt.Sprintf("/api/v1/runs/%s?wait=30s&since=%d", id, seq), &r)
		switch {
		case err == nil && r.State == "succeeded":
			return nil
		case err == nil && r.ended():
			return fmt.Errorf("run %s ended as %s", id, r.State)
		case err == nil:
			seq = r.Seq
		case ctx.Err() != nil:
			return err
		default:
			pause(ctx, pollEvery)
		}
	}
}

// startDelayed starts runs that wait a while before their step, one after the other. What it answers waits for their ends.
func (s *steady) startDelayed(ctx context.Context, n int) func() []lived {
	all := make([]lived, n)
	var flight sync.WaitGroup
	for i := range all {
		flight.Go(func() { all[i] = one(ctx, s.c, delayedWorkflow) })
		pause(ctx, delayedEvery)
	}
	return func() []lived {
		flight.Wait()
		return all
	}
}

// finish starts nothing more and waits for the ends of what was started.
func (s *steady) finish() []lived {
	s.stop()
	<-s.over
	s.flight.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}
