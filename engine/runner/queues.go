package runner

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/scheduler"
)

// fleetMetrics show the fleet when they are asked for.
type fleetMetrics struct {
	d       *dispatch
	orphans atomic.Int64 // attempts taken from lost workers

	depth, age, workers, beats, stale, replayed *prometheus.Desc
}

func newFleetMetrics(d *dispatch) *fleetMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &fleetMetrics{
		d:        d,
		depth:    desc("cordum_scheduler_queue_depth", "Released attempts that wait for a worker.", "queue"),
		age:      desc("cordum_scheduler_queue_age_seconds", "How long the one has waited that was released first.", "queue"),
		workers:  desc("cordum_scheduler_workers", "Workers heard from.", "state"),
		beats:    desc("cordum_last_heartbeat_timestamp", "When the last heartbeat came, of anybody and of single workers.", "worker_id"),
		stale:    desc("cordum_scheduler_stale_jobs", "Attempts that nothing has happened to for long.", "state"),
		replayed: desc("cordum_scheduler_orphan_replayed_total", "Attempts taken from workers that were lost."),
	}
}

// Describe implements prometheus.Collector.
func (m *fleetMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.depth, m.age, m.workers, m.beats, m.stale, m.replayed} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *fleetMetrics) Collect(ch chan<- prometheus.Metric) {
	m.d.mu.Lock()
	if m.d.heardOnly() { // the place shows the fleet
		m.d.mu.Unlock()
		return
	}
	now := m.d.r.now()
	queues, workers, stale := m.d.fleet.Queue(), m.d.fleet.Workers(now), m.d.fleet.Stale(now, staleAfter)
	m.d.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, q := range boundQueues(queues) {
		gauge(m.depth, float64(q.Depth), q.Topic)
		gauge(m.age, max(now.Sub(q.Oldest), 0).Seconds(), q.Topic)
	}
	states := map[string]int{
		scheduler.WorkerAlive: 0, scheduler.WorkerDraining: 0, scheduler.WorkerSilent: 0, scheduler.WorkerLost: 0,
	}
	for _, w := range workers {
		states[w.State]++
	}
	for state, n := range states {
		gauge(m.workers, float64(n), state)
	}
	slices.SortStableFunc(workers, func(a, b scheduler.WorkerState) int { return a.LastSeen.Compare(b.LastSeen) })
	for _, w := range workers[:min(len(workers), maxBeats)] {
		gauge(m.beats, seconds(w.LastSeen), w.Worker)
	}
	if n := len(workers); n > 0 {
		gauge(m.beats, seconds(workers[n-1].LastSeen), "") // as if it had no label
	}
	gauge(m.stale, float64(stale.Waiting), scheduler.JobScheduled.String())
	gauge(m.stale, float64(stale.Unsaid), scheduler.JobDispatched.String())
	ch <- prometheus.MustNewConstMetric(m.replayed, prometheus.CounterValue, float64(m.orphans.Load()))
}

// boundQueues makes one of all beyond maxQueues.
func boundQueues(queues []scheduler.QueueStat) []scheduler.QueueStat {
	if len(queues) <= maxQueues {
		return queues
	}
	rest := queues[maxQueues]
	rest.Topic = otherValue
	for _, q := range queues[maxQueues+1:] {
		rest.Depth += q.Depth
		if q.Oldest.Before(rest.Oldest) {
			rest.Oldest = q.Oldest
		}
	}
	return append(queues[:maxQueues:maxQueues], rest)
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
