package steps

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

// Workflow is a definition ready to run: every expression compiled, every step's own fields decoded. Immutable.
type Workflow struct {
	Def    *dag.Definition
	Graph  *dag.Graph
	Steps  []Step         // same indexes as Def.Steps
	Output *expr.Template // nil when absent
	ByID   map[string]int

	// Rendered once when a run starts, one after the other. Context sees input and run, Labels also ctx, Key also labels.
	Context *expr.Template            // nil when the definition has none, or none with ${…}
	Labels  map[string]*expr.Template // labels with ${…}; nil when there are none
	Key     *expr.Template            // of concurrency; nil when there is no limit

	// Checkpoint finds a step by the name of its checkpoint; Pivots are the steps marked as one, ascending.
	Checkpoint map[string]int
	Pivots     []int32
	// Undoes says that a step of the workflow declares a compensation, or that a child may.
	Undoes bool

	input *schema // nil when the definition has none
	// choosers are, by step, the switches that name it; steps that none names are absent.
	choosers map[int][]int32
}

// Step is one step, ready to start.
type Step struct {
	Def        *dag.Step
	Kind       string         // "worker", "approval", …
	When       *expr.Program  // nil: always
	Input      *expr.Template // nil: {}
	Labels     *expr.Template // nil: none
	Spec       Spec
	Effect     dag.Effect // the kind's default applied
	Idempotent bool       // the default applied
	Priority   dag.Priority

	// ForEach gives the list of a fan-out, with EvalList; nil: one iteration. It and When see no item: they are evaluated
	// before there is one.
	ForEach *expr.Program
	Lock    *expr.Template // name of the resource lock; nil: none
	// Undo is the compensation, as a step that asks for a job; nil when nothing undoes the step.
	Undo *Step
	// HoldUnknown: an unknown outcome holds the compensation for a person instead of running it.
	HoldUnknown bool

	input, output *schema // declared; nil: anything
}

// Spec is a kind's decoded fields. Start says what starting the step asks for, given the names in scope. It is pure.
// An error is an *expr.Error (or one wrapping it): it fails the step with that code.
type Spec interface {
	Start(env *expr.Env) (Ask, error)
}

// Ask is what starting a step asks for. Closed set: Job, Approval, Timer, Done, Wait, Loop, Child.
type Ask interface{ ask() }

// Job asks for a worker. Input is rendered by the caller from Step.Input unless the kind rendered its own (notify).
type Job struct {
	Topic string // "job.<pack>.<tool>", or as written
	Pack  string
	Tool  string
	// Input, when not nil, is the job's input; nil means the step's own rendered input.
	Input json.RawMessage
}

// Approval asks people. What is text is rendered.
type Approval struct {
	Title   string
	Context json.RawMessage // nil when absent
	Expires time.Duration   // 0: never
	// Approvers are who may decide, each "user:…", "role:…" or "group:…"; empty: whoever may decide approvals.
	Approvers []string
	Quorum    int // distinct people who approve; 0 = not said: 1
	// DenyQuorum is how many denials end it; 0 = not said: 1.
	DenyQuorum int
	// FourEyes: who started the run, or whom it acts for, may not approve.
	FourEyes bool
	// ExcludeAuthor: who wrote the workflow's version may not approve.
	ExcludeAuthor bool
	Form          json.RawMessage // JSON Schema of the values that go with an answer; nil: none
	OnExpiry      OnExpiry
	Escalate      []Escalation // in order of After
}

// OnExpiry is what an approval does that nobody answered in time.
type OnExpiry uint8

// The ends of an approval without an answer; none approves. Denying is the default.
const (
	ExpiryDenies OnExpiry = iota
	ExpiryEscalates
	ExpiryRollsBack
)

// String is the end as definitions spell it.
func (e OnExpiry) String() string {
	for name, end := range onExpiry {
		if end == e {
			return name
		}
	}
	return "deny"
}

// Escalation asks others as well, when an approval has waited that long.
type Escalation struct {
	After time.Duration
	To    []string // as Approvers
}

// Timer asks to be woken: exactly one of For and Until is set.
type Timer struct {
	For   time.Duration
	Until time.Time
}

// Done is a step that ends at once, succeeded, with this output. Chosen, of a switch, are the ids of the branch that was
// taken: what else the switch names is skipped.
type Done struct {
	Output json.RawMessage
	Chosen []string
}

// Wait asks for a signal. Match, when not nil, sees payload and says whether it is the one.
type Wait struct {
	Signal    string
	Match     *expr.Program
	Timeout   time.Duration // 0: none
	OnTimeout OnTimeout
}

// OnTimeout is how a wait ends whose signal did not come.
type OnTimeout uint8

// The ends of a wait without its signal. Failing is the default.
const (
	TimeoutFails OnTimeout = iota
	TimeoutSkips
	TimeoutContinues
)

// Loop asks for rounds of the step's inner scope. Exactly one of While and Until is set.
type Loop struct {
	While, Until *expr.Program
	Max          int // rounds
}

// DefaultRounds is how many rounds a loop has that does not say.
const DefaultRounds = 100

// Child asks for a run of another workflow, with the step's rendered input.
type Child struct {
	Workflow string
	Version  string // digest or author's label; "" = the newest
}

func (Job) ask()      {}
func (Approval) ask() {}
func (Timer) ask()    {}
func (Done) ask()     {}
func (Wait) ask()     {}
func (Loop) ask()     {}
func (Child) ask()    {}

// Chooser is a Spec that decides which of its dependents run: a switch.
type Chooser interface {
	Spec
	// Branches are all ids that it names, each once.
	Branches() []string
}

// Subworkflow is a Spec that runs another workflow; lint and plan follow it.
type Subworkflow interface {
	Spec
	Child() Child
}

// CheckInput says whether a job's input fits the step's input_schema; without one everything does.
func (s *Step) CheckInput(input any) error { return s.input.check("input", "step", input) }

// CheckOutput says whether a result fits the step's output_schema.
func (s *Step) CheckOutput(output any) error { return s.output.check("output", "step", output) }

// failureTolerant is a Spec whose step may succeed although its job failed.
type failureTolerant interface{ toleratesFailure() bool }

// ToleratesFailure says whether a step succeeds also when its job fails, as a notification does that nobody required:
// the step's output then says that it was not delivered.
func (w *Workflow) ToleratesFailure(step int) bool {
	spec, ok := w.Steps[step].Spec.(failureTolerant)
	return ok && spec.toleratesFailure()
}
