package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/bench/process"
)

// ReplicasConfig says what engines that share a store are measured with. Every field of Config is needed but InFlight.
type ReplicasConfig struct {
	Config
	Redis, NATS string // the programs
	// Share is the part of a core that each engine gets in the measurement in which cores are not what is scarce.
	Share float64
	Say   func(string) // what is under way
}

// replicasInFlight is how many runs are in flight when one engine is compared with two.
const replicasInFlight = 64

// Fsyncs are the settings of Redis that are measured.
var Fsyncs = []string{"always", "everysec"}

// Replicas is what was measured of engines that share a Redis.
type Replicas struct {
	Free   []OneTwo // every process takes what it gets of the cores; one for each of Fsyncs
	Share  float64
	Shared *OneTwo  // each engine has Share of a core; nil: this machine cannot do that
	Why    error    // why not
	Killed []Killed // one of two engines: that which gives jobs to workers, and the other one
}

// OneTwo is the same work by one engine and by two.
type OneTwo struct {
	Fsync    string
	One, Two Throughput
}

// Engines is what the engines used of the processor for a step, all together.
func (t Throughput) Engines() (sum time.Duration) {
	for _, u := range t.PerStep() {
		if strings.HasPrefix(u.Name, "engine") {
			sum += u.CPU
		}
	}
	return sum
}

// Parts of MeasureReplicas.
const (
	OnlySteps = "steps"
	OnlyKill  = "kill"
)

// MeasureReplicas measures one engine and two on the same Redis and NATS, with the same gateway, worker and clients; and kills
// one of two. only is one of its parts, or empty: both.
func MeasureReplicas(ctx context.Context, cfg ReplicasConfig, only string) (r Replicas, err error) {
	if only != OnlyKill {
		err = cfg.steps(ctx, &r)
	}
	if err == nil && only != OnlySteps {
		err = cfg.kills(ctx, &r)
	}
	return r, err
}

func (cfg ReplicasConfig) steps(ctx context.Context, r *Replicas) error {
	for _, fsync := range Fsyncs {
		one, err := cfg.compare(ctx, clusterShape{fsync: fsync})
		if err != nil {
			return err
		}
		r.Free = append(r.Free, one)
	}
	r.Share = cfg.Share
	shared, err := cfg.compare(ctx, clusterShape{fsync: "everysec", share: cfg.Share})
	switch {
	case err == nil:
		r.Shared = &shared
	case errors.Is(err, process.ErrUnknown):
		r.Why = err
	default:
		return err
	}
	return nil
}

// kills kills an engine that does not give jobs to workers, then one that does.
func (cfg ReplicasConfig) kills(ctx context.Context, r *Replicas) error {
	for _, place := range []bool{false, true} {
		cfg.Say(fmt.Sprintf("one of two engines is killed; it gives jobs to workers: %t", place))
		k, err := cfg.kill(ctx, place)
		if err != nil {
			return err
		}
		r.Killed = append(r.Killed, k)
	}
	return nil
}

// compare measures one engine, then two.
func (cfg ReplicasConfig) compare(ctx context.Context, shape clusterShape) (OneTwo, error) {
	out := OneTwo{Fsync: shape.fsync}
	for i, t := range []*Throughput{&out.One, &out.Two} {
		shape.engines = i + 1
		cfg.Say(fmt.Sprintf("engines: %d, appendfsync %s, share of a core %g", shape.engines, shape.fsync, shape.share))
		if err := cfg.measure(ctx, shape, t); err != nil {
			return out, fmt.Errorf("%d engines, appendfsync %s: %w", shape.engines, shape.fsync, err)
		}
	}
	return out, nil
}

func (cfg ReplicasConfig) measure(ctx context.Context, shape clusterShape, t *Throughput) (err error) {
	c, err := startCluster(ctx, cfg, shape)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	pause(ctx, settle)
	*t, err = measureThroughput(ctx, c.client, toolNoop, replicasInFlight, cfg.For, c.meters()...)
	return c.told(err)
}
