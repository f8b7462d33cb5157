package engine

import (
	"errors"
	"slices"

	"cordum.dev/cordum/steps"
)

// This file is what those who show a run, or carry out what it asks for, see of its nodes beyond their fields.

// Root is how many nodes are the workflow's own steps: those with lower numbers are, in the order of the plan.
func (r *Run) Root() int32 { return int32(r.Plan.Def.Scopes[0].Count) }

// Item is the item that a node is for, its number in the list, and whether there is one: that of its fan-out, or of the nearest
// around it. Nobody changes it.
func (r *Run) Item(i int32) (value any, index int, ok bool) { return r.item(i) }

// Floor is how many attempts of a node belong to rounds whose effects a set-back dealt with: what it does now is another
// effect than what those did.
func (r *Run) Floor(i int32) int32 { return r.Steps[i].floor }

// UnknownAttempt tells whether nobody knows if one attempt of a node had its effect.
func (r *Run) UnknownAttempt(i, attempt int32) bool {
	return slices.Contains(r.Steps[i].unknown, attempt)
}

// HadEffect tells whether a node that did not succeed had its effect all the same.
func (r *Run) HadEffect(i int32) bool { return r.Steps[i].effect && r.Steps[i].State != StepSucceeded }

// Reused tells whether another run did the work of a node.
func (r *Run) Reused(i int32) bool { return r.Steps[i].reused }

// Iterations are the nodes below a fan-out: count of them, from first on. There are none before its list is known.
func (r *Run) Iterations(i int32) (first, count int32) {
	if p := r.Steps[i].parts; p != nil && r.fansOut(i) {
		return p.first, p.count
	}
	return 0, 0
}

// Held is how many compensations wait for a person.
func (r *Run) Held() int { return int(r.undos[StepHeld]) }

// Child is a run of another workflow that an attempt of a node asked for.
type Child struct {
	Step     int32 // the node; of one that is to undo what it did, the compensation
	Attempt  int32
	Run      string
	Of       steps.Child
	Stopping bool // it was asked to cancel itself
	Overdue  bool // because of the step's timeout
}

// OpenChild is the sub-workflow under way that a node's newest attempt asked for; false when there is none.
func (r *Run) OpenChild(i int32) (Child, bool) {
	if i < 0 || int(i) >= len(r.Steps) {
		return Child{}, false
	}
	s := &r.Steps[i]
	if !r.openChild(i, s.Attempt) {
		return Child{}, false
	}
	return Child{
		Step: i, Attempt: s.Attempt, Run: r.ChildRun(i, s.Attempt), Of: r.Plan.Steps[s.Def].Spec.(steps.Subworkflow).Child(),
		Stopping: s.stopping, Overdue: s.overdue,
	}, true
}

// UndoingChild is the sub-workflow that a compensation waits for to undo what it did; false when it waits for none.
func (r *Run) UndoingChild(i int32) (Child, bool) {
	if i < 0 || int(i) >= len(r.Steps) || !r.IsUndo(i) || !r.nests(r.Steps[i].Target) {
		return Child{}, false
	}
	s := &r.Steps[i]
	if s.State != StepInside && s.State != StepHeld {
		return Child{}, false
	}
	attempt := r.Steps[s.Target].Attempt - s.done
	return Child{Step: i, Attempt: attempt, Run: r.ChildRun(s.Target, attempt)}, true
}

// MaySendBack says why an approval that waits cannot be sent back to a step; nil when it can. The error is a *Refusal.
func (r *Run) MaySendBack(i int32, to string) error {
	if r.State != RunRunning || !r.waitsFor(i, "approval") && !r.Quarantined(i) {
		return &Refusal{"not_waiting", "the approval does not wait any more"}
	}
	asking := decision{run: r, err: errAsking} // which makes nothing true
	return asking.answer(Answer{Step: i, Result: ResultSentBack, To: to})
}

var errAsking = errors.New("engine: only asking")
