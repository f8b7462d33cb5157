package engine

import (
	"slices"

	"cordum.dev/cordum/steps"
)

// await lets a step take a signal that the run keeps, or wait for one.
func (d *decision) await(i int32, w steps.Wait) {
	for k := range d.run.Signals {
		if d.run.Signals[k].Name == w.Signal && d.consume(i, w, int32(k)) {
			return
		}
	}
	d.fact(&SignalAwaited{Step: i, Signal: w.Signal, Due: d.after(w.Timeout)})
}

// consume gives one kept signal to a step, if it matches. It tells whether the step has ended by it.
func (d *decision) consume(i int32, w steps.Wait, k int32) bool {
	r := d.run
	payload := r.Signals[k].Payload
	if w.Match != nil {
		env := r.env(i)
		env.Payload = decode(payload.Data)
		ok, err := w.Match.EvalBool(env)
		if err != nil {
			d.fail(i, StepFailed, exprFailure(err, 0))
			return true
		}
		if !ok {
			return false
		}
	}
	d.fact(&SignalTaken{Step: i, Index: k})
	d.fact(&StepSucceededFact{Step: i, Output: payload})
	return true
}

// waitOf is what a waiting step says of its signal.
func (d *decision) waitOf(i int32) (steps.Wait, bool) {
	ask, err := d.run.Plan.Steps[d.run.Steps[i].Def].Spec.Start(d.run.env(i))
	w, ok := ask.(steps.Wait)
	return w, ok && err == nil
}

// signal keeps a payload until a step consumes it; the one that waits longest for it does so at once.
func (d *decision) signal(in SignalIn) error {
	r := d.run
	switch {
	case r.State.Final():
		return ended(r)
	case r.StartedAt.IsZero():
		return &Refusal{"not_started", "there is no such run yet"}
	case len(r.Signals) >= MaxSignals:
		return &Refusal{"too_many_signals", "the run keeps 1000 signals that nobody consumed"}
	}
	d.fact(&SignalReceived{Name: in.Name, Payload: in.Payload})
	if r.State == RunFaulted {
		return nil // who waits looks at it when the run goes on
	}
	for _, i := range slices.Clone(r.waiters) {
		if w, ok := d.waitOf(i); ok && w.Signal == in.Name && d.consume(i, w, int32(len(r.Signals)-1)) && d.taken() {
			break
		}
	}
	return nil
}

// offer lets every step that waits look at the signals that came while the run stood still.
func (d *decision) offer() {
	for _, i := range slices.Clone(d.run.waiters) {
		w, ok := d.waitOf(i)
		for k := 0; ok && k < len(d.run.Signals) && d.run.Steps[i].State == StepWaiting; k++ {
			if d.run.Signals[k].Name == w.Signal {
				d.consume(i, w, int32(k))
			}
		}
	}
}

// taken tells whether the last thing decided was that a step took a signal.
func (d *decision) taken() bool {
	if len(d.facts) == 0 {
		return true
	}
	_, is := d.facts[len(d.facts)-1].(*StepSucceededFact)
	return is
}

// waitOver ends a step whose signal did not come in time.
func (d *decision) waitOver(i int32) {
	w, _ := d.waitOf(i)
	switch w.OnTimeout {
	case steps.TimeoutSkips:
		d.fact(&StepSkippedFact{Step: i, Reason: WaitTimeout})
	case steps.TimeoutContinues:
		d.fact(&StepSucceededFact{Step: i})
	default:
		d.fail(i, StepTimedOut, Failure{Code: CodeTimeout, Message: "the signal " + w.Signal + " did not come in time"})
	}
}
