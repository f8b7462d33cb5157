package runner

import (
	"time"

	"cordum.dev/cordum/engine"
)

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

// traceStep reports a step that ended, after the commit that says so. One that never started has no span.
func (t *turn) traceStep(i int32) {
	r, lr := t.lane.r, t.live
	if r.cfg.Tracer == nil {
		return
	}
	step, name := lr.run.Steps[i], lr.run.Name(i)
	if step.StartedAt.IsZero() {
		return
	}
	t.after(func() {
		r.cfg.Tracer.Span(lr.id, lr.run.Workflow, name, 0, step.StartedAt, step.EndedAt, step.State.String())
	})
}

// traceAttempt reports an attempt that ended.
func (t *turn) traceAttempt(i int32) {
	r, lr, j := t.lane.r, t.live, t.live.jobs[i]
	if r.cfg.Tracer == nil {
		return
	}
	name, attempt, began, ended, state := lr.run.Name(i), int(j.Attempt), j.AskedAt, j.EndedAt, j.State.String()
	t.after(func() { r.cfg.Tracer.Span(lr.id, lr.run.Workflow, name, attempt, began, ended, state) })
}

// traceRun reports a run that ended.
func (t *turn) traceRun(run *engine.Run) {
	r := t.lane.r
	if r.cfg.Tracer == nil {
		return
	}
	id, workflow, began, ended, state := run.ID, run.Workflow, run.StartedAt, run.EndedAt, run.State.String()
	t.after(func() { r.cfg.Tracer.Span(id, workflow, "", 0, began, ended, state) })
}
