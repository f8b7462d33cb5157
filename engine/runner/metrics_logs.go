package runner

import "github.com/prometheus/client_golang/prometheus"

// logMetrics count the lines of jobs' logs.
type logMetrics struct {
	lines         *prometheus.CounterVec
	kept, dropped prometheus.Counter
}

func newLogMetrics() logMetrics {
	lines := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cordum_job_log_lines_total", Help: "Lines that workers sent for the logs of jobs.",
	}, []string{"result"})
	return logMetrics{lines: lines, kept: lines.WithLabelValues("kept"), dropped: lines.WithLabelValues("dropped")}
}
