package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// stepsPerRun is the length of the chains that throughput is measured with.
const stepsPerRun = 3

// measureThroughput keeps n runs of chains of a tool in flight for a while and counts those that ended within it. What meters
// say is read at the begin and at the end of that time.
func measureThroughput(ctx context.Context, c *client, tool string, n int, length time.Duration, meters ...meter) (Throughput, error) {
	workflow := "bench-chain-3-" + tool
	if err := c.register(ctx, chainDefinition(workflow, tool, stepsPerRun)); err != nil {
		return Throughput{}, err
	}
	ends, err := watchEnds(ctx, c, workflow)
	if err != nil {
		return Throughput{}, err
	}
	defer ends.close()

	warm := time.Now().Add(length / 5)
	until := warm.Add(length)
	var counted atomic.Int64
	flightCtx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var flight sync.WaitGroup
	for range n {
		flight.Go(func() {
			for time.Now().Before(until) && flightCtx.Err() == nil {
				if _, err := runOnce(flightCtx, c, ends, workflow, ""); err != nil {
					fail(err) // the first one is kept and ends the others
					return
				}
				if now := time.Now(); now.After(warm) && now.Before(until) {
					counted.Add(1)
				}
			}
		})
	}
	used, err := during(flightCtx, meters, warm, until)
	if err != nil {
		fail(err)
	}
	flight.Wait()
	if err := context.Cause(flightCtx); err != nil {
		return Throughput{}, fmt.Errorf("throughput with %d in flight: %w", n, err)
	}
	runs := int(counted.Load())
	ends.mu.Lock()
	defer ends.mu.Unlock()
	return Throughput{
		InFlight: n, Runs: runs, Steps: runs * stepsPerRun, Resubscribed: ends.gaps, Used: used,
		StepsPerSecond: float64(runs*stepsPerRun) / length.Seconds(),
	}, nil
}

// runOnce starts a run, waits for its end and returns its id.
func runOnce(ctx context.Context, c *client, ends *ends, workflow, input string) (string, error) {
	gaps := ends.seenGaps()
	run, err := c.start(ctx, workflow, input)
	if err != nil {
		return "", err
	}
	return run, ends.wait(ctx, run, gaps)
}

// loneRuns is how many runs the latency is the median of.
const loneRuns = 300

// measureLone runs one step at a time.
func measureLone(ctx context.Context, c *client) (Lone, error) {
	const workflow = "bench-lone"
	if err := c.register(ctx, chainDefinition(workflow, toolNoop, 1)); err != nil {
		return Lone{}, err
	}
	ends, err := watchEnds(ctx, c, workflow)
	if err != nil {
		return Lone{}, err
	}
	defer ends.close()
	var seen, steps []time.Duration
	for range loneRuns {
		began := time.Now()
		run, err := runOnce(ctx, c, ends, workflow, "")
		if err != nil {
			return Lone{}, err
		}
		seen = append(seen, time.Since(began))
		step, err := stepTime(ctx, c, run)
		if err != nil {
			return Lone{}, err
		}
		steps = append(steps, step)
	}
	return Lone{Runs: loneRuns, Step: median(steps), PostEnd: median(seen)}, nil
}

// stepTime reads from a run's timeline how long its only step took: from the step's first fact to its last.
func stepTime(ctx context.Context, c *client, run string) (time.Duration, error) {
	events, err := c.timeline(ctx, run)
	if err != nil {
		return 0, err
	}
	events = slices.DeleteFunc(events, func(e event) bool { return e.Step == "" })
	if len(events) < 2 {
		return 0, fmt.Errorf("the timeline of run %s shows no step", run)
	}
	return events[len(events)-1].At.Sub(events[0].At), nil
}

// chainShape is a length of run and how many of them make a measurement.
type chainShape struct{ steps, runs int }

// chainShapes are compared with each other: a step of a long run must cost what one of a short run does.
var chainShapes = []chainShape{{steps: 100, runs: 40}, {steps: 10_000, runs: 1}}

// measureChain runs long chains one after another.
func measureChain(ctx context.Context, c *client, shape chainShape) (Chain, error) {
	workflow := "bench-chain-" + strconv.Itoa(shape.steps)
	if err := c.register(ctx, chainDefinition(workflow, toolNoop, shape.steps)); err != nil {
		return Chain{}, err
	}
	ends, err := watchEnds(ctx, c, workflow)
	if err != nil {
		return Chain{}, err
	}
	defer ends.close()
	began := time.Now()
	for range shape.runs {
		if _, err := runOnce(ctx, c, ends, workflow, ""); err != nil {
			return Chain{}, fmt.Errorf("a chain of %d steps: %w", shape.steps, err)
		}
	}
	steps := shape.steps * shape.runs
	if steps == 0 {
		return Chain{}, errors.New("a chain without steps")
	}
	return Chain{Steps: shape.steps, Runs: shape.runs, PerStep: time.Since(began) / time.Duration(steps)}, nil
}

// median is the middle of some durations.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
