package kernel

import (
	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/safety"
)

// meters are the metrics of the policy store.
type meters struct {
	snapshot *prometheus.GaugeVec
	rules    prometheus.Gauge
	alerts   prometheus.Counter
}

func newMeters(reg prometheus.Registerer) (*meters, error) {
	m := &meters{
		snapshot: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cordum_policy_snapshot_info", Help: "1 for the policy snapshot in force, by its digest; none while none is.",
		}, []string{"snapshot"}),
		rules: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cordum_policy_rules", Help: "Rules of the policy snapshot in force.",
		}),
		alerts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cordum_policy_alerts_total", Help: "Policies that were not taken, and times that none could be in force.",
		}),
	}
	for _, c := range []prometheus.Collector{m.snapshot, m.rules, m.alerts} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// show notes that another snapshot is in force; nil is none.
func (m *meters) show(before, now *safety.Snapshot) {
	if before != nil {
		m.snapshot.DeleteLabelValues(before.Digest())
	}
	rules := 0
	if now != nil {
		m.snapshot.WithLabelValues(now.Digest()).Set(1)
		rules = now.RuleCount()
	}
	m.rules.Set(float64(rules))
}
