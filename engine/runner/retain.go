package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is when what has ended goes: runs by their age and their number, and with each run everything that is kept of it
// (retain_find.go says which runs, retain_remove.go what of them); then what nothing names any more: blobs (retain_blobs.go) and
// definitions of single jobs (retain_definitions.go). A process looks after the partitions that it owns. It looks beside the
// lanes; only the removal is a lane's, a few runs in a commit, and at most half of the time.

// Keep says how much of what has ended is kept; the zero value keeps everything.
type Keep struct {
	Age   time.Duration // since the end; 0: for ever
	Count int           // of a tenant, those that began last; 0: any number
}

func (k Keep) everything() bool { return k.Age <= 0 && k.Count <= 0 }

// RetentionConfig says what is kept of runs that have ended. The zero value keeps them.
type RetentionConfig struct {
	Runs Keep // of workflows
	Jobs Keep // of the jobs API
	// Every is how often it is looked; default DefaultRetainEvery. A look that takes long is followed by a longer pause.
	Every time.Duration
	// BlobRest is how long a blob stays that nothing names, since it was last put; default DefaultBlobRest.
	BlobRest time.Duration
	// DefinitionRest is how long the definition of a single job stays that no run has; default DefaultDefinitionRest.
	DefinitionRest time.Duration
}

func (c RetentionConfig) withDefaults() RetentionConfig {
	if c.Every <= 0 {
		c.Every = DefaultRetainEvery
	}
	if c.BlobRest <= 0 {
		c.BlobRest = DefaultBlobRest
	}
	if c.DefinitionRest <= 0 {
		c.DefinitionRest = DefaultDefinitionRest
	}
	return c
}

func (c *RetentionConfig) of(kind engine.Kind) Keep {
	if kind == engine.KindJob {
		return c.Jobs
	}
	return c.Runs
}

// retainedKinds are the kinds of runs with the states in which they have ended, as the index of states has them.
var retainedKinds = []struct {
	kind   engine.Kind
	states []string
}{
	{engine.KindWorkflow, []string{
		engine.RunSucceeded.String(), engine.RunFailed.String(), engine.RunCancelled.String(), engine.RunTimedOut.String(),
	}},
	{engine.KindJob, []string{
		scheduler.JobSucceeded.String(), scheduler.JobFailed.String(), scheduler.JobCancelled.String(), scheduler.JobTimeout.String(),
		scheduler.JobDenied.String(),
	}},
}

// retention is what a runner knows of what it keeps.
type retention struct {
	metrics retainMetrics
	swept   time.Time                      // when unnamed blobs and definitions were last looked for
	blobs   map[store.Partition]*store.Key // how far this round has come
	defs    map[string]*store.Key          // the same, by the beginning of their rows
}

type retainMetrics struct {
	runs        *prometheus.CounterVec
	blobs       prometheus.Counter
	definitions prometheus.Counter
	failed      prometheus.Counter
	seconds     prometheus.Gauge
}

func (k *retention) init(reg prometheus.Registerer) {
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	k.blobs, k.defs = map[store.Partition]*store.Key{}, map[string]*store.Key{}
	k.metrics = retainMetrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cordum_retention_runs_removed_total", Help: "Runs that have ended and were removed as old or too many.",
		}, []string{"kind"}),
		blobs:       one("cordum_retention_blobs_removed_total", "Large payloads removed that nothing names."),
		definitions: one("cordum_retention_definitions_removed_total", "Definitions of single jobs removed that no run has."),
		failed:      one("cordum_retention_failures_total", "Looks for old runs that ended in an error; the next one goes on."),
		seconds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cordum_retention_look_seconds", Help: "How long the last look for what may go took.",
		}),
	}
	if reg != nil {
		reg.MustRegister(k.metrics.runs, k.metrics.blobs, k.metrics.definitions, k.metrics.failed, k.metrics.seconds)
	}
}

// keepRuns removes what is not kept any longer, until ctx ends. It rests ten times as long as a look took.
func (r *Runner) keepRuns(ctx context.Context) error {
	r.retain.swept = r.now()
	next := time.NewTimer(r.cfg.Retention.Every)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		began := time.Now()
		if err := r.retainAll(ctx); err != nil && ctx.Err() == nil {
			r.retain.metrics.failed.Inc()
			r.cfg.Logger.Error("what is not kept any longer could not be removed; trying again", "error", err)
		}
		took := time.Since(began)
		r.retain.metrics.seconds.Set(took.Seconds())
		next.Reset(max(r.cfg.Retention.Every, retainRest*took))
	}
}

// retainAll is one look at everything.
func (r *Runner) retainAll(ctx context.Context) error {
	cfg := &r.cfg.Retention
	if !cfg.Runs.everything() || !cfg.Jobs.everything() {
		look := retainLook{r: r, now: r.now(), least: map[string]string{}}
		err := look.all(ctx)
		if look.removed > 0 {
			r.cfg.Logger.Info("old runs removed", "runs", look.removed)
		}
		if err != nil {
			return fmt.Errorf("remove old runs: %w", err)
		}
	}
	if r.now().Sub(r.retain.swept) < min(retainSweepEvery, cfg.BlobRest, cfg.DefinitionRest) {
		return nil
	}
	r.retain.swept = r.now()
	if r.level() < store.LevelNames {
		return nil // a process may be there that names things without a note
	}
	for _, p := range r.owned() {
		if err := r.sweepBlobs(ctx, p); err != nil && !errors.Is(err, ErrMoved) {
			return fmt.Errorf("remove blobs that nothing names from partition %d: %w", p, err)
		}
	}
	if !r.leads() {
		return nil
	}
	if err := r.sweepDefinitions(ctx); err != nil && !errors.Is(err, ErrMoved) {
		return fmt.Errorf("remove definitions that no run has: %w", err)
	}
	return nil
}

// tenantsOf are the tenants that have rows in a table of a partition.
func (r *Runner) tenantsOf(ctx context.Context, p store.Partition, table store.Table) (tenants []string, err error) {
	at := store.Range{Table: table, Limit: 1}
	for {
		page, err := r.store.Scan(ctx, p, at)
		if err != nil {
			return nil, unread(err)
		}
		if len(page.Records) == 0 {
			return tenants, nil
		}
		tenant := page.Records[0].Key.Tenant
		tenants = append(tenants, tenant)
		at.After = &store.Key{Table: table, Tenant: tenant, ID: behindAll} // no id begins with it
	}
}

// behindAll is greater than every id: they are text.
const behindAll = "\xff\xff"

// startedBefore is what ids of runs that began before a time are below, without their partition.
func startedBefore(at time.Time) string {
	var u ulid.ULID
	_ = u.SetTime(ulid.Timestamp(at)) // fails only in the year 10889
	return u.String()
}

// unread is a store's refusal to be read, as callers see it.
func unread(err error) error { return errors.Join(ErrUnavailable, err) }
