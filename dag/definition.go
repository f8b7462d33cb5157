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
	Context     any         // default context, JSON values (see yamlx.Node.Value); nil when absent
	Labels      map[string]string
	Timeout     time.Duration // whole run; 0 = none
	OnFailure   OnFailure     // 0 = not said
	CancelGrace time.Duration // 0 = not said: DefaultCancelGrace
	Output      *yamlx.Node   // template of the run's output; nil when absent
	Steps       []Step        // sorted by id; the order in the file means nothing

	// Canonical is the canonical JSON (RFC 8785) of the normalised definition with "language": 1; Digest is its
	// SHA-256 in lower-case hex. Two files that mean the same have the same digest.
	Canonical []byte
	Digest    string
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
