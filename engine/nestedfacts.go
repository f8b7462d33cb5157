package engine

import "time"

// Reused is what a fork takes over from another run, for one step.
type Reused struct {
	Step   int32
	State  StepState // succeeded or skipped
	Reason SkipReason
	Output Payload
}

type (
	// ChildAsked: an attempt of a step is a run of another workflow, under this id.
	ChildAsked struct {
		Step     int32
		Attempt  int32
		Run      string
		Workflow string
		Version  string // digest or label; "" = the newest
		Input    Payload
		Depth    int32
		DueAt    time.Time // when the step's timeout stops it; zero: never
		TotalAt  time.Time
	}
	// ChildNoted: whether a sub-workflow only waits, or goes on.
	ChildNoted struct {
		Step int32
		Idle bool
	}
	// JobNoted: whether a job only waits for people to let it start.
	JobNoted struct {
		Step int32
		Idle bool
	}
	// ChildStopAsked: a sub-workflow is to be cancelled. At GraceAt the step ends without its answer.
	ChildStopAsked struct {
		Step    int32
		Overdue bool // because of the step's timeout
		GraceAt time.Time
	}
	// UndoingBegun: compensation starts; nothing of the forward part is left.
	UndoingBegun struct{ Target Target }
	// UndoBegun: the compensation of node Target has its turn and becomes a node of its own.
	UndoBegun struct{ Target int32 }
	// UndoHeld: a compensation waits for a person.
	UndoHeld struct {
		Step    int32
		Failure Failure
	}
	// UndoRearmed: a held compensation is tried again, with a fresh allowance: a person said so, or what was unknown is known.
	UndoRearmed struct{ Step int32 }
	// UndoSettled: a compensation ended without a job's success.
	UndoSettled struct {
		Step int32
		How  Settlement
	}
	// ChildUndoAsked: the sub-workflow that was attempt Attempt of the step is to undo what it did.
	ChildUndoAsked struct {
		Step    int32
		Attempt int32
		Run     string
	}
	// ChildUndoNoted: one sub-workflow of the step has nothing left to undo. Undone: it had something.
	ChildUndoNoted struct {
		Step   int32
		Undone bool
	}
	// UndoingEnded: every compensation has ended.
	UndoingEnded struct {
		Undone int32   // how many succeeded
		Kept   []int32 // steps that a passed pivot kept
	}
	// SetBack: steps are back to pending and the run goes on, pauses or has failed, as Target says. Without Target.To it is a
	// retry of what was bad.
	SetBack struct {
		Target Target
		Paused bool
	}
)

// Settlement is how a compensation ended that no job's success ended.
type Settlement uint8

// The settlements. Nothing: there turned out to be nothing to undo.
const (
	SettledUnsaid Settlement = iota
	SettledNothing
	SettledSkipped // by a person
	SettledDone    // by a person's own hand
)

var settlementNames = [...]string{"", "nothing", "skipped", "done"}

func (s Settlement) String() string { return name(settlementNames[:], int(s)) }

// Kind implements Fact.
func (*ChildAsked) Kind() FactKind { return KindChildAsked }

// Kind implements Fact.
func (*JobNoted) Kind() FactKind { return KindJobNoted }

// Kind implements Fact.
func (*ChildNoted) Kind() FactKind { return KindChildNoted }

// Kind implements Fact.
func (*ChildStopAsked) Kind() FactKind { return KindChildStopAsked }

// Kind implements Fact.
func (*UndoingBegun) Kind() FactKind { return KindUndoingBegun }

// Kind implements Fact.
func (*UndoBegun) Kind() FactKind { return KindUndoBegun }

// Kind implements Fact.
func (*UndoHeld) Kind() FactKind { return KindUndoHeld }

// Kind implements Fact.
func (*UndoRearmed) Kind() FactKind { return KindUndoRearmed }

// Kind implements Fact.
func (*UndoSettled) Kind() FactKind { return KindUndoSettled }

// Kind implements Fact.
func (*ChildUndoAsked) Kind() FactKind { return KindChildUndoAsked }

// Kind implements Fact.
func (*UndoingEnded) Kind() FactKind { return KindUndoingEnded }

// Kind implements Fact.
func (*SetBack) Kind() FactKind { return KindSetBack }

// Kind implements Fact.
func (*ChildUndoNoted) Kind() FactKind { return KindChildUndoNoted }
