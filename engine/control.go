package engine

// pause starts nothing new; what runs goes on.
func (d *decision) pause() error {
	r := d.run
	switch {
	case r.State.Final():
		return ended(r)
	case r.State != RunRunning:
		return &Refusal{"not_running", "the run is " + r.State.String()}
	case r.Undoing:
		return &Refusal{"undoing", "the run is going back to its checkpoint: a compensation is not paused"}
	case r.Stop != StopNone:
		return &Refusal{"stopping", "the run is already stopping (" + r.Stop.String() + ")"}
	case !r.Paused:
		d.fact(&RunPaused{})
	}
	return nil
}

// resume goes on, also after a fault.
func (d *decision) resume() error {
	r := d.run
	switch {
	case r.State.Final() && r.Fault == "":
		return ended(r)
	case r.Paused || r.Fault != "":
		faulted := r.Fault != ""
		d.fact(&RunResumed{})
		if faulted && r.State == RunRunning {
			d.offer()
		}
		if faulted && r.Undoing {
			d.relearn()
		}
	}
	return nil
}

// fault stops a run that the engine could not go on with.
func (d *decision) fault(in Fault) error {
	if d.run.active() {
		d.fact(&RunFaultedFact{Error: in.Error})
	}
	return nil
}
