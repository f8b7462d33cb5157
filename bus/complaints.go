package bus

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// complainEvery is how often the log hears of one subject's trouble: under a flood the client tells of each message it drops.
const complainEvery = 10 * time.Second

// complaints tell the log what goes wrong with a connection, and not too often. Safe for concurrent use.
type complaints struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	last map[string]time.Time // by subject; there are as many as subscriptions
}

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, now: time.Now, last: make(map[string]time.Time)}
}

// asynchronous is a nats.ErrHandler.
func (c *complaints) asynchronous(_ *nats.Conn, sub *nats.Subscription, err error) {
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	if !c.due(subject + " " + err.Error()) {
		return
	}
	if sub != nil {
		c.log.Error("bus subscription failed", "subject", subject, "error", err)
		return
	}
	c.log.Error("bus connection failed", "error", err)
}

// due tells whether a complaint was not made lately.
func (c *complaints) due(what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if at, said := c.last[what]; said && now.Sub(at) < complainEvery {
		return false
	}
	if len(c.last) >= maxComplaints {
		clear(c.last)
	}
	c.last[what] = now
	return true
}

// maxComplaints is how many kinds of complaints are remembered.
const maxComplaints = 1000
