package engine

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/internal/codec"
)

// Stamp is when a fact became true and by whom: the wall clock of the run's owner as it is, and the actor and reason of
// the input it came from.
type Stamp struct {
	At     time.Time
	Actor  string
	Reason string
}

// FactKind is the stored number of a kind of fact. Numbers are never reused; 1 to 63 are the engine's.
type FactKind uint8

// The kinds.
const (
	KindRunStarted     FactKind = 1
	KindRunPaused      FactKind = 2
	KindRunResumed     FactKind = 3
	KindStopBegun      FactKind = 4
	KindRunEnded       FactKind = 5
	KindRunFaulted     FactKind = 6
	KindJobAsked       FactKind = 7
	KindApprovalAsked  FactKind = 8
	KindDelaySet       FactKind = 9
	KindStepSucceeded  FactKind = 10
	KindStepEnded      FactKind = 11
	KindStepSkipped    FactKind = 12
	KindRetrySet       FactKind = 13
	KindRetryDue       FactKind = 14
	KindJobStopAsked   FactKind = 15
	KindSignalReceived FactKind = 16
	KindLateResult     FactKind = 17
	KindSwept          FactKind = 18
)

// Fact is something that became true of a run. The set is closed: NewFact lists it.
type Fact interface {
	codec.Fielder
	Kind() FactKind
}

// NewFact makes an empty fact of a kind for decoding, or nil when this version does not know it.
func NewFact(k FactKind) Fact {
	switch k {
	case KindRunStarted:
		return new(RunStarted)
	case KindRunPaused:
		return new(RunPaused)
	case KindRunResumed:
		return new(RunResumed)
	case KindStopBegun:
		return new(StopBegun)
	case KindRunEnded:
		return new(RunEnded)
	case KindRunFaulted:
		return new(RunFaultedFact)
	case KindJobAsked:
		return new(JobAsked)
	case KindApprovalAsked:
		return new(ApprovalAsked)
	case KindDelaySet:
		return new(DelaySet)
	case KindStepSucceeded:
		return new(StepSucceededFact)
	case KindStepEnded:
		return new(StepEnded)
	case KindStepSkipped:
		return new(StepSkippedFact)
	case KindRetrySet:
		return new(RetrySet)
	case KindRetryDue:
		return new(RetryDue)
	case KindJobStopAsked:
		return new(JobStopAsked)
	case KindSignalReceived:
		return new(SignalReceived)
	case KindLateResult:
		return new(LateResult)
	case KindSwept:
		return new(Swept)
	}
	return nil
}

type (
	// RunStarted is every run's first fact.
	RunStarted struct {
		Tenant, Workflow, Digest string
		RunKind                  Kind
		RerunOf                  string
		Labels                   map[string]string
		Input, Context           Payload
		TimeoutAt                time.Time // zero: none
	}
	// RunPaused: nothing new starts.
	RunPaused struct{}
	// RunResumed: what waited for its turn goes on; a faulted run tries again.
	RunResumed struct{}
	// StopBegun: the run goes towards its end.
	StopBegun struct {
		Stop     Stop
		Step     int32 // whose failure halts; -1 when none
		Handlers bool  // handlers are stopped as well
	}
	// RunEnded is the last fact that changes a run.
	RunEnded struct {
		State   RunState
		Output  Payload
		Failure Failure
	}
	// RunFaultedFact: the engine could not go on.
	RunFaultedFact struct{ Error string }
	// JobAsked: a step's attempt wants a worker.
	JobAsked struct {
		Step    int32
		Attempt int32
		Topic   string
		Pack    string
		Tool    string
		Input   Payload   // of the first attempt; later ones have the same
		TotalAt time.Time // when all attempts together must be over; zero: never
	}
	// ApprovalAsked: a step waits for people.
	ApprovalAsked struct {
		Step      int32
		Title     string
		Context   json.RawMessage
		ExpiresAt time.Time // zero: never
	}
	// DelaySet: a step waits for the clock.
	DelaySet struct {
		Step int32
		Due  time.Time
	}
	// StepSucceededFact: a step ended well; its result is accepted by this fact.
	StepSucceededFact struct {
		Step   int32
		Output Payload
	}
	// StepEnded: a step ended, not well.
	StepEnded struct {
		Step    int32
		State   StepState
		Failure Failure
	}
	// StepSkippedFact: a step will not run.
	StepSkippedFact struct {
		Step   int32
		Reason SkipReason
	}
	// RetrySet: an attempt failed and another one follows at Due.
	RetrySet struct {
		Step    int32
		Failure Failure
		Due     time.Time
	}
	// RetryDue: the time between two attempts is over.
	RetryDue struct{ Step int32 }
	// JobStopAsked: a job must not go on. Without Force only while no worker has it.
	JobStopAsked struct {
		Step  int32
		Force bool
	}
	// SignalReceived: a payload came for whoever waits for it.
	SignalReceived struct {
		Name    string
		Payload Payload
	}
	// LateResult: a result came that changes nothing any more.
	LateResult struct {
		Step    int32
		Attempt int32
		Outcome string
	}
	// Swept: a stop has looked at all steps before Next.
	Swept struct{ Next int32 }
)

func (*RunStarted) Kind() FactKind        { return KindRunStarted }
func (*RunPaused) Kind() FactKind         { return KindRunPaused }
func (*RunResumed) Kind() FactKind        { return KindRunResumed }
func (*StopBegun) Kind() FactKind         { return KindStopBegun }
func (*RunEnded) Kind() FactKind          { return KindRunEnded }
func (*RunFaultedFact) Kind() FactKind    { return KindRunFaulted }
func (*JobAsked) Kind() FactKind          { return KindJobAsked }
func (*ApprovalAsked) Kind() FactKind     { return KindApprovalAsked }
func (*DelaySet) Kind() FactKind          { return KindDelaySet }
func (*StepSucceededFact) Kind() FactKind { return KindStepSucceeded }
func (*StepEnded) Kind() FactKind         { return KindStepEnded }
func (*StepSkippedFact) Kind() FactKind   { return KindStepSkipped }
func (*RetrySet) Kind() FactKind          { return KindRetrySet }
func (*RetryDue) Kind() FactKind          { return KindRetryDue }
func (*JobStopAsked) Kind() FactKind      { return KindJobStopAsked }
func (*SignalReceived) Kind() FactKind    { return KindSignalReceived }
func (*LateResult) Kind() FactKind        { return KindLateResult }
func (*Swept) Kind() FactKind             { return KindSwept }
