package engine

import (
	"errors"

	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// turn looks at a step whose join is settled (or whose time between attempts is over): it starts, or is skipped.
func (d *decision) turn(i int32) {
	r := d.run
	s := &r.Steps[i]
	switch {
	case r.stops(i) && r.sweep > 0:
		d.halt(i) // its join was settled by what the stop ended
	case s.verdict != run:
		d.fact(&StepSkippedFact{Step: i, Reason: s.verdict.reason()})
	case s.Attempt > 0:
		d.again(i)
	default:
		d.start(i)
	}
}

// halt ends a step that has nothing under way because the run is stopping.
func (d *decision) halt(i int32) {
	s := &d.run.Steps[i]
	if s.Attempt > 0 {
		d.fail(i, endOfFailure(s.Failure), s.Failure) // between attempts: it takes its last failure
		return
	}
	d.fact(&StepSkippedFact{Step: i, Reason: Halted})
}

// start evaluates the condition of a step and asks for what its kind needs.
func (d *decision) start(i int32) {
	step := &d.run.Plan.Steps[i]
	env := d.run.env(int(i))
	if step.When != nil {
		ok, err := step.When.EvalBool(env)
		if err != nil {
			d.fail(i, StepFailed, exprFailure(err, 0))
			return
		}
		if !ok {
			d.fact(&StepSkippedFact{Step: i, Reason: WhenFalse})
			return
		}
	}
	ask, err := step.Spec.Start(env)
	if err != nil {
		d.fail(i, StepFailed, exprFailure(err, 0))
		return
	}
	d.ask(i, ask, env)
}

// ask turns what a kind asks for into facts.
func (d *decision) ask(i int32, ask steps.Ask, env *expr.Env) {
	def := &d.run.Plan.Def.Steps[i]
	switch a := ask.(type) {
	case steps.Job:
		input := a.Input
		if t := d.run.Plan.Steps[i].Input; input == nil && t != nil {
			var err error
			if input, err = t.RenderJSON(env); err != nil {
				d.fail(i, StepFailed, exprFailure(err, 0))
				return
			}
		}
		d.fact(&JobAsked{
			Step: i, Attempt: 1, Topic: a.Topic, Pack: a.Pack, Tool: a.Tool,
			Input: Payload{Data: input}, TotalAt: d.after(def.TotalTimeout),
		})
	case steps.Approval:
		d.fact(&ApprovalAsked{Step: i, Title: a.Title, Context: a.Context, ExpiresAt: d.after(a.Expires)})
	case steps.Timer:
		due := a.Until.UTC()
		if a.For > 0 {
			due = d.after(a.For)
		}
		d.fact(&DelaySet{Step: i, Due: due})
	case steps.Done:
		d.fact(&StepSucceededFact{Step: i, Output: Payload{Data: a.Output}})
	default:
		d.fail(i, StepFailed, Failure{Code: "unknown_ask", Message: "this version cannot start the step"})
	}
}

// again asks for the next attempt of a step's job.
func (d *decision) again(i int32) {
	r := d.run
	ask, err := r.Plan.Steps[i].Spec.Start(r.env(int(i)))
	job, ok := ask.(steps.Job)
	if err != nil || !ok {
		d.fail(i, StepFailed, exprFailure(err, r.Steps[i].Attempt))
		return
	}
	d.fact(&JobAsked{Step: i, Attempt: r.Steps[i].Attempt + 1, Topic: job.Topic, Pack: job.Pack, Tool: job.Tool})
}

// exprFailure is the failure of a step whose expression broke a bound or could not be evaluated.
func exprFailure(err error, attempt int32) Failure {
	var e *expr.Error
	if errors.As(err, &e) {
		return Failure{Code: e.Code, Message: e.Message, Attempt: attempt}
	}
	return Failure{Code: "expr_runtime", Message: "the step could not be rendered", Attempt: attempt}
}
