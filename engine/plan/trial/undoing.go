package trial

import (
	"strings"

	"cordum.dev/cordum/engine"
)

// checkUndo checks a compensation that has its turn: nothing of the forward part is under way, what it undoes has, or may
// have, happened and was not undone before, and the compensations of everything behind it have ended.
func (w *witness) checkUndo(target int32) {
	if target < 0 || int(target) >= len(w.nodes) {
		w.m.w.broken("a compensation of no step begins")
		return
	}
	if w.nodes[target].undone {
		w.broken(target, "it is undone twice")
	}
	if s := &w.run.Steps[target]; s.State == engine.StepSkipped && s.Attempt == 0 {
		w.broken(target, "a step that never ran is undone")
	}
	top := w.topOf(target)
	for other, open := range w.undos {
		if open > 0 && w.behind(other, top) {
			w.broken(target, "its compensation begins before that of "+w.nodes[other].name+" has ended")
		}
	}
}

// countOpen counts the compensations under way, by the step of the workflow they belong to.
func (w *witness) countOpen(i int32, was, is engine.StepState) {
	top := w.topOf(w.run.Steps[i].Target)
	if !w.nodes[i].open && !is.Final() {
		w.nodes[i].open = true
		w.undos[top]++
	}
	if w.nodes[i].open && is.Final() && !was.Final() {
		w.nodes[i].open = false
		w.undos[top]--
	}
}

// topOf is the step of the workflow itself that a node belongs to.
func (w *witness) topOf(i int32) int32 {
	for w.run.Steps[i].Parent >= 0 {
		i = w.run.Steps[i].Parent
	}
	return i
}

// behind tells whether a step depends on another one, directly or not.
func (w *witness) behind(later, earlier int32) bool {
	known := map[int32]bool{}
	next := []int32{later}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, on := range w.run.Plan.Def.Steps[at].DependsOn {
			if int32(on) == earlier {
				return true
			}
			if !known[int32(on)] {
				known[int32(on)] = true
				next = append(next, int32(on))
			}
		}
	}
	return false
}

// undone counts a compensation that ended well, or was marked done. What a parent's rollback undoes in a sub-workflow counts
// once, for the parent's step, and only if there was something.
func (w *witness) undone(undo int32, byHand bool) {
	m, target := w.m, w.run.Steps[undo].Target
	if target < 0 {
		return
	}
	w.nodes[target].undone = true
	did, nests := m.undidFor(target)
	switch {
	case nests && did == 0 && !byHand:
	case m.parent == nil:
		m.w.story.undone[strings.TrimPrefix(m.name(undo), undoPrefix)]++
	case !nests:
		m.undid++
	}
}

// undidFor is how much a rollback of this run undid in the sub-workflows of a step, and whether the step has any.
func (m *member) undidFor(step int32) (did int, nests bool) {
	for _, child := range m.w.runs {
		if child.parent == m && child.from.Step == step {
			nests = true
			if child.undoFor >= 0 && !child.byItself {
				did += child.undidBelow() - child.before
			}
		}
	}
	return did, nests
}

// undidBelow counts the compensations that ended well in a run and in those that it started.
func (m *member) undidBelow() int {
	n := m.undid
	for _, child := range m.w.runs {
		if child.parent == m {
			n += child.undidBelow()
		}
	}
	return n
}
