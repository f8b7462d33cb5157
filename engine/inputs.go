package engine

import (
	"encoding/json"
)

// Input is something that happens to a run. The set is closed; each carries its Stamp: time arrives from outside.
type Input interface{ stamp() Stamp }

type (
	// Submit starts a run. It is the first input, once.
	Submit struct {
		Stamp
		Tenant, Workflow string
		Kind             Kind
		RerunOf          string
		Labels           map[string]string
		Input, Context   Payload
	}
	// Outcome is how a job's attempt ended, as the job machine accepted it.
	Outcome struct {
		Stamp
		Step    int32
		Attempt int32
		Result  Result
		Output  Payload // of a success
		Failure Failure // of anything else
	}
	// Answer is an approval's end.
	Answer struct {
		Stamp
		Step   int32
		Result Result          // ResultSucceeded: approved; ResultRejected: denied or expired
		Output json.RawMessage // {decision, by, comment}
		Reject Failure
	}
	// TimerDue says that a timer's time has come, at or after it.
	TimerDue struct {
		Stamp
		Timer Timer
		Step  int32 // -1 for the run's
	}
	// Pause starts nothing new.
	Pause struct{ Stamp }
	// Resume goes on, also after a fault.
	Resume struct{ Stamp }
	// Cancel ends the run early. Force ends a faulted one without deciding anything.
	Cancel struct {
		Stamp
		Force bool
	}
	// SignalIn delivers a named payload.
	SignalIn struct {
		Stamp
		Name    string
		Payload Payload
	}
	// Continue goes on where the bound of a Decide stopped.
	Continue struct{ Stamp }
	// Late reports a result that its job refused because its turn was over.
	Late struct {
		Stamp
		Step    int32
		Attempt int32
		Result  Result
	}
	// Fault reports that deciding or applying failed.
	Fault struct {
		Stamp
		Error string
	}
)

func (s Stamp) stamp() Stamp { return s }

// StampOf answers when an input happened and by whom.
func StampOf(in Input) Stamp { return in.stamp() }

// Result is how an attempt or an approval ended.
type Result uint8

// The results. Lost: its worker is gone and nobody knows what became of it.
const (
	ResultUnsaid Result = iota
	ResultSucceeded
	ResultFailed
	ResultTimedOut
	ResultDenied
	ResultRejected
	ResultCancelled
	ResultLost
)

var resultNames = [...]string{"", "succeeded", "failed", "timed_out", "denied", "rejected", "cancelled", "lost"}

func (r Result) String() string { return name(resultNames[:], int(r)) }

// Timer names what a timer is for. Numbers 1 to 15 are the engine's.
type Timer uint8

// The engine's timers.
const (
	TimerRun   Timer = 1 // the whole run's timeout
	TimerDelay Timer = 2 // a delay step
	TimerRetry Timer = 3 // between attempts
	TimerTotal Timer = 4 // all attempts of a step together
)
