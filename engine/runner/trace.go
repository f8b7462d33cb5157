package runner

import "time"

// Tracer hears of runs, steps and attempts as they end, for spans run → step → attempt. It must not wait.
type Tracer interface {
	// Traceparent is the W3C header that a run's workers continue; "" when the run is not traced.
	Traceparent(run string) string
	// Span reports something that ended. step and attempt are empty and 0 for a run.
	Span(run, workflow, step string, attempt int, began, ended time.Time, state string)
}

func (r *Runner) traceparent(run string) string {
	if r.cfg.Tracer == nil {
		return ""
	}
	return r.cfg.Tracer.Traceparent(run)
}
