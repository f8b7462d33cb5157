package cordum

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"cordum.dev/cordum/bus/wire"
)

// Job is what a tool is told about its job besides the input. Its maps are shared: they are not to be changed.
type Job struct {
	// ID is the job's: the same for all its attempts.
	ID string
	// Key is the key of an idempotent effect: the same for all attempts, retries and restarts, and another one when the step
	// runs again after its effect was undone.
	Key string
	// AttemptID is this attempt's.
	AttemptID string
	// Attempt counts from 1.
	Attempt   int
	Topic     string
	Tenant    string
	Principal string // on whose behalf; may be empty
	Workflow  string // empty for a job sent by itself
	RunID     string
	StepID    string
	Iteration int // of a fan-out, from 0
	// Effect is what the step claims to do to the world: none, read, write or irreversible; empty when nobody said.
	Effect string
	// MayRepeat says that the step is idempotent: the job may be run again without anybody knowing how far it came.
	MayRepeat bool
	Labels    map[string]string
	Env       map[string]string
	// Traceparent is the W3C trace context; empty when the run is not traced.
	Traceparent string

	constraints []Constraint
	attempt     *attempt
}

// effectLabel is where the engine says what the step claims.
const effectLabel = "cordum.effect"

func newJob(a *attempt) Job {
	r := a.request
	id, _, _ := strings.Cut(r.GetJobId(), "@")
	return Job{
		ID:          id,
		Key:         cmp.Or(r.GetMeta().GetIdempotencyKey(), id),
		AttemptID:   r.GetJobId(),
		Attempt:     max(int(r.GetAttempt()), 1),
		Topic:       r.GetTopic(),
		Tenant:      r.GetTenantId(),
		Principal:   r.GetPrincipalId(),
		Workflow:    r.GetWorkflowId(),
		RunID:       r.GetRunId(),
		StepID:      r.GetStepId(),
		Iteration:   int(r.GetIteration()),
		Effect:      r.GetMeta().GetLabels()[effectLabel],
		MayRepeat:   !r.GetAskBegin(),
		Labels:      r.GetLabels(),
		Env:         r.GetEnv(),
		Traceparent: r.GetTraceparent(),
		attempt:     a,
	}
}

// Progress tells people how far the job is, 0 to 100 percent. state, if not nil, is a checkpoint: as JSON, at most
// MaxState bytes, it is given to the next attempt should this one fail. It never waits and may be called as often as
// wanted: ten messages a second are sent, the last one always. An error says that state cannot be kept; the job goes
// on.
func (j Job) Progress(percent int, message string, state any) error {
	var encoded []byte
	if state != nil {
		var err error
		if encoded, err = json.Marshal(state); err != nil {
			return fmt.Errorf("cordum: progress state: %w", err)
		}
		if len(encoded) > MaxState {
			return fmt.Errorf("cordum: progress state is %d bytes as JSON, at most %d are kept", len(encoded), MaxState)
		}
	}
	if j.attempt != nil { // nil: a test of a tool made the Job
		j.attempt.progress.say(min(max(percent, 0), 100), clip(message, maxText), encoded)
	}
	return nil
}

// LastState reads the checkpoint that an earlier attempt left into v; false when there is none.
func (j Job) LastState(v any) (bool, error) {
	if j.attempt == nil {
		return false, nil
	}
	state := j.attempt.request.GetProgressState()
	if len(state) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(state, v); err != nil {
		return false, fmt.Errorf("cordum: progress state of an earlier attempt: %w", err)
	}
	return true, nil
}

func (a *attempt) progressPacket(percent int, message string, state []byte) *wire.BusPacket {
	return &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
		JobId:    a.request.GetJobId(),
		StepId:   a.request.GetStepId(),
		Percent:  int32(percent),
		Message:  message,
		Status:   wire.JobStatus_JOB_STATUS_RUNNING,
		Token:    a.request.GetToken(),
		State:    state,
		WorkerId: a.worker.cfg.ID,
	}}}
}
