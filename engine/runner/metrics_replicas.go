package runner

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/store"
)

// Why partitions leave an engine, as the metric has it.
const (
	leftGiven      = "given"       // to another engine, in good order
	leftFenced     = "fenced"      // another process has taken it
	leftLease      = "lease"       // its lease was not renewed in time
	leftHung       = "hung"        // its lane hangs in the store
	leftRolledBack = "rolled_back" // the store lost what was acknowledged
)

// replicaMetrics measure what an engine has of its store, and how the store takes it. The zero value counts nothing.
type replicaMetrics struct {
	taken    prometheus.Counter
	left     *prometheus.CounterVec
	standIns prometheus.Counter
	commits  prometheus.Histogram
	failed   *prometheus.CounterVec
}

// newReplicaMetrics makes the metrics of r, which is not running yet.
func newReplicaMetrics(r *Runner, reg prometheus.Registerer) replicaMetrics {
	m := replicaMetrics{
		taken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cordum_partitions_taken_total", Help: "Partitions that this engine began to serve since others serve the store, too.",
		}),
		left: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cordum_partitions_left_total", Help: "Partitions that this engine ceased to serve: given, fenced, lease, hung or rolled_back.",
		}, []string{"reason"}),
		standIns: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cordum_place_stand_ins_total", Help: "Times that this engine gave out jobs of its own runs, as the one that does it for all was gone.",
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cordum_store_commit_seconds", Help: "How long the store takes for a commit of a lane, which may be of several partitions.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cordum_store_commits_failed_total", Help: "Commits of a partition that the store did not confirm: fenced, or for another reason.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{leftGiven, leftFenced, leftLease, leftHung, leftRolledBack} {
		m.left.WithLabelValues(reason)
	}
	for _, reason := range []string{leftFenced, leftRolledBack, "other"} {
		m.failed.WithLabelValues(reason)
	}
	r.whenTaken(func(store.Partition) { m.taken.Inc() })
	if reg == nil {
		return m
	}
	reg.MustRegister(m.taken, m.left, m.standIns, m.commits, m.failed,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "cordum_partitions_owned", Help: "Partitions that this engine serves now.",
		}, func() float64 { return float64(r.countOwned()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "cordum_engine_draining", Help: "1 while this engine gives away what it has, else 0.",
		}, func() float64 {
			if s := r.shared; s != nil && s.draining.Load() {
				return 1
			}
			return 0
		}))
	return m
}

// countOwned counts the partitions that this process serves under a lease.
func (r *Runner) countOwned() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.epochs {
		if r.epochs[p].Epoch != 0 && r.owns(store.Partition(p)) {
			n++
		}
	}
	return n
}

// leftBy notes why a partition left this process.
func (m *replicaMetrics) leftBy(reason string) {
	if m.left != nil {
		m.left.WithLabelValues(reason).Inc()
	}
}

// stoodIn notes that this process begins to give out jobs by itself.
func (m *replicaMetrics) stoodIn() {
	if m.standIns != nil {
		m.standIns.Inc()
	}
}

// commit notes what the store made of a commit that began at a time.
func (m *replicaMetrics) commit(began time.Time, errs []error) {
	if m.commits == nil {
		return
	}
	m.commits.Observe(time.Since(began).Seconds())
	for _, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, store.ErrFenced):
			m.failed.WithLabelValues(leftFenced).Inc()
		case errors.Is(err, store.ErrRolledBack):
			m.failed.WithLabelValues(leftRolledBack).Inc()
		default:
			m.failed.WithLabelValues("other").Inc()
		}
	}
}
