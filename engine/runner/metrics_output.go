package runner

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/safety"
)

// outputMetrics are what the output policy counts.
type outputMetrics struct {
	quarantined, denials, redactions prometheus.Counter
	latency                          *prometheus.HistogramVec // by phase: queue, check, keep
	duration                         prometheus.Histogram
}

func newOutputMetrics(one func(name, help string) prometheus.Counter) outputMetrics {
	buckets := []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	return outputMetrics{
		quarantined: one("cordum_output_policy_quarantined_total", "Results that people must release."),
		denials:     one("cordum_output_denials_total", "Results that the output policy refused."),
		redactions:  one("cordum_output_redactions_total", "Results of which the output policy hid something."),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cordum_output_check_latency_seconds", Buckets: buckets,
			Help: "Of a result that is looked at: from its coming to its turn (queue), looking at it (check), writing a large one (keep).",
		}, []string{"phase"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cordum_output_eval_duration_seconds", Help: "Evaluating the output policy's rules for one result.", Buckets: buckets,
		}),
	}
}

func (m *outputMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.quarantined, m.denials, m.redactions, m.latency, m.duration}
}

// checked counts a decision and what it took.
func (m *outputMetrics) checked(d *safety.OutputDecision, took time.Duration) {
	m.duration.Observe(took.Seconds())
	switch d.Verdict {
	case safety.OutputQuarantine:
		m.quarantined.Inc()
	case safety.OutputDeny:
		m.denials.Inc()
	}
	if d.Redacted != nil {
		m.redactions.Inc()
	}
}

// phase notes how long a part of a result's way took.
func (m *outputMetrics) phase(name string, took time.Duration) {
	m.latency.WithLabelValues(name).Observe(took.Seconds())
}
