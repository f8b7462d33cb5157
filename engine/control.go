package engine

// pause starts nothing new; what runs goes on.
func (d *decision) pause() error {
	r := d.run
	switch {
	case r.State.Final():
		return ended(r)
	case r.State != RunRunning:
		return &Refusal{"not_running", "the run is " + r.State.String()}
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
	case r.State.Final():
		return ended(r)
	case r.Paused || r.State == RunFaulted:
		d.fact(&RunResumed{})
	}
	return nil
}

// signal keeps a payload until a step consumes it.
func (d *decision) signal(in SignalIn) error {
	r := d.run
	switch {
	case r.State.Final():
		return ended(r)
	case r.State == RunPending:
		return &Refusal{"not_started", "there is no such run yet"}
	case len(r.Signals) >= MaxSignals:
		return &Refusal{"too_many_signals", "the run keeps 1000 signals that nobody consumed"}
	}
	d.fact(&SignalReceived{Name: in.Name, Payload: in.Payload})
	return nil
}

// fault stops a run that the engine could not go on with.
func (d *decision) fault(in Fault) error {
	if d.run.State == RunRunning {
		d.fact(&RunFaultedFact{Error: in.Error})
	}
	return nil
}
