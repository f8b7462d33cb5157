package plan

import (
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/saga"
	"cordum.dev/cordum/steps"
)

// Failure is what a step's failure would lead to.
type Failure struct {
	Step string `json:"step"`
	// Then is what the failure does to the run: halt, continue, tolerate, rollback, rollback to CHECKPOINT, fail the loop.
	Then string `json:"then"`
	// Rollback is what would be undone: by itself under rollback, by a person's word otherwise.
	Rollback Rollback `json:"rollback"`
}

// Rollback is what would be undone, and what would not.
type Rollback struct {
	// Groups follow one another; what stands in one runs in parallel.
	Groups [][]UndoStep `json:"groups"`
	// Left are steps that leave their effect in place.
	Left []Left `json:"left,omitempty"`
	// Checkpoint is where the rollback ends, when not at the start; Reached says whether it certainly, possibly or never is
	// reached by then: always, conditional, never. When it is not, everything is undone.
	Checkpoint string `json:"checkpoint,omitempty"`
	Reached    string `json:"reached,omitempty"`
}

// UndoStep is one step that is undone.
type UndoStep struct {
	Step string `json:"step"`
	// If is when there is something to undo: ran (it certainly has by then), may have run, unknown (only if nobody knows
	// whether the failing step had its effect), partly (what it has done by then).
	If string `json:"if"`
	// WhenUnknown is run or hold: what happens if nobody knows whether the step had its effect.
	WhenUnknown string `json:"when_unknown,omitempty"`
	// Each: every iteration that succeeded is undone by itself; every round, the last one first; what the child did.
	Each string `json:"each,omitempty"`
	// Items is how many iterations there are; ItemsDependOn what that depends on.
	Items         *int     `json:"items,omitempty"`
	ItemsDependOn []string `json:"items_depend_on,omitempty"`
	// Round are the groups within one round of a loop.
	Round [][]UndoStep `json:"round,omitempty"`
	// Unless are pivots that keep the step if they have been passed by then.
	Unless []string `json:"unless,omitempty"`
}

// The ways in which there is something to undo.
const (
	IfRan     = "ran"
	IfMayRan  = "may have run"
	IfUnknown = "unknown"
	IfPartly  = "partly"
)

// Left is a step whose effect stays.
type Left struct {
	Step string `json:"step"`
	Why  string `json:"why"` // no compensate, irreversible, kept by the pivot NAME, unknown child
	If   string `json:"if"`  // as UndoStep.If
}

// failures writes down what becomes of each failure.
func (m *maker) failures() {
	budget := MaxRollbackSteps
	for i := range m.w.Steps {
		s := int32(i)
		if m.reach.is[s] == never || (m.in.FailAt != "" && m.in.FailAt != m.id(s)) {
			continue
		}
		if budget -= len(m.w.Steps); budget < 0 {
			m.plan.MoreFailures++
			continue
		}
		m.plan.Failures = append(m.plan.Failures, Failure{Step: m.id(s), Then: m.onFailure(s), Rollback: m.rollback(s)})
	}
}

// rollback is what a failure of a step would have undone.
func (m *maker) rollback(failed int32) Rollback {
	at := m.outermost(failed)
	p := m.past(at)
	out := Rollback{Groups: [][]UndoStep{}}
	to := m.checkpoint(failed, p, &out)
	keeps := m.keeps(p)
	within := make([]bool, len(m.w.Steps))
	for i := range within {
		within[i] = m.w.Def.Steps[i].Scope == 0 && (to == nil || to[i])
	}
	undone := map[int32]UndoStep{}
	for i, in := range within {
		s := int32(i)
		if !in || p[s] == "" {
			continue
		}
		out.Left = append(out.Left, m.left(s, keeps, p[s])...)
		if m.undoable(s) && keeps.by[s] == "" {
			undone[s] = m.undoStep(s, p[s], keeps.unless[s])
		}
	}
	for _, group := range saga.Groups(m.w.Graph, within, func(s int32) bool { _, is := undone[s]; return is }) {
		var steps []UndoStep
		for _, s := range group {
			steps = append(steps, undone[s])
		}
		out.Groups = append(out.Groups, steps)
	}
	return out
}

// outermost is the step of the workflow itself that a step stands in.
func (m *maker) outermost(s int32) int32 {
	for m.w.Def.Steps[s].Scope != 0 {
		s = int32(m.w.Def.Scopes[m.w.Def.Steps[s].Scope].Loop)
	}
	return s
}

// past says of each step of the workflow what it has done by the time a step has failed and what that leads to has ended;
// "" nothing.
func (m *maker) past(failed int32) []string {
	p := make([]string, len(m.w.Steps))
	a := m.aftermath(failed)
	for _, s := range m.w.Graph.Topo {
		switch {
		case m.w.Def.Steps[s].Scope != 0 || m.reach.is[s] == never || s == failed:
		case m.certain.succeeded(s, failed):
			p[s] = IfRan
		case !a.behind[s], a.runs(s): // a side branch, an ancestor that need not have run, or a step that runs all the same
			p[s] = IfMayRan
		}
	}
	p[failed] = IfUnknown
	if m.nests(failed) {
		p[failed] = IfPartly
	}
	return p
}

// aftermath is how the steps behind a failed one may end. When the failure stops the run, only those run that did not wait
// for it (early), and handlers.
type aftermath struct {
	m           *maker
	failed      int32
	behind      []bool
	stops       bool
	ends, early []outcomes
}

func (m *maker) aftermath(failed int32) *aftermath {
	a := &aftermath{
		m: m, failed: failed, behind: saga.Behind(m.w.Graph, failed), stops: true,
		ends: slices.Clone(m.reach.ends), early: slices.Clone(m.reach.ends),
	}
	if then := m.onFailure(failed); then == "continue" || then == "tolerate" {
		a.stops = false
	}
	a.ends[failed], a.early[failed] = fails, fails
	return a
}

// runs says whether a step behind the failed one may run. It is asked in the order of the graph.
func (a *aftermath) runs(s int32) bool {
	def := &a.m.w.Def.Steps[s]
	handler := def.Join.Mode == dag.AllDone || def.Join.Mode == dag.AnyFailed
	from := a.ends
	if a.stops && !handler {
		from = a.early
	}
	var t tally
	late, all := 0, a.m.w.Graph.DependsOn(int(s))
	for _, d := range all {
		t.count(from[d])
		if (a.behind[d] || d == a.failed) && a.early[d].must(fails) {
			late++
		}
	}
	is, without := joined(def.Join, t)
	if is == never {
		a.ends[s], a.early[s] = without, without
		return false
	}
	a.ends[s] = without | a.m.reach.ends[s] | succeeds
	a.early[s] = a.ends[s]
	if (def.Join.Mode == dag.AllDone && late > 0) || (def.Join.Mode == dag.AnyFailed && late == len(all)) {
		a.early[s] = fails // it waited for the failure: nothing that is no handler follows it
	}
	return true
}

// checkpoint is what lies behind the checkpoint to which a failure rolls back; nil when everything is undone.
func (m *maker) checkpoint(failed int32, p []string, out *Rollback) []bool {
	to := m.w.Def.RollbackTo
	if to == nil || m.w.Def.Steps[failed].OnFailure != dag.FailureUnsaid || m.w.Def.Steps[failed].Scope != 0 {
		return nil
	}
	step, known := m.w.Checkpoint[to.Checkpoint]
	if !known {
		return nil
	}
	out.Checkpoint = to.Checkpoint
	switch p[step] {
	case IfRan:
		out.Reached = Always
		return saga.Behind(m.w.Graph, int32(step))
	case IfMayRan:
		out.Reached = Conditional
	default:
		out.Reached = Never
	}
	return nil
}

// kept is what passed pivots keep.
type kept struct {
	by     map[int32]string   // steps kept for certain, with the pivot
	unless map[int32][]string // steps kept if these pivots have been passed
}

func (m *maker) keeps(p []string) kept {
	k := kept{by: map[int32]string{}, unless: map[int32][]string{}}
	for i := range m.w.Def.Steps {
		pivot := int32(i)
		if !m.w.Def.Steps[i].Pivot || (p[i] != IfRan && p[i] != IfMayRan) {
			continue
		}
		for s, is := range saga.Kept(m.w.Graph, []int32{pivot}) {
			switch {
			case !is:
			case p[i] == IfRan, int32(s) == pivot:
				k.by[int32(s)] = m.id(pivot)
			default:
				k.unless[int32(s)] = append(k.unless[int32(s)], m.id(pivot))
			}
		}
	}
	return k
}

// left are the effects that stay of a step that may have run, or of the steps inside it.
func (m *maker) left(s int32, k kept, when string) []Left {
	by := k.by[m.outermost(s)]
	why := ""
	switch effect := m.w.Steps[s].Effect; {
	case by != "" && (m.undoable(s) || writes(effect)):
		why = "kept by the pivot " + by
	case m.undoable(s) || !writes(effect):
	case effect == dag.EffectIrreversible:
		why = "irreversible"
	default:
		why = "no compensate"
	}
	var out []Left
	if why != "" {
		out = append(out, Left{Step: m.id(s), Why: why, If: when})
	}
	if inner := m.w.Def.Steps[s].Inner; inner > 0 && by == "" {
		scope := m.w.Def.Scopes[inner]
		for i := scope.First; i < scope.First+scope.Count; i++ {
			out = append(out, m.left(int32(i), k, IfMayRan)...)
		}
	}
	return out
}

func writes(e dag.Effect) bool { return e == dag.EffectWrite || e == dag.EffectIrreversible }

// undoable says whether something may undo a step: its compensation, or those of what it holds.
func (m *maker) undoable(s int32) bool { return m.w.Steps[s].Undo != nil || m.nestsUndo(s) }

// nests says whether a step that failed may have done something nevertheless: it holds other work.
func (m *maker) nests(s int32) bool {
	return m.w.Steps[s].ForEach != nil || m.w.Def.Steps[s].Inner > 0 || m.isChild(s)
}

func (m *maker) isChild(s int32) bool {
	_, is := m.w.Steps[s].Spec.(steps.Subworkflow)
	return is
}

// nestsUndo says whether what a step holds may be undone. A child that is not known may.
func (m *maker) nestsUndo(s int32) bool {
	if spec, is := m.w.Steps[s].Spec.(steps.Subworkflow); is {
		if m.in.Child == nil {
			return true
		}
		c := spec.Child()
		w := m.in.Child(c.Workflow, c.Version)
		return w == nil || undoesAny(w)
	}
	inner := m.w.Def.Steps[s].Inner
	if inner == 0 {
		return false
	}
	scope := m.w.Def.Scopes[inner]
	for i := scope.First; i < scope.First+scope.Count; i++ {
		if m.undoable(int32(i)) {
			return true
		}
	}
	return false
}

// undoesAny says whether a child may have something to undo: a compensation, or children of its own.
func undoesAny(w *steps.Workflow) bool {
	return slices.ContainsFunc(w.Steps, func(s steps.Step) bool {
		_, child := s.Spec.(steps.Subworkflow)
		return s.Undo != nil || child
	})
}

// undoStep writes down how one step is undone.
func (m *maker) undoStep(s int32, when string, unless []string) UndoStep {
	out := UndoStep{Step: m.id(s), If: when, Unless: unless}
	if m.w.Steps[s].Undo != nil {
		out.WhenUnknown = whenUnknown(m.w.Steps[s].HoldUnknown)
	}
	switch fan := m.plan.Steps[s].ForEach; {
	case fan != nil:
		out.Each, out.Items, out.ItemsDependOn = "iteration", fan.Items, fan.DependsOn
	case m.w.Def.Steps[s].Inner > 0:
		out.Each, out.Round = "round", m.round(s)
	case m.isChild(s):
		out.Each = "child"
	}
	return out
}

// round are the groups within one round of a loop.
func (m *maker) round(loop int32) [][]UndoStep {
	scope := m.w.Def.Scopes[m.w.Def.Steps[loop].Inner]
	within := make([]bool, len(m.w.Steps))
	for i := scope.First; i < scope.First+scope.Count; i++ {
		within[i] = true
	}
	var out [][]UndoStep
	for _, group := range saga.Groups(m.w.Graph, within, m.undoable) {
		var list []UndoStep
		for _, s := range group {
			list = append(list, m.undoStep(s, IfMayRan, nil))
		}
		out = append(out, list)
	}
	return out
}

// String writes a rollback for a terminal, a line for each group.
func (r Rollback) String() string {
	var out strings.Builder
	for i, group := range r.Groups {
		fmt.Fprintf(&out, "%d. %s\n", i+1, strings.Join(undoTexts(group), ", "))
	}
	if len(r.Groups) == 0 {
		out.WriteString("nothing to undo\n")
	}
	for _, l := range r.Left {
		fmt.Fprintf(&out, "stays: %s (%s)\n", l.Step, l.Why)
	}
	return out.String()
}

func undoTexts(group []UndoStep) []string {
	var out []string
	for _, u := range group {
		out = append(out, u.String())
	}
	return out
}

// String is the step with what its undo depends on.
func (u UndoStep) String() string {
	var notes []string
	switch u.If {
	case IfMayRan:
		notes = append(notes, "if it has run")
	case IfUnknown:
		notes = append(notes, "if its outcome is unknown: "+u.WhenUnknown)
	case IfPartly:
		notes = append(notes, "what it has done")
	case IfUnderWay:
		notes = append(notes, "under way: unless its worker answers that it had no effect")
	}
	switch {
	case u.Each == "iteration" && u.Items != nil:
		notes = append(notes, fmt.Sprintf("each of up to %d", *u.Items))
	case u.Each == "round" && u.Items != nil:
		notes = append(notes, fmt.Sprintf("%d steps of its rounds, the last round first", *u.Items))
	case u.Each == "iteration":
		notes = append(notes, "each of "+strings.Join(u.ItemsDependOn, ", "))
	case u.Each == "round":
		notes = append(notes, "each round, the last first")
	case u.Each == "child":
		notes = append(notes, "what its workflow has done")
	}
	if len(u.Unless) > 0 {
		notes = append(notes, "unless "+strings.Join(u.Unless, " or ")+" has been passed")
	}
	if len(notes) == 0 {
		return u.Step
	}
	return u.Step + " (" + strings.Join(notes, "; ") + ")"
}
