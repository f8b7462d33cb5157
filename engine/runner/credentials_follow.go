package runner

import (
	"context"

	"cordum.dev/cordum/scheduler"
)

// reloadRegistered reads what another process registered. Workers whose credential is not what it was are put out.
func (r *Runner) reloadRegistered(ctx context.Context) error {
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load().credentials
	if err := r.readRegistered(ctx); err != nil {
		return err
	}
	now := s.now.Load().credentials
	for worker, old := range was {
		next := now[worker]
		gone := next == nil || next.RevokedAt != nil && old.RevokedAt == nil
		if gone || next.Hash != old.Hash {
			r.putOut(worker)
		}
		if gone {
			s.ready.forget(worker)
			r.dispatch.beat(scheduler.Beat{Worker: worker, Leaving: true})
		}
	}
	return nil
}
