package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// The client library prints what it cannot reach to standard error, among lines that programs read; every such thing is
// an error of a call too.
func init() { redis.SetLogger(clientLog{}) }

type clientLog struct{}

func (clientLog) Printf(ctx context.Context, format string, args ...any) {
	if log := slog.Default(); log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, fmt.Sprintf(format, args...))
	}
}

// link is the way to the servers. Exactly one of its clients is set.
type link struct {
	one     *redis.Client        // a server alone, or the primary that Sentinels name
	cluster *redis.ClusterClient // only its nodes are asked, so that nothing is repeated without our knowing

	patience time.Duration
}

// dial makes the clients. A server alone is asked whether it is of a cluster.
func dial(ctx context.Context, cfg *Config) (*link, error) {
	o := cfg.options()
	switch {
	case cfg.MasterName != "":
		return &link{one: cfg.watch(redis.NewFailoverClient(o.Failover())), patience: cfg.patience}, nil
	case len(cfg.Addrs) > 1:
		return newCluster(cfg)
	}
	one := cfg.watch(redis.NewClient(o.Simple()))
	info, err := ask(ctx, cfg.patience, func(ctx context.Context) (string, error) { return one.Info(ctx, "cluster").Result() })
	if err == nil && infoFields(info)["cluster_enabled"] != "1" {
		return &link{one: one, patience: cfg.patience}, nil
	}
	if closeErr := one.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("store/redis: %s: %w", cfg.Addrs[0], err)
	}
	return newCluster(cfg)
}

func newCluster(cfg *Config) (*link, error) {
	if cfg.DB != 0 {
		return nil, fmt.Errorf("store/redis: database %d: a cluster has only database 0", cfg.DB)
	}
	o := cfg.options().Cluster()
	o.DisableRoutingPolicies = true
	o.NewClient = func(opt *redis.Options) *redis.Client { return cfg.watch(redis.NewClient(opt)) }
	return &link{cluster: redis.NewClusterClient(o), patience: cfg.patience}, nil
}

func (c *Config) watch(r *redis.Client) *redis.Client {
	r.AddHook(dialCount{c.dialled})
	if c.hook != nil {
		r.AddHook(c.hook)
	}
	return r
}

// dialCount counts connections that are made.
type dialCount struct{ n *atomic.Uint64 }

func (d dialCount) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			d.n.Add(1)
		}
		return conn, err
	}
}

func (dialCount) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (dialCount) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Client is how another client reaches the servers that c names: addresses, who it is, TLS, database, connections at most. Whether
// one address is a node of a cluster it does not say.
func (c *Config) Client() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: c.Addrs, DB: c.DB, MasterName: c.MasterName, Username: c.Username, Password: c.Password,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword, TLSConfig: c.TLS, PoolSize: c.Pool, Protocol: 2,
	}
}

// Options are how another client reaches the same servers: addresses, who it is, TLS, database.
func (s *Store) Options() *redis.UniversalOptions {
	o := s.options
	return &redis.UniversalOptions{
		Addrs: o.Addrs, DB: o.DB, MasterName: o.MasterName, IsClusterMode: s.link.cluster != nil,
		Username: o.Username, Password: o.Password, SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		TLSConfig: o.TLSConfig, PoolSize: o.PoolSize, Protocol: o.Protocol,
	}
}

// node is the primary that has a key.
func (l *link) node(ctx context.Context, key string) (*redis.Client, error) {
	if l.one != nil {
		return l.one, nil
	}
	return l.cluster.MasterForKey(ctx, key)
}

// at is the primary with an address, after the cluster was asked again who they are.
func (l *link) at(ctx context.Context, addr string) (*redis.Client, error) {
	var (
		mu    sync.Mutex
		found *redis.Client
	)
	if l.one != nil {
		return l.one, nil
	}
	err := l.cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		if c.Options().Addr == addr {
			found = c
		}
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("the cluster names no primary at %s", addr)
	}
	return found, err
}

// any is for what may be repeated.
func (l *link) any() redis.UniversalClient {
	if l.one != nil {
		return l.one
	}
	return l.cluster
}

// each asks every primary, one after another.
func (l *link) each(ctx context.Context, do func(context.Context, *redis.Client) error) error {
	if l.one != nil {
		return do(ctx, l.one)
	}
	var mu sync.Mutex
	return l.cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		return do(ctx, c)
	})
}

func (l *link) close() error {
	if l.one != nil {
		return l.one.Close()
	}
	return l.cluster.Close()
}

// ask tries a question that may be repeated for that long at most.
func ask[T any](ctx context.Context, most time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	var why error
	for try := 0; ; try++ {
		v, err := do(ctx)
		why = telling(why, err)
		switch f := fateOf(err); {
		case err == nil || errors.Is(err, redis.Nil):
			return v, err
		case f == refused || f == broken:
			return v, explain(err)
		}
		if !pause(ctx, try) {
			return v, explain(why)
		}
	}
}

// telling is the more telling of two errors in a row: that time ran out says less than what it ran out over.
func telling(before, err error) error {
	if before != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)) {
		return before
	}
	return err
}

// infoFields reads the answer of INFO.
func infoFields(info string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}
