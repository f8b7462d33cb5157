package main

import (
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/pointers"
)

// capSettings are what a server is told about plain CAP workers: where their payloads lie, and whether streams keep what is
// published.
type capSettings struct {
	RedisAddr     string // a listener that stands for one; default none, with --dev a free port of this machine
	RedisPassword string // that workers show there; needed unless Dev

	Streams       bool // default false
	AckWait       time.Duration
	MaxAge        time.Duration
	Replicas      int
	MaxAckPending int
}

// noListener is the address that means: none, also with --dev.
const noListener = "off"

func defaultCAPSettings() capSettings {
	return capSettings{AckWait: bus.DefaultAckWait, MaxAge: bus.DefaultMaxAge, Replicas: 1, MaxAckPending: bus.DefaultMaxAckPending}
}

func capRows() []setting {
	listener := address("redis-addr", "CORDUM_REDIS_ADDR", "plain CAP workers find their payloads here, as if it were Redis: 127.0.0.1:PORT, or off (default off, with --dev any free port; a store in Redis takes that Redis)", func(c *serveConfig) *string { return &c.CAP.RedisAddr })
	checked := listener.set
	listener.set = func(c *serveConfig, v string) error {
		if v == noListener {
			c.CAP.RedisAddr = v
			return nil
		}
		return checked(c, v)
	}
	return []setting{
		listener,
		secret("redis_password", "CORDUM_REDIS_PASSWORD", func(c *serveConfig) *string { return &c.CAP.RedisPassword }),
		boolean("nats-use-jetstream", "NATS_USE_JETSTREAM", "keep jobs and results of plain CAP workers on disk, so that nothing they say while no engine listens is lost", func(c *serveConfig) *bool { return &c.CAP.Streams }),
		duration("nats-js-ack-wait", "NATS_JS_ACK_WAIT", "how long until a kept result that was not settled comes again", func(c *serveConfig) *time.Duration { return &c.CAP.AckWait }),
		duration("nats-js-max-age", "NATS_JS_MAX_AGE", "how long what was published is kept", func(c *serveConfig) *time.Duration { return &c.CAP.MaxAge }),
		whole("nats-js-replicas", "NATS_JS_REPLICAS", "copies of what is kept; the built-in NATS has one", 1, 5, func(c *serveConfig) *int { return &c.CAP.Replicas }),
		whole("nats-max-ack-pending", "NATS_MAX_ACK_PENDING", "kept results that are being taken at a time", 1, 100_000, func(c *serveConfig) *int { return &c.CAP.MaxAckPending }),
	}
}

// refuseCAP says why plain CAP workers could not be served like this.
func (c *serveConfig) refuseCAP(say func(string, ...any)) {
	addr := c.CAP.RedisAddr
	if addr == noListener {
		addr = ""
	}
	switch {
	case addr != "" && c.Store.shared().set():
		say("%s and --redis-addr are both set: payloads lie in one place, keep one of them", c.Store.shared().name)
	case addr != "" && !isLoopback(addr):
		say("--redis-addr %s is refused: the listener is for this machine only, write 127.0.0.1:PORT, or give workers elsewhere a Redis with REDIS_URL", addr)
	case addr != "" && !c.Dev && c.CAP.RedisPassword == "":
		say("--redis-addr needs CORDUM_REDIS_PASSWORD, which workers show there, or --dev")
	case addr != "" && !c.Dev && len(c.CAP.RedisPassword) < pointers.MinPassword:
		say("CORDUM_REDIS_PASSWORD has %d characters and can be guessed: take %d or more", len(c.CAP.RedisPassword), pointers.MinPassword)
	}
	if c.CAP.Replicas > 1 && !c.NATS.external() {
		say("NATS_JS_REPLICAS is %d, but the built-in NATS has one copy", c.CAP.Replicas)
	}
}

// listenerAddr is where the listener that stands for Redis listens; empty: there is none.
func (c *serveConfig) listenerAddr() string {
	switch {
	case c.Store.shared().set() || c.CAP.RedisAddr == noListener, c.CAP.RedisAddr == "" && c.Store.external():
		return ""
	case c.CAP.RedisAddr == "" && c.Dev:
		return "127.0.0.1:0"
	}
	return c.CAP.RedisAddr
}
