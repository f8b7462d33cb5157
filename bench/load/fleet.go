package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FleetReport is what was measured of a server with a fleet.
type FleetReport struct {
	Beats  Beats
	Lost   Lost
	Queues []Queue // the short one first
	Turn   Turn
	CAP    Beside
	Lines  Lines
}

// Beats is what the heartbeats of many workers cost the server.
type Beats struct {
	Workers   int
	Jobs      int     // that they list, together
	Share     float64 // of one core, less what the server uses without them
	IdleShare float64 // what it uses without them
	Bytes     int64   // resident memory with them
}

// Lost is how long it takes until a worker that was killed is done without.
type Lost struct {
	Noticed   time.Duration // from the kill until it gets nothing new
	Elsewhere time.Duration // from the kill until all that it had has been done by another
	Jobs      int
}

// Queue is a number of jobs that wait, and how fast they go.
type Queue struct {
	Depth         int
	Jobs          int // of one run; Depth of them are released at a time
	JobsPerSecond float64
	FilledIn      time.Duration
	Bytes         int64 // resident memory of the server while all of them wait
}

// Turn is how long one tenant's job waits behind another tenant's many.
type Turn struct {
	Queued int // of the other tenant
	Slots  int // jobs of the other tenant that went before it
}

// Beside is what plain CAP workers do, beside native ones on the same server.
type Beside struct {
	InFlight            int
	CAP, Native         float64 // steps a second
	CAPRuns, NativeRuns int
}

// Lines is how many lines of jobs' logs the server takes.
type Lines struct {
	PerSecond     float64
	Sent, Dropped int
}

// fleetPools maps every topic to a pool, so that the workers of CAP, which do not say what they serve, are known to.
const fleetPools = `topics:
  ` + "job." + pack + "." + toolCAP + `: [` + poolCAP + `]
  job.default: [` + poolNative + `]
pools:
  ` + poolCAP + `: {}
  ` + poolNative + `: {}
`

// MeasureFleet starts the processes and runs every measurement of a fleet. The loss of a worker has a server of its own and is
// measured while the heartbeats are, which are measured in processor time.
func MeasureFleet(ctx context.Context, cfg Config) (FleetReport, error) {
	pools := filepath.Join(cfg.Dir, "pools.yaml")
	if err := os.WriteFile(pools, []byte(fleetPools), 0o600); err != nil {
		return FleetReport{}, fmt.Errorf("fleet: %w", err)
	}
	payloads, err := freeAddr()
	if err != nil {
		return FleetReport{}, fmt.Errorf("fleet: %w", err)
	}
	s, err := startSystem(ctx, cfg, "fleet", "--pools", pools, "--redis-addr", payloads)
	if err != nil {
		return FleetReport{}, fmt.Errorf("fleet: %w", err)
	}
	defer s.stop()
	report, err := measureFleet(ctx, s, payloads)
	if err != nil {
		return report, fmt.Errorf("fleet: %w", err)
	}
	return report, nil
}

func measureFleet(ctx context.Context, s *system, payloads string) (report FleetReport, err error) {
	var beatsErr, lostErr error
	var both sync.WaitGroup
	both.Go(func() { report.Beats, beatsErr = measureBeats(ctx, s) })
	both.Go(func() { report.Lost, lostErr = measureLost(ctx, s.cfg) })
	both.Wait()
	if err := errors.Join(s.told(beatsErr), lostErr); err != nil {
		return report, err
	}
	if report.CAP, err = measureCAP(ctx, s, payloads); err != nil {
		return report, s.told(err)
	}
	if report.Lines, err = measureLines(ctx, s); err != nil {
		return report, s.told(err)
	}
	s.fresh.Stop() // the lines need the worker of their own
	for _, shape := range queueShapes {
		q, turn, err := measureQueue(ctx, s, shape)
		if err != nil {
			return report, s.told(err)
		}
		report.Queues, report.Turn = append(report.Queues, q), turn
	}
	return report, nil
}
