package engine

import "cmp"

// submit starts the run.
func (d *decision) submit(in Submit) error {
	if d.run.State != RunPending || d.run.queued() {
		return nil // started before: a repeated input does nothing
	}
	d.fact(&RunStarted{
		Tenant: in.Tenant, Workflow: in.Workflow, Digest: d.run.Plan.Def.Digest, RunKind: in.Kind, RerunOf: in.RerunOf,
		Labels: in.Labels, Input: in.Input, Context: in.Context, TimeoutAt: d.after(cmp.Or(d.run.Plan.Def.Timeout, in.Timeout)),
		Parent: in.Parent, ForkOf: in.ForkOf, Reused: in.Reused, Key: in.Key, Queued: in.Queued,
		Roles: in.Roles, ActorType: in.ActorType, Keyed: in.Keyed, Owner: in.Owner, Author: in.Author, Build: in.Build,
	})
	return nil
}

// finish ends the run: nothing is open any more.
func (d *decision) finish() {
	r := d.run
	end := &RunEnded{State: r.endState(), Failure: r.Failure}
	if end.State == RunSucceeded {
		end.Failure = Failure{}
		if t := r.Plan.Output; t != nil {
			out, err := t.RenderJSON(r.env(-1))
			if err != nil {
				end.State, end.Failure = RunFailed, exprFailure(err, 0)
			}
			end.Output.Data = out
		}
	}
	d.fact(end)
}

// endState is what a run without open steps ends as.
func (r *Run) endState() RunState {
	switch {
	case r.Stop == StopCancel:
		return RunCancelled
	case r.Stop == StopTimeout:
		return RunTimedOut
	case r.failed:
		return RunFailed
	}
	return RunSucceeded
}
