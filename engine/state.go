package engine

import (
	"encoding/json"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/steps"
)

// MaxMoves is how many steps one Decide starts or stops (docs/architecture.md, "Limits").
const MaxMoves = 256

// MaxSignals is how many unconsumed signals a run keeps.
const MaxSignals = 1000

// Kind tells a workflow's run from a single job.
type Kind uint8

// The kinds of run.
const (
	KindWorkflow Kind = iota
	KindJob           // a run of one step, made by the jobs API; left out of lists of runs
)

func (k Kind) String() string { return name([]string{"workflow", "job"}, int(k)) }

// Stop says that a run goes towards its end, and why.
type Stop uint8

// The reasons to stop, weakest first: a stronger one replaces a weaker one.
const (
	StopNone Stop = iota
	StopHalt
	StopTimeout
	StopCancel
)

var stopNames = [...]string{"", "halt", "timeout", "cancel"}

func (s Stop) String() string { return name(stopNames[:], int(s)) }

// Payload is JSON of any size up to a result's limit. What is too large to stand in a fact is kept as a blob, written
// before the commit that names it; Data is in memory either way.
type Payload struct {
	Data json.RawMessage
	Blob string // digest; "" when Data is stored inline
}

func (p *Payload) fields(c *codec.Codec) {
	c.String(&p.Blob)
	if p.Blob == "" {
		codec.Raw(c, &p.Data)
	}
}

// Failure is a coded error of an attempt or a step.
type Failure struct {
	Code      string
	Message   string
	Retryable bool // may be tried again
	Unknown   bool // the attempt may have had its effect: nobody knows
	Attempt   int32
	Details   json.RawMessage
}

// Fields describes the stored form.
func (f *Failure) Fields(c *codec.Codec) {
	c.String(&f.Code)
	c.String(&f.Message)
	c.Bool(&f.Retryable)
	c.Bool(&f.Unknown)
	c.Int32(&f.Attempt)
	codec.Raw(c, &f.Details)
}

// Signal is a named payload kept until a step consumes it.
type Signal struct {
	Name    string
	Payload Payload
	At      time.Time
}

// Run is the state of one run. It belongs to the lane that holds it; nobody copies it.
type Run struct {
	ID   string
	Plan *steps.Workflow // the definition this run is pinned to; not part of the stored state

	Tenant    string
	Kind      Kind
	Workflow  string
	State     RunState
	Paused    bool
	Stop      Stop
	RerunOf   string
	ForkOf    string
	Parent    Parent // the step of another run that started it
	StartedBy string
	Roles     []string  // of who started it
	ActorType string    // human, service
	Keyed     bool      // its start had an idempotency key of its caller
	Owner     string    // whose key started it; "" when StartedBy is the person
	Author    string    // who stored this version of the workflow
	TimeoutAt time.Time // when its timeout was to be over as it started; zero: it has none
	StartedAt time.Time
	EndedAt   time.Time
	Labels    map[string]string
	Input     Payload
	Context   Payload
	Feedback  string // what was said when the run was last sent back
	Key       string // of the workflow's concurrency; "" when it has none
	Output    Payload
	Failure   Failure // why it did not succeed: the first step's failure that was not tolerated
	Fault     string  // why the engine could not go on
	Signals   []Signal
	Steps     []Step // the nodes

	// Rollback: when nothing of the forward part is left, compensation starts. Target says how far it goes.
	Rollback bool
	Target   Target
	// Comebacks is how often the run came back to its checkpoint by itself.
	Comebacks int32
	// Undoing: a compensation is under way. Undone counts compensations that succeeded, over the whole run; Kept are the steps
	// that a pivot kept from the last one.
	Undoing bool
	Undone  int32
	Left    int32 // compensations that a person left undone
	Kept    []int32
	// undoneBefore is what Undone was when the run was last set back.
	undoneBefore int32
	// undoneAtStart is what Undone was when the compensation under way, or the last one, began.
	undoneAtStart int32

	// failed: a bad step that nobody tolerates.
	failed bool
	// stopHandlers: a second cancel stops all_done and any_failed steps as well.
	stopHandlers bool
	// sweep is how far a stop has come through the nodes, from sweptFrom on; len(Steps) when it is through.
	sweep, sweptFrom int32
	// ready are the nodes whose turn it is, oldest first; not those that the sweep of a stop ends. undoable are those whose
	// compensation's turn it is; due the fan-outs and loops to be looked at; waiters the steps that wait for a signal.
	ready, undoable, due, waiters []int32
	// openUndos is how many steps of the workflow the compensation under way has not come through.
	openUndos int32
	// count is the number of nodes in each state, undone that of compensations.
	count, undos [stepStates]int32
	// children are the sub-workflows under way; idle are those, and the jobs, that only wait for people.
	children, idle int32
	// heldElsewhere are the compensations that are held in a sub-workflow: it tells when they are settled.
	heldElsewhere int32

	names names // decoded values for expressions, derived
}

// Parent is the step of another run that started a run.
type Parent struct {
	Run     string // "" when nobody's
	Step    int32  // node
	Attempt int32
	Depth   int32 // how many sub-workflows deep the run is; 0 for one that nobody's step started
}

func (p *Parent) fields(c *codec.Codec) {
	c.String(&p.Run)
	c.Int32(&p.Step)
	c.Int32(&p.Attempt)
	c.Int32(&p.Depth)
}

// Target is how far a rollback goes and what follows.
type Target struct {
	// To is a checkpoint's name; "" undoes everything. With Included it is a step's id, which is undone as well.
	To       string
	Included bool
	Then     dag.Then
	Feedback string // with Included
	Auto     bool   // the workflow's own on_failure says so
	// Full: everything, also where the workflow's on_failure would come back to a checkpoint.
	Full bool
}

func (t *Target) fields(c *codec.Codec) {
	c.String(&t.To)
	c.Bool(&t.Included)
	codec.Enum(c, &t.Then)
	c.String(&t.Feedback)
	c.Bool(&t.Auto)
	c.Bool(&t.Full)
}

// New is the state before a run's first fact.
func New(id string, plan *steps.Workflow) *Run {
	root := plan.Def.Scopes[0]
	r := &Run{ID: id, Plan: plan, Steps: make([]Step, root.Count)}
	for i := range r.Steps {
		r.Steps[i] = newNode(int32(i), none)
	}
	r.count[StepPending] = int32(root.Count)
	r.sweep = int32(root.Count)
	return r
}

// Fields describes the stored form of a snapshot. The plan must be set before reading.
func (r *Run) Fields(c *codec.Codec) {
	c.String(&r.Tenant)
	codec.Enum(c, &r.Kind)
	c.String(&r.Workflow)
	codec.Enum(c, &r.State)
	c.Bool(&r.Paused)
	codec.Enum(c, &r.Stop)
	c.String(&r.RerunOf)
	c.String(&r.ForkOf)
	r.Parent.fields(c)
	c.String(&r.StartedBy)
	codec.List(c, &r.Roles, (*codec.Codec).String)
	c.String(&r.ActorType)
	c.Bool(&r.Keyed)
	c.String(&r.Owner)
	c.String(&r.Author)
	c.Time(&r.StartedAt)
	c.Time(&r.TimeoutAt)
	c.Time(&r.EndedAt)
	c.Strings(&r.Labels)
	r.Input.fields(c)
	r.Context.fields(c)
	c.String(&r.Feedback)
	c.String(&r.Key)
	r.Output.fields(c)
	r.Failure.Fields(c)
	c.String(&r.Fault)
	codec.List(c, &r.Signals, func(c *codec.Codec, s *Signal) {
		c.String(&s.Name)
		s.Payload.fields(c)
		c.Time(&s.At)
	})
	c.Bool(&r.Rollback)
	r.Target.fields(c)
	c.Int32(&r.Comebacks)
	c.Bool(&r.Undoing)
	c.Int32(&r.Undone)
	c.Int32(&r.Left)
	c.Int32(&r.undoneBefore)
	c.Int32(&r.undoneAtStart)
	codec.List(c, &r.Kept, (*codec.Codec).Int32)
	c.Bool(&r.failed)
	c.Bool(&r.stopHandlers)
	c.Int32(&r.sweep)
	c.Int32(&r.sweptFrom)
	c.Int32(&r.openUndos)
	for _, list := range []*[]int32{&r.ready, &r.undoable, &r.due, &r.waiters} {
		codec.List(c, list, (*codec.Codec).Int32)
	}
	codec.List(c, &r.Steps, func(c *codec.Codec, s *Step) { s.fields(c) })
	if c.Reading() {
		r.recount(c)
	}
}

// recount derives what is not stored, and refuses what no writer of ours makes.
func (r *Run) recount(c *codec.Codec) {
	r.count, r.undos, r.children, r.idle, r.heldElsewhere = [stepStates]int32{}, [stepStates]int32{}, 0, 0, 0
	if len(r.Steps) < r.Plan.Def.Scopes[0].Count || !r.sound() {
		c.Fail() // another definition's snapshot
		return
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		*r.counter(s)++
		if s.State == StepHeld && s.Target < 0 {
			c.Fail()
			return
		}
		r.elsewhere(int32(i), 1)
		if s.idle {
			r.idle++
		}
	}
	for _, i := range r.ready {
		if r.Steps[i].State != StepReady {
			c.Fail()
			return
		}
	}
}

// sound tells whether every number names something of this run.
func (r *Run) sound() bool {
	n := int32(len(r.Steps))
	node := func(i int32) bool { return i >= none && i < n }
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.State >= stepStates || s.Def < 0 || int(s.Def) >= len(r.Plan.Steps) || !node(s.Parent) || !node(s.Target) || !node(s.Undo) ||
			s.Parent >= int32(i) || s.Target >= int32(i) || s.frame < 0 || s.frame > int32(i) || s.undo.phase > undoEnded {
			return false
		}
		if s.Parent >= 0 && !s.Gone && r.Steps[s.Parent].parts == nil {
			return false
		}
		if p := s.parts; p != nil && (p.first < 0 || p.count < 0 || p.first > n-p.count || p.closing > hard || !node(p.failed)) {
			return false
		}
	}
	for _, list := range [][]int32{r.ready, r.undoable, r.due, r.waiters} {
		for _, i := range list {
			if i < 0 || i >= n {
				return false
			}
		}
	}
	for _, i := range r.Kept {
		if i < 0 || int(i) >= len(r.Plan.Steps) {
			return false
		}
	}
	return r.State <= RunTimedOut && r.Stop <= StopCancel && r.sweep >= 0 && r.sweep <= n && r.Target.Then <= dag.ThenFail
}

// counter is where a node is counted.
func (r *Run) counter(s *Step) *int32 {
	if s.Target >= 0 {
		return &r.undos[s.State]
	}
	return &r.count[s.State]
}

// open is how many nodes of the forward part have not ended.
func (r *Run) open() int32 {
	return r.count[StepPending] + r.count[StepReady] + r.count[StepRunning] + r.count[StepWaiting] + r.count[StepRetrying] + r.count[StepInside]
}

// Settled tells whether nothing happens to the run any more by itself: it has ended, and no compensation is under way.
func (r *Run) Settled() bool { return r.State.Final() && !r.Undoing }

// active tells whether a decision can have consequences.
func (r *Run) active() bool {
	return r.State == RunRunning || (r.State.Final() && r.Undoing && r.Fault == "")
}

// More tells that the last Decide stopped at its bound and a Continue input must follow.
func (r *Run) More() bool {
	return r.active() && (int(r.sweep) < len(r.Steps) || r.next() >= 0 || len(r.due) > 0 || len(r.undoable) > 0 || r.through())
}

// through tells whether nothing of the part under way is left: its end follows.
func (r *Run) through() bool {
	if r.Undoing {
		return r.openUndos == 0
	}
	return r.State == RunRunning && r.open() == 0
}

// next is the place in ready of the node whose turn it is; -1 when there is none. In a paused run nothing new starts, but
// a stop goes on: only what it ends has a turn.
func (r *Run) next() int {
	switch {
	case len(r.ready) == 0:
		return -1
	case r.Undoing: // what waits to go forward does not begin meanwhile, and a compensation is not paused
		return slices.IndexFunc(r.ready, r.IsUndo)
	case !r.Paused:
		return 0
	case r.Stop == StopNone:
		return -1
	}
	return slices.IndexFunc(r.ready, func(i int32) bool { return r.Steps[i].verdict != run || r.stops(i) })
}

// Outstanding tells whether a worker, the queue for one, or a sub-workflow has something of this run.
func (r *Run) Outstanding() bool {
	return r.count[StepRunning]+r.undos[StepRunning]+r.undos[StepInside]+r.children+r.heldElsewhere > 0
}

// Status is the state as people see it: paused and waiting are a running run's.
func (r *Run) Status() string {
	waiting := r.count[StepWaiting] + r.count[StepRetrying] + r.idle
	busy := r.count[StepRunning] + r.undos[StepRunning] + r.undos[StepInside] + r.children - r.idle
	switch {
	case r.State != RunRunning:
		return r.State.String()
	case r.Paused:
		return "paused"
	case busy == 0 && !r.Undoing && len(r.ready)+len(r.due) == 0 && waiting > 0:
		return "waiting"
	}
	return r.State.String()
}

// Compensation is the second state of a run, beside State: none, running, held or done.
func (r *Run) Compensation() Compensation {
	switch {
	case r.Undoing && r.undos[StepHeld] > 0:
		return CompensationHeld
	case r.Undoing:
		return CompensationRunning
	case r.Undone+r.Left > 0:
		return CompensationDone
	}
	return CompensationNone
}
