package load

import (
	"context"
	"fmt"
	"time"
)

// Config says what to measure with. Every field is needed.
type Config struct {
	Server   string                                                        // path of the cordum binary
	Dir      string                                                        // an empty folder on the disk to be measured
	Child    func(role string, args ...string) (name string, all []string) // the command of a process that calls RunWorker
	For      time.Duration                                                 // how long one throughput is measured
	InFlight []int                                                         // runs at once, one throughput each
}

// Report is what was measured.
type Report struct {
	IdleBytes  int64        // resident memory of the server before any work
	Throughput []Throughput // of chains of three steps, one for each InFlight
	Lone       Lone         // one run of one step at a time
	Chains     []Chain      // long runs: does a step's cost depend on the run's length?
	WarmBytes  int64        // resident memory of the server after all of it
}

// Throughput is a number of runs kept in flight.
type Throughput struct {
	InFlight       int
	StepsPerSecond float64
	Runs, Steps    int // that ended
	Used           []Used
	Resubscribed   int // how often the viewer was too slow and had to look again
}

// PerStep is what each part of the system used of the processor for a step.
func (t Throughput) PerStep() []Used {
	out := make([]Used, len(t.Used))
	for i, u := range t.Used {
		out[i] = Used{Name: u.Name, CPU: u.CPU / time.Duration(max(t.Steps, 1))}
	}
	return out
}

// Lone is the latency of a step that has the system for itself.
type Lone struct {
	Runs    int
	Step    time.Duration // median, by the timeline: from the step's first fact to its last
	PostEnd time.Duration // median, at the client: from POST to the end seen
}

// Chain is one shape of a long run.
type Chain struct {
	Steps   int
	Runs    int
	PerStep time.Duration
}

// idleFor is how long a fresh server is left alone before its memory is read.
const idleFor = 5 * time.Second

// Measure starts the processes and runs every measurement, one after another.
func Measure(ctx context.Context, cfg Config) (report Report, err error) {
	s, err := startSystem(ctx, cfg, "server")
	if err != nil {
		return Report{}, fmt.Errorf("load: %w", err)
	}
	defer s.stop()
	defer func() {
		if err != nil {
			err = fmt.Errorf("load: %w (the server said: %s)", err, s.server.Output())
		}
	}()

	if report.IdleBytes, err = s.idleMemory(ctx); err != nil {
		return report, err
	}
	for _, n := range cfg.InFlight {
		if err := s.freshWorker(ctx); err != nil {
			return report, err
		}
		t, err := measureThroughput(ctx, s.client, toolNoop, n, cfg.For, meterOf("server", s.server), meterOf("worker", s.fresh), ownMeter())
		if err != nil {
			return report, err
		}
		report.Throughput = append(report.Throughput, t)
	}
	if report.Lone, err = measureLone(ctx, s.client); err != nil {
		return report, err
	}
	for _, shape := range chainShapes {
		c, err := measureChain(ctx, s.client, shape)
		if err != nil {
			return report, err
		}
		report.Chains = append(report.Chains, c)
	}
	report.WarmBytes, err = s.server.Resident()
	return report, err
}
