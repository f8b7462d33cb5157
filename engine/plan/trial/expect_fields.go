package trial

import (
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// What a case may expect of a run, of its compensation, of a step, and of a skip.
var (
	statuses = []string{
		"pending", "running", "waiting", "paused", "faulted", "succeeded", "failed", "cancelled", "timed_out",
	}
	compensations = []string{"none", "running", "held", "done"}
	stepStates    = []string{
		"pending", "running", "waiting", "succeeded", "failed", "timed_out", "denied", "rejected", "cancelled", "skipped",
	}
	skipReasons = []string{
		"when_false", "branch_not_taken", "upstream_skipped", "nothing_failed", "timeout", "upstream_failed", "halted",
	}
)

// expect reads what must come of a case.
func (r *reader) expect(o *dag.Object) (out Expect) {
	n := o.Get("expect")
	if n == nil {
		return out
	}
	e := r.object(n, o.Place("expect"), "status", "compensation", "steps", "reasons", "attempts", "inputs", "order", "together",
		"compensated", "undo_order", "held", "waiting", "output", "lint")
	out.Status, out.Compensation = r.word(e, "status", statuses), r.word(e, "compensation", compensations)
	out.Steps, out.Reasons = r.words(e, "steps", stepStates), r.words(e, "reasons", skipReasons)
	out.Attempts, out.Inputs = r.attempts(e), r.inputs(e)
	out.Order, out.Together = r.chains(e, "order", ""), r.chains(e, "together", "")
	out.Order = append(out.Order, r.chains(e, "undo_order", undoPrefix)...)
	out.Compensated, out.Held, out.Waiting = r.names(e, "compensated"), r.names(e, "held"), r.names(e, "waiting")
	if v := e.Get("output"); v != nil {
		value := v.Value()
		out.Output = &value
	}
	out.Lint = r.findings(e)
	return out
}

// word is one of a few; nil when it is absent.
func (r *reader) word(o *dag.Object, name string, words []string) *string {
	if o.Get(name) == nil {
		return nil
	}
	w := o.OneOf(name, words...)
	return &w
}

// words is one of a few for each name of a step.
func (r *reader) words(o *dag.Object, name string, words []string) map[string]string {
	out := map[string]string{}
	for _, f := range r.entries(o, name) {
		at := o.Place(name).Below(f.Key, f.Value.Pos)
		if f.Value.Kind != yamlx.String || !slices.Contains(words, f.Value.Str) {
			r.report.Errorf(dag.RuleBadValue, at, "%s of %s is one of %s", name, yamlx.Clip(f.Key), strings.Join(words, ", "))
		}
		out[r.step(f.Key, at)] = f.Value.Str
	}
	return out
}

func (r *reader) attempts(o *dag.Object) map[string]int {
	out := map[string]int{}
	for _, f := range r.entries(o, "attempts") {
		at := o.Place("attempts").Below(f.Key, f.Value.Pos)
		if f.Value.Kind != yamlx.Int || f.Value.Int < 0 {
			r.report.Errorf(dag.RuleWrongType, at, "attempts are a whole number")
		}
		out[r.step(f.Key, at)] = int(f.Value.Int)
	}
	return out
}

func (r *reader) inputs(o *dag.Object) map[string]any {
	out := map[string]any{}
	for _, f := range r.entries(o, "inputs") {
		out[r.step(f.Key, o.Place("inputs").Below(f.Key, f.Pos))] = f.Value.Value()
	}
	return out
}

// chains reads lists of names in order; each has at least two.
func (r *reader) chains(o *dag.Object, name, prefix string) (out [][]string) {
	for _, n := range r.list(o, name) {
		at := dag.Place{Pointer: o.Place(name).Pointer, Pos: n.Pos}
		chain := r.steps(n, at)
		if len(chain) < 2 {
			r.report.Errorf(dag.RuleOutOfRange, at, "an entry of %s names at least two steps", name)
		}
		for i := range chain {
			chain[i] = prefix + chain[i]
		}
		out = append(out, chain)
	}
	return out
}

// names is a list of steps; nil when it is absent. Those of compensations are named by their steps.
func (r *reader) names(o *dag.Object, name string) *[]string {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	list := r.steps(n, o.Place(name))
	if name != "waiting" {
		for i := range list {
			list[i] = strings.TrimPrefix(list[i], undoPrefix)
		}
	}
	return &list
}

func (r *reader) findings(o *dag.Object) *[]Finding {
	if o.Get("lint") == nil {
		return nil
	}
	out := []Finding{}
	for _, n := range r.list(o, "lint") {
		f := r.object(n, dag.Place{Pointer: o.Place("lint").Pointer, Pos: n.Pos}, "rule", "line", "severity", "hint")
		f.Need("rule")
		out = append(out, Finding{
			Rule: f.Description("rule"), Line: f.Int("line", 1, yamlx.MaxBytes), Severity: f.OneOf("severity", "error", "warning"),
			Hint: f.Description("hint"),
		})
	}
	return &out
}
