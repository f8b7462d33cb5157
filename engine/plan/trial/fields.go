package trial

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// object begins to read a mapping that has only known fields.
func (r *reader) object(n *yamlx.Node, at dag.Place, known ...string) *dag.Object {
	o := dag.NewObject(n, at, r.report)
	o.Only(known, nil)
	return o
}

// entries are the fields of a mapping whose keys are names.
func (r *reader) entries(o *dag.Object, name string) []yamlx.Field {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.Map {
		r.report.Errorf(dag.RuleWrongType, o.Place(name), "%s takes an object", name)
		return nil
	}
	return n.Fields
}

// list are the items of a list.
func (r *reader) list(o *dag.Object, name string) []*yamlx.Node {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.List {
		r.report.Errorf(dag.RuleWrongType, o.Place(name), "%s takes a list", name)
		return nil
	}
	return n.Items
}

// eachOf are the items of a list, or the one value that stands for a list of one.
func eachOf(n *yamlx.Node) []*yamlx.Node {
	if n.Kind == yamlx.List {
		return n.Items
	}
	return []*yamlx.Node{n}
}

// step is the normalised name of a step; what is none is reported.
func (r *reader) step(name string, at dag.Place) string {
	if parts(name) == nil {
		r.report.Errorf(dag.RuleBadValue, at, "%q is no name of a step: write step, each[2], poll[0]/ask, sub/ask or undo:NAME", yamlx.Clip(name))
	}
	return normal(name)
}

// steps is a list of names of steps.
func (r *reader) steps(n *yamlx.Node, at dag.Place) []string {
	out := []string{}
	if n.Kind != yamlx.List {
		r.report.Errorf(dag.RuleWrongType, at, "a list of steps is needed here")
		return out
	}
	for _, item := range n.Items {
		here := dag.Place{Pointer: at.Pointer, Pos: item.Pos}
		if item.Kind != yamlx.String {
			r.report.Errorf(dag.RuleWrongType, here, "the name of a step is text")
			continue
		}
		out = append(out, r.step(item.Str, here))
	}
	return out
}

// moment is when a signal or a verb comes: a name, $start or $end.
func (r *reader) moment(o *dag.Object) string {
	o.Need("after")
	after := o.Description("after")
	switch after {
	case "", AtStart, AtEnd:
		return after
	}
	return r.step(after, o.Place("after"))
}
