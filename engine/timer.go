package engine

import "cordum.dev/cordum/dag"

// timer takes a timer whose time has come. One whose reason is gone does nothing.
func (d *decision) timer(in TimerDue) error {
	r := d.run
	if !r.active() && !r.queued() || int(in.Step) >= len(r.Steps) {
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
	case in.Timer == TimerDelay && r.waitsFor(in.Step, "delay"):
		d.fact(&StepSucceededFact{Step: in.Step})
	case in.Timer == TimerWait && r.waitsFor(in.Step, "wait"):
		d.waitOver(in.Step)
	case in.Timer == TimerChild && r.openChild(in.Step, s.Attempt):
		d.childDue(in.Step)
	case in.Timer == TimerGrace && r.openChild(in.Step, s.Attempt) && s.stopping:
		d.childSilent(in.Step)
	case in.Timer == TimerRetry && s.State == StepRetrying:
		d.fact(&RetryDue{Step: in.Step})
	case in.Timer == TimerTotal && (s.State == StepRunning || s.State == StepRetrying || s.State == StepReady && s.Attempt > s.base || r.openChild(in.Step, s.Attempt)):
		d.totalTimeout(in.Step)
	}
	return nil
}

func (d *decision) runTimeout() {
	r := d.run
	switch {
	case r.queued():
		d.fact(&RunEnded{State: RunCancelled, Failure: Failure{Code: CodeTimeout, Message: "the run's timeout ended before its concurrency key was free"}})
	case r.State == RunRunning && r.Stop < StopTimeout && !r.Undoing:
		d.fact(&StopBegun{Stop: StopTimeout, Step: none, Rollback: r.Plan.OnFailure() == dag.Rollback})
	}
}

// totalTimeout ends a step whose attempts together took too long, whatever its last attempt is doing.
func (d *decision) totalTimeout(i int32) {
	s := &d.run.Steps[i]
	unknown := s.State == StepRunning
	switch {
	case s.State == StepInside:
		d.stopChild(i, true)
	case unknown && !s.stopping:
		d.fact(&JobStopAsked{Step: i, Force: true})
	}
	d.fail(i, StepTimedOut, Failure{
		Code: CodeTotalTimeout, Message: "all attempts together took longer than total_timeout", Attempt: s.Attempt, Unknown: unknown,
	})
}
