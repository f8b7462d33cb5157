package runner

import "github.com/prometheus/client_golang/prometheus"

// lockMetrics measure resource locks.
type lockMetrics struct {
	wait prometheus.Histogram
	held prometheus.Gauge
}

func newLockMetrics() lockMetrics {
	return lockMetrics{
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cordum_scheduler_job_lock_wait_seconds", Help: "From a job's asking for its resource lock to having it.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 60, 300, 1800, 3600},
		}),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cordum_locks_held", Help: "Resource locks that somebody holds now, jobs or holders from outside.",
		}),
	}
}
