package steps

import (
	"encoding/json"
	"math"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// RuleNotDependent is the rule of a branch whose step does not wait for its switch.
const RuleNotDependent = "switch_target_not_dependent"

var switchKind = kind{
	name: "switch",
	doc:  "The first case that matches decides which branch runs. Output {case, steps}.",
	fields: []field{
		{"cases", caseList},
		{"on", anExpression("What the cases' values are compared with. Without it each case has a `when`.")},
		{"default", idList("The branch when no case matches. Absent: none is chosen, and the switch succeeds.")},
	},
	needs:  []any{"cases"},
	effect: dag.EffectNone,
	decode: decodeSwitch,
}

// choice decides which of its dependents run.
type choice struct {
	on       *expr.Program // nil: each case has a condition
	cases    []branch
	fallback []string
	isSaid   bool // there is a fallback
	all      []string
}

// branch is one case: exactly one of when and value is what it is chosen by.
type branch struct {
	when  *expr.Program
	value any
	steps []string
}

// Branches implements Chooser.
func (c choice) Branches() []string { return c.all }

// Start implements Spec.
func (c choice) Start(env *expr.Env) (Ask, error) {
	matches, err := c.matcher(env)
	if err != nil {
		return nil, err
	}
	for i, b := range c.cases {
		ok, err := matches(b)
		if err != nil {
			return nil, err
		}
		if ok {
			return chosen(int64(i), b.steps)
		}
	}
	if c.isSaid {
		return chosen("default", c.fallback)
	}
	return chosen(nil, nil)
}

// matcher says of a case whether it is the one; what the cases are compared with is evaluated once.
func (c choice) matcher(env *expr.Env) (func(branch) (bool, error), error) {
	if c.on == nil {
		return func(b branch) (bool, error) { return b.when.EvalBool(env) }, nil
	}
	v, err := c.on.Eval(env)
	if err != nil {
		return nil, err
	}
	return func(b branch) (bool, error) { return sameJSON(v, b.value), nil }, nil
}

func chosen(which any, ids []string) (Ask, error) {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	out, err := yamlx.AppendCanonical(nil, map[string]any{"case": which, "steps": list})
	if err != nil {
		return nil, &expr.Error{Code: expr.CodeRuntime, Message: "the branch cannot be written down"}
	}
	return Done{Output: json.RawMessage(out), Chosen: ids}, nil
}

// sameJSON says whether two JSON values are equal; numbers are compared by value, 1 is 1.0.
func sameJSON(a, b any) bool {
	switch a := a.(type) {
	case int64:
		return sameNumber(b, a)
	case float64:
		if i, ok := b.(int64); ok {
			return sameNumber(a, i)
		}
		return a == b
	case []any:
		other, ok := b.([]any)
		if !ok || len(a) != len(other) {
			return false
		}
		for i := range a {
			if !sameJSON(a[i], other[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(a) != len(other) {
			return false
		}
		for k := range a {
			if w, ok := other[k]; !ok || !sameJSON(a[k], w) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

// sameNumber compares with an integer, without rounding it.
func sameNumber(v any, i int64) bool {
	switch v := v.(type) {
	case int64:
		return v == i
	case float64:
		return v == math.Trunc(v) && v >= math.MinInt64 && v < math.MaxInt64 && int64(v) == i
	}
	return false
}

func decodeSwitch(r *reading) Spec {
	r.Need("cases")
	spec := choice{on: r.program(r.Object, "on", r.scope)}
	hasOn := r.Get("on") != nil
	for _, o := range r.entries("cases") {
		spec.cases = append(spec.cases, r.branch(o, hasOn))
	}
	spec.isSaid = r.Get("default") != nil
	spec.fallback = r.targets(r.Object, "default")
	for _, b := range spec.cases {
		spec.all = append(spec.all, b.steps...)
	}
	spec.all = unique(append(spec.all, spec.fallback...))
	return spec
}

func (r *reading) branch(o *dag.Object, hasOn bool) branch {
	o.Only([]string{"when", "value", "steps"}, nil)
	o.Need("steps")
	when, value := o.Get("when"), o.Get("value")
	switch {
	case hasOn && when != nil:
		r.report.Errorf(dag.RuleConflicting, o.Place("when"), "a switch has on with values, or cases with when, not both")
	case !hasOn && value != nil:
		r.report.Errorf(dag.RuleConflicting, o.Place("value"), "a value needs something to be compared with: say on, or write when")
	case hasOn && value == nil:
		r.report.Errorf(dag.RuleMissingField, o.At(), "the field value is needed: the switch says on")
	case !hasOn && when == nil:
		r.report.Errorf(dag.RuleMissingField, o.At(), "the field when is needed")
	}
	r.refuseTemplates(value, o.Place("value"), "a value")
	return branch{when: r.conditionOf(o, "when", r.scope), value: value.Value(), steps: r.targets(o, "steps")}
}

// targets reads the steps of a branch, which all wait for the switch.
func (r *reading) targets(o *dag.Object, name string) []string {
	ids := o.Texts(name)
	n := o.Get(name)
	for i, id := range ids {
		if id == "" {
			continue // reported
		}
		at := o.Place(name).Below(itoa(i), n.Items[i].Pos)
		waits, exists := r.dependent(id)
		if !exists {
			r.report.Unknown(expr.CodeUnknownStep, at, id, yamlx.SortedKeys(r.ids), "there is no step %q to choose", yamlx.Clip(id))
		}
		if !waits {
			r.report.Errorf(RuleNotDependent, at, "the step %s does not name the switch %s in depends_on, so nothing would keep it waiting", yamlx.Clip(id), r.step.ID)
		}
	}
	return unique(ids)
}
