package steps

import (
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// kind is a type of step.
type kind struct {
	name   string
	fields []string   // its own; needed ones are the decoder's to miss
	effect dag.Effect // when the step does not say
	decode func(r *reading) Spec
}

// kinds are all types of step, the default first. A new one is one file and one line here.
var kinds = []kind{
	workerKind,
	approvalKind,
	notifyKind,
	conditionKind,
	delayKind,
}

// kindNamed finds a kind; the empty name is the default.
func kindNamed(name string) (kind, bool) {
	if name == "" {
		return kinds[0], true
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// reading is one step being decoded: its fields, the names in scope, and where to report.
type reading struct {
	*dag.Object
	step   *dag.Step
	scope  expr.Scope
	report *dag.Report
}

// text compiles a field that is a text with ${…}; nil when it is absent or wrong.
func (r *reading) text(name string) *expr.Template {
	return r.compileTemplate(name, r.Template(name))
}

// value compiles a field that is any value with ${…} in its texts.
func (r *reading) value(name string) *expr.Template {
	return r.compileTemplate(name, r.Get(name))
}

func (r *reading) compileTemplate(name string, n *yamlx.Node) *expr.Template {
	if n == nil {
		return nil
	}
	t, err := expr.CompileTemplate(n, r.scope)
	if err != nil {
		reportExpr(r.report, r.Place(name), err)
		return nil
	}
	return t
}

// condition compiles a field that is an expression and must give a boolean.
func (r *reading) condition(name string) *expr.Program {
	n := r.Expression(name)
	if n == nil {
		return nil
	}
	src := n.Str
	if n.Kind == yamlx.Bool {
		if src = "false"; n.Bool {
			src = "true"
		}
	}
	scope := r.scope
	scope.Bool = true
	p, err := expr.Compile(src, scope)
	if err != nil {
		reportExpr(r.report, r.Place(name), err)
		return nil
	}
	return p
}
