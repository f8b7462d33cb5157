package engine

import (
	"encoding/json"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/steps"
)

// MaxMoves is how many steps one Decide starts or stops (ARCHITECTURE, "A Decide is bounded").
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

// Step is the state of one step.
type Step struct {
	State   StepState
	Reason  SkipReason
	Attempt int32 // attempts asked for so far, over crashes and restarts
	// verdict is what the join said, from the moment it settled.
	verdict verdict
	// joins count down: dependencies that are final, that succeeded, that are bad.
	done, succeeded, bad int32
	// stopping: its job was asked to stop, also by the worker that has it.
	stopping bool

	Input     Payload // of the job, rendered for the first attempt
	Output    Payload
	Failure   Failure // of the last attempt that failed
	StartedAt time.Time
	EndedAt   time.Time
}

func (s *Step) fields(c *codec.Codec) {
	codec.Enum(c, &s.State)
	codec.Enum(c, &s.Reason)
	c.Int32(&s.Attempt)
	codec.Enum(c, &s.verdict)
	c.Int32(&s.done)
	c.Int32(&s.succeeded)
	c.Int32(&s.bad)
	c.Bool(&s.stopping)
	s.Input.fields(c)
	s.Output.fields(c)
	s.Failure.Fields(c)
	c.Time(&s.StartedAt)
	c.Time(&s.EndedAt)
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
	StartedBy string
	StartedAt time.Time
	EndedAt   time.Time
	Labels    map[string]string
	Input     Payload
	Context   Payload
	Output    Payload
	Failure   Failure // why it did not succeed: the first step's failure that was not tolerated
	Fault     string  // why the engine could not go on
	Signals   []Signal
	Steps     []Step

	// failed: a bad step that nobody tolerates.
	failed bool
	// stopHandlers: a second cancel stops all_done and any_failed steps as well.
	stopHandlers bool
	// sweep is how far a stop has come through the steps; len(Steps) when it is through.
	sweep int32
	// ready are the steps whose turn it is, oldest first; not those that the sweep of a stop ends.
	ready []int32
	// count is the number of steps in each state.
	count [StepSkipped + 1]int32

	names names // decoded values for expressions, derived
}

// New is the state before a run's first fact.
func New(id string, plan *steps.Workflow) *Run {
	r := &Run{ID: id, Plan: plan, Steps: make([]Step, len(plan.Steps))}
	r.count[StepPending] = int32(len(plan.Steps))
	r.sweep = int32(len(plan.Steps))
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
	c.String(&r.StartedBy)
	c.Time(&r.StartedAt)
	c.Time(&r.EndedAt)
	c.Strings(&r.Labels)
	r.Input.fields(c)
	r.Context.fields(c)
	r.Output.fields(c)
	r.Failure.Fields(c)
	c.String(&r.Fault)
	codec.List(c, &r.Signals, func(c *codec.Codec, s *Signal) {
		c.String(&s.Name)
		s.Payload.fields(c)
		c.Time(&s.At)
	})
	c.Bool(&r.failed)
	c.Bool(&r.stopHandlers)
	c.Int32(&r.sweep)
	codec.List(c, &r.ready, (*codec.Codec).Int32)
	if n := c.Len(len(r.Steps)); n != len(r.Steps) {
		c.Fail() // another definition's snapshot
		return
	}
	codec.Array(c, r.Steps, func(c *codec.Codec, s *Step) { s.fields(c) })
	if c.Reading() {
		r.recount(c)
	}
}

// recount derives what is not stored, and refuses what no writer of ours makes.
func (r *Run) recount(c *codec.Codec) {
	r.count = [StepSkipped + 1]int32{}
	for i := range r.Steps {
		if r.Steps[i].State > StepSkipped {
			c.Fail()
			return
		}
		r.count[r.Steps[i].State]++
	}
	for _, i := range r.ready {
		if i < 0 || int(i) >= len(r.Steps) || r.Steps[i].State != StepReady {
			c.Fail()
			return
		}
	}
	if r.State > RunTimedOut || r.Stop > StopCancel || r.sweep < 0 || int(r.sweep) > len(r.Steps) {
		c.Fail()
	}
}

// open is how many steps have not ended.
func (r *Run) open() int32 {
	return r.count[StepPending] + r.count[StepReady] + r.count[StepRunning] + r.count[StepWaiting] + r.count[StepRetrying]
}

// More tells that the last Decide stopped at its bound and a Continue input must follow.
func (r *Run) More() bool {
	if r.State != RunRunning {
		return false
	}
	return int(r.sweep) < len(r.Steps) || r.next() >= 0
}

// next is the place in ready of the step whose turn it is; -1 when there is none. In a paused run nothing new starts, but
// a stop goes on: only what it ends has a turn.
func (r *Run) next() int {
	switch {
	case len(r.ready) == 0:
		return -1
	case !r.Paused:
		return 0
	case r.Stop == StopNone:
		return -1
	}
	return slices.IndexFunc(r.ready, func(i int32) bool { return r.Steps[i].verdict != run || r.stops(i) })
}

// stops tells whether the run is stopping and the step with it: handlers are left to run unless they were stopped too.
func (r *Run) stops(i int32) bool { return r.Stop != StopNone && (!r.handler(i) || r.stopHandlers) }

// swept tells whether a ready step never has its turn because a stop's sweep ends it.
func (r *Run) swept(i int32) bool { return r.Steps[i].verdict == run && r.stops(i) }

// Outstanding tells whether a worker, or the queue for one, has something of this run.
func (r *Run) Outstanding() bool { return r.count[StepRunning] > 0 }

// Status is the state as people see it: paused and waiting are a running run's.
func (r *Run) Status() string {
	switch {
	case r.State != RunRunning:
		return r.State.String()
	case r.Paused:
		return "paused"
	case r.count[StepRunning] == 0 && len(r.ready) == 0 && r.count[StepWaiting]+r.count[StepRetrying] > 0:
		return "waiting"
	}
	return r.State.String()
}

// unready takes a step out of the queue of those whose turn it is; mostly it is the first.
func (r *Run) unready(i int32) {
	at := slices.Index(r.ready, i)
	switch {
	case at == 0:
		r.ready = r.ready[1:]
	case at > 0:
		r.ready = slices.Delete(r.ready, at, at+1)
	}
}

// handler tells whether a step runs because things ended or failed: a stop leaves those to run.
func (r *Run) handler(i int32) bool {
	m := r.Plan.Def.Steps[i].Join.Mode
	return len(r.Plan.Def.Steps[i].DependsOn) > 0 && (m == dag.AllDone || m == dag.AnyFailed)
}
