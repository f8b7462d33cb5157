package load

import (
	"context"
	"fmt"
	"time"
)

// lostJobs is how many jobs the killed worker has.
const lostJobs = 16

// lostWithin bounds the wait for what was lost.
const lostWithin = time.Minute

// measureLost kills a worker right after a heartbeat, when it takes longest to be missed, and waits until it is, and until
// another has done what it had.
func measureLost(ctx context.Context, cfg Config) (Lost, error) {
	s, err := startSystem(ctx, cfg, "lost")
	if err != nil {
		return Lost{}, fmt.Errorf("a lost worker: %w", err)
	}
	defer s.stop()
	lost, err := s.loseWorker(ctx)
	if err != nil {
		return lost, s.told(fmt.Errorf("a lost worker: %w", err))
	}
	return lost, nil
}

func (s *system) loseWorker(ctx context.Context) (Lost, error) {
	lost := Lost{Jobs: lostJobs}
	const workflow = "bench-lost"
	held, err := s.startChild(ctx, RoleHolder)
	if err != nil {
		return lost, err
	}
	if err := s.untilKnown(ctx, heldID); err != nil {
		return lost, err
	}
	run, err := s.occupy(ctx, workflow, lostJobs)
	if err != nil {
		return lost, err
	}
	ends, err := watchEnds(ctx, s.client, workflow)
	if err != nil {
		return lost, err
	}
	defer ends.close()
	if _, err := s.startWorker(ctx, workerID, workerCapacity); err != nil {
		return lost, err
	}
	if err := s.untilBeat(ctx, heldID); err != nil {
		return lost, err
	}
	killed := time.Now()
	held.Kill()
	err = until(ctx, lostWithin, "the killed worker is missed", func() (bool, error) {
		w, err := s.client.worker(ctx, heldID)
		return w.State != alive, err
	})
	if err != nil {
		return lost, err
	}
	lost.Noticed = time.Since(killed)
	err = ends.wait(ctx, run, 0)
	lost.Elsewhere = time.Since(killed)
	return lost, err
}

// untilBeat waits for a worker's next heartbeat.
func (s *system) untilBeat(ctx context.Context, worker string) error {
	before, err := s.client.worker(ctx, worker)
	if err != nil {
		return err
	}
	return until(ctx, startWithin, "a heartbeat of "+worker, func() (bool, error) {
		w, err := s.client.worker(ctx, worker)
		return w.LastSeen.After(before.LastSeen), err
	})
}
