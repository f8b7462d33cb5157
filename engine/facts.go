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
	KindRunAdmitted    FactKind = 19
	KindFannedOut      FactKind = 20
	KindRoundBegun     FactKind = 21
	KindReopened       FactKind = 22
	KindClosingBegun   FactKind = 23
	KindSignalAwaited  FactKind = 24
	KindSignalTaken    FactKind = 25
	KindChildAsked     FactKind = 26
	KindChildNoted     FactKind = 27
	KindChildStopAsked FactKind = 28
	KindUndoingBegun   FactKind = 29
	KindUndoBegun      FactKind = 30
	KindUndoHeld       FactKind = 31
	KindUndoRearmed    FactKind = 32
	KindUndoSettled    FactKind = 33
	KindChildUndoAsked FactKind = 34
	KindUndoingEnded   FactKind = 35
	KindSetBack        FactKind = 36
	KindChildUndoNoted FactKind = 37
	KindJobNoted       FactKind = 38
	KindInputEdited    FactKind = 39
	KindOutputHeld     FactKind = 40
	KindOutputJudged   FactKind = 41
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
	case KindRunAdmitted:
		return new(RunAdmitted)
	case KindFannedOut:
		return new(FannedOut)
	case KindRoundBegun:
		return new(RoundBegun)
	case KindReopened:
		return new(Reopened)
	case KindClosingBegun:
		return new(ClosingBegun)
	case KindSignalAwaited:
		return new(SignalAwaited)
	case KindSignalTaken:
		return new(SignalTaken)
	}
	return newNestedFact(k)
}

// newNestedFact makes the facts of sub-workflows and of compensation.
func newNestedFact(k FactKind) Fact {
	switch k {
	case KindChildAsked:
		return new(ChildAsked)
	case KindChildNoted:
		return new(ChildNoted)
	case KindChildStopAsked:
		return new(ChildStopAsked)
	case KindUndoingBegun:
		return new(UndoingBegun)
	case KindUndoBegun:
		return new(UndoBegun)
	case KindUndoHeld:
		return new(UndoHeld)
	case KindUndoRearmed:
		return new(UndoRearmed)
	case KindUndoSettled:
		return new(UndoSettled)
	case KindChildUndoAsked:
		return new(ChildUndoAsked)
	case KindUndoingEnded:
		return new(UndoingEnded)
	case KindSetBack:
		return new(SetBack)
	case KindChildUndoNoted:
		return new(ChildUndoNoted)
	case KindJobNoted:
		return new(JobNoted)
	case KindInputEdited:
		return new(InputEdited)
	case KindOutputHeld:
		return new(OutputHeld)
	case KindOutputJudged:
		return new(OutputJudged)
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
		Parent                   Parent
		ForkOf                   string
		Reused                   []Reused
		Key                      string // of the workflow's concurrency
		Queued                   bool   // the key is busy: RunAdmitted follows
		Roles                    []string
		ActorType                string
		Keyed                    bool // its start had an idempotency key
		Owner                    string
		Author                   string
		Build                    string // the version of Cordum that took it; "" where the store's level is too low to say so
	}
	// RunAdmitted: a run that waited for its concurrency key begins.
	RunAdmitted struct{}
	// RunPaused: nothing new starts.
	RunPaused struct{}
	// RunResumed: what waited for its turn goes on; a faulted run tries again.
	RunResumed struct{}
	// StopBegun: the run goes towards its end.
	StopBegun struct {
		Stop     Stop
		Step     int32 // whose failure halts; -1 when none
		Handlers bool  // handlers are stopped as well
		Rollback bool  // compensation follows
		Target   Target
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
		Lock    string    // the resource lock it needs; "" for none
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
		Chosen []string // of a switch: the branch that was taken
	}
	// StepEnded: a step ended, not well.
	StepEnded struct {
		Step    int32
		State   StepState
		Failure Failure
		Effect  bool    // it had its effect: what was refused is in Output
		Output  Payload // that was refused
		Settles bool    // its worker's word; of an idempotent step it speaks for the attempts before
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
		Effect  bool
		Output  Payload
		Settles bool
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
	// LateResult: a result came whose turn is over. It changes nothing, unless it settles an outcome that was unknown.
	LateResult struct {
		Step    int32
		Attempt int32
		Outcome string
		Settles bool    // the attempt's outcome is known from now on
		Effect  bool    // it had its effect
		Output  Payload // of an effect
	}
	// FannedOut: a step has an iteration for each item of a list.
	FannedOut struct {
		Step  int32
		Count int32
		Items Payload
	}
	// RoundBegun: a loop begins a round of its inner steps.
	RoundBegun struct{ Step int32 }
	// Reopened: a fan-out or a loop that had ended goes on where it was, with what a retry armed again.
	Reopened struct{ Step int32 }
	// ClosingBegun: a fan-out or a loop goes towards its end because too much in it is bad.
	ClosingBegun struct {
		Step int32
		Hard bool // what workers have is stopped, too
	}
	// SignalAwaited: a step waits for a signal.
	SignalAwaited struct {
		Step   int32
		Signal string
		Due    time.Time // zero: for ever
	}
	// SignalTaken: a step consumed a signal that the run kept; Index counts the kept ones from 0.
	SignalTaken struct {
		Step  int32
		Index int32
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
func (*RunAdmitted) Kind() FactKind       { return KindRunAdmitted }
func (*FannedOut) Kind() FactKind         { return KindFannedOut }
func (*RoundBegun) Kind() FactKind        { return KindRoundBegun }
func (*Reopened) Kind() FactKind          { return KindReopened }
func (*ClosingBegun) Kind() FactKind      { return KindClosingBegun }
func (*SignalAwaited) Kind() FactKind     { return KindSignalAwaited }
func (*SignalTaken) Kind() FactKind       { return KindSignalTaken }
