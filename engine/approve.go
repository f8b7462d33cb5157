package engine

import "cordum.dev/cordum/steps"

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
		d.failed(in.Step, badEnd{state: StepRejected, failure: in.Reject, rollback: in.Reject.Code == CodeExpired && d.expiryRollsBack(in.Step)})
	default:
		return &Refusal{"unknown_answer", "an approval is approved or rejected"}
	}
	return nil
}

// expiryRollsBack tells whether an approval that nobody answered in time undoes what the run did.
func (d *decision) expiryRollsBack(i int32) bool {
	ask, err := d.run.Plan.Steps[d.run.Steps[i].Def].Spec.Start(d.run.env(i))
	a, is := ask.(steps.Approval)
	return is && err == nil && a.OnExpiry == steps.ExpiryRollsBack
}
