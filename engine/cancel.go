package engine

// cancel stops the run: legal in every state that is not final. A second one stops handlers too.
func (d *decision) cancel(in Cancel) error {
	r := d.run
	switch {
	case r.State.Final():
		return ended(r)
	case r.State == RunPending:
		return &Refusal{"not_started", "there is no such run yet"}
	case r.State == RunFaulted && in.Force:
		d.fact(&RunEnded{State: RunCancelled, Failure: Failure{Code: "faulted", Message: r.Fault}})
	case r.State == RunFaulted:
		return &Refusal{"faulted", "the engine could not go on with this run: resume tries again, cancel with force ends it"}
	case r.Stop != StopCancel:
		d.fact(&StopBegun{Stop: StopCancel, Step: -1})
	case !r.stopHandlers:
		d.fact(&StopBegun{Stop: StopCancel, Step: -1, Handlers: true})
	}
	return nil
}

// sweep looks at every step once because the run is stopping, as far as the bound allows. It begins when everything that
// was decided before the stop has had its turn, and lets go first whom it lets run.
func (d *decision) sweep() {
	r := d.run
	i := r.sweep
	for ; int(i) < len(r.Steps) && d.budget > 0 && r.next() < 0; i++ {
		if r.stops(i) && d.stopStep(i) {
			d.budget--
		}
	}
	d.fact(&Swept{Next: i})
}

// stopStep does to one step what a stop does and tells whether anything changed.
func (d *decision) stopStep(i int32) bool {
	r := d.run
	s := &r.Steps[i]
	switch s.State {
	case StepPending, StepReady:
		d.halt(i)
	case StepWaiting:
		d.fail(i, StepCancelled, Failure{Code: CodeCancelled, Message: "the run was stopped (" + r.Stop.String() + ")"})
	case StepRetrying:
		d.fail(i, endOfFailure(s.Failure), s.Failure)
	case StepRunning:
		if s.stopping {
			return false
		}
		d.fact(&JobStopAsked{Step: i, Force: r.Stop != StopHalt})
	default:
		return false
	}
	return true
}

func ended(r *Run) error {
	return &Refusal{"already_ended", "the run has ended: it is " + r.State.String()}
}
