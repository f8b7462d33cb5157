package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// This file is what this process may write. It writes at the store's level, and raises that when somebody asked for it and every
// process that is there can read what comes after.

// level is the store's, as this process read it last. What is only written from a level on asks it each time. One that is too low
// is no harm: every process reads all levels up to its own.
func (r *Runner) level() store.Level { return r.store.Level() }

// build is what a run notes of the version that takes it.
func (r *Runner) build() string {
	if r.level() < store.LevelBuilds {
		return ""
	}
	return r.cfg.Build
}

// keepLevel follows the store's level until ctx ends. It is an error when that is above what this process can read.
func (r *Runner) keepLevel(ctx context.Context) error {
	s, can := r.store.(store.Upgrader)
	if !can {
		return nil
	}
	tick := time.NewTicker(levelLook)
	defer tick.Stop()
	var able time.Time // since when every process that is there can write the wanted level; zero: not all can
	for {
		up, err := s.ReadLevel(ctx)
		switch {
		case errors.Is(err, store.ErrNewer):
			return fmt.Errorf("the store was upgraded while this process ran: %w", err)
		case err != nil || up.Wanted <= up.Level || !r.allWrite(up.Wanted):
			able = time.Time{}
		case able.IsZero():
			able = time.Now()
		}
		if !able.IsZero() && time.Since(able) >= r.levelPatience() {
			r.raise(ctx, s, up)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// allWrite tells whether every engine process that may still write can write a level, and this one is to raise it. Those are the
// members, who was one until a moment ago and may have leases yet, and whoever has the partitions that nobody says to serve.
func (r *Runner) allWrite(to store.Level) bool {
	if to > store.CurrentLevel {
		return false
	}
	if r.alone() {
		return true
	}
	for _, m := range r.shared.lately(time.Now()) {
		if store.Level(m.Level) < to {
			return false
		}
	}
	return r.leads() && r.shared.unserved(r.members()) == 0
}

// levelPatience is how long that must have been so: who is there has said so by then.
func (r *Runner) levelPatience() time.Duration {
	if r.alone() {
		return 0
	}
	return r.shared.cfg.Away
}

func (r *Runner) raise(ctx context.Context, s store.Upgrader, up store.Upgraded) {
	if err := s.RaiseLevel(ctx, up.Wanted); err != nil {
		r.cfg.Logger.Warn("the store's level is not raised: it is tried again", "from", up.Level, "to", up.Wanted, "error", err)
		return
	}
	r.cfg.Logger.Info("the store's level is raised: older versions refuse it from now on", "from", up.Level, "to", up.Wanted)
}
