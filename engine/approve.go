package engine

// waitsFor tells whether a step of a kind is waiting.
func (r *Run) waitsFor(i int32, kind string) bool {
	return i >= 0 && int(i) < len(r.Steps) && r.Steps[i].State == StepWaiting && r.Plan.Steps[r.Steps[i].Def].Kind == kind
}

// answer ends a step that waits for an approval.
func (d *decision) answer(in Answer) error {
	r := d.run
	if r.State != RunRunning || !r.waitsFor(in.Step, "approval") {
		return nil
	}
	switch in.Result {
	case ResultSucceeded:
		d.accept(in.Step, Payload{Data: in.Output})
	case ResultSentBack:
		return d.sendBack(in)
	case ResultRejected:
		d.fail(in.Step, StepRejected, in.Reject)
	default:
		return &Refusal{"unknown_answer", "an approval is approved or rejected"}
	}
	return nil
}
