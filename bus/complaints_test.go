package bus

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestComplaintsAreFew: a flood that makes the client drop a thousand messages costs the log a line now and then.
func TestComplaintsAreFew(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1000, 0)
	c := newComplaints(slog.New(slog.NewTextHandler(&out, nil)))
	c.now = func() time.Time { return now }
	for range 1000 {
		c.asynchronous(nil, &nats.Subscription{Subject: "a"}, nats.ErrSlowConsumer)
		c.asynchronous(nil, nil, errors.New("other"))
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines", n)
	}
	now = now.Add(complainEvery)
	c.asynchronous(nil, &nats.Subscription{Subject: "a"}, nats.ErrSlowConsumer)
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines after a while", n)
	}
}
