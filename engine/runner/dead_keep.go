package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// DeadLetterConfig says how long and how many dead letters are kept. Zero fields mean their default.
type DeadLetterConfig struct {
	TTL time.Duration // default DefaultDeadTTL
	Cap int           // of one tenant; the oldest go; default DefaultDeadCap
}

func (c DeadLetterConfig) withDefaults() DeadLetterConfig {
	if c.TTL <= 0 {
		c.TTL = DefaultDeadTTL
	}
	if c.Cap <= 0 {
		c.Cap = DefaultDeadCap
	}
	return c
}

// deadLetters is what a runner knows of all tenants' dead letters.
type deadLetters struct {
	limit   int
	metrics deadMetrics
	full    chan struct{} // rung when a tenant has too many
	begun   chan struct{} // rung when a redrive is to be carried out
	lead    chan struct{} // rung when this process came to lead: redrives are its to carry out

	mu       sync.Mutex
	counts   map[string]int // by tenant, in this process's partitions
	parts    map[store.Partition]map[string]int
	share    int                // of a tenant's limit, as many as this process's partitions are of all
	going    map[store.Key]bool // rows that are about to be removed
	redrives map[string]*redriving
	checked  map[string]string // by tenant: how far runs were looked for that are gone
}

type deadMetrics struct {
	entries, depth prometheus.Gauge // the same under both names that dashboards know
	written        *prometheus.CounterVec
	dropped        *prometheus.CounterVec
}

func (d *deadLetters) init(limit int, reg prometheus.Registerer) {
	gauge := func(name string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Dead letters that are kept now."})
	}
	count := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"reason"})
	}
	d.limit, d.share = limit, limit
	d.full, d.begun, d.lead = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	d.parts = map[store.Partition]map[string]int{}
	d.counts, d.going, d.redrives, d.checked = map[string]int{}, map[store.Key]bool{}, map[string]*redriving{}, map[string]string{}
	d.metrics = deadMetrics{
		entries: gauge("cordum_dlq_entries"), depth: gauge("cordum_dlq_depth"),
		written: count("cordum_dlq_written_total", "Jobs that became dead letters."),
		dropped: count("cordum_dlq_dropped_total", "Dead letters removed by no person: expired, over the cap, or of a run that is gone."),
	}
	if reg != nil {
		reg.MustRegister(d.metrics.entries, d.metrics.depth, d.metrics.written, d.metrics.dropped)
	}
}

// count notes that a tenant has more entries in a partition, or fewer.
func (d *deadLetters) count(p store.Partition, tenant string, change int) {
	if change == 0 {
		return
	}
	d.mu.Lock()
	if d.parts[p] == nil {
		d.parts[p] = map[string]int{}
	}
	d.parts[p][tenant] += change
	d.counts[tenant] += change
	over := d.counts[tenant] > d.share
	if d.counts[tenant] == 0 {
		delete(d.counts, tenant)
	}
	d.mu.Unlock()
	d.metrics.entries.Add(float64(change))
	d.metrics.depth.Add(float64(change))
	if over {
		ring(d.full)
	}
}

// lost forgets what was counted in a partition that is another process's now.
func (d *deadLetters) lost(p store.Partition) {
	d.mu.Lock()
	all := 0
	for tenant, n := range d.parts[p] {
		all += n
		if d.counts[tenant] -= n; d.counts[tenant] == 0 {
			delete(d.counts, tenant)
		}
	}
	delete(d.parts, p)
	d.mu.Unlock()
	d.metrics.entries.Sub(float64(all))
	d.metrics.depth.Sub(float64(all))
}

// setShare says how many of the partitions are this process's.
func (d *deadLetters) setShare(own, all int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.share = max(1, d.limit*own/all)
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

func (d *deadLetters) isGoing(key store.Key) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.going[key]
}

// claim tells whether nobody else is about to remove a row; then the caller is.
func (d *deadLetters) claim(key store.Key) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.going[key] {
		return false
	}
	d.going[key] = true
	return true
}

func (d *deadLetters) release(keys []store.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range keys {
		delete(d.going, key)
	}
}

func (d *deadLetters) all() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// countDead counts what is stored in a partition, before anything is decided there.
func (r *Runner) countDead(ctx context.Context, p store.Partition) error {
	here := map[string]int{}
	at := store.Range{Table: store.TableDeadRecent, Limit: store.MaxScan}
	for {
		page, err := r.store.Scan(ctx, p, at)
		if err != nil {
			return fmt.Errorf("count the dead letters of partition %d: %w", p, errors.Join(ErrUnavailable, err))
		}
		for _, rec := range page.Records {
			here[rec.Key.Tenant]++
		}
		if at.After = page.Next; at.After == nil {
			break
		}
	}
	r.dead.lost(p) // what was counted before the scan is in it
	for tenant, n := range here {
		r.dead.count(p, tenant, n)
	}
	return nil
}

// tellDead says to who listens that a job is a dead letter. Nobody has to hear it: the list is the truth.
func (r *Runner) tellDead(row *deadRow) {
	status := wire.JobStatus_JOB_STATUS_FAILED
	switch row.State {
	case engine.StepTimedOut.String():
		status = wire.JobStatus_JOB_STATUS_TIMEOUT
	case engine.StepDenied.String():
		status = wire.JobStatus_JOB_STATUS_DENIED
	}
	data, err := proto.Marshal(&wire.BusPacket{
		TraceId: id.RunOf(row.Job), SenderId: r.cfg.Owner, CreatedAt: timestamppb.New(r.now()), ProtocolVersion: wire.ProtocolVersion,
		Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
			JobId: row.Job, Status: status, WorkerId: row.Worker, ErrorCode: row.Reason, ErrorMessage: row.Message,
		}},
	})
	if err == nil {
		err = r.bus.Publish(wire.SubjectDeadLetter, data)
	}
	if err != nil {
		r.cfg.Logger.Warn("dead letter not told on the bus", "job_id", row.Job, "error", err)
	}
}
