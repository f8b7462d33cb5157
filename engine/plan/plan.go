package plan

import (
	"encoding/json"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// Limits of a plan: what is beyond them is counted, not shown.
const (
	// MaxItems is how many items of one fan-out are put to the policy one by one.
	MaxItems = 1000
	// MaxShownInput is how many bytes of a step's input are shown.
	MaxShownInput = 4 << 10
	// MaxRollbackSteps bounds the rollback plans of all failure points together, in steps looked at.
	MaxRollbackSteps = 200_000
	// MaxPlannedSteps is how many steps of sub-workflows are planned, all levels together.
	MaxPlannedSteps = 10_000
)

// Input is what a plan is made for. Everything in it is read only.
type Input struct {
	Input any // the run's input, JSON values
	// InputUnknown: nothing is known of the input; the plan says what depends on it.
	InputUnknown bool
	Context      map[string]any    // over the definition's, key by key
	Labels       map[string]string // over the definition's
	Tenant       string
	Principal    string // who starts the run, as "user:ann"
	// Policy is the snapshot to be asked; nil: nothing is said of policy.
	Policy *safety.Snapshot
	// Workers answers the pools that could take a job of a topic now, each once; nil: nothing is said of workers.
	Workers func(topic string) []string
	// Child answers the workflow that a sub-workflow step would start; nil, or a nil answer: it is not known.
	Child func(id, version string) *steps.Workflow
	// FailAt, when not "", asks for the rollback plan of this step's failure only.
	FailAt string
}

// Plan says what a run would do. Its JSON is stable; fields that do not apply are absent.
type Plan struct {
	Workflow   string `json:"workflow"`
	Definition string `json:"definition"`       // digest
	Policy     string `json:"policy,omitempty"` // digest of the snapshot that was asked
	Steps      []Step `json:"steps"`
	// Failures say, for every step that may fail, what would be undone.
	Failures []Failure `json:"failures"`
	// MoreFailures is how many steps may fail beyond those in Failures; ask for one by its id.
	MoreFailures int `json:"more_failures,omitempty"`
	// Unknown are the names on which something in the plan depends and which nobody knows before the run.
	Unknown []string `json:"unknown,omitempty"`
	// Digest is the SHA-256 in hex of the plan's canonical JSON without itself and without pools, which come and go.
	Digest string `json:"digest"`
}

// Step is what would become of one step.
type Step struct {
	ID     string `json:"id"`
	Kind   string `json:"type"`
	Loop   string `json:"loop,omitempty"` // the loop in whose rounds it runs
	Reach  Reach  `json:"reach"`
	Effect string `json:"effect"`

	ForEach *FanOut `json:"for_each,omitempty"`
	// Input is the rendered input, when it is known and not large.
	Input          json.RawMessage `json:"input,omitempty"`
	InputDependsOn []string        `json:"input_depends_on,omitempty"`
	// Output is known before the run of steps that compute only.
	Output json.RawMessage `json:"output,omitempty"`
	// Error is why the step would fail: an expression that fails with this input.
	Error string `json:"error,omitempty"`

	Job      *Job      `json:"job,omitempty"`
	Approval *Approval `json:"approval,omitempty"` // of an approval step
	Child    *Child    `json:"child,omitempty"`
	Undo     *Undo     `json:"undo,omitempty"`

	OnFailure  string            `json:"on_failure"`
	Timeouts   map[string]string `json:"timeouts,omitempty"` // by field name
	Attempts   int               `json:"attempts"`
	Pivot      bool              `json:"pivot,omitempty"`
	Checkpoint string            `json:"checkpoint,omitempty"`
}

// Reach says whether a step is reached when nothing before it fails.
type Reach struct {
	Is string `json:"is"` // always, conditional, never
	// Conditions must all hold, when conditional.
	Conditions []Condition `json:"conditions,omitempty"`
	Reason     string      `json:"reason,omitempty"` // why never
}

// The answers to whether a step is reached.
const (
	Always      = "always"
	Conditional = "conditional"
	Never       = "never"
)

// Condition is one thing on which reaching a step depends.
type Condition struct {
	Text      string   `json:"text"`
	DependsOn []string `json:"depends_on,omitempty"`
}

// FanOut is the repetition of a step.
type FanOut struct {
	Expression  string   `json:"expression"`
	Items       *int     `json:"items,omitempty"`
	DependsOn   []string `json:"depends_on,omitempty"` // when the items are not known
	MaxParallel int      `json:"max_parallel,omitempty"`
}

// Job is the work that a step, or a compensation, hands to a worker.
type Job struct {
	Topic string `json:"topic"`
	Pack  string `json:"pack,omitempty"`
	Tool  string `json:"tool,omitempty"`
	// Pools can serve it now; absent when that was not asked, empty when there is none.
	Pools *[]string `json:"pools,omitempty"`
	// Policy are the decisions; more than one when the items of a fan-out are decided differently. Absent when no policy was
	// asked.
	Policy []Ruling `json:"policy,omitempty"`
}

// Ruling is what policy says of a job, as far as it can be said.
type Ruling struct {
	Verdict     string       `json:"verdict,omitempty"` // absent when it depends on what is not known
	Rule        string       `json:"rule,omitempty"`    // that gave the verdict
	Rules       []string     `json:"rules,omitempty"`   // all that match
	Reason      string       `json:"reason,omitempty"`
	Constraints []Constraint `json:"constraints,omitempty"`
	Approvals   []Approval   `json:"approvals,omitempty"`
	// Undecided are rules whose when reads what is not known; DependsOn says what that is.
	Undecided []string `json:"undecided,omitempty"`
	DependsOn []string `json:"depends_on,omitempty"`
	Items     int      `json:"items,omitempty"` // of a fan-out: for how many of its items this is so
}

// Constraint is one condition that policy puts on a job.
type Constraint struct {
	Type  string `json:"type"`
	Value any    `json:"value,omitempty"`
	Prove bool   `json:"prove,omitempty"`
}

// Approval is who will be asked.
type Approval struct {
	Rule      string   `json:"rule,omitempty"`      // of the policy that asks
	Title     string   `json:"title,omitempty"`     // of an approval step, when it is known
	Approvers []string `json:"approvers,omitempty"` // absent: whoever may decide approvals
	Quorum    int      `json:"quorum"`
	Expires   string   `json:"expires,omitempty"`
	OnExpiry  string   `json:"on_expiry,omitempty"`
}

// Child is the workflow that a sub-workflow step starts.
type Child struct {
	Workflow string `json:"workflow"`
	Version  string `json:"version,omitempty"`
	Plan     *Plan  `json:"plan,omitempty"` // absent when the workflow is not known, or too much was planned already
}

// Undo is how a step would be undone.
type Undo struct {
	Job
	// WhenUnknown is run or hold: what happens when nobody knows whether the step had its effect.
	WhenUnknown string `json:"when_unknown"`
	// InputDependsOn is what its input reads that is not known before the run.
	InputDependsOn []string `json:"input_depends_on,omitempty"`
}

// maker makes one plan.
type maker struct {
	w       *steps.Workflow
	in      *Input
	budget  *int // planned steps that are left, shared with the plans of children
	certain *certainty
	policy  *oracle // nil when there is none

	ctx    any
	labels map[string]string
	// Of the context and the labels, what is not known before the run.
	ctxUnknown, labelsUnknown map[string]bool

	reach  *reach
	values []value // by step: what is known of its output
	plan   *Plan
	seen   map[string]bool // of plan.Unknown
}

// Make plans a run of a workflow. It only reads.
func Make(w *steps.Workflow, in Input) *Plan {
	budget := MaxPlannedSteps
	p := makePlan(w, &in, &budget)
	if in.Workers != nil {
		p.servedBy(in.Workers)
	}
	return p
}

func makePlan(w *steps.Workflow, in *Input, budget *int) *Plan {
	m := &maker{
		w: w, in: in, budget: budget, values: make([]value, len(w.Steps)), seen: map[string]bool{},
		plan: &Plan{Workflow: w.Def.ID, Definition: w.Def.Digest, Steps: make([]Step, len(w.Steps)), Failures: []Failure{}},
	}
	if in.Policy != nil {
		m.plan.Policy, m.policy = in.Policy.Digest(), newOracle(in.Policy)
	}
	m.start()
	m.follow()
	for i := range w.Steps {
		m.step(int32(i))
	}
	m.failures()
	m.plan.Digest = digest(m.plan)
	return m.plan
}

// start makes what a run's expressions see from its start on, as far as it is known: templates of the head may read the
// input, and names of the run.
func (m *maker) start() {
	ctx, _ := m.w.Def.Context.(map[string]any)
	if m.w.Context != nil {
		ctx, m.ctxUnknown = m.head(m.w.Def.ContextNode, &expr.Env{Input: m.in.Input})
	}
	if ctx != nil || m.in.Context != nil {
		m.ctx = over(ctx, m.in.Context)
	}
	m.labels = over(m.w.Def.Labels, nil)
	if m.w.Labels != nil {
		rendered, unknown := m.head(m.w.Def.LabelsNode, &expr.Env{Input: m.in.Input, Ctx: m.ctx})
		m.labelsUnknown = unknown
		for name := range m.w.Labels {
			if word, is := rendered[name].(string); is {
				m.labels[name] = word
			} else {
				delete(m.labels, name)
			}
		}
	}
	m.labels = over(m.labels, m.in.Labels)
	for key := range m.in.Context {
		delete(m.ctxUnknown, key)
	}
	for key := range m.in.Labels {
		delete(m.labelsUnknown, key)
	}
}

// head renders a map of templates field by field. It answers the values of those that can be, and which cannot.
func (m *maker) head(n *yamlx.Node, env *expr.Env) (values map[string]any, unknown map[string]bool) {
	values, unknown = map[string]any{}, map[string]bool{}
	for _, f := range n.Fields {
		unknown[f.Key] = true
		if len(m.unknown(expr.ReadsOf(f.Value, false), -1, false)) > 0 {
			continue
		}
		t, err := expr.CompileTemplate(f.Value, expr.Scope{})
		if err != nil {
			continue
		}
		if v, err := t.Render(env); err == nil {
			values[f.Key] = v
			delete(unknown, f.Key)
		}
	}
	return values, unknown
}

// over answers the entries of two maps; those of the second win.
func over[V any](base, top map[string]V) map[string]V {
	out := make(map[string]V, len(base)+len(top))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range top {
		out[k] = v
	}
	return out
}

// depends notes names that are not known before the run, and answers them.
func (m *maker) depends(names []string) []string {
	for _, n := range names {
		if !m.seen[n] {
			m.seen[n] = true
			m.plan.Unknown = append(m.plan.Unknown, n)
		}
	}
	return names
}

// step writes down one step, once its reach is known.
func (m *maker) step(s int32) {
	step, def := &m.w.Steps[s], &m.w.Def.Steps[s]
	out := &m.plan.Steps[s]
	*out = Step{
		ID: def.ID, Kind: step.Kind, Effect: effectWords[step.Effect], Reach: m.reach.says[s], OnFailure: m.onFailure(s), Attempts: 1,
		Timeouts: timeouts(def), Pivot: def.Pivot, Checkpoint: def.Checkpoint, Error: m.values[s].failure,
	}
	if loop := m.w.Def.Scopes[def.Scope].Loop; loop >= 0 {
		out.Loop = m.w.Def.Steps[loop].ID
	}
	if def.Retry != nil && def.Retry.MaxAttempts > 0 {
		out.Attempts = def.Retry.MaxAttempts
	}
	for _, c := range out.Reach.Conditions {
		m.depends(c.DependsOn)
	}
	if m.values[s].known && m.reach.is[s] == always {
		out.Output = canonical(m.values[s].output)
	}
	if out.Reach.Is == Never {
		return
	}
	items := m.fanOut(s, out)
	m.work(s, out, items)
	out.Undo = m.undo(s)
}

var effectWords = map[dag.Effect]string{
	dag.EffectUnsaid: "none", dag.EffectNone: "none", dag.EffectRead: "read", dag.EffectWrite: "write", dag.EffectIrreversible: "irreversible",
}

// onFailure is what a failure of the step does to the run.
func (m *maker) onFailure(s int32) string {
	own := m.w.Def.Steps[s].OnFailure
	switch {
	case own == dag.Continue:
		return "tolerate"
	case m.w.Def.Steps[s].Scope != 0:
		return "fail the loop"
	case own == dag.FailureUnsaid && m.w.Def.OnFailure == dag.Rollback && m.w.Def.RollbackTo != nil:
		return "rollback to " + m.w.Def.RollbackTo.Checkpoint
	case own == dag.FailureUnsaid:
		own = m.w.OnFailure()
	}
	return failureWords[own]
}

var failureWords = map[dag.OnFailure]string{dag.Halt: "halt", dag.Continue: "continue", dag.Rollback: "rollback"}

func timeouts(def *dag.Step) map[string]string {
	out := map[string]string{}
	for name, d := range map[string]string{
		"timeout": span(def.Timeout), "queue_timeout": span(def.QueueTimeout), "total_timeout": span(def.TotalTimeout),
		"heartbeat_timeout": span(def.HeartbeatTimeout),
	} {
		if d != "" {
			out[name] = d
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
