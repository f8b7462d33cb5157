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

	input *inputSchema // nil when the definition has none
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
}

// Spec is a kind's decoded fields. Start says what starting the step asks for, given the names in scope. It is pure.
// An error is an *expr.Error (or one wrapping it): it fails the step with that code.
type Spec interface {
	Start(env *expr.Env) (Ask, error)
}

// Ask is what starting a step asks for. Closed set: Job, Approval, Timer, Done.
type Ask interface{ ask() }

// Job asks for a worker. Input is rendered by the caller from Step.Input unless the kind rendered its own (notify).
type Job struct {
	Topic string // "job.<pack>.<tool>", or as written
	Pack  string
	Tool  string
	// Input, when not nil, is the job's input; nil means the step's own rendered input.
	Input json.RawMessage
}

// Approval asks people. Title is rendered.
type Approval struct {
	Title   string
	Context json.RawMessage // rendered; nil when absent
	Expires time.Duration   // 0: never
}

// Timer asks to be woken: exactly one of For and Until is set.
type Timer struct {
	For   time.Duration
	Until time.Time
}

// Done is a step that ends at once, succeeded, with this output.
type Done struct{ Output json.RawMessage }

func (Job) ask()      {}
func (Approval) ask() {}
func (Timer) ask()    {}
func (Done) ask()     {}

// failureTolerant is a Spec whose step may succeed although its job failed.
type failureTolerant interface{ toleratesFailure() bool }

// ToleratesFailure says whether a step succeeds also when its job fails, as a notification does that nobody required:
// the step's output then says that it was not delivered.
func (w *Workflow) ToleratesFailure(step int) bool {
	spec, ok := w.Steps[step].Spec.(failureTolerant)
	return ok && spec.toleratesFailure()
}
