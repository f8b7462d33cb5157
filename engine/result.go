package engine

// outcome takes how a job's attempt ended. One that is not the running attempt's changes nothing.
func (d *decision) outcome(in Outcome) error {
	if int(in.Step) >= len(d.run.Steps) || in.Step < 0 || d.run.State != RunRunning {
		return nil
	}
	s := &d.run.Steps[in.Step]
	if s.State != StepRunning || s.Attempt != in.Attempt {
		return nil
	}
	switch in.Result {
	case ResultUnsaid, ResultRejected:
		return &Refusal{"unknown_result", "a job does not end like this"}
	case ResultSucceeded:
		d.fact(&StepSucceededFact{Step: in.Step, Output: in.Output})
		return nil
	}
	f := in.Failure
	f.Attempt = in.Attempt
	if d.mayRetry(in.Step, in.Result, f) {
		d.fact(&RetrySet{Step: in.Step, Failure: f, Due: d.at.At.Add(d.run.backoff(in.Step, in.Attempt))})
		return nil
	}
	d.fail(in.Step, endState(in.Result), f)
	return nil
}

// late notes a result that its job refused. Only a run that exists gets one.
func (d *decision) late(in Late) error {
	if d.run.State == RunPending || in.Step < 0 || int(in.Step) >= len(d.run.Steps) {
		return nil
	}
	d.fact(&LateResult{Step: in.Step, Attempt: in.Attempt, Outcome: in.Result.String()})
	return nil
}

// endState is the final state of a step whose last attempt ended like this.
func endState(r Result) StepState {
	switch r {
	case ResultTimedOut:
		return StepTimedOut
	case ResultDenied:
		return StepDenied
	case ResultCancelled:
		return StepCancelled
	}
	return StepFailed
}

// endOfFailure is the final state of a step that takes its last failure.
func endOfFailure(f Failure) StepState {
	switch f.Code {
	case CodeTimeout, CodeQueueTimeout, CodeHeartbeatTimeout, CodeTotalTimeout:
		return StepTimedOut
	}
	return StepFailed
}
