package steps

import (
	"errors"
	"slices"

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
	report := &dag.Report{}
	c := compiler{report: report, w: &Workflow{Def: def, Graph: g, Steps: make([]Step, len(def.Steps)), ByID: make(map[string]int, len(def.Steps))}}
	c.ids = make(map[string]bool, len(def.Steps))
	for i := range def.Steps {
		c.ids[def.Steps[i].ID] = true
		c.w.ByID[def.Steps[i].ID] = i
	}
	c.upstream = g.Upstream()
	for i := range def.Steps {
		if c.step(i); report.Full() && report.Failed() {
			return nil, report.Diagnostics()
		}
	}
	c.head()
	if report.Failed() {
		return nil, report.Diagnostics()
	}
	return c.w, report.Diagnostics()
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

type compiler struct {
	w        *Workflow
	report   *dag.Report
	ids      map[string]bool
	upstream *dag.Upstream
}

// head compiles what belongs to no step.
func (c *compiler) head() {
	def := c.w.Def
	if def.Output != nil {
		t, err := expr.CompileTemplate(def.Output, expr.Scope{Steps: c.ids})
		if err != nil {
			reportExpr(c.report, dag.Place{Pointer: "/output", Pos: def.Output.Pos}, err)
		}
		c.w.Output = t
	}
	if def.InputSchema != nil {
		schema, err := compileSchema(def.InputSchema)
		if err != nil {
			c.report.Errorf(dag.RuleBadValue, dag.Place{Pointer: "/input", Pos: def.InputSchema.Pos}, "input: %v", err)
		}
		c.w.input = schema
	}
}

func (c *compiler) step(i int) {
	def := &c.w.Def.Steps[i]
	at := dag.Place{Pointer: def.Pointer, Pos: def.Pos}
	r := &reading{Object: dag.NewObject(def.Own, at, c.report), step: def, scope: c.scope(i), report: c.report}
	k, ok := kindNamed(def.Type)
	if !ok {
		c.unknownKind(r, def.Type)
		return
	}
	r.Only(append(dag.CommonFields(k.name), k.fields...), func(field string) bool { return dag.LaterField(k.name, field) })
	out := &c.w.Steps[i]
	*out = Step{Def: def, Kind: k.name, Effect: def.Effect, Priority: def.Priority}
	if out.Effect == dag.EffectUnsaid {
		out.Effect = k.effect
	}
	out.Idempotent = out.Effect == dag.EffectNone || out.Effect == dag.EffectRead
	if def.Idempotent != nil {
		out.Idempotent = *def.Idempotent
	}
	out.When = r.condition(whenField(r, k))
	out.Input = r.value("input")
	out.Labels = r.value("labels")
	out.Spec = k.decode(r)
}

// whenField is the name under which a step says when.
func whenField(r *reading, k kind) string {
	if r.Get("when") == nil && k.name != conditionKind.name {
		return "condition"
	}
	return "when"
}

func (c *compiler) unknownKind(r *reading, name string) {
	if dag.LaterKind(name) {
		c.report.Errorf(dag.RuleNotSupported, r.Place("type"), "the type %s is part of the language but not of this version", name)
		return
	}
	known := kindNames()
	c.report.Unknown(RuleUnknownType, r.Place("type"), name, known, "there is no type of step %q; there are %v", yamlx.Clip(name), known)
}

func (c *compiler) scope(step int) expr.Scope {
	return expr.Scope{Steps: c.ids, IsUpstream: func(id string) bool { return c.upstream.Is(c.w.ByID[id], step) }}
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
