package floor

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Load is one point to measure.
type Load struct {
	InFlight int           // chains at once
	For      time.Duration // how long
	Dir      string        // an empty folder on the disk to be measured
}

// Result is what a point came to.
type Result struct {
	StepsPerSecond float64
	Median         time.Duration // of one step, from its send to the next one's
}

// Measure runs one point. startWorker starts the worker's process with the server's URL and returns once it listens;
// the function it returns ends the process and waits for it.
func Measure(ctx context.Context, load Load, startWorker func(url string) (stop func(), err error)) (Result, error) {
	e, err := newEngine(load.Dir, min(load.InFlight, runtime.GOMAXPROCS(0)))
	if err != nil {
		return Result{}, fmt.Errorf("floor: %w", err)
	}
	stop, err := startWorker(e.server.ClientURL())
	if err != nil {
		_ = e.close()
		return Result{}, fmt.Errorf("floor: %w", err)
	}
	began := time.Now()
	e.begin(load.InFlight)
	select {
	case <-time.After(load.For):
	case <-ctx.Done():
	}
	took := time.Since(began)
	err = e.close() // the lanes have ended: what they counted can be read
	stop()
	if err != nil {
		return Result{}, fmt.Errorf("floor: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	return e.summary(took), nil
}

// summary adds up what the lanes saw.
func (e *engine) summary(took time.Duration) Result {
	var all []time.Duration
	for _, l := range e.lanes {
		for _, c := range l.chains {
			all = append(all, c.spent...)
		}
	}
	if len(all) == 0 {
		return Result{}
	}
	slices.Sort(all)
	return Result{StepsPerSecond: float64(len(all)) / took.Seconds(), Median: all[len(all)/2]}
}
