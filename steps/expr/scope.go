package expr

// Scope says which names an expression may use where it stands. input, ctx, labels, run and steps are always known.
type Scope struct {
	// Steps are all ids of the workflow, for "unknown step"; Upstream those whose results may be read here (nil:
	// all of Steps).
	Steps    map[string]bool
	Upstream map[string]bool
	// IsUpstream, when not nil, answers in place of Upstream; for workflows where one set for each step would be
	// large. It is called for ids of Steps only.
	IsUpstream func(id string) bool
	// Item: item and index are in scope (fan-out). Payload, Loop: likewise.
	Item, Payload, Loop bool
	// Hidden are names that are not known yet where the expression stands, as ctx is where the context itself is made.
	Hidden []string
	// Secrets: secrets.NAME may be referred to (only in what a worker or a notification gets).
	Secrets bool
	// Bool: the result must be a boolean (when, condition). List: it must be a list (for_each).
	Bool, List bool
	// Input, Output: the declared schemas, for types and field names; nil where nothing is declared. Output is asked for ids
	// of Steps only. ItemType is likewise what is known of item.
	Input    *Schema
	Output   func(id string) *Schema
	ItemType *Schema
	// Own: only a compensation sees input, output, error and attempt of its own step, under steps.<Own>.
	Own string
	// IsDownstream, when not nil, tells of a step that may not be read whether it comes later: a compensation that reads
	// what its own step makes possible has a rule of its own.
	IsDownstream func(id string) bool
	// Names, when not nil, are the only names in scope, in place of all that workflows have: a rule of a policy or the
	// success of an HTTP call has its own. Each with what is known of its value; nil: anything.
	Names map[string]*Schema
}

func (s *Scope) readable(id string) bool {
	if s.Own != "" && id == s.Own {
		return true
	}
	if s.IsUpstream != nil {
		return s.IsUpstream(id)
	}
	return s.Upstream == nil || s.Upstream[id]
}

// Env is what the names mean when an expression runs. Fields that are absent are null. Values are those of JSON, at
// most as deep as DecodeJSON lets them be, and are not changed.
type Env struct {
	Input  any               // the run's input, JSON values
	Ctx    any               // the run's context
	Labels map[string]string // the run's labels
	Run    RunInfo
	// Step answers what is known of an upstream step; called only for steps the program reads, at most once each.
	Step    func(id string) StepInfo
	Item    any
	Index   int
	Payload any
	// Loop is {index, previous} in a loop; nil elsewhere.
	Loop map[string]any
	// Names are the values of the scope's own Names.
	Names map[string]any
}

// RunInfo is the name "run".
type RunInfo struct {
	ID        string
	StartedAt string // RFC 3339 UTC
	Attempt   int
}

// StepInfo is steps.<id>.
type StepInfo struct {
	Status  string
	Output  any
	Error   map[string]any // {code, message, retryable, attempt, details} or nil
	Attempt int
	// Input is the rendered input; only a compensation sees that of its own step.
	Input any
	// Unreadable, when not nil, fails the expression that reads the step: its output is larger than an expression may read.
	Unreadable *Error
}

// Schema is what a JSON Schema says of a value, as far as checking names and types needs it.
type Schema struct {
	// Types are the words of JSON Schema ("object", "integer", …); empty: anything.
	Types []string
	// Fields are the declared properties of an object; Closed says that there are no others.
	Fields map[string]*Schema
	Closed bool
	Items  *Schema // of a list; nil: anything
	// ours: the language declares it, nobody's schema.
	ours bool
}
