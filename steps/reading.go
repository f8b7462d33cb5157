package steps

import (
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// reading is one step being decoded: its fields, the names in scope, and where to report.
type reading struct {
	*dag.Object
	step   *dag.Step
	scope  expr.Scope
	report *dag.Report
	input  *expr.Template // compiled; nil when absent
	// dependent says whether a step names this one in depends_on, and whether it exists at all.
	dependent func(id string) (waits, exists bool)
	ids       map[string]bool // of all steps
}

// text compiles a field that is a text with ${…}; nil when it is absent or wrong.
func (r *reading) text(name string) *expr.Template {
	return r.template(r.Template(name), r.Place(name), r.scope)
}

// value compiles a field that is any value with ${…} in its texts.
func (r *reading) value(name string) *expr.Template {
	return r.template(r.Get(name), r.Place(name), r.scope)
}

// sentText and sentValue are text and value for what whoever executes gets: they may refer to secrets.
func (r *reading) sentText(name string) *expr.Template {
	return r.template(r.Template(name), r.Place(name), r.sent())
}

func (r *reading) sentValue(name string) *expr.Template {
	return r.template(r.Get(name), r.Place(name), r.sent())
}

func (r *reading) sent() expr.Scope {
	scope := r.scope
	scope.Secrets = true
	return scope
}

func (r *reading) template(n *yamlx.Node, at dag.Place, scope expr.Scope) *expr.Template {
	if n == nil {
		return nil
	}
	t, err := expr.CompileTemplate(n, scope)
	if err != nil {
		reportExpr(r.report, at, err)
		return nil
	}
	return t
}

// condition compiles a field that is an expression and must give a boolean.
func (r *reading) condition(name string) *expr.Program { return r.conditionOf(r.Object, name, r.scope) }

func (r *reading) conditionOf(o *dag.Object, name string, scope expr.Scope) *expr.Program {
	scope.Bool = true
	return r.program(o, name, scope)
}

// program compiles an expression that is a field of an object within the step.
func (r *reading) program(o *dag.Object, name string, scope expr.Scope) *expr.Program {
	n := o.Expression(name)
	if n == nil {
		return nil
	}
	p, err := expr.Compile(sourceOf(n), scope)
	if err != nil {
		reportExpr(r.report, o.Place(name), err)
		return nil
	}
	return p
}

// sourceOf is the text of an expression; a boolean is the expression that says it.
func sourceOf(n *yamlx.Node) string {
	switch {
	case n.Kind != yamlx.Bool:
		return n.Str
	case n.Bool:
		return "true"
	}
	return "false"
}

// entries are the objects of a list, each with its place.
func (r *reading) entries(name string) []*dag.Object {
	n := r.Get(name)
	if n == nil {
		return nil
	}
	at := r.Place(name)
	if n.Kind != yamlx.List {
		r.report.Errorf(dag.RuleWrongType, at, "%s takes a list of objects", name)
		return nil
	}
	if len(n.Items) > dag.MaxListLength {
		r.report.Errorf(dag.RuleOutOfRange, at, "%s has %d entries, the limit is %d", name, len(n.Items), dag.MaxListLength)
		return nil
	}
	out := make([]*dag.Object, len(n.Items))
	for i, item := range n.Items {
		out[i] = dag.NewObject(item, at.Below(itoa(i), item.Pos), r.report)
	}
	return out
}

// refuseTemplates reports each ${…} of a value that is fixed when the workflow is saved.
func (r *reading) refuseTemplates(n *yamlx.Node, at dag.Place, what string) {
	if n == nil {
		return
	}
	if n.Kind == yamlx.String && dag.HasTemplate(n.Str) {
		at.Pos = n.Pos
		r.report.Errorf(dag.RuleTemplate, at, "%s is fixed when the workflow is saved: no ${…} here", what)
	}
	for _, item := range n.Items {
		r.refuseTemplates(item, at, what)
	}
	for _, f := range n.Fields {
		r.refuseTemplates(f.Value, at, what)
	}
}

// unique answers the texts of a list, each once, in order.
func unique(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
