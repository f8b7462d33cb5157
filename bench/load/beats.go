package load

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// What heartbeats are measured with: workers of the Go SDK, each with a connection of its own, that beat every 5 s and list the
// jobs that they have.
const (
	crowdWorkers = 1_000
	crowdJobs    = 4_000
	beatsFor     = 20 * time.Second // four heartbeats of each
	beatsIdle    = 5 * time.Second
)

// measureBeats compares what the server uses of a core without workers and with a thousand that do nothing but beat.
func measureBeats(ctx context.Context, s *system) (Beats, error) {
	beats := Beats{Workers: crowdWorkers, Jobs: crowdJobs}
	var err error
	if beats.IdleShare, err = s.share(ctx, beatsIdle); err != nil {
		return beats, err
	}
	const known = `cordum_scheduler_workers{state="alive"}`
	own, err := s.client.metric(ctx, known) // of the server itself
	if err != nil {
		return beats, err
	}
	crowd, err := s.startChild(ctx, RoleCrowd, strconv.Itoa(crowdWorkers))
	if err != nil {
		return beats, err
	}
	defer crowd.Stop()
	if err := s.client.untilMetric(ctx, startWithin, known, own+crowdWorkers); err != nil {
		return beats, fmt.Errorf("a crowd of workers: %w", err)
	}
	run, err := s.occupy(ctx, "bench-crowd", crowdJobs)
	if err != nil {
		return beats, err
	}
	share, err := s.share(ctx, beatsFor)
	if err != nil {
		return beats, err
	}
	beats.Share = share - beats.IdleShare
	n, err := s.client.metric(ctx, known)
	if err != nil {
		return beats, err
	}
	if n != own+crowdWorkers {
		return beats, fmt.Errorf("%g of %d workers were alive at the end", n-own, crowdWorkers)
	}
	if beats.Bytes, err = s.server.Resident(); err != nil {
		return beats, err
	}
	return beats, s.letGo(ctx, run)
}

// letGo cancels a run and waits until its workers have nothing of it.
func (s *system) letGo(ctx context.Context, run string) error {
	if err := s.client.cancel(ctx, run); err != nil {
		return err
	}
	return until(ctx, runWithin, "the cancelled run ends", func() (bool, error) {
		r, err := s.client.run(ctx, run)
		return r.ended(), err
	})
}

// occupy starts so many jobs that workers keep, and waits until they have them.
func (s *system) occupy(ctx context.Context, workflow string, jobs int) (run string, err error) {
	if err := s.client.register(ctx, fanDefinition(workflow, toolHeld, jobs)); err != nil {
		return "", err
	}
	if run, err = s.client.start(ctx, workflow, fanInput(jobs)); err != nil {
		return "", err
	}
	given := fmt.Sprintf("cordum_jobs_dispatched_total{topic=%q}", topicOf(toolHeld))
	return run, s.client.untilRun(ctx, run, given, float64(jobs))
}

// share is how much of one core the server uses for a while.
func (s *system) share(ctx context.Context, length time.Duration) (float64, error) {
	before, err := s.server.CPU()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	took := time.Since(began)
	after, err := s.server.CPU()
	return (after - before).Seconds() / took.Seconds(), err
}
