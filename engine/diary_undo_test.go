package engine

import (
	"fmt"

	"cordum.dev/cordum/dag"
)

// This file is what the diary knows of compensation: what must be undone, once each, and after what.

// rollback is the compensation under way.
type rollback struct {
	under bool
	back  bool // it goes to a checkpoint, or is sent back
	stays bool // and the run then fails where it came to
	scope map[int32]bool
	kept  map[int32]bool
}

// within are the workflow's own steps that a rollback goes through.
func (d *diary) within(t Target) map[int32]bool {
	within := map[int32]bool{}
	from := none
	for i := range int32(d.def.Scopes[0].Count) {
		s := &d.def.Steps[i]
		switch {
		case t.To == "":
			within[i] = true
		case t.Included && s.ID == t.To:
			from, within[i] = i, true
		case !t.Included && s.Checkpoint == t.To:
			from = i
		}
	}
	for i := range within {
		within[i] = true
	}
	if from >= 0 {
		for i := range int32(d.def.Scopes[0].Count) {
			if d.follows(i, from) {
				within[i] = true
			}
		}
	}
	return within
}

// follows tells whether one step depends on another, of the same scope, over any number of others.
func (d *diary) follows(step, on int32) bool {
	for _, k := range d.def.Steps[step].DependsOn {
		if int32(k) == on || d.follows(int32(k), on) {
			return true
		}
	}
	return false
}

// keeps are the steps that passed pivots keep.
func (d *diary) keeps() map[int32]bool {
	kept := map[int32]bool{}
	for p := range int32(d.def.Scopes[0].Count) {
		if !d.def.Steps[p].Pivot || d.nodes[p].state != "succeeded" {
			continue
		}
		for i := range int32(d.def.Scopes[0].Count) {
			if i == p || d.follows(p, i) {
				kept[i] = true
			}
		}
	}
	return kept
}

func (d *diary) begin(t Target) {
	d.rollback = rollback{under: true, back: t.To != "", stays: t.To != "" && t.Then == dag.ThenFail, scope: d.within(t), kept: d.keeps()}
}

// fate is what must become of a node now: "", "run" or "hold".
func (d *diary) fate(i int32) string {
	e, s := d.nodes[i], d.step(i)
	switch top := d.top(i); {
	case e.gone || e.target >= 0 || e.reused || d.fansOut(i) || d.loops(i) || e.tries <= e.done:
		return ""
	case !d.scope[top] || d.kept[top]:
		return ""
	case d.nests(i):
		return "run"
	case s.Compensate == nil:
		return ""
	case e.state == "succeeded" || e.effect:
		return "run"
	case len(e.unknown) == 0:
		return ""
	}
	c := s.Compensate
	harmless := c.Do.Idempotent != nil && *c.Do.Idempotent
	if c.WhenUnknown == dag.UnknownHold || c.WhenUnknown == dag.UnknownUnsaid && !harmless {
		return "hold"
	}
	return "run"
}

// over tells whether a compensation in this state has ended: it succeeded, or was left as it is.
func over(state string) bool { return state == "succeeded" || state == "left" }

// undone tells whether a node's compensation has ended.
func (d *diary) undone(i int32) bool {
	u := d.nodes[i].undo
	return u >= 0 && over(d.nodes[u].state)
}

// behind tells whether a node ran behind another: over dependencies, in a later round, or below something that does.
func (d *diary) behind(i, before int32) bool {
	for b := before; b >= 0; b = d.nodes[b].parent {
		at := d.nodes[b]
		for k := i; k >= 0; k = d.nodes[k].parent {
			e := d.nodes[k]
			if e.parent != at.parent || e.item >= 0 || at.item >= 0 {
				continue
			}
			if e.round > at.round || e.round == at.round && d.follows(e.def, at.def) {
				return true
			}
		}
	}
	return false
}

func (d *diary) checkBegin() string {
	if d.under {
		return "a compensation begins within another"
	}
	for i, e := range d.nodes {
		if e.target < 0 && !e.gone && classOf(e.state) == isOpen && !d.ended {
			return fmt.Sprintf("a compensation begins while node %d is %q", i, e.state)
		}
	}
	return ""
}

func (d *diary) checkUndoBegun(i int32) string {
	if !d.under {
		return "something is undone outside a compensation"
	}
	if d.nodes[i].undo >= 0 {
		return "a node is undone twice"
	}
	for k, e := range d.nodes {
		k := int32(k)
		if e.target >= 0 || e.gone || !d.behind(k, i) {
			continue
		}
		if e.undo >= 0 && !d.undone(k) || e.undo < 0 && d.fate(k) != "" {
			return fmt.Sprintf("node %d, which ran behind it, is not undone yet", k)
		}
	}
	return ""
}

// noteUndo writes a fact about a compensation down.
func (d *diary) noteUndo(i int32, f Fact) {
	switch f := f.(type) {
	case *UndoBegun:
		e := d.nodes[i]
		e.undo = d.add(entry{def: e.def, parent: none, item: none, round: none, target: i})
		switch d.fate(i) {
		case "hold":
			d.nodes[e.undo].due = "held"
		case "":
			d.nodes[e.undo].due = "nothing"
		}
	case *UndoHeld:
		d.nodes[i].state, d.nodes[i].due = "held", ""
	case *UndoRearmed:
		d.nodes[i].state, d.nodes[i].base = "ready", d.nodes[i].tries
	case *UndoSettled:
		d.nodes[i].due = ""
		if d.nodes[i].state = "left"; f.How == SettledDone {
			d.nodes[i].state = "succeeded"
		}
	case *ChildUndoAsked:
		d.nodes[i].state = "inside"
	case *ChildUndoNoted:
		d.nodes[i].state = "ready"
	}
}

// checkUndo is what is wrong with a fact about a compensation.
func (d *diary) checkUndo(i int32, in Input, f Fact) string {
	e := d.nodes[i]
	if over(e.state) {
		return "a compensation that has ended changes"
	}
	if !d.under {
		return "a compensation goes on outside one"
	}
	settled, isSettled := f.(*UndoSettled)
	_, isHeld := f.(*UndoHeld)
	switch {
	case e.due == "held" && !isHeld:
		return "nobody knows whether there is something to undo, and it is not held"
	case e.due == "nothing" && (!isSettled || settled.How != SettledNothing):
		return "what had no effect is undone"
	case isSettled:
		return d.checkSettled(i, in, settled)
	case e.state == "held":
		switch f.(type) {
		case *UndoRearmed, *ChildUndoNoted:
		default:
			return "one that is held goes on by itself"
		}
	}
	if ask, is := f.(*JobAsked); is {
		return d.checkAttempt(i, ask.Attempt)
	}
	return ""
}

// checkSettled: only a person skips one, or says that it is done; and nothing is to be undone only where nothing was done.
func (d *diary) checkSettled(i int32, in Input, f *UndoSettled) string {
	word, byPerson := in.(Resolve)
	switch f.How {
	case SettledSkipped:
		if !byPerson || word.How != ResolveSkip {
			return "a compensation is skipped that no person skipped"
		}
	case SettledDone:
		if !byPerson || word.How != ResolveDone {
			return "a compensation is done that no person did"
		}
	case SettledNothing:
		if !d.nests(i) && d.fate(d.nodes[i].target) != "" {
			return "what was done is not undone"
		}
	}
	return ""
}

// checkUndone: when a compensation ends, everything that must be undone is, and nothing is held.
func (d *diary) checkUndone() string {
	if !d.under {
		return "a compensation ends that has not begun"
	}
	for i := range d.nodes {
		e := d.nodes[i]
		if e.target >= 0 || e.gone {
			continue
		}
		if e.undo >= 0 && !d.undone(int32(i)) {
			return fmt.Sprintf("a compensation ends while that of node %d is %q", i, d.nodes[e.undo].state)
		}
		if e.undo < 0 && d.fate(int32(i)) != "" {
			return fmt.Sprintf("node %d is not undone", i)
		}
	}
	return ""
}
