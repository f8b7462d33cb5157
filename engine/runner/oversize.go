package runner

import (
	"errors"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// codeInputTooLarge is the failure of a job whose attempt the bus does not carry. Tried again it would be as large.
const codeInputTooLarge = "input_too_large"

// oversized ends a job whose attempt the bus refused for its size, in a turn of its own: nobody got it. It tells whether that was
// what err says.
func (l *lane) oversized(run, tenant string, step int32, attempt string, err error) bool {
	if !errors.Is(err, bus.ErrTooLarge) {
		return false
	}
	l.inbox.push(task{run: run, tenant: tenant, do: func(t *turn) {
		if j := t.live.jobs[step]; j != nil && !j.State.Final() && t.live.attemptID(step) == attempt && t.live.serves(step) {
			t.refuseSize(step, j)
		}
	}})
	return true
}

// refuseSize takes back what was not sent, and refuses it.
func (t *turn) refuseSize(step int32, j *scheduler.Job) {
	if j.CAP {
		t.job(step, scheduler.Posted{Send: j.Send, Unheard: true}, nil)
	}
	t.job(step, scheduler.Withhold{Reason: codeInputTooLarge}, nil)
	t.job(step, scheduler.Refuse{}, &engine.Outcome{Result: engine.ResultFailed, Failure: engine.Failure{
		Code: codeInputTooLarge,
		Message: "what its worker is to get is larger than a message of NATS may be (max_payload of its servers; the built-in one takes 17 MiB): " +
			"keep large data elsewhere and pass where it is",
	}})
	t.settle()
}
