package engine

// RunState is where a run stands.
type RunState uint8

// The states of a run. Waiting and paused are seen, not stored: see [Run.Status].
const (
	RunPending RunState = iota
	RunRunning
	RunFaulted
	RunSucceeded
	RunFailed
	RunCancelled
	RunTimedOut
)

var runNames = [...]string{"pending", "running", "faulted", "succeeded", "failed", "cancelled", "timed_out"}

func (s RunState) String() string { return name(runNames[:], int(s)) }

// Final tells whether nothing moves the run any more.
func (s RunState) Final() bool { return s >= RunSucceeded }

// StepState is where one step (iteration) stands.
type StepState uint8

// The states of a step. Ready: its join is settled and it waits for its turn (a batch, a resume). Waiting: for an
// approval or a timer, or for people to release its output. Retrying: between attempts.
const (
	StepPending StepState = iota
	StepReady
	StepRunning
	StepWaiting
	StepRetrying
	StepSucceeded
	StepFailed
	StepTimedOut
	StepDenied
	StepRejected
	StepCancelled
	StepSkipped
	// StepInside: its iterations, its round or its sub-workflow are under way. StepHeld: a compensation waits for a person.
	StepInside
	StepHeld

	stepStates
)

var stepNames = [...]string{
	"pending", "ready", "running", "waiting", "retrying",
	"succeeded", "failed", "timed_out", "denied", "rejected", "cancelled", "skipped", "inside", "held",
}

func (s StepState) String() string { return name(stepNames[:], int(s)) }

// Final tells whether the step has ended.
func (s StepState) Final() bool { return s >= StepSucceeded && s <= StepSkipped }

// Compensation is how far what a run did is undone.
type Compensation uint8

// The states of a run's compensation. Running also while one waits for an approval.
const (
	CompensationNone Compensation = iota
	CompensationRunning
	CompensationHeld
	CompensationDone
)

var compensationNames = [...]string{"none", "running", "held", "done"}

func (c Compensation) String() string { return name(compensationNames[:], int(c)) }

// SkipReason says why a step was skipped.
type SkipReason uint8

// The reasons; Clean tells which of them are no failure for the steps behind.
const (
	NotSkipped SkipReason = iota
	WhenFalse
	UpstreamSkipped
	NothingFailed
	UpstreamFailed
	Halted
	BranchNotTaken
	WaitTimeout

	skipReasons
)

var skipNames = [...]string{
	"", "when_false", "upstream_skipped", "nothing_failed", "upstream_failed", "halted", "branch_not_taken", "timeout",
}

func (r SkipReason) String() string { return name(skipNames[:], int(r)) }

// Clean tells whether a step skipped for this reason counts as no failure.
func (r SkipReason) Clean() bool {
	switch r {
	case WhenFalse, UpstreamSkipped, NothingFailed, BranchNotTaken, WaitTimeout:
		return true
	}
	return false
}

// Move is a legal move of a machine, for tables and diagrams.
type Move struct{ From, To string }

// runMoves are all legal moves of a run. What has ended runs again only by a retry, a rollback to a checkpoint or a send-back.
var runMoves = map[RunState][]RunState{
	RunPending:   {RunRunning, RunCancelled},
	RunRunning:   {RunFaulted, RunSucceeded, RunFailed, RunCancelled, RunTimedOut},
	RunFaulted:   {RunRunning, RunCancelled},
	RunSucceeded: {RunRunning},
	RunFailed:    {RunRunning},
	RunCancelled: {RunRunning},
	RunTimedOut:  {RunRunning},
}

// stepMoves are all legal moves of a step. To pending again only a retry, a rollback to a checkpoint or a send-back leads.
var stepMoves = map[StepState][]StepState{
	StepPending:   {StepReady, StepSkipped, StepCancelled, StepSucceeded},
	StepReady:     {StepRunning, StepWaiting, StepInside, StepSucceeded, StepFailed, StepTimedOut, StepCancelled, StepSkipped},
	StepRunning:   {StepRetrying, StepWaiting, StepSucceeded, StepFailed, StepTimedOut, StepDenied, StepRejected, StepCancelled},
	StepWaiting:   {StepSucceeded, StepFailed, StepTimedOut, StepDenied, StepRejected, StepCancelled, StepSkipped},
	StepRetrying:  {StepReady, StepSucceeded, StepFailed, StepTimedOut},
	StepInside:    {StepRetrying, StepSucceeded, StepFailed, StepTimedOut, StepCancelled},
	StepSucceeded: {StepPending},
	StepFailed:    {StepPending},
	StepTimedOut:  {StepPending},
	StepDenied:    {StepPending},
	StepRejected:  {StepPending},
	StepCancelled: {StepPending},
	StepSkipped:   {StepPending},
}

// undoMoves are all legal moves of a compensation. Inside: it waits for a sub-workflow to undo what it did.
var undoMoves = map[StepState][]StepState{
	StepPending:  {StepReady, StepHeld, StepSkipped},
	StepReady:    {StepRunning, StepInside, StepSucceeded, StepSkipped, StepHeld},
	StepRunning:  {StepRetrying, StepSucceeded, StepSkipped, StepHeld}, // skipped: nobody was sent it, and there is nothing to undo
	StepRetrying: {StepReady, StepHeld},
	StepInside:   {StepReady, StepHeld},
	StepHeld:     {StepReady, StepSucceeded, StepSkipped},
}

// compensationMoves are all legal moves of a run's compensation.
var compensationMoves = map[Compensation][]Compensation{
	CompensationNone:    {CompensationRunning},
	CompensationRunning: {CompensationHeld, CompensationDone, CompensationNone},
	CompensationHeld:    {CompensationRunning},
	CompensationDone:    {CompensationRunning},
}

// RunMoves lists the legal moves of a run, for docs and tests.
func RunMoves() []Move { return moves(runMoves, RunTimedOut) }

// StepMoves lists the legal moves of a step, for docs and tests.
func StepMoves() []Move { return moves(stepMoves, stepStates-1) }

// UndoMoves lists the legal moves of a compensation, for docs and tests.
func UndoMoves() []Move { return moves(undoMoves, stepStates-1) }

// CompensationMoves lists the legal moves of a run's compensation, for docs and tests.
func CompensationMoves() []Move { return moves(compensationMoves, CompensationDone) }

func moves[S interface {
	~uint8
	String() string
}](table map[S][]S, last S) []Move {
	var out []Move
	for from := S(0); from <= last; from++ {
		for _, to := range table[from] {
			out = append(out, Move{from.String(), to.String()})
		}
	}
	return out
}

// moveRun changes the run's state; an illegal move is a programmer's mistake.
func (r *Run) moveRun(to RunState) {
	if !legal(runMoves[r.State], to) {
		panic("engine: illegal move of run from " + r.State.String() + " to " + to.String())
	}
	r.State = to
}

// movesOf is the table of a node's machine.
func (r *Run) movesOf(s *Step) map[StepState][]StepState {
	if s.Target >= 0 {
		return undoMoves
	}
	return stepMoves
}

// moveStep changes a node's state and keeps what is counted by state.
func (r *Run) moveStep(i int32, to StepState) {
	s := &r.Steps[i]
	if !legal(r.movesOf(s)[s.State], to) {
		panic("engine: illegal move of " + r.Name(i) + " from " + s.State.String() + " to " + to.String())
	}
	if s.State == StepReady {
		r.unready(i)
	}
	r.elsewhere(i, -1)
	r.rest(s, false)
	*r.counter(s)--
	s.State = to
	*r.counter(s)++
	r.elsewhere(i, 1)
	if to == StepReady && !r.swept(i) {
		r.ready = append(r.ready, i)
	}
}

// elsewhere counts a node by what another run does for it: the sub-workflows under way, and those whose compensation is held.
func (r *Run) elsewhere(i, n int32) {
	switch s := &r.Steps[i]; {
	case s.State == StepInside && s.Target < 0 && r.nests(i):
		r.children += n
	case s.State == StepHeld && r.nests(s.Target):
		r.heldElsewhere += n
	}
}

// rest notes whether a sub-workflow, or a job, only waits for people.
func (r *Run) rest(s *Step, idle bool) {
	if s.idle == idle {
		return
	}
	s.idle = idle
	if idle {
		r.idle++
	} else {
		r.idle--
	}
}

func legal[S comparable](list []S, to S) bool {
	for _, s := range list {
		if s == to {
			return true
		}
	}
	return false
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}
