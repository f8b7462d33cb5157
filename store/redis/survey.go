package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrUnsafe says that a server's settings would lose acknowledged data.
var ErrUnsafe = errors.New("store/redis: the server's settings lose data")

// durability is what a server does with a write before it answers, worst first.
type durability uint8

const (
	inMemory durability = iota // no append-only file
	byKernel                   // in the file, synced when the kernel likes
	everySecond
	always
)

// survey is what the servers said of themselves; of several, the worst.
type survey struct {
	version  string
	kind     string
	sync     durability
	evicts   string // the policy, when it is not noeviction
	rewrites bool   // nothing is synced while the append-only file is rewritten
	replicas bool   // a failover may put one of them in the primary's place
	waits    int    // replicas that have an acknowledged write
	fewest   int    // replicas that a primary has connected; of several primaries that with the fewest
}

// look asks every primary about itself.
func (l *link) look(ctx context.Context, sentinels bool) (survey, error) {
	out := survey{kind: "server alone", sync: always, fewest: math.MaxInt}
	if sentinels {
		out.kind = "primary named by Sentinels"
	}
	if l.cluster != nil {
		out.kind = "cluster"
		if err := l.clusterIsWhole(ctx); err != nil {
			return survey{}, err
		}
	}
	err := l.each(ctx, func(ctx context.Context, c *redis.Client) error {
		one, err := l.lookAt(ctx, c)
		if err != nil {
			return fmt.Errorf("store/redis: %s: %w", c.Options().Addr, err)
		}
		out.worsen(one)
		return nil
	})
	out.replicas = out.replicas || sentinels
	return out, err
}

// clusterIsWhole waits for a cluster that is just being made, or found again by its nodes.
func (l *link) clusterIsWhole(ctx context.Context) error {
	_, err := ask(ctx, l.patience, func(ctx context.Context) (string, error) {
		info, err := l.cluster.ClusterInfo(ctx).Result()
		if err != nil {
			return "", err
		}
		fields := infoFields(info)
		if fields["cluster_state"] != "ok" {
			return "", serverError("CLUSTERDOWN cluster_state is " + fields["cluster_state"])
		}
		if n := fields["cluster_slots_assigned"]; n != "16384" {
			return "", serverError("CLUSTERDOWN its nodes have " + n + " slots of 16384")
		}
		return "", nil
	})
	if err != nil {
		return fmt.Errorf("store/redis: the cluster cannot be used: %w", err)
	}
	return nil
}

// serverError is what a server would answer to a command that it cannot do now.
type serverError string

func (e serverError) Error() string { return string(e) }

// RedisError marks it as a server's answer.
func (serverError) RedisError() {}

// lookAt asks one server. CONFIG may be forbidden, as where somebody else runs the server: then the worst is assumed.
func (l *link) lookAt(ctx context.Context, c *redis.Client) (survey, error) {
	info, err := ask(ctx, l.patience, func(ctx context.Context) (map[string]string, error) { return settledInfo(ctx, c) })
	if err != nil {
		return survey{}, err
	}
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestServer {
		return survey{}, fmt.Errorf("it is Redis %q, and %d.0 or later is needed", info["redis_version"], oldestServer)
	}
	if info["role"] != "master" {
		return survey{}, fmt.Errorf("it is a replica of %s, which nothing can be written to: give the address of the primary, or of Sentinels", info["master_host"])
	}
	out := survey{version: info["redis_version"], replicas: info["connected_slaves"] != "0"}
	out.fewest, _ = strconv.Atoi(info["connected_slaves"])
	if p := info["maxmemory_policy"]; p != "noeviction" {
		out.evicts = p
	}
	if info["aof_enabled"] != "1" {
		return out, nil
	}
	conf, err := ask(ctx, l.patience, func(ctx context.Context) (map[string]string, error) {
		return c.ConfigGet(ctx, "*appendfsync*").Result()
	})
	out.sync = byKernel
	switch {
	case err != nil && fateOf(err) == silent:
		return survey{}, err
	case conf["appendfsync"] == "always":
		out.sync = always
	case conf["appendfsync"] == "everysec":
		out.sync = everySecond
	}
	out.rewrites = conf["no-appendfsync-on-rewrite"] == "yes"
	return out, nil
}

// settledInfo is what a server says of itself when it has read its data. Before that it says that it has no append-only file: while it
// reads the file, it does not write to it.
func settledInfo(ctx context.Context, c *redis.Client) (map[string]string, error) {
	raw, err := c.Info(ctx, "everything").Result()
	if err != nil {
		return nil, err
	}
	info := infoFields(raw)
	if info["loading"] == "1" || info["async_loading"] == "1" {
		return nil, serverError("LOADING the server is still reading its data")
	}
	return info, nil
}

func (s *survey) worsen(one survey) {
	s.version = one.version
	s.sync = min(s.sync, one.sync)
	if one.evicts != "" {
		s.evicts = one.evicts
	}
	s.rewrites = s.rewrites || one.rewrites
	s.replicas = s.replicas || one.replicas
	s.fewest = min(s.fewest, one.fewest)
}

// lacking says that nothing can be acknowledged, since fewer replicas are connected than have to receive it; "" when enough are.
func (s *survey) lacking() string {
	if s.fewest >= s.waits {
		return ""
	}
	return fmt.Sprintf("%d replicas have to receive what is acknowledged, and %d are connected: nothing could be; connect more, or wait for fewer", s.waits, s.fewest)
}

// losses are the settings under which acknowledged data goes without anything having failed.
func (s *survey) losses() []string {
	var out []string
	if s.evicts != "" {
		out = append(out, fmt.Sprintf("maxmemory-policy is %s and deletes records when memory is full: set it to noeviction", s.evicts))
	}
	switch s.sync {
	case inMemory:
		out = append(out, "appendonly is no and a restart loses everything since the last snapshot: set it to yes")
	case byKernel:
		out = append(out, "appendfsync is no, or cannot be read, and a power cut loses some 30 s: set it to always or everysec")
	}
	return out
}

// worth is what an acknowledgement is worth.
func (s *survey) worth() string {
	var out string
	switch s.sync {
	case always:
		out = "fsynced to the append-only file of the primary (appendfsync always)"
		if s.rewrites {
			out += ", but for while the file is rewritten (no-appendfsync-on-rewrite yes)"
		}
	case everySecond:
		out = "in memory of the primary and fsynced within a second or two (appendfsync everysec)"
	case byKernel:
		out = "in memory of the primary and written to its disk when its kernel likes (appendfsync no)"
	default:
		out = "in memory of the primary (appendonly no)"
	}
	if s.evicts != "" {
		out += ", until maxmemory-policy " + s.evicts + " deletes it"
	}
	if s.waits > 0 {
		out += fmt.Sprintf(", and received by %d of its replicas", s.waits)
	}
	if s.replicas {
		out += "; a failover loses what the replica had not yet received, which running processes notice and stop"
	}
	return out
}
