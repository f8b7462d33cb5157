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
// approval or a timer. Retrying: between attempts.
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
)

var stepNames = [...]string{
	"pending", "ready", "running", "waiting", "retrying",
	"succeeded", "failed", "timed_out", "denied", "rejected", "cancelled", "skipped",
}

func (s StepState) String() string { return name(stepNames[:], int(s)) }

// Final tells whether the step has ended.
func (s StepState) Final() bool { return s >= StepSucceeded }

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
)

var skipNames = [...]string{"", "when_false", "upstream_skipped", "nothing_failed", "upstream_failed", "halted"}

func (r SkipReason) String() string { return name(skipNames[:], int(r)) }

// Clean tells whether a step skipped for this reason counts as no failure.
func (r SkipReason) Clean() bool { return r == WhenFalse || r == UpstreamSkipped || r == NothingFailed }

// Move is a legal move of a machine, for tables and diagrams.
type Move struct{ From, To string }

// runMoves are all legal moves of a run.
var runMoves = map[RunState][]RunState{
	RunPending: {RunRunning},
	RunRunning: {RunFaulted, RunSucceeded, RunFailed, RunCancelled, RunTimedOut},
	RunFaulted: {RunRunning, RunCancelled},
}

// stepMoves are all legal moves of a step.
var stepMoves = map[StepState][]StepState{
	StepPending:  {StepReady, StepSkipped},
	StepReady:    {StepRunning, StepWaiting, StepSucceeded, StepFailed, StepTimedOut, StepSkipped},
	StepRunning:  {StepRetrying, StepSucceeded, StepFailed, StepTimedOut, StepDenied, StepCancelled},
	StepWaiting:  {StepSucceeded, StepRejected, StepCancelled},
	StepRetrying: {StepReady, StepSucceeded, StepFailed, StepTimedOut},
}

// RunMoves lists the legal moves of a run, for docs and tests.
func RunMoves() []Move { return moves(runMoves, RunTimedOut) }

// StepMoves lists the legal moves of a step, for docs and tests.
func StepMoves() []Move { return moves(stepMoves, StepSkipped) }

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

// moveStep changes a step's state and keeps what is counted by state.
func (r *Run) moveStep(i int32, to StepState) {
	s := &r.Steps[i]
	if !legal(stepMoves[s.State], to) {
		panic("engine: illegal move of step " + r.Plan.Def.Steps[i].ID + " from " + s.State.String() + " to " + to.String())
	}
	if s.State == StepReady {
		r.unready(i)
	}
	r.count[s.State]--
	r.count[to]++
	s.State = to
	if to == StepReady && !r.swept(i) {
		r.ready = append(r.ready, i)
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
