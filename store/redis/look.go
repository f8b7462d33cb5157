package redis

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Look asks the servers for their settings again, when connections were made since it did last, as after a failover, and from
// time to time: another server may have other settings, and those of this one can be changed while it runs. Settings that lose
// data make the store unusable, unless Config.AllowLoss took them. An error says that they could not be asked. Where commits wait for
// replicas it also has them asked, each time and without waiting for them: see Replicas. It is to be called every few seconds by
// one goroutine.
func (s *Store) Look(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	s.probe()
	dialled := s.dialled.Load()
	if dialled == s.looked.dialled && time.Since(s.looked.at) < lookEvery {
		return nil
	}
	now, err := s.link.look(ctx, s.sentinels)
	if err != nil {
		return fmt.Errorf("store/redis: look at the settings again: %w", err)
	}
	now.waits = s.replicas
	s.looked.dialled, s.looked.at = dialled, time.Now()
	before := s.survey.Swap(&now)
	if losses := strings.Join(now.losses(), "; "); losses != "" && !s.allowLoss {
		return s.end(fmt.Errorf("%w: %s", ErrUnsafe, losses))
	}
	if now.lacking() != "" {
		s.lack(now.fewest)
	}
	if was, is := before.worth(), now.worth(); was != is {
		s.log.Warn("store: the server's settings have changed", "store", s.where, "acknowledged_meant", was, "acknowledged_means", is)
	}
	return nil
}

// looked is what the last Look knew.
type looked struct {
	dialled uint64
	at      time.Time
}
