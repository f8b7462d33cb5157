package plan

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/saga"
)

// IfUnderWay is what an UndoStep of a live run says of work that a worker has: it is undone unless the worker answers that
// it had no effect.
const IfUnderWay = "under way"

// IfCancelled is what would be undone if a run were cancelled with a rollback now, or rolled back when it has ended. It
// looks at what the run has done, and changes nothing. Steps are the workflow's own: of a fan-out and of a loop Items says how
// many iterations, or steps of rounds, there are to undo.
func IfCancelled(run *engine.Run) Rollback {
	l := &live{run: run, kept: map[int32]bool{}}
	for _, s := range run.KeptNow() {
		l.kept[s] = true
	}
	out := Rollback{Groups: [][]UndoStep{}}
	undone := map[int32]UndoStep{}
	within := make([]bool, len(run.Plan.Steps))
	unless := l.unless()
	for s := range run.Root() {
		within[s] = true
		if u, is := l.step(s); is {
			u.Unless = unless[s]
			undone[s] = u
		}
		if why := l.stays(s); why != "" {
			out.Left = append(out.Left, Left{Step: run.Name(s), Why: why, If: IfRan})
		}
	}
	for _, group := range saga.Groups(run.Plan.Graph, within, func(s int32) bool { _, is := undone[s]; return is }) {
		var steps []UndoStep
		for _, s := range group {
			steps = append(steps, undone[s])
		}
		out.Groups = append(out.Groups, steps)
	}
	return out
}

// live looks at one run.
type live struct {
	run  *engine.Run
	kept map[int32]bool
}

// step is how a step of the workflow would be undone; false when there is nothing to undo.
func (l *live) step(s int32) (UndoStep, bool) {
	spec := &l.run.Plan.Steps[s]
	out := UndoStep{Step: l.run.Name(s)}
	if spec.Undo != nil {
		out.WhenUnknown = whenUnknown(spec.HoldUnknown)
	}
	if l.kept[s] {
		return out, false
	}
	if !l.run.FansOut(s) && !l.run.Loops(s) {
		if l.run.Nests(s) {
			out.Each = "child"
		}
		out.If = l.node(s)
		return out, out.If != ""
	}
	out.Each = "iteration"
	if l.run.Loops(s) {
		out.Each = "round"
	}
	n := 0
	out.If = IfRan
	l.each(s, func(node int32) {
		switch l.node(node) {
		case IfRan, IfUnknown:
			n++
		case IfUnderWay:
			n, out.If = n+1, IfPartly
		}
	})
	if out.Items = &n; n > 0 {
		return out, true
	}
	out.If = l.toCome(s)
	return out, out.If != ""
}

func whenUnknown(hold bool) string {
	if hold {
		return "hold"
	}
	return "run"
}

// each visits what is below a fan-out or a loop: nodes that are neither themselves.
func (l *live) each(s int32, visit func(int32)) {
	for _, node := range l.run.Parts(s) {
		if l.run.FansOut(node) || l.run.Loops(node) {
			l.each(node, visit)
		} else {
			visit(node)
		}
	}
}

// node says what there is to undo of a node; "" nothing.
func (l *live) node(i int32) string {
	step := &l.run.Steps[i]
	switch fate := l.run.IfUndone(i); {
	case fate == saga.Hold.String(), fate == saga.Run.String() && l.run.Unknown(i) && step.State != engine.StepSucceeded && !l.run.HadEffect(i):
		return IfUnknown
	case fate == saga.Run.String() && l.run.Nests(i) && !step.State.Final():
		return IfPartly
	case fate == saga.Run.String():
		return IfRan
	case l.run.Plan.Steps[step.Def].Undo == nil:
		return ""
	case l.toCome(i) != "":
		return IfMayRan
	case step.State == engine.StepRunning:
		return IfUnderWay
	}
	return ""
}

// toCome says of a step that has not ended whether it is left to run when the run is stopped, and would be undone then.
func (l *live) toCome(i int32) string {
	if l.continues(i) && l.undoes(l.run.Steps[i].Def) {
		return IfMayRan
	}
	return ""
}

// continues says whether a step that has not ended is left to run when the run is stopped: handlers are.
func (l *live) continues(i int32) bool {
	step := &l.run.Steps[i]
	mode := l.run.JoinMode(i)
	handler := (mode == dag.AllDone || mode == dag.AnyFailed) && len(l.run.Plan.Def.Steps[step.Def].DependsOn) > 0
	return handler && !step.State.Final() && !l.run.State.Final()
}

// unless are by step the pivots that may still be passed, and then keep it.
func (l *live) unless() map[int32][]string {
	out := map[int32][]string{}
	for _, p := range l.run.Plan.Pivots {
		if !l.continues(p) && l.run.Steps[p].State != engine.StepRunning {
			continue
		}
		for s, is := range saga.Kept(l.run.Plan.Graph, []int32{p}) {
			if is {
				out[int32(s)] = append(out[int32(s)], l.run.Name(p))
			}
		}
	}
	return out
}

// undoes says whether a step, or one inside it, declares a compensation.
func (l *live) undoes(def int32) bool {
	w := l.run.Plan
	if w.Steps[def].Undo != nil {
		return true
	}
	inner := w.Def.Steps[def].Inner
	if inner == 0 {
		return false
	}
	scope := w.Def.Scopes[inner]
	for i := scope.First; i < scope.First+scope.Count; i++ {
		if l.undoes(int32(i)) {
			return true
		}
	}
	return false
}

// stays says why an effect that a step has had, or may have had, is left in place; "" when it is not, or there is none.
func (l *live) stays(s int32) string {
	step := &l.run.Steps[s]
	spec := &l.run.Plan.Steps[s]
	had := step.State == engine.StepSucceeded || l.run.HadEffect(s) || l.run.Unknown(s)
	switch {
	case !had || l.run.Reused(s):
	case l.kept[s] && (l.undoes(s) || writes(spec.Effect)):
		return "kept by a pivot"
	case l.undoes(s) || !writes(spec.Effect):
	case spec.Effect == dag.EffectIrreversible:
		return "irreversible"
	default:
		return "no compensate"
	}
	return ""
}
