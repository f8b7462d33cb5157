package engine

// answer ends a step that waits for an approval.
func (d *decision) answer(in Answer) error {
	r := d.run
	if r.State != RunRunning || in.Step < 0 || int(in.Step) >= len(r.Steps) || r.Steps[in.Step].State != StepWaiting {
		return nil
	}
	if in.Result == ResultSucceeded {
		d.fact(&StepSucceededFact{Step: in.Step, Output: Payload{Data: in.Output}})
		return nil
	}
	d.fail(in.Step, endState(in.Result), in.Reject)
	return nil
}
