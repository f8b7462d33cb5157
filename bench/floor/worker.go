package floor

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// RunWorker is the worker's side: it answers each request with a result at once, as a request of its own whose reply
// it takes. It calls ready once it listens, and blocks until ctx ends or the connection is lost for good.
func RunWorker(ctx context.Context, url string, ready func()) error {
	samples, err := newPackets()
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	conn, err := nats.Connect(url, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		return fmt.Errorf("connect to the floor's server at %s: %w", url, err)
	}
	defer conn.Close()

	inbox := nats.NewInbox()
	if _, err := conn.Subscribe(inbox+".*", func(*nats.Msg) {}); err != nil {
		return err
	}
	var replies []string // by chain
	_, err = conn.Subscribe(requestSubject, func(m *nats.Msg) {
		chain := chainOf(m.Data)
		for len(replies) <= chain {
			replies = append(replies, inbox+"."+strconv.Itoa(len(replies)))
		}
		stamp(samples.result, chain)
		_ = conn.PublishRequest(resultSubject, replies[chain], samples.result)
	})
	if err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	ready()
	select {
	case <-ctx.Done():
	case <-closed:
	}
	return nil
}
