package main

import (
	"context"
	"path/filepath"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/pointers"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/redis"
)

// redisPatience is how long a server that starts waits for Redis to answer once.
const redisPatience = 3 * time.Second

// streamPatience is how long a server that starts waits for the servers of a NATS cluster to agree on who leads: several elections,
// which take about 5 s each.
const streamPatience = 30 * time.Second

// capWorkers is what a server has for plain CAP workers.
type capWorkers struct {
	listener *pointers.Listener // nil: none
	redis    *pointers.Redis    // nil: none
}

// openCAP takes what plain CAP workers need and puts it into the engine's configuration.
func (s *server) openCAP(ctx context.Context, engine *runner.Config) error {
	if s.cfg.CAP.Streams {
		streams, err := bus.WaitStreams(ctx, s.bus, bus.StreamConfig{
			AckWait: s.cfg.CAP.AckWait, MaxAge: s.cfg.CAP.MaxAge, Replicas: s.cfg.CAP.Replicas, MaxAckPending: s.cfg.CAP.MaxAckPending,
			Shared: engine.Peers != nil,
		}, streamPatience, func(err error) { s.log.Warn("waiting for JetStream to have a leader", "error", err) })
		if err != nil {
			return err
		}
		engine.Streams = streams
	}
	if addr := s.cfg.listenerAddr(); addr != "" {
		password := s.cfg.CAP.RedisPassword
		if s.cfg.Dev {
			password = ""
		}
		table := pointers.NewTable(time.Now)
		listener, err := pointers.Listen(ctx, pointers.ListenerConfig{Addr: addr, Password: password, Logger: s.log}, table)
		if err != nil {
			return listenFailed("redis-addr", addr, err)
		}
		s.cap.listener, engine.Pointers = listener, table
		return nil
	}
	return s.openRedis(ctx, engine)
}

// openRedis connects to the Redis of payloads: that of the installation, or else that of the store, if it is in one. One that is
// away for a while holds up the jobs of plain workers, and nothing else.
func (s *server) openRedis(ctx context.Context, engine *runner.Config) error {
	var r *pointers.Redis
	remote, is := s.store.(*redis.Store)
	switch {
	case s.cfg.Store.payloads().set():
		conf, err := s.cfg.Store.configOf(s.cfg.Store.payloads())
		if err != nil {
			return usagef("%w", err)
		}
		client := conf.Client()
		client.IsClusterMode = s.cfg.Store.payloads().cluster()
		r = pointers.NewRedis(client)
	case is && (s.cfg.Store.shared().set() || s.cfg.CAP.RedisAddr != noListener):
		r = pointers.NewRedis(remote.Options())
	default:
		return nil
	}
	s.cap.redis, engine.Pointers = r, r
	ctx, cancel := context.WithTimeout(ctx, redisPatience)
	defer cancel()
	if err := r.Ping(ctx); err != nil {
		s.log.Warn("Redis does not answer: jobs of plain CAP workers wait until it does", "error", err)
	}
	return nil
}

// capParts are those of its parts that live.
func (s *server) capParts() []part {
	if s.cap.listener == nil {
		return nil
	}
	return []part{{"listener for CAP workers' payloads", s.cap.listener.Run}}
}

// close gives up what was taken. A second call does nothing.
func (c *capWorkers) close() {
	if c.listener != nil {
		_ = c.listener.Close() // it may have ended by itself
		c.listener = nil
	}
	if c.redis != nil {
		_ = c.redis.Close() // nothing of it is to be kept
		c.redis = nil
	}
}

// streamDir is where streams are kept; empty: there are none.
func (c *serveConfig) streamDir() string {
	if !c.CAP.Streams {
		return ""
	}
	return filepath.Join(c.DataDir, "streams")
}

// pointersURL is where workers of this machine find their payloads; empty: nowhere.
func (s *server) pointersURL() string {
	if addr := s.cap.addr(); addr != "" {
		return "redis://" + addr
	}
	return ""
}

// addr is where the listener listens; empty: nowhere.
func (c *capWorkers) addr() string {
	if c.listener == nil {
		return ""
	}
	return c.listener.Addr()
}
