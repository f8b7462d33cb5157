package engine

import (
	"encoding/json"
	"errors"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// turn looks at a node whose join is settled (or whose time between attempts is over): it starts, or is skipped.
func (d *decision) turn(i int32) {
	r := d.run
	s := &r.Steps[i]
	switch {
	case r.stops(i) && r.sweep > r.sweptFrom:
		d.halt(i) // its join was settled by what the stop ended
	case s.verdict != run:
		d.fact(&StepSkippedFact{Step: i, Reason: s.verdict.reason()})
	case s.Target >= 0 && r.nests(s.Target):
		d.undoChild(i)
	case s.parts != nil:
		d.fact(&Reopened{Step: i})
	case s.Attempt > s.base:
		d.again(i)
	default:
		d.start(i)
	}
}

// halt ends a node that has nothing under way because it is to stop.
func (d *decision) halt(i int32) {
	s := &d.run.Steps[i]
	switch {
	case s.Attempt > s.base: // between attempts: it takes its last failure
		d.fail(i, endOfFailure(s.Failure), s.Failure)
	case s.Item >= 0:
		d.fail(i, StepCancelled, Failure{Code: CodeCancelled, Message: "it had not begun when it was stopped"})
	default:
		d.fact(&StepSkippedFact{Step: i, Reason: Halted})
	}
}

// start evaluates the condition of a step and asks for what its kind needs. An iteration's condition is its fan-out's.
func (d *decision) start(i int32) {
	r := d.run
	step := r.Spec(i)
	env := r.env(i)
	if step.When != nil && r.Steps[i].Item < 0 && !r.IsUndo(i) {
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
	if r.fansOut(i) {
		d.fanOut(i)
		return
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
	switch a := ask.(type) {
	case steps.Job:
		d.askJob(i, a, env)
	case steps.Child:
		if input, ok := d.render(i, nil, env); ok {
			d.child(i, a, input)
		}
	case steps.Approval:
		d.fact(&ApprovalAsked{Step: i, Title: a.Title, Context: a.Context, ExpiresAt: d.after(a.Expires)})
	case steps.Timer:
		due := a.Until.UTC()
		if a.For > 0 {
			due = d.after(a.For)
		}
		d.fact(&DelaySet{Step: i, Due: due})
	case steps.Wait:
		d.await(i, a)
	case steps.Loop:
		d.nextRound(i)
	case steps.Done:
		d.acceptChoice(i, Payload{Data: a.Output}, a.Chosen)
	default:
		d.fail(i, StepFailed, Failure{Code: "unknown_ask", Message: "this version cannot start the step"})
	}
}

// askJob asks for the first attempt of an allowance.
func (d *decision) askJob(i int32, a steps.Job, env *expr.Env) {
	r := d.run
	input, ok := d.render(i, a.Input, env)
	if !ok {
		return
	}
	f := &JobAsked{
		Step: i, Attempt: r.Steps[i].Attempt + 1, Topic: a.Topic, Pack: a.Pack, Tool: a.Tool,
		Input: Payload{Data: input}, TotalAt: d.after(r.DefOf(i).TotalTimeout),
	}
	if _, err := r.jobLabels(i); err != nil {
		d.fail(i, StepFailed, exprFailure(err, 0))
		return
	}
	if lock := r.Spec(i).Lock; lock != nil {
		name, err := lock.RenderString(env)
		if err != nil {
			d.fail(i, StepFailed, exprFailure(err, 0))
			return
		}
		if err := dag.CheckLockName(name); err != nil {
			d.fail(i, StepFailed, Failure{Code: CodeLockInvalid, Message: err.Error()})
			return
		}
		f.Lock = name
	}
	d.fact(f)
}

// render makes the input of a job or of a sub-workflow, unless its kind made it, and checks it. It tells whether that went
// well; otherwise the node has failed.
func (d *decision) render(i int32, input json.RawMessage, env *expr.Env) (json.RawMessage, bool) {
	spec := d.run.Spec(i)
	if input == nil && spec.Input != nil {
		var err error
		if input, err = spec.Input.RenderJSON(env); err != nil {
			d.fail(i, StepFailed, exprFailure(err, 0))
			return nil, false
		}
	}
	if input == nil {
		input = json.RawMessage("{}")
	}
	if spec.DeclaresInput() {
		if err := spec.CheckInput(decode(input)); err != nil {
			d.fail(i, StepFailed, Failure{Code: CodeInputInvalid, Message: err.Error()})
			return nil, false
		}
	}
	return input, true
}

// again asks for the next attempt of a node's job or sub-workflow.
func (d *decision) again(i int32) {
	r := d.run
	s := &r.Steps[i]
	ask, err := r.Spec(i).Spec.Start(r.env(i))
	if err != nil {
		d.fail(i, StepFailed, exprFailure(err, s.Attempt))
		return
	}
	switch a := ask.(type) {
	case steps.Job:
		f := &JobAsked{Step: i, Attempt: s.Attempt + 1, Topic: a.Topic, Pack: a.Pack, Tool: a.Tool}
		if lock := r.Spec(i).Lock; lock != nil {
			f.Lock, _ = lock.RenderString(r.env(i)) // it did for the first attempt
		}
		d.fact(f)
	case steps.Child:
		d.child(i, a, nil)
	default:
		d.fail(i, StepFailed, Failure{Code: "unknown_ask", Message: "this version cannot start the step", Attempt: s.Attempt})
	}
}

// accept takes an output as a node's success, if it fits the schema that the step declares.
func (d *decision) accept(i int32, out Payload) { d.acceptChoice(i, out, nil) }

func (d *decision) acceptChoice(i int32, out Payload, chosen []string) {
	spec := d.run.Spec(i)
	if spec.DeclaresOutput() {
		if err := spec.CheckOutput(decode(out.Data)); err != nil {
			d.refuseOutput(i, out, err)
			return
		}
	}
	d.fact(&StepSucceededFact{Step: i, Output: out, Chosen: chosen})
}

// refuseOutput is the failure of a step that had its effect: it is undone like a success, and tried again only when that is
// harmless.
func (d *decision) refuseOutput(i int32, out Payload, err error) {
	s := &d.run.Steps[i]
	e := badEnd{failure: Failure{Code: CodeOutputInvalid, Message: err.Error(), Attempt: s.Attempt}, effect: s.Attempt > s.base, refused: out, settles: true}
	if s.State != StepRunning && s.State != StepInside {
		e.state = StepFailed
		d.failed(i, e)
		return
	}
	d.attemptFailed(i, ResultFailed, e)
}

// exprFailure is the failure of a step whose expression broke a bound or could not be evaluated.
func exprFailure(err error, attempt int32) Failure {
	var e *expr.Error
	if errors.As(err, &e) {
		return Failure{Code: e.Code, Message: e.Message, Attempt: attempt}
	}
	return Failure{Code: "expr_runtime", Message: "the step could not be rendered", Attempt: attempt}
}
