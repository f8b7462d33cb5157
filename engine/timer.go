package engine

// timer takes a timer whose time has come. One whose reason is gone does nothing.
func (d *decision) timer(in TimerDue) error {
	r := d.run
	if r.State != RunRunning || int(in.Step) >= len(r.Steps) {
		return nil
	}
	if in.Timer == TimerRun {
		d.runTimeout()
		return nil
	}
	if in.Step < 0 {
		return nil
	}
	s := &r.Steps[in.Step]
	switch {
	case in.Timer == TimerDelay && r.waits(in.Step, "delay"):
		d.fact(&StepSucceededFact{Step: in.Step})
	case in.Timer == TimerRetry && s.State == StepRetrying:
		d.fact(&RetryDue{Step: in.Step})
	case in.Timer == TimerTotal && (s.State == StepRunning || s.State == StepRetrying || s.State == StepReady):
		d.totalTimeout(in.Step)
	}
	return nil
}

func (d *decision) runTimeout() {
	if d.run.Stop < StopTimeout {
		d.fact(&StopBegun{Stop: StopTimeout, Step: -1})
	}
}

// totalTimeout ends a step whose attempts together took too long, whatever its last attempt is doing.
func (d *decision) totalTimeout(i int32) {
	s := &d.run.Steps[i]
	unknown := s.State == StepRunning
	if unknown && !s.stopping {
		d.fact(&JobStopAsked{Step: i, Force: true})
	}
	d.fail(i, StepTimedOut, Failure{
		Code: CodeTotalTimeout, Message: "all attempts together took longer than total_timeout", Attempt: s.Attempt, Unknown: unknown,
	})
}
