package runner

import (
	"errors"
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// metrics are what the runner counts, under the names that dashboards know.
type metrics struct {
	received    *prometheus.CounterVec
	dispatched  *prometheus.CounterVec
	completed   *prometheus.CounterVec
	jobs        *prometheus.CounterVec
	steps       *prometheus.CounterVec
	evaluations *prometheus.CounterVec
	latency     prometheus.Histogram
	started     prometheus.Counter
	ended       *prometheus.CounterVec
	duration    prometheus.Histogram
	denied      prometheus.Counter
	unavailable prometheus.Counter
	faults      prometheus.Counter
	quarantined prometheus.Counter
	malformed   prometheus.Counter
	// configRefused counts configuration files and documents that were not taken.
	configRefused prometheus.Counter

	rollbacks    prometheus.Counter
	undoFailed   prometheus.Counter
	undoDuration prometheus.Histogram
	undosHeld    prometheus.Gauge

	outputs  outputMetrics
	replicas replicaMetrics
	locks    lockMetrics
	logs     logMetrics

	succeeded prometheus.Counter // steps{succeeded}: the common one
	allowed   prometheus.Counter // evaluations{ALLOW}
	byTopic   sync.Map           // topic → *topicMetrics

	topics, packs, workflows labelValues
}

// topicMetrics are the counters of one topic, found once.
type topicMetrics struct {
	received, dispatched prometheus.Counter
}

func (m *metrics) topic(name string) *topicMetrics {
	name = m.topics.of(name)
	if t, ok := m.byTopic.Load(name); ok {
		return t.(*topicMetrics)
	}
	t := &topicMetrics{received: m.received.WithLabelValues(name), dispatched: m.dispatched.WithLabelValues(name)}
	m.byTopic.Store(name, t)
	return t
}

func newMetrics(reg prometheus.Registerer) *metrics {
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		received:    count("cordum_jobs_received_total", "Attempts that asked for a worker.", "topic"),
		dispatched:  count("cordum_jobs_dispatched_total", "Attempts sent to a worker.", "topic"),
		completed:   count("cordum_jobs_completed_total", "Attempts that ended.", "topic", "status"),
		jobs:        count("cordum_jobs_total", "Attempts that ended.", "status", "pack"),
		steps:       count("cordum_workflow_steps_total", "Steps that ended.", "status", "reason"),
		evaluations: count("cordum_policy_evaluations_total", "Decisions of the safety kernel.", "decision"),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cordum_scheduler_dispatch_latency_seconds", Help: "From asking for a worker to sending the attempt.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300},
		}),
		started: one("cordum_workflows_started_total", "Runs started."),
		ended:   count("cordum_workflows_completed_total", "Runs ended.", "name", "status"),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cordum_workflow_duration_seconds", Help: "From a run's start to its end.",
			Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 30, 60, 300, 1800, 3600, 86400},
		}),
		denied:        one("cordum_safety_denied_total", "Jobs that the policy denied."),
		unavailable:   one("cordum_safety_unavailable_total", "Times that nobody could decide about a job, so that it waits."),
		faults:        one("cordum_runs_faulted_total", "Runs that the engine could not go on with."),
		quarantined:   one("cordum_runs_quarantined_total", "Runs whose records could not be read."),
		configRefused: one("cordum_config_refused_total", "Configuration files and documents that were refused; the ones before stay in force."),
		malformed:     one("cordum_packets_malformed_total", "Messages from workers that could not be read."),
		rollbacks:     one("cordum_saga_rollbacks_total", "Compensations of runs begun."),
		undoFailed:    one("cordum_saga_compensation_failed_total", "Times that a compensation had to wait for a person."),
		undoDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cordum_saga_rollback_duration_seconds", Help: "From the begin of a run's compensation to its end.",
			Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 30, 60, 300, 1800, 3600, 86400},
		}),
		undosHeld: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cordum_saga_compensations_held", Help: "Compensations that wait for a person now.",
		}),
	}
	m.outputs, m.logs, m.locks = newOutputMetrics(one), newLogMetrics(), newLockMetrics()
	m.succeeded = m.steps.WithLabelValues("succeeded", "")
	m.allowed = m.evaluations.WithLabelValues(safety.Allow.String())
	if reg != nil {
		reg.MustRegister(m.received, m.dispatched, m.completed, m.jobs, m.steps, m.evaluations, m.latency, m.started, m.ended,
			m.duration, m.denied, m.unavailable, m.faults, m.quarantined, m.malformed, m.configRefused, m.rollbacks, m.undoFailed, m.undoDuration, m.undosHeld)
		reg.MustRegister(m.outputs.all()...)
		reg.MustRegister(m.locks.wait, m.locks.held)
		reg.MustRegister(m.logs.lines)
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "cordum_scheduler_active_goroutines", Help: "Goroutines of this process.",
		}, func() float64 { return float64(runtime.NumGoroutine()) }))
	}
	return m
}

func (m *metrics) evaluated(v safety.Verdict) {
	if v == safety.Allow {
		m.allowed.Inc()
		return
	}
	m.evaluations.WithLabelValues(v.String()).Inc()
}

func (m *metrics) stepEnded(status, reason string) {
	m.steps.WithLabelValues(status, known(reason)).Inc()
}

func (m *metrics) jobEnded(j *scheduler.Job) {
	m.completed.WithLabelValues(m.topics.of(j.Topic), j.State.String()).Inc()
	m.jobs.WithLabelValues(j.State.String(), m.packs.of(j.Pack)).Inc()
}

func (m *metrics) runEnded(r *engine.Run) {
	name := r.Workflow
	if r.Kind == engine.KindJob {
		name = "job"
	}
	m.ended.WithLabelValues(m.workflows.of(name), r.State.String()).Inc()
	m.duration.Observe(r.EndedAt.Sub(r.StartedAt).Seconds())
}

// known keeps the label of a reason bounded: workers make up codes.
func known(reason string) string {
	switch reason {
	case "", "when_false", "upstream_skipped", "nothing_failed", "upstream_failed", "halted",
		engine.CodeTimeout, engine.CodeQueueTimeout, engine.CodeHeartbeatTimeout, engine.CodeTotalTimeout, engine.CodeWorkerLost,
		engine.CodeCancelled, engine.CodeDenied, engine.CodeOutputDenied, engine.CodeRejected, engine.CodeExpired, codeOutputInvalid, codeOutputTooLarge:
		return reason
	}
	return "other"
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
