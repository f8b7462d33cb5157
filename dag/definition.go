package dag

import (
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Definition is a workflow as its author wrote it, normalised: aliases resolved, steps sorted by id, dependencies as
// indexes. Nothing is filled in: a zero value means "not said", and the default belongs to whoever reads it. It is
// immutable once Parse returned it.
type Definition struct {
	ID          string
	Name        string
	Version     string // the author's label; identity is Digest
	Description string
	InputSchema *yamlx.Node // JSON Schema, not yet compiled; nil when absent
	Context     any         // default context, JSON values (see yamlx.Node.Value), templates as text; nil when absent
	Labels      map[string]string
	// ContextNode and LabelsNode are the same two with their places, for who compiles the templates in them; nil when
	// absent.
	ContextNode *yamlx.Node
	LabelsNode  *yamlx.Node
	Timeout     time.Duration // whole run; 0 = none
	OnFailure   OnFailure     // 0 = not said
	// RollbackTo says how far and what then, when OnFailure is Rollback with a checkpoint; nil otherwise.
	RollbackTo  *RollbackTo
	CancelGrace time.Duration // 0 = not said: DefaultCancelGrace
	Concurrency *Concurrency  // nil = no limit
	Output      *yamlx.Node   // template of the run's output; nil when absent
	// Steps are all steps, those inside loops included: scope by scope, in each sorted by id. The order in the file means
	// nothing.
	Steps []Step
	// Scopes are where steps live: the workflow itself is the first, each loop has one more. Steps of one scope stand
	// together and depend on each other only.
	Scopes []Scope

	// Canonical is the canonical JSON (RFC 8785) of the normalised definition with "language": 1; Digest is its
	// SHA-256 in lower-case hex. Two files that mean the same have the same digest.
	Canonical []byte
	Digest    string
}

// Scope is a DAG of its own: the workflow's, or the one that a loop repeats.
type Scope struct {
	Loop  int // index of the loop step whose rounds these steps are; -1 for the workflow itself
	First int // index of its first step
	Count int // how many steps it has
}

// RollbackTo is the on_failure of a workflow that comes back to a checkpoint.
type RollbackTo struct {
	Checkpoint string
	Then       Then
	Max        int // rounds of ThenRetry before a full rollback; 0 = not said: 1
}

// Then is what a run does after it came back to a checkpoint.
type Then uint8

// The ways to go on. Pausing is the default.
const (
	ThenUnsaid Then = iota
	ThenPause
	ThenRetry
	ThenFail
)

// Concurrency limits how many runs with the same key are under way.
type Concurrency struct {
	Key      *yamlx.Node // template
	Limit    int         // 1 to MaxConcurrency; 0 = not said: 1
	WhenBusy WhenBusy
}

// WhenBusy is what happens to a run that finds its key's limit reached.
type WhenBusy uint8

// What a busy key does to a new run. Queueing is the default.
const (
	BusyUnsaid WhenBusy = iota
	BusyQueue
	BusyReject
	BusyCancelOldest
)

// Tolerate is how many bad iterations a fan-out survives: a count, or a percentage of its items. At most one is set.
type Tolerate struct {
	Count   int     // iterations
	Percent float64 // 0 to 100; -1 = not said
}

// Allows is how many of n iterations may be bad: exactly the percentage is not more than it.
func (t *Tolerate) Allows(n int) int {
	switch {
	case t == nil:
		return 0
	case t.Percent >= 0:
		return percentOf(t.Percent, n)
	}
	return t.Count
}

// WhenUnknown is what becomes of a compensation when nobody knows whether its step had its effect.
type WhenUnknown uint8

// What to do. Not said: run when the compensation is idempotent, else hold.
const (
	UnknownUnsaid WhenUnknown = iota
	UnknownRun
	UnknownHold
)

// Compensation says how a step is undone: a job like a step's. Do is that job as a step: its id is the step's own, and
// only what a job has is set (type, input, retry, timeouts, idempotent, routing, Own).
type Compensation struct {
	Do          *Step
	WhenUnknown WhenUnknown
}

// Lock is a resource_lock: held from dispatch to result.
type Lock struct {
	Name   *yamlx.Node // template
	Shared bool
}

// DefaultCancelGrace is how long a worker may take to answer a cancel when the definition does not say.
const DefaultCancelGrace = 30 * time.Second

// Step is the part of a step that every kind has; Own is what its kind decodes.
type Step struct {
	ID          string
	Name        string
	Type        string // "" = worker
	Description string
	Labels      *yamlx.Node // map of templates; nil when absent
	DependsOn   []int       // indexes into Definition.Steps, sorted
	Join        Join
	When        *yamlx.Node // expression or boolean; nil when absent
	Input       *yamlx.Node // template; nil when absent
	Retry       *Retry      // nil = one attempt

	Timeout          time.Duration // one attempt, from a worker's accept to its result; 0 = none
	QueueTimeout     time.Duration // waiting for a worker
	TotalTimeout     time.Duration // all attempts together
	HeartbeatTimeout time.Duration // silence of the worker

	OnFailure         OnFailure // overrides the workflow's for this step; 0 = not said
	Effect            Effect    // 0 = not said: the kind's default
	Idempotent        *bool     // nil = not said: true for none and read, false otherwise
	Requires          []string
	PreferredWorkerID string
	PreferredPool     string
	Priority          Priority

	Scope        int         // index into Definition.Scopes
	Inner        int         // of a loop: the scope of its own steps; 0 otherwise
	ForEach      *yamlx.Node // expression; nil = one iteration
	MaxParallel  int         // iterations together; 0 = no limit
	Tolerate     *Tolerate   // nil = no bad iteration
	InputSchema  *yamlx.Node // JSON Schema, or text: the id of a registered one; nil = any
	OutputSchema *yamlx.Node
	Compensate   *Compensation // nil = nothing undoes it
	Pivot        bool
	Checkpoint   string // "" = none
	ResourceLock *Lock  // nil = none

	Own     *yamlx.Node // the step's mapping node, common fields included; its kind decodes its own fields from it
	Pos     yamlx.Pos   // where the step begins
	Pointer string      // JSON pointer of the step in the file
}

// JoinMode is a row of the join table of the semantics page.
type JoinMode uint8

// The joins; what each means is a row of the join table.
const (
	AllSuccess JoinMode = iota // default
	AllDone
	AnySuccess
	NoneFailed
	AnyFailed
	AtLeast
)

// Join says when a step's dependencies let it run. K is used by AtLeast only: 1 to the number of dependencies.
type Join struct {
	Mode JoinMode
	K    int
}

// OnFailure is what a bad step does to its run.
type OnFailure uint8

// What a bad step does: nothing said, every step that still can run runs, the run ends, or it is undone.
const (
	FailureUnsaid OnFailure = iota
	Continue
	Halt
	Rollback
)

// Effect is what executing a step does to the world.
type Effect uint8

// The effects, the mildest first.
const (
	EffectUnsaid Effect = iota
	EffectNone
	EffectRead
	EffectWrite
	EffectIrreversible
)

// Priority orders jobs of a pool.
type Priority uint8

// The priorities, the lowest first.
const (
	PriorityUnsaid Priority = iota // as batch, before ageing
	Batch
	Interactive
	Critical
)

// Retry is how often and when a failed attempt is tried again. Zero fields mean "not said".
type Retry struct {
	MaxAttempts int           // attempts in all, 1 to 1,000
	Initial     time.Duration // before the second attempt; default 1s
	Max         time.Duration // upper bound of a delay; default 1m
	Multiplier  float64       // default 2, 1 to 100
	Jitter      Jitter
	On          []string // only these codes (empty: all that may be retried)
	NotOn       []string
}

// Jitter spreads retries.
type Jitter uint8

// The ways to spread a delay.
const (
	JitterFull Jitter = iota // default: uniform in (0, delay]
	JitterNone
)
