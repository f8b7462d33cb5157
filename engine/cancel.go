package engine

// cancel stops the run: legal in every state that is not final. A second one stops handlers too.
func (d *decision) cancel(in Cancel) error {
	r := d.run
	switch {
	case r.State.Final():
		return ended(r)
	case r.queued():
		d.fact(&RunEnded{State: RunCancelled, Failure: Failure{Code: CodeCancelled, Message: "cancelled while it waited for its concurrency key"}})
	case r.State == RunPending:
		return &Refusal{"not_started", "there is no such run yet"}
	case r.State == RunFaulted && in.Force:
		d.fact(&RunEnded{State: RunCancelled, Failure: Failure{Code: "faulted", Message: r.Fault}})
	case r.State == RunFaulted:
		return &Refusal{"faulted", "the engine could not go on with this run: resume tries again, cancel with force ends it"}
	case r.Stop != StopCancel || r.Target.To != "" || (in.Rollback && !r.Rollback):
		d.fact(&StopBegun{Stop: StopCancel, Step: none, Rollback: in.Rollback})
	case !r.stopHandlers:
		d.fact(&StopBegun{Stop: StopCancel, Step: none, Handlers: true})
	}
	return nil
}

// queued tells whether the run waits for its concurrency key.
func (r *Run) queued() bool { return r.State == RunPending && !r.StartedAt.IsZero() }

// admit lets a run begin that waited for its concurrency key.
func (d *decision) admit() error {
	if d.run.queued() {
		d.fact(&RunAdmitted{})
	}
	return nil
}

// sweep looks at every node once because something is stopping, as far as the bound allows. It begins when everything that
// was decided before the stop has had its turn, and lets go first whom it lets run.
func (d *decision) sweep() {
	r := d.run
	i := r.sweep
	for ; int(i) < len(r.Steps) && d.budget > 0 && r.next() < 0 && d.err == nil; i++ {
		if !r.Steps[i].State.Final() && r.stops(i) && d.stopNode(i) {
			d.budget--
		}
	}
	d.fact(&Swept{Next: i})
}

// stopNode does to one node what a stop does and tells whether anything changed.
func (d *decision) stopNode(i int32) bool {
	r := d.run
	s := &r.Steps[i]
	l := r.level(i)
	switch s.State {
	case StepPending, StepReady:
		d.halt(i)
	case StepWaiting:
		d.fail(i, StepCancelled, Failure{Code: CodeCancelled, Message: "it was stopped" + r.because()})
	case StepRetrying:
		d.fail(i, endOfFailure(s.Failure), s.Failure)
	case StepRunning:
		if s.stopping {
			return false
		}
		d.fact(&JobStopAsked{Step: i, Force: l == hard})
	case StepInside:
		return d.stopInside(i, l)
	default:
		return false
	}
	return true
}

// stopInside stops what is made of parts, or runs elsewhere. A soft stop lets what has begun finish, and no iteration begin.
func (d *decision) stopInside(i int32, l level) bool {
	r := d.run
	s := &r.Steps[i]
	switch {
	case r.fansOut(i):
		if s.parts.closing >= l {
			return false
		}
		d.fact(&ClosingBegun{Step: i, Hard: l == hard})
	case r.loops(i):
		return false // its steps are stopped, and it ends with its round
	case l != hard || s.stopping:
		return false
	default:
		d.stopChild(i, false)
	}
	return true
}

// because says why the run is stopping.
func (r *Run) because() string {
	if r.Stop == StopNone {
		return ""
	}
	return " with its run (" + r.Stop.String() + ")"
}

func ended(r *Run) error {
	return &Refusal{"already_ended", "the run has ended: it is " + r.State.String()}
}
