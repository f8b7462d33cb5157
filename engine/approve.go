package engine

import "cordum.dev/cordum/steps"

// waitsFor tells whether a step of a kind is waiting.
func (r *Run) waitsFor(i int32, kind string) bool {
	return i >= 0 && int(i) < len(r.Steps) && r.Steps[i].State == StepWaiting && r.Plan.Steps[r.Steps[i].Def].Kind == kind
}

// answer ends a step that waits for an approval.
func (d *decision) answer(in Answer) error {
	r := d.run
	switch {
	case r.State != RunRunning:
		return nil
	case r.Quarantined(in.Step):
		return d.released(in)
	case !r.waitsFor(in.Step, "approval"):
		return nil
	}
	switch in.Result {
	case ResultSucceeded:
		d.accept(in.Step, Payload{Data: in.Output})
	case ResultSentBack:
		return d.sendBack(in)
	case ResultRejected:
		d.failed(in.Step, badEnd{state: StepRejected, failure: in.Reject, rollback: in.Reject.Code == CodeExpired && d.expiryRollsBack(in.Step)})
	default:
		return &Refusal{"unknown_answer", "an approval is approved or rejected"}
	}
	return nil
}

// expiryRollsBack tells whether an approval that nobody answered in time undoes what the run did.
func (d *decision) expiryRollsBack(i int32) bool {
	return d.run.Question(i).OnExpiry == steps.ExpiryRollsBack
}

// Question is what an approval step asks, as it is now; the zero value when it cannot be rendered.
func (r *Run) Question(i int32) steps.Approval {
	ask, err := r.Plan.Steps[r.Steps[i].Def].Spec.Start(r.env(i))
	if a, is := ask.(steps.Approval); is && err == nil {
		return a
	}
	return steps.Approval{}
}
