package load

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"cordum.dev/cordum/bench/process"
)

// queueShape is how many jobs wait at a time, and of how many. They are the iterations of one run's fan-out: no client takes
// part while they go.
type queueShape struct{ depth, jobs int }

// queueShapes are compared with each other: a job must go as fast from a long line as from a short one.
var queueShapes = []queueShape{{depth: 1_000, jobs: 20_000}, {depth: 100_000, jobs: 100_000}}

// queueCapacity is how many jobs the worker runs at once that empties a line: few, so that the others wait in the server.
const queueCapacity = 64

// Limits of a measurement.
const (
	turnWithin = 30 * time.Second
	mostTurns  = 16 // another tenant's job is waited for no longer
)

// otherTenant is whose single job comes behind the many.
const otherTenant = "other"

// measureQueue fills a line behind a worker that has one job at a time, sees whose turn it is when another tenant comes, and
// lets a worker empty it.
func measureQueue(ctx context.Context, s *system, shape queueShape) (Queue, Turn, error) {
	q, turn := Queue{Depth: shape.depth, Jobs: shape.jobs}, Turn{Queued: shape.depth}
	workflow := "bench-queue-" + strconv.Itoa(shape.depth)
	if err := s.client.register(ctx, fanDefinition(workflow, toolQueued, shape.depth)); err != nil {
		return q, turn, err
	}
	ends, err := watchEnds(ctx, s.client, workflow)
	if err != nil {
		return q, turn, err
	}
	defer ends.close()
	turns, err := s.startChild(ctx, RoleTurns)
	if err != nil {
		return q, turn, err
	}
	if err := s.untilKnown(ctx, turnsID); err != nil {
		return q, turn, err
	}
	run, err := s.fill(ctx, &q, workflow)
	if err != nil {
		return q, turn, err
	}
	if turn.Slots, err = s.takeTurns(ctx, turns, shape.depth); err != nil {
		return q, turn, err
	}
	began := time.Now()
	worker, err := s.startWorker(ctx, workerID, queueCapacity)
	if err != nil {
		return q, turn, err
	}
	turns.Stop() // it ends its job first
	if err := ends.wait(ctx, run, 0); err != nil {
		return q, turn, err
	}
	q.JobsPerSecond = float64(shape.jobs) / time.Since(began).Seconds()
	worker.Stop()
	return q, turn, nil
}

var queued = fmt.Sprintf("cordum_scheduler_queue_depth{queue=%q}", topicOf(toolQueued))

// fill starts the run and waits until all but the one that its worker has wait.
func (s *system) fill(ctx context.Context, q *Queue, workflow string) (run string, err error) {
	began := time.Now()
	if run, err = s.client.start(ctx, workflow, fanInput(q.Jobs)); err != nil {
		return "", err
	}
	if err := s.client.untilRun(ctx, run, queued, float64(q.Depth-1)); err != nil {
		return "", err
	}
	q.FilledIn = time.Since(began)
	q.Bytes, err = s.server.Resident()
	return run, err
}

// takeTurns lets another tenant's job come, ends one job after the other, and counts those that begin before it.
func (s *system) takeTurns(ctx context.Context, turns *process.Process, depth int) (slots int, err error) {
	if _, err := s.nextTurn(ctx, turns); err != nil {
		return 0, err
	}
	if err := s.client.of(otherTenant).submit(ctx, toolQueued); err != nil {
		return 0, err
	}
	if err := s.client.untilMetric(ctx, turnWithin, queued, float64(depth)); err != nil {
		return 0, err
	}
	for ; slots < mostTurns; slots++ {
		if err := turns.Signal(turnSignal); err != nil {
			return 0, err
		}
		tenant, err := s.nextTurn(ctx, turns)
		if err != nil || tenant == otherTenant {
			return slots, err
		}
	}
	return slots, nil
}

// nextTurn waits for the next job of a worker of turns, and answers whose it is.
func (s *system) nextTurn(ctx context.Context, turns *process.Process) (tenant string, err error) {
	select {
	case tenant := <-turns.Lines():
		return tenant, nil
	case <-time.After(turnWithin):
		return "", fmt.Errorf("no job began within %s", turnWithin)
	case <-turns.Ended():
		return "", fmt.Errorf("the worker ended: %s", turns.Output())
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
