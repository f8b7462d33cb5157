package engine

import (
	"encoding/json"
	"fmt"
)

// Codes of what a fan-out does by itself.
const (
	CodeFanOut         = "fan_out_limit"      // its list is no list, or too long
	CodeTooManyBad     = "too_many_bad_items" // more iterations are bad than tolerated
	CodeOutputTooLarge = "output_too_large"   // more than may be read, or kept
	CodeLoopLimit      = "loop_limit"         // max_iterations reached
	CodeLoopStep       = "loop_step_failed"   // a step of a round is bad
	CodeDepth          = "depth_exceeded"     // sub-workflows within each other
	CodeOutputInvalid  = "output_invalid"     // the output does not fit its schema
	CodeInputInvalid   = "input_invalid"      // the input does not
	CodeLockInvalid    = "lock_invalid"       // resource_lock gives no name of a lock
	CodeChildHeld      = "child_held"         // a sub-workflow's own compensation is held
)

// look decides about a fan-out or a loop in which something ended.
func (d *decision) look(i int32) {
	if d.run.fansOut(i) {
		d.lookFanOut(i)
	} else {
		d.lookLoop(i)
	}
}

// fanOut evaluates the list of a step that has one and makes its iterations.
func (d *decision) fanOut(i int32) {
	r := d.run
	items, err := r.Plan.Steps[r.Steps[i].Def].ForEach.EvalList(r.env(i))
	if err != nil {
		d.fail(i, StepFailed, exprFailure(err, 0))
		return
	}
	data, err := json.Marshal(items)
	if err != nil {
		d.fail(i, StepFailed, Failure{Code: CodeFanOut, Message: "the list of for_each cannot be kept: " + err.Error()})
		return
	}
	d.fact(&FannedOut{Step: i, Count: int32(len(items)), Items: Payload{Data: data}})
}

// lookFanOut ends a fan-out whose iterations have ended, and begins its end when more are bad than tolerated.
func (d *decision) lookFanOut(i int32) {
	r := d.run
	p := r.Steps[i].parts
	over := p.bad-p.cut > r.allowed(i)
	switch {
	case over && p.closing < hard:
		d.fact(&ClosingBegun{Step: i, Hard: true})
	case over:
		f := Failure{Code: CodeTooManyBad, Message: fmt.Sprintf("%d of %d iterations are bad, %d tolerated", p.bad-p.cut, p.count, r.allowed(i))}
		if p.failed >= 0 {
			first := &r.Steps[p.failed]
			f.Message += fmt.Sprintf("; the first is %s: %s: %s", r.Name(p.failed), first.Failure.Code, first.Failure.Message)
		}
		d.fail(i, StepFailed, f)
	case p.cut > 0:
		d.fail(i, StepCancelled, Failure{Code: CodeCancelled, Message: fmt.Sprintf("%d of %d iterations had not begun when the run was stopped", p.cut, p.count)})
	default:
		d.fact(&StepSucceededFact{Step: i})
	}
}
