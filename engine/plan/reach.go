package plan

import (
	"fmt"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

// likelihood says whether a step runs when nothing before it fails that is not known to.
type likelihood uint8

const (
	never likelihood = iota
	maybe
	always
)

// outcomes are the ways in which a step may end.
type outcomes uint8

const (
	succeeds outcomes = 1 << iota
	skips             // cleanly
	fails
)

func (o outcomes) may(x outcomes) bool  { return o&x != 0 }
func (o outcomes) must(x outcomes) bool { return o == x }

// reach is which steps run.
type reach struct {
	is   []likelihood
	ends []outcomes
	says []Reach
}

// follow works out, step by step in the order of the graph, which steps are reached, and what is known of their results.
func (m *maker) follow() {
	n := len(m.w.Steps)
	m.reach = &reach{is: make([]likelihood, n), ends: make([]outcomes, n), says: make([]Reach, n)}
	m.certain = newCertainty(m.w)
	branches := switchBranches(m.w)
	for _, scope := range topoByScope(m.w) {
		for _, s := range scope {
			m.certain.settle(s)
			m.arrive(s, branches)
			m.certain.skip[s] = m.whySkipped(s, branches)
		}
	}
}

// whySkipped is what the certainty keeps of a step: less may be skipped when the input is known.
func (m *maker) whySkipped(s int32, branches map[string]string) string {
	switch {
	case m.reach.is[s] == never:
		return "it is not reached"
	case !m.reach.ends[s].may(skips):
		return ""
	}
	return m.certain.maySkip(s, branches)
}

// arrive decides about one step whose dependencies are decided.
func (m *maker) arrive(s int32, branches map[string]string) {
	def := &m.w.Def.Steps[s]
	is, ends, says := m.join(s)
	if loop := m.w.Def.Scopes[def.Scope].Loop; loop >= 0 && is != never {
		is, says = m.inLoop(int32(loop), is, says)
	}
	limit := func(l likelihood, to Reach) {
		is = min(is, l)
		says.Conditions = append(says.Conditions, to.Conditions...)
		if ends |= skips; is == never {
			ends, says = skips, Reach{Reason: to.Reason}
		}
	}
	if id := branches[def.ID]; id != "" && is != never {
		if l, to := m.chosen(id, def.ID); l != always {
			limit(l, to)
		}
	}
	if is != never && def.When != nil {
		if l, to := m.when(s); l != always {
			limit(l, to)
		}
	}
	if is != never {
		ends = m.run(s, ends)
	}
	says.Is = [...]string{Never, Conditional, Always}[is]
	if is != maybe {
		says.Conditions = nil
	}
	m.reach.is[s], m.reach.ends[s], m.reach.says[s] = is, ends, says
}

// run is how a step may end that runs: beside the ways in which it does not.
func (m *maker) run(s int32, ends outcomes) outcomes {
	m.compute(s)
	switch {
	case m.values[s].failure != "", m.denied(s):
		return ends&^succeeds | fails
	case m.w.Steps[s].Kind == "wait" && text(m.w.Def.Steps[s].Own.Get("on_timeout")) == "skip":
		return ends | succeeds | skips
	}
	return ends | succeeds
}

// inLoop is what a loop around a step says of it.
func (m *maker) inLoop(loop int32, is likelihood, says Reach) (likelihood, Reach) {
	id := m.w.Def.Steps[loop].ID
	switch m.reach.is[loop] {
	case never:
		return never, Reach{Reason: "the loop " + id + " does not run"}
	case maybe:
		is = min(is, maybe)
		says.Conditions = append(says.Conditions, Condition{Text: "the loop " + id + " runs"})
	}
	if m.w.Def.Steps[loop].Own.Get("while") != nil {
		is = min(is, maybe)
		says.Conditions = append(says.Conditions, Condition{Text: "the loop " + id + " has a round"})
	}
	return is, says
}

// when is what a step's own condition says.
func (m *maker) when(s int32) (likelihood, Reach) {
	n := m.w.Def.Steps[s].When
	if alwaysTrue(n) {
		return always, Reach{}
	}
	source := text(n)
	if source == "" {
		source = "false"
	}
	if names := m.unknown(expr.ReadsOf(n, true), s, false); len(names) > 0 {
		return maybe, Reach{Conditions: []Condition{{Text: "when " + source, DependsOn: names}}}
	}
	yes, err := m.w.Steps[s].When.EvalBool(m.env(s))
	switch {
	case err != nil:
		m.values[s].failure = "when: " + err.Error()
		return always, Reach{}
	case !yes:
		return never, Reach{Reason: "its when is false: " + source}
	}
	return always, Reach{}
}

// chosen is what a switch says of one of its branches.
func (m *maker) chosen(id, branch string) (likelihood, Reach) {
	at := int32(m.w.ByID[id])
	v := &m.values[at]
	if !v.known {
		text := fmt.Sprintf("the switch %s chooses it", id)
		return maybe, Reach{Conditions: []Condition{{Text: text, DependsOn: m.fieldsUnknown(at, false)}}}
	}
	for _, c := range v.chosen {
		if c == branch {
			return always, Reach{}
		}
	}
	return never, Reach{Reason: fmt.Sprintf("the switch %s does not choose it", id)}
}

// tally counts the ways in which dependencies may end.
type tally struct {
	n, mustSucceed, maySucceed, mustSkip, maySkip, mustFail, mayFail int
}

func (t *tally) count(e outcomes) {
	add := func(into *int, yes bool) {
		if yes {
			*into++
		}
	}
	t.n++
	add(&t.mustSucceed, e.must(succeeds))
	add(&t.maySucceed, e.may(succeeds))
	add(&t.mustSkip, e.must(skips))
	add(&t.maySkip, e.may(skips))
	add(&t.mustFail, e.must(fails))
	add(&t.mayFail, e.may(fails))
}

// join is what a step's join says, of what is known of its dependencies: whether it lets the step run, and how the step
// may end without running.
func (m *maker) join(s int32) (likelihood, outcomes, Reach) {
	def := &m.w.Def.Steps[s]
	deps := m.w.Graph.DependsOn(int(s))
	if len(deps) == 0 {
		return always, 0, Reach{}
	}
	var t tally
	for _, d := range deps {
		t.count(m.reach.ends[d])
	}
	is, ends := joined(def.Join, t)
	switch is {
	case never:
		return never, ends, Reach{Reason: m.whyNever(def.Join, deps)}
	case maybe:
		return maybe, ends, Reach{Conditions: []Condition{{Text: m.joinText(def.Join, deps)}}}
	}
	return always, 0, Reach{}
}

// joined is the join table over what may be: whether the step runs, and how it may end without.
func joined(j dag.Join, t tally) (likelihood, outcomes) {
	var can, must, clean, bad bool
	switch j.Mode {
	case dag.AllSuccess:
		can, must = t.mustFail == 0 && t.maySucceed > 0, t.mayFail == 0 && t.mustSucceed > 0
		clean, bad = t.mustFail == 0 && t.maySkip == t.n, t.mayFail > 0
	case dag.NoneFailed:
		can, must, bad = t.mustFail == 0, t.mayFail == 0, t.mayFail > 0
	case dag.AllDone:
		can, must = true, true
	case dag.AnySuccess:
		can, must = t.maySucceed > 0, t.mustSucceed > 0
		clean, bad = t.maySkip == t.n, t.mayFail > 0
	case dag.AnyFailed: // anything that runs may fail: those are not known before
		can, must, clean = t.mustSkip < t.n, t.mustFail > 0, t.mustFail == 0
	case dag.AtLeast:
		can, must = t.maySucceed >= j.K, t.mustSucceed >= j.K
		clean, bad = t.mustFail == 0 && t.n-t.maySkip < j.K, t.mayFail > 0
	}
	var ends outcomes
	if clean && !must {
		ends |= skips
	}
	if bad && !must {
		ends |= fails
	}
	switch {
	case must:
		return always, 0
	case can:
		return maybe, ends
	}
	return never, ends
}

func (m *maker) joinText(j dag.Join, deps []int32) string {
	names := strings.Join(m.ids(deps), ", ")
	switch j.Mode {
	case dag.AnyFailed:
		return "one of " + names + " fails"
	case dag.AtLeast:
		return fmt.Sprintf("%d of %s succeed", j.K, names)
	case dag.NoneFailed:
		return "none of " + names + " fails"
	}
	if len(deps) == 1 {
		return names + " runs"
	}
	return "one of " + names + " runs"
}

func (m *maker) whyNever(j dag.Join, deps []int32) string {
	for _, d := range deps {
		if m.reach.ends[d].must(fails) && j.Mode != dag.AnyFailed {
			return m.id(d) + " before it does not succeed"
		}
	}
	if j.Mode == dag.AnyFailed {
		return "nothing before it runs, so nothing fails"
	}
	if len(deps) == 1 {
		return m.id(deps[0]) + " before it is skipped"
	}
	return "too many of " + strings.Join(m.ids(deps), ", ") + " are skipped"
}

func (m *maker) id(s int32) string { return m.w.Def.Steps[s].ID }

func (m *maker) ids(list []int32) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = m.id(s)
	}
	return out
}
