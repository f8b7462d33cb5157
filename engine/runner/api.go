package runner

// This file is what callers and a *Runner say to each other. The calls themselves, each with its contract:
// definitions.go (PutWorkflow, CheckWorkflow, Workflow, Workflows), start.go (Start, Rerun), jobs.go (Submit, Job, Jobs,
// CancelJob), command.go (Command, Decide), reads.go (View, WaitRun, LatestRun, Runs, Timeline, Approvals, Approval,
// Workers), hub.go (Watch), runner.go (Run, Health). All of them take a context first and answer the errors below.

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/dag"
)

// Caller is who asks: tenant, actor and reason are in every key, input and fact.
type Caller struct {
	Tenant string // never empty
	Actor  string // "user:ann", "key:ci", "system"
	Reason string // why, as the caller said; may be empty
	// Command makes a call repeatable: the same id within 10 minutes does nothing twice. Empty: not repeatable.
	Command string
	// NewRun is the id of the run that a start, a single job, a rerun or a fork by this caller makes, if it makes one and is
	// repeatable: who sends a call to another process makes it, with UnsureStarts.Propose. Empty: whoever makes the run chooses.
	NewRun string

	Roles     []string // the actor's, by name: "approver", "sre"
	Groups    []string
	ActorType string // "human", "service"
	Owner     string // of a key: whose it is, "user:ann"
}

// Errors that a caller decides by. Match with errors.Is; the gateway has the one table from these to status codes.
var (
	ErrNotFound      = errors.New("not found")                             // also for what belongs to another tenant
	ErrConflict      = errors.New("conflict")                              // the state does not allow it (already decided, already ended)
	ErrIdempotency   = errors.New("idempotency key used for another body") // 422
	ErrOverloaded    = errors.New("overloaded")                            // try again, with a delay
	ErrUnavailable   = errors.New("unavailable")                           // the store or the owner is away; outcome unknown or nothing done
	ErrNotTaken      = fmt.Errorf("no engine took it: %w", ErrUnavailable) // nothing was done
	ErrInvalidCursor = errors.New("invalid cursor")
	ErrGone          = errors.New("gone")      // an approval that expired
	ErrForbidden     = errors.New("forbidden") // who asks may see it, and may not do this
	// ErrMoved matches ErrUnavailable, too: the partition is another process's, nothing was done; ask its owner.
	ErrMoved = fmt.Errorf("this process does not serve the partition: %w", ErrUnavailable)
)

// InvalidError says that what was sent cannot be accepted as it is; nothing was stored.
type InvalidError struct {
	Code        string // "invalid_definition", "invalid_input", "invalid_argument", …
	Message     string
	Diagnostics []dag.Diagnostic // for definitions
	Places      []Place          // for other bodies: what of it is wrong where
}

// Place is a part of what was sent that is wrong.
type Place struct {
	Pointer string `json:"pointer"` // JSON pointer
	Message string `json:"message"`
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// Format says how a definition is written.
type Format uint8

const (
	FormatAuto Format = iota // JSON when the first byte that is no white space is '{', else YAML
	FormatJSON
	FormatYAML
)

// WorkflowVersion is one stored definition.
type WorkflowVersion struct {
	ID        string          `json:"id"`
	Name      string          `json:"name,omitempty"`
	Version   string          `json:"version,omitempty" doc:"The author's label"`
	Digest    string          `json:"digest" doc:"SHA-256 of the canonical definition: its identity"`
	Steps     int             `json:"steps"`
	CreatedAt time.Time       `json:"created_at"`
	CreatedBy string          `json:"created_by"`
	Source    json.RawMessage `json:"definition,omitempty" doc:"Canonical JSON; only when one workflow is read"`
	Graph     *GraphView      `json:"graph,omitempty"`
}

// GraphView is the graph of a definition, for drawing.
type GraphView struct {
	Nodes []GraphNode `json:"nodes"`
	Edges []GraphEdge `json:"edges"`
}

// GraphNode is a step.
type GraphNode struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Type  string `json:"type"`
	Layer int    `json:"layer" doc:"Longest path from a root, from 0"`
}

// GraphEdge is a dependency: To depends on From.
type GraphEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// StartRequest starts a run of a stored definition.
type StartRequest struct {
	Workflow       string // id
	Digest         string // a version; empty = the newest
	Input          json.RawMessage
	Context        json.RawMessage
	Labels         map[string]string
	IdempotencyKey string
	RerunOf        string // set by rerun

	fork forkPart // set by fork
}

// Started answers a start.
type Started struct {
	RunID    string `json:"run_id"`
	Workflow string `json:"workflow"`
	Digest   string `json:"digest"`
	Replayed bool   `json:"-"` // the idempotency key was seen before
}

// JobRequest submits a single job: a run of one step.
type JobRequest struct {
	Topic             string
	Pack, Tool        string
	Input             json.RawMessage
	Context           json.RawMessage
	Labels            map[string]string
	Requires          []string
	PreferredWorkerID string
	PreferredPool     string
	Priority          string // "", batch, interactive, critical
	TimeoutSec        int
	MaxAttempts       int
	Idempotent        *bool  // nil = true for a job sent straight to the jobs API
	ResourceLock      string // name of the lock that it holds while it runs; "" = none
	LockShared        bool   // others that share the lock may run beside it
	IdempotencyKey    string
}

// RunView is a run as people see it.
type RunView struct {
	ID           string            `json:"id"`
	Kind         string            `json:"kind" enum:"workflow,job"`
	Workflow     string            `json:"workflow"`
	Digest       string            `json:"digest"`
	Version      string            `json:"version,omitempty"`
	State        string            `json:"state" enum:"pending,running,waiting,paused,faulted,succeeded,failed,cancelled,timed_out"`
	Compensation string            `json:"compensation" enum:"none,running,held,done"`
	Seq          uint64            `json:"seq" doc:"Number of the newest fact: where a stream begins behind this view"`
	StartedAt    time.Time         `json:"started_at"`
	EndedAt      *time.Time        `json:"ended_at,omitempty"`
	StartedBy    string            `json:"started_by"`
	Labels       map[string]string `json:"labels,omitempty"`
	RerunOf      string            `json:"rerun_of,omitempty"`
	ForkOf       string            `json:"fork_of,omitempty"`
	Parent       *ParentView       `json:"parent,omitempty"`
	Held         []HeldView        `json:"held,omitempty" doc:"Compensations that wait for a person"`
	Kept         []string          `json:"kept,omitempty" doc:"Steps that a passed pivot kept from the last rollback"`
	Input        json.RawMessage   `json:"input,omitempty"`
	Context      json.RawMessage   `json:"context,omitempty"`
	Output       json.RawMessage   `json:"output,omitempty"`
	Error        *ErrorView        `json:"error,omitempty"`
	Steps        []StepView        `json:"steps,omitempty"`
}

// ParentView is the step of another run that started a run.
type ParentView struct {
	RunID string `json:"run_id"`
	Step  string `json:"step"`
}

// RunHeader is a row of a list of runs.
type RunHeader struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Workflow string `json:"workflow"`
	Digest   string `json:"digest"`
	State    string `json:"state"`
	// Compensation is the run's second state.
	Compensation string     `json:"compensation"`
	Seq          uint64     `json:"seq"`
	StartedAt    time.Time  `json:"started_at"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
	StartedBy    string     `json:"started_by"`
}

// StepView is one step (or iteration) of a run.
type StepView struct {
	ID         string          `json:"id"`
	Name       string          `json:"name,omitempty"`
	Type       string          `json:"type"`
	State      string          `json:"state" doc:"pending, ready, running, waiting, retrying, inside, held, succeeded, failed, timed_out, denied, rejected, cancelled or skipped"`
	Reason     string          `json:"reason,omitempty" doc:"Why a step was skipped, or what it waits for"`
	Path       string          `json:"path" doc:"What people call it: step, each[2], poll[0]/ask, undo:NAME"`
	Parent     string          `json:"parent,omitempty" doc:"Path of the fan-out or loop it is part of"`
	Item       *int            `json:"item,omitempty"`
	Round      *int            `json:"round,omitempty"`
	Undoes     string          `json:"undoes,omitempty" doc:"Path of what this compensation undoes"`
	ChildRun   string          `json:"child_run,omitempty" doc:"Run of a sub-workflow step"`
	Iterations *CountsView     `json:"iterations,omitempty" doc:"Of a fan-out"`
	JobID      string          `json:"job_id,omitempty"`
	JobState   string          `json:"job_state,omitempty"`
	Worker     string          `json:"worker,omitempty"`
	Placement  *PlacementView  `json:"placement,omitempty" doc:"Of a job that waits for a worker, has one, or had one"`
	Attempt    int             `json:"attempt,omitempty"`
	StartedAt  *time.Time      `json:"started_at,omitempty"`
	EndedAt    *time.Time      `json:"ended_at,omitempty"`
	Progress   *ProgressView   `json:"progress,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      *ErrorView      `json:"error,omitempty"`
}

// CountsView counts the iterations of a fan-out.
type CountsView struct {
	Total     int `json:"total"`
	Succeeded int `json:"succeeded"`
	Bad       int `json:"bad"`
	Running   int `json:"running"`
}

// PlacementView says what a job waits for that no worker has, or why it was given to the worker that has it, or had it last.
type PlacementView struct {
	Reason string `json:"reason" enum:"granted,no_pool_mapping,no_workers,capability_mismatch,placement_mismatch,pool_overloaded,preferred_worker_busy,tenant_limit,draining,topic_unheard,unknown"`
	Why    string `json:"why"`

	attempt string // to be asked for; empty once it is known
}

// ProgressView is what a worker said last.
type ProgressView struct {
	Percent int    `json:"percent"`
	Message string `json:"message,omitempty"`
}

// ErrorView is a coded failure.
type ErrorView struct {
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Retryable bool            `json:"retryable"`
	Attempt   int             `json:"attempt,omitempty"`
	Details   json.RawMessage `json:"details,omitempty"`
}

// Event is one fact of a run as people see it: a line of the timeline, a message of the stream.
type Event struct {
	Seq   uint64         `json:"seq"`
	Prev  uint64         `json:"prev" doc:"Seq of the event before it in this view"`
	RunID string         `json:"run_id"`
	Type  string         `json:"type" doc:"run_started, step_started, step_succeeded, job_decided, …"`
	At    time.Time      `json:"ts"`
	V     int            `json:"v"`
	Step  string         `json:"step,omitempty"`
	Actor string         `json:"actor,omitempty"`
	Data  map[string]any `json:"data,omitempty"`
}

// Decision answers an approval.
type Decision struct {
	Approve    bool
	SendBack   string // id of a step to do again from; excludes Approve
	Comment    string
	Values     json.RawMessage // that the approval's form asks for
	ExpectHash string          // empty: whatever is asked
	For        string          // on whose behalf, of somebody who was delegated to; empty: their own
	Channel    string          // how the answer came: "api", "link"; empty: api
}

// Edit is another input for a job that waits for an approval.
type Edit struct {
	Input      json.RawMessage
	Comment    string
	ExpectHash string // empty: whatever is asked
}

// Delegation lets somebody else answer an approval in one's place for a while.
type Delegation struct {
	To     string // "user:bob"
	Until  time.Time
	Reason string
}

// JobView is a job of the jobs API or of a workflow's step.
type JobView struct {
	ID        string          `json:"id"`
	RunID     string          `json:"run_id"`
	Workflow  string          `json:"workflow,omitempty"`
	Step      string          `json:"step,omitempty"`
	Topic     string          `json:"topic"`
	Pack      string          `json:"pack,omitempty"`
	Tool      string          `json:"tool,omitempty"`
	State     string          `json:"state" enum:"pending,approval_required,scheduled,dispatched,running,succeeded,failed,cancelled,timeout,denied"`
	Attempt   int             `json:"attempt"`
	Worker    string          `json:"worker,omitempty"`
	Placement *PlacementView  `json:"placement,omitempty" doc:"What it waits for, or why it has, or had, this worker"`
	CreatedAt time.Time       `json:"created_at"`
	EndedAt   *time.Time      `json:"ended_at,omitempty"`
	Output    json.RawMessage `json:"output,omitempty"`
	Error     *ErrorView      `json:"error,omitempty"`
}

// WorkerView is a worker as its heartbeats show it.
type WorkerView struct {
	ID           string            `json:"id"`
	Pool         string            `json:"pool,omitempty"`
	Topics       []string          `json:"topics,omitempty"`
	Capabilities []string          `json:"capabilities,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Active       int               `json:"active_jobs"`
	Reserved     int               `json:"reserved_jobs"`
	Max          int               `json:"max_parallel_jobs"`
	CPU          float64           `json:"cpu_load"`
	GPU          float64           `json:"gpu_utilization"`
	State        string            `json:"state" enum:"alive,draining,silent,lost"`
	LastSeen     time.Time         `json:"last_seen"`
}

// Filter narrows a list. Zero fields do not filter.
type Filter struct {
	Workflow string
	State    string
	Kind     string // "", workflow, job
	Cursor   string // from a page before
	Limit    int    // 1 to 1,000; 0 means 50
}

// Verb is a control command on a run.
type Verb string

const (
	VerbPause  Verb = "pause"
	VerbResume Verb = "resume"
	VerbCancel Verb = "cancel"
	VerbSignal Verb = "signal"
	// VerbRollback undoes what the run did; of a live run it is a cancel first. With To it comes back to a checkpoint.
	VerbRollback Verb = "rollback"
	// VerbRetry arms the bad steps of a failed run again.
	VerbRetry Verb = "retry"
	// VerbCompensation is a person's word on a held compensation.
	VerbCompensation Verb = "compensation"
)

// Command is a verb with its arguments.
type Command struct {
	Verb    Verb
	Force   bool            // cancel: end a faulted run without deciding
	Signal  string          // signal: its name
	Payload json.RawMessage // signal: its payload

	Rollback bool   // cancel: what the run did is undone
	To       string // rollback: a checkpoint; empty: everything
	Then     string // rollback with To: "pause" (default), "retry" or "fail"
	// Compensation names a held one: the step's path ("charge", "each[2]", "undo:charge") or its job id. Action is "retry",
	// "skip" or "done".
	Compensation string
	Action       string
}

// ForkRequest starts a new run from a step of another one: what is neither the step nor behind it is reused.
type ForkRequest struct {
	From string // id of a step
	// Outputs replace those of reused steps, by id.
	Outputs        map[string]json.RawMessage
	Input, Context json.RawMessage // nil: the other run's
	Digest         string          // another version of the definition; empty: the other run's
	Preview        bool            // say what would be done, and do nothing
	IdempotencyKey string
}

// Forked answers a fork: which steps it reuses, with edited outputs or not, and which run again.
type Forked struct {
	RunID  string   `json:"run_id,omitempty" doc:"Absent in a preview"`
	ForkOf string   `json:"fork_of"`
	Digest string   `json:"digest"`
	Reused []string `json:"reused"`
	Edited []string `json:"edited"`
	Rerun  []string `json:"rerun"`
}

// HeldView is a compensation that waits for a person.
type HeldView struct {
	RunID    string     `json:"run_id"`
	Workflow string     `json:"workflow"`
	Step     string     `json:"step" doc:"Path of what is to be undone: charge, each[2], poll[0]/ask"`
	JobID    string     `json:"job_id"`
	HeldAt   time.Time  `json:"held_at"`
	Error    *ErrorView `json:"error"`
}

// Message is one thing a viewer gets.
type Message struct {
	Kind     string     // "snapshot", "replay", "live", "event", "header", "gap", "end", "log"
	Snapshot *RunView   // snapshot
	Header   *RunHeader // header: a run of the watched workflow, new or changed
	Event    *Event     // event
	Log      *LogPart   // log: lines that a job wrote; they have no place among the events
	Seq      uint64     // replay: first seq to come; live: newest seq; gap: the seq to fetch a snapshot at
}

// WatchRequest says what a viewer wants to see: one run (with AfterSeq), or a workflow's runs.
type WatchRequest struct {
	Run      string
	AfterSeq uint64
	// Resume: AfterSeq was given; otherwise a snapshot comes first and the stream begins behind it.
	Resume   bool
	Workflow string // run headers of this workflow; "*" = all workflows of the tenant
	Logs     bool   // of a run: also the lines that its jobs write from now on
}
