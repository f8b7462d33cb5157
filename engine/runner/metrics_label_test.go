package runner

import (
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/scheduler"
)

// TestLabelsAreBounded: whoever may submit jobs may choose their topics, and cannot fill the memory with counters of them.
func TestLabelsAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newMetrics(reg)
	for i := range 3 * maxLabelValues {
		topic := "job.t" + strconv.Itoa(i)
		m.topic(topic).received.Inc()
		m.jobEnded(&scheduler.Job{Topic: topic, Pack: topic})
	}
	m.topic("job.t0").received.Inc()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, f := range families {
		switch f.GetName() {
		case "cordum_jobs_received_total", "cordum_jobs_completed_total", "cordum_jobs_total":
		default:
			continue
		}
		checked++
		sum := 0.0
		for _, series := range f.GetMetric() {
			sum += series.GetCounter().GetValue()
		}
		if n := len(f.GetMetric()); n != maxLabelValues+1 || sum < 3*maxLabelValues {
			t.Errorf("%s has %d series that count %v", f.GetName(), n, sum)
		}
	}
	if checked != 3 {
		t.Errorf("%d metrics were looked at", checked)
	}
	cached := 0
	m.byTopic.Range(func(any, any) bool { cached++; return true })
	if cached > maxLabelValues+1 {
		t.Errorf("%d topics are remembered", cached)
	}
}
