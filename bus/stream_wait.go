package bus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// WaitStreams is OpenStreams, again and again for as long as patience while the servers have just started or lost one and have no
// leader yet. It says so once, by waits, before the second try.
func WaitStreams(ctx context.Context, n *NATS, cfg StreamConfig, patience time.Duration, waits func(error)) (*Streams, error) {
	for deadline := time.Now().Add(patience); ; {
		one, cancel := context.WithTimeout(ctx, streamTry)
		s, err := OpenStreams(one, n, cfg)
		cancel()
		if err == nil || ctx.Err() != nil || !leaderless(err) {
			return s, err
		}
		if !time.Now().Before(deadline) {
			return nil, fmt.Errorf("JetStream had no leader for %v: are enough of its servers up? %w", patience, err)
		}
		if waits != nil {
			waits(err)
			waits = nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(streamPause):
		}
	}
}

// leaderless tells whether an answer is that of servers that have not agreed yet on who leads: they do not answer, or say that
// JetStream is unavailable (503).
func leaderless(err error) bool {
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return false
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.Code == http.StatusServiceUnavailable
	}
	return errors.Is(err, context.DeadlineExceeded)
}
