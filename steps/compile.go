package steps

import (
	"errors"
	"slices"
	"strconv"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// RuleUnknownType is the rule of a type of step that does not exist.
const RuleUnknownType = "unknown_type"

// Compile makes a definition ready to run. It answers all diagnostics at once; the Workflow is nil when one of them is
// an error.
func Compile(def *dag.Definition) (*Workflow, []dag.Diagnostic) {
	g, cyclic := dag.NewGraph(def)
	if g == nil {
		return nil, cyclic
	}
	c := newCompiler(def, g)
	for i := range def.Steps {
		if c.step(i); c.report.Full() && c.report.Failed() {
			return nil, c.report.Diagnostics()
		}
	}
	c.head()
	if c.report.Failed() {
		return nil, c.report.Diagnostics()
	}
	c.w.nameChoosers()
	return c.w, c.report.Diagnostics()
}

// Load parses and compiles a file. It reports what is wrong with the structure and with the steps together, which
// Parse and then Compile cannot. oneShot lets the definition have neither id nor name.
func Load(src []byte, format yamlx.Format, oneShot bool) (*Workflow, []dag.Diagnostic) {
	def, list := dag.Draft(src, format, oneShot)
	if def == nil || len(def.Steps) == 0 {
		return nil, list
	}
	w, more := Compile(def)
	if dag.HasErrors(list) {
		w = nil
	}
	for _, d := range more {
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	dag.SortDiagnostics(list)
	return w, list
}

// compiler goes through the steps in their order, in which a loop comes before what it repeats.
type compiler struct {
	w        *Workflow
	report   *dag.Report
	ids      map[string]bool
	upstream *dag.Upstream
	input    *expr.Schema   // of the run
	outputs  []*expr.Schema // by step: of one iteration
	items    []fanned       // by step
}

// fanned says whether a step sees an item, its own or that of a loop around it, and what is known of it.
type fanned struct {
	seen bool
	item *expr.Schema
}

func newCompiler(def *dag.Definition, g *dag.Graph) *compiler {
	n := len(def.Steps)
	c := &compiler{
		w:        &Workflow{Def: def, Graph: g, Steps: make([]Step, n), ByID: make(map[string]int, n)},
		report:   &dag.Report{},
		ids:      make(map[string]bool, n),
		upstream: g.Upstream(),
		input:    declared(def.InputSchema),
		outputs:  make([]*expr.Schema, n),
		items:    make([]fanned, n),
	}
	for i := range def.Steps {
		c.ids[def.Steps[i].ID] = true
		c.w.ByID[def.Steps[i].ID] = i
		c.outputs[i] = declared(def.Steps[i].OutputSchema)
	}
	return c
}

func (c *compiler) step(i int) {
	def := &c.w.Def.Steps[i]
	at := dag.Place{Pointer: def.Pointer, Pos: def.Pos}
	r := c.reading(def, dag.NewObject(def.Own, at, c.report), c.scope(i))
	k, ok := kindNamed(def.Type)
	if !ok {
		c.unknownKind(r, def.Type)
		return
	}
	r.Only(known[k.name], nil)
	out := &c.w.Steps[i]
	*out = c.plain(def, k)
	out.When = r.condition(whenField(r, k))
	c.fanOut(i, out, r)
	c.content(out, r, k)
	out.Labels = r.value("labels")
	out.input, out.output = r.schema("input_schema"), r.schema("output_schema")
	c.compensation(i, out)
	if _, child := out.Spec.(Subworkflow); child || out.Undo != nil {
		c.w.Undoes = true
	}
}

// plain is a step with what needs no compiling: its kind, and the defaults.
func (c *compiler) plain(def *dag.Step, k kind) Step {
	out := Step{Def: def, Kind: k.name, Effect: def.Effect, Priority: def.Priority}
	if out.Effect == dag.EffectUnsaid {
		out.Effect = k.effect
	}
	out.Idempotent = out.Effect == dag.EffectNone || out.Effect == dag.EffectRead
	if def.Idempotent != nil {
		out.Idempotent = *def.Idempotent
	}
	return out
}

// content compiles what a step and a compensation have in common.
func (c *compiler) content(out *Step, r *reading, k kind) {
	if k.secrets {
		r.input = r.sentValue("input")
	} else {
		r.input = r.value("input")
	}
	out.Input = r.input
	if lock := r.step.ResourceLock; lock != nil {
		out.Lock = r.template(lock.Name, r.Place("resource_lock"), r.scope)
	}
	out.Spec = k.decode(r)
}

func (c *compiler) reading(def *dag.Step, o *dag.Object, scope expr.Scope) *reading {
	return &reading{Object: o, step: def, scope: scope, report: c.report, ids: c.ids, dependent: func(id string) (waits, exists bool) {
		other, exists := c.w.ByID[id]
		self := c.w.ByID[def.ID]
		return exists && slices.Contains(c.w.Def.Steps[other].DependsOn, self), exists
	}}
}

// fanOut compiles over what a step is repeated. From here on the reading sees the item.
func (c *compiler) fanOut(i int, out *Step, r *reading) {
	c.items[i] = c.around(i)
	if out.Def.ForEach != nil {
		scope := r.scope
		scope.List = true
		c.items[i] = fanned{seen: true}
		if out.ForEach = r.program(r.Object, "for_each", scope); out.ForEach != nil {
			c.items[i].item = out.ForEach.Gives().Entry()
		}
	}
	r.scope.Item, r.scope.ItemType = c.items[i].seen, c.items[i].item
}

// around is the item that a step sees of the loop it is in.
func (c *compiler) around(i int) fanned {
	if loop := c.w.Graph.Loop(i); loop >= 0 {
		return c.items[loop]
	}
	return fanned{}
}

// scope are the names in scope at a step, before its own fan-out.
func (c *compiler) scope(i int) expr.Scope {
	item := c.around(i)
	return expr.Scope{
		Steps: c.ids, IsUpstream: func(id string) bool { return c.upstream.Is(c.w.ByID[id], i) },
		Item: item.seen, ItemType: item.item, Loop: c.w.Graph.Loop(i) >= 0,
		Input: c.input, Output: c.output,
	}
}

// output is what is declared of a step's output: of a fan-out it is the list of them, with null for what is tolerated.
func (c *compiler) output(id string) *expr.Schema {
	i, ok := c.w.ByID[id]
	if !ok || c.outputs[i] == nil {
		return nil
	}
	if c.w.Def.Steps[i].ForEach != nil {
		return c.outputs[i].List()
	}
	return c.outputs[i]
}

// whenField is the name under which a step says when.
func whenField(r *reading, k kind) string {
	if r.Get("when") == nil && k.name != conditionKind.name {
		return "condition"
	}
	return "when"
}

func (c *compiler) unknownKind(r *reading, name string) {
	known := kindNames()
	c.report.Unknown(RuleUnknownType, r.Place("type"), name, known, "there is no type of step %q; there are %v", yamlx.Clip(name), known)
}

// reportExpr reports an error of package expr, whose codes are rules.
func reportExpr(report *dag.Report, at dag.Place, err error) {
	var e *expr.Error
	if !errors.As(err, &e) {
		e = &expr.Error{Code: expr.CodeSyntax, Message: err.Error()}
	}
	if e.Line > 0 {
		at.Pos = yamlx.Pos{Line: e.Line, Col: e.Col}
	}
	report.Add(dag.Diagnostic{Rule: e.Code, Message: e.Message, Hint: e.Hint, Pointer: at.Pointer, Line: at.Pos.Line, Col: at.Pos.Col})
}

func itoa(i int) string { return strconv.Itoa(i) }
