package engine

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/dag"
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
		Parent           Parent
		ForkOf           string
		Reused           []Reused // of a fork: steps that another run did
		Key              string   // of the workflow's concurrency
		Queued           bool     // the key is busy: the run waits for Admit
		Roles            []string // of who starts it
		ActorType        string   // human, service
		Keyed            bool     // the start has an idempotency key of its caller
		Owner            string   // whose key starts it; "" when the actor is the person
		Author           string   // who stored this version of the workflow
		Build            string   // the version of Cordum that takes it; "": it is not noted
		// Timeout is the whole run's, if its definition says none.
		Timeout time.Duration
	}
	// Admit lets a run begin that waited for its concurrency key.
	Admit struct{ Stamp }
	// Outcome is how a job's attempt ended, as the job machine accepted it.
	Outcome struct {
		Stamp
		Step    int32
		Attempt int32
		Result  Result
		Output  Payload // of a success
		Failure Failure // of anything else
		Effect  bool    // of a failure: it had its effect all the same; what was refused is in Output
		// Answered: it is the worker's own word.
		Answered bool
		// Rollback: what the run did is to be undone because of it (an approval's on_expiry).
		Rollback bool
		// Judged is what the output policy said of the result; nil where no rule of it did.
		Judged *Judged
		// MaxAttempts is what the policy allows of a node's round, if it is less than the step says; 0: it says nothing.
		MaxAttempts int32
		// Attempts are those of a step that is idempotent and says no retry; 0 and 1: one.
		Attempts int32
	}
	// ChildEnded is how a sub-workflow ended that was an attempt of a step.
	ChildEnded struct {
		Stamp
		Step    int32
		Attempt int32
		State   RunState // final; RunFailed when it could not be started
		Output  Payload
		Failure Failure
	}
	// JobStatus says whether a job only waits for people to let it start.
	JobStatus struct {
		Stamp
		Step    int32
		Attempt int32
		Idle    bool
	}
	// ChildStatus says whether a sub-workflow only waits for people, timers or signals.
	ChildStatus struct {
		Stamp
		Step    int32
		Attempt int32
		Idle    bool
	}
	// ChildUndone is how far a sub-workflow has undone what it did.
	ChildUndone struct {
		Stamp
		Step         int32 // the compensation
		Attempt      int32
		Compensation Compensation // none: there was nothing; running: not yet
	}
	// Answer is an approval's end: of a step that asks, or of one whose output is held.
	Answer struct {
		Stamp
		Step    int32
		Result  Result          // ResultSucceeded: approved; ResultRejected: denied or expired; ResultSentBack
		Output  json.RawMessage // {decision, by, comment}
		Reject  Failure
		To      string // sent back: to this step
		Comment string // sent back: what is to be done
		// Rollback: what the run did is to be undone because of it; of an output that nobody released in time.
		Rollback bool
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
		Force    bool
		Rollback bool // compensation follows
	}
	// Rollback undoes what the run did: of a live run it is a cancel first. With To it comes back to a checkpoint.
	Rollback struct {
		Stamp
		To   string
		Then dag.Then // with To; ThenPause when not said
	}
	// Retry arms the bad steps of a failed run again.
	Retry struct{ Stamp }
	// Resolve is a person's word on a held compensation.
	Resolve struct {
		Stamp
		Step int32 // the compensation, or the node that it undoes
		How  Resolution
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
		Output  Payload // of a success, or what was refused of one
		Effect  bool    // a failure that had its effect
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
	ResultSentBack // of an approval
	// ResultQuarantined: a success whose output people must release first.
	ResultQuarantined
)

var resultNames = [...]string{"", "succeeded", "failed", "timed_out", "denied", "rejected", "cancelled", "lost", "sent_back", "quarantined"}

func (r Result) String() string { return name(resultNames[:], int(r)) }

// Resolution is what a person does about a held compensation.
type Resolution uint8

// The resolutions.
const (
	ResolveUnsaid Resolution = iota
	ResolveRetry
	ResolveSkip // it stays undone
	ResolveDone // it was undone by hand
)

// Timer names what a timer is for. Numbers 1 to 15 are the engine's.
type Timer uint8

// The engine's timers.
const (
	TimerRun   Timer = 1 // the whole run's timeout
	TimerDelay Timer = 2 // a delay step
	TimerRetry Timer = 3 // between attempts
	TimerTotal Timer = 4 // all attempts of a step together
	TimerWait  Timer = 5 // a signal that a step waits for
	TimerChild Timer = 6 // the timeout of a step that runs a workflow
	TimerGrace Timer = 7 // the end of such a step whose workflow does not answer a cancel
)
