package plan

import (
	"fmt"
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// Warnings are what is legal and most likely not meant. They are made of a definition that compiles.
func Warnings(w *steps.Workflow) []dag.Diagnostic {
	a := adviser{w: w, certain: certain(w)}
	undoes := undoes(w)
	for i := range w.Steps {
		s := int32(i)
		a.reads(s)
		a.alternatives(s)
		if undoes {
			a.undo(s)
			a.guard(s)
		}
		a.undoInput(s)
		a.notInEffect(s)
	}
	a.output()
	return a.list
}

// undoes says whether a workflow undoes anything: it declares a compensation or rolls back.
func undoes(w *steps.Workflow) bool {
	if w.Def.OnFailure == dag.Rollback {
		return true
	}
	return slices.ContainsFunc(w.Def.Steps, func(s dag.Step) bool {
		return s.Compensate != nil || s.OnFailure == dag.Rollback || text(s.Own.Get("on_expiry")) == "rollback"
	})
}

type adviser struct {
	w       *steps.Workflow
	certain *certainty
	list    []dag.Diagnostic
}

func (a *adviser) warnf(rule string, at dag.Place, format string, args ...any) {
	a.list = append(a.list, warn(rule, at, fmt.Sprintf(format, args...)))
}

// notInEffect warns of what somebody might rely on in vain: a lock is held by a job, and not every step has one.
func (a *adviser) notInEffect(s int32) {
	step := &a.w.Steps[s]
	if step.Def.ResourceLock != nil && !asksForJob(step.Kind) {
		a.warnf(RuleNotInEffect, placeOf(step.Def, "resource_lock"),
			"a step of type %s asks for no job, and only jobs hold a resource_lock: put it on the steps that do the work", step.Kind)
	}
}

// undo warns of a step whose effect a rollback leaves in place without anybody having said so.
func (a *adviser) undo(s int32) {
	step := &a.w.Steps[s]
	if step.Effect != dag.EffectWrite || step.Def.Compensate != nil || !asksForJob(step.Kind) || a.pastPivot(s) {
		return
	}
	a.warnf(RuleMissingUndo, dag.Place{Pointer: step.Def.Pointer, Pos: step.Def.Pos},
		"step %q writes and has no compensate: a rollback leaves its effect in place; say how to undo it, or effect: irreversible, or what its effect is", step.Def.ID)
}

// asksForJob tells the kinds whose work a worker does. Sub-workflows and loops are undone by what they hold.
func asksForJob(kind string) bool { return kind == "worker" || kind == "http" || kind == "notify" }

// pastPivot says whether a pivot has been passed whenever the step runs, or the step is the pivot.
func (a *adviser) pastPivot(s int32) bool {
	for at := s; at >= 0; at = int32(a.w.Def.Scopes[a.w.Def.Steps[at].Scope].Loop) {
		if a.w.Def.Steps[at].Pivot {
			return true
		}
	}
	for other := range a.w.Def.Steps {
		if a.w.Def.Steps[other].Pivot && a.certain.succeeded(int32(other), s) {
			return true
		}
	}
	return false
}

// guard warns of an irreversible step that runs before anything said that the run may go so far.
func (a *adviser) guard(s int32) {
	step := &a.w.Steps[s]
	if step.Effect != dag.EffectIrreversible || a.pastPivot(s) {
		return
	}
	for other := range a.w.Steps {
		if a.w.Steps[other].Kind == "approval" && a.certain.succeeded(int32(other), s) {
			return
		}
	}
	a.warnf(RuleUnguarded, placeOf(step.Def, "effect"),
		"step %q cannot be undone and stands neither behind an approval nor behind the pivot", step.Def.ID)
}

// alternatives warns of steps of which one may fail for its dependent's sake, but not for the run's.
func (a *adviser) alternatives(s int32) {
	def := &a.w.Def.Steps[s]
	deps := def.DependsOn
	switch {
	case len(deps) < 2, def.Join.Mode != dag.AnySuccess && def.Join.Mode != dag.AtLeast, def.Join.Mode == dag.AtLeast && def.Join.K == len(deps):
		return
	}
	for _, d := range deps {
		if on := &a.w.Def.Steps[d]; on.OnFailure != dag.Continue {
			a.warnf(RuleAlternative, dag.Place{Pointer: on.Pointer, Pos: on.Pos},
				"step %q is an alternative for %q, yet the run stops when it fails; say on_failure: continue", on.ID, def.ID)
		}
	}
}

// reads warns of outputs that a step reads and that may not be there.
func (a *adviser) reads(s int32) {
	def := &a.w.Def.Steps[s]
	tested := map[string]bool{}
	for _, r := range expr.ReadsOf(def.When, true) {
		tested[r.Step] = true
	}
	for _, f := range fieldsRead(def.Own, a.w.Steps[s].Kind) {
		for _, r := range f.reads() {
			guarded := tested[r.Step] && f.name != "when" && f.name != "condition"
			if step, known := a.w.ByID[r.Step]; known && !guarded && a.uncertain(r, int32(step), s) {
				a.maybeSkipped(r, def.ID, a.missing(int32(step)), dag.Place{Pointer: def.Pointer + "/" + f.name, Pos: r.Pos})
			}
		}
	}
}

// uncertain says whether a read depends on the success of a step that need not have succeeded when the reader runs. A
// step beside the reader in a loop is certain or not as any other; the loop around the reader is not read.
func (a *adviser) uncertain(r expr.Read, step, reader int32) bool {
	return r.Absent != expr.AbsentHandled && step != reader && !a.certain.succeeded(step, reader)
}

// missing says why a step may have no output.
func (a *adviser) missing(step int32) string {
	if why := a.certain.skip[step]; why != "" {
		return "may have been skipped (" + why + ")"
	}
	return "need not have succeeded"
}

func (a *adviser) maybeSkipped(r expr.Read, reader, why string, at dag.Place) {
	then := "null goes on in its place"
	if r.Absent == expr.AbsentFails {
		then = "reading a field of it fails"
	}
	a.warnf(RuleMaybeSkipped, at, "%s reads %s, but step %q %s when that is evaluated, and then %s; give a default with ?. and ??", reader, clip(r.String()), r.Step, why, then)
}

func clip(s string) string { return yamlx.Clip(s) }

// undoInput warns of a compensation that may not be able to render its input when its turn comes.
func (a *adviser) undoInput(s int32) {
	def := &a.w.Def.Steps[s]
	if def.Compensate == nil {
		return
	}
	for _, f := range fieldsRead(def.Compensate.Do.Own, def.Compensate.Do.Type) {
		for _, r := range f.reads() {
			at := dag.Place{Pointer: def.Compensate.Do.Pointer + "/" + f.name, Pos: r.Pos}
			step, known := a.w.ByID[r.Step]
			switch {
			case !known:
			case int32(step) == s && r.Absent == expr.AbsentFails && !a.w.Steps[s].HoldUnknown:
				a.warnf(RuleUndoInput, at, "the compensation of %q reads %s, which is not there when the step's outcome is unknown: it would be held; read it with ?., or say when_unknown: hold", def.ID, clip(r.String()))
			case a.uncertain(r, int32(step), s):
				a.maybeSkipped(r, "the compensation of "+def.ID, a.missing(int32(step)), at)
			}
		}
	}
}

// output warns of what the workflow's output reads.
func (a *adviser) output() {
	for _, r := range expr.ReadsOf(a.w.Def.Output, false) {
		step, known := a.w.ByID[r.Step]
		if !known || r.Absent == expr.AbsentHandled {
			continue
		}
		if a.certain.skip[step] != "" || a.tolerated(step) {
			a.maybeSkipped(r, "the output", a.missing(int32(step)), dag.Place{Pointer: "/output", Pos: r.Pos})
		}
	}
}

// tolerated says whether a run may succeed without a step's success: it, or a step before it, may fail without harm.
func (a *adviser) tolerated(step int) bool {
	if a.w.Def.Steps[step].OnFailure == dag.Continue {
		return true
	}
	return slices.ContainsFunc(a.w.Graph.Ancestors(step), func(before int32) bool {
		return a.w.Def.Steps[before].OnFailure == dag.Continue && !a.certain.succeeded(before, int32(step))
	})
}
