package engine

import (
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/dag"
)

// This file is what the diary finds wrong with facts of the forward part.

func (d *diary) check(in Input, f Fact) string {
	switch f := f.(type) {
	case *RunEnded:
		return d.checkEnd(f)
	case *SetBack:
		return d.checkSetBack(in)
	case *UndoingBegun:
		return d.checkBegin()
	case *UndoingEnded:
		return d.checkUndone()
	case *LateResult:
		return ""
	}
	i, about := stepOf(f)
	if !about {
		return ""
	}
	if i < 0 || int(i) >= len(d.nodes) {
		return "no such node"
	}
	e := d.nodes[i]
	if e.gone {
		return "a node that a set-back replaced changes"
	}
	if _, undo := f.(*UndoBegun); undo {
		return d.checkUndoBegun(i)
	}
	if e.target >= 0 {
		return d.checkUndo(i, in, f)
	}
	if end, is := f.(*StepEnded); is && e.cut && end.State == StepCancelled {
		return "" // it had its turn, and had not begun
	}
	if classOf(e.state) != isOpen {
		return "a step that has ended changes"
	}
	if d.ended {
		return "something forward happens in a run that has ended"
	}
	return d.checkForward(i, f)
}

func (d *diary) checkForward(i int32, f Fact) string {
	e := d.nodes[i]
	if skip, is := f.(*StepSkippedFact); is {
		return d.checkSkip(i, e.state, skip)
	}
	if e.state == "" && d.says(i) != "run" {
		return "a step starts before its join lets it, which says " + d.says(i)
	}
	if e.state == "" && e.item >= 0 && starts(f) {
		if wrong := d.checkWindow(e.parent); wrong != "" {
			return wrong
		}
	}
	if _, round := f.(*RoundBegun); starts(f) && d.grip(i) > 0 && (!round || e.state == "" || d.grip(i) != 1) { // a loop that has begun goes on
		return "something starts in a run that is stopping"
	}
	switch f := f.(type) {
	case *JobAsked:
		return d.checkAttempt(i, f.Attempt)
	case *ChildAsked:
		return d.checkAttempt(i, f.Attempt)
	case *StepSucceededFact:
		return d.checkParts(i)
	case *RoundBegun:
		if e.state != "" && !d.allEnded(i) {
			return "a round begins before the one before has ended"
		}
	}
	return ""
}

// starts tells whether a fact begins something forward, or tries it again.
func starts(f Fact) bool {
	switch f.(type) {
	case *JobAsked, *ChildAsked, *ApprovalAsked, *DelaySet, *SignalAwaited, *FannedOut, *RoundBegun, *Reopened, *RetrySet:
		return true
	}
	return false
}

func (d *diary) checkAttempt(i, attempt int32) string {
	if attempt != d.nodes[i].tries+1 {
		return "an attempt is not counted"
	}
	most := int32(1)
	if s := d.jobOf(i); s.Retry != nil {
		most = int32(s.Retry.MaxAttempts)
	} else if d.nodes[i].target >= 0 {
		most = 5
	} else if idempotent(s) {
		most = LostAllowance
	}
	if attempt-d.nodes[i].base > most {
		return fmt.Sprintf("more attempts than the allowance of %d", most)
	}
	return ""
}

// jobOf is the job that a node is: its step's, or the compensation's.
func (d *diary) jobOf(i int32) *dag.Step {
	s := d.step(i)
	if d.nodes[i].target >= 0 && s.Compensate != nil {
		return s.Compensate.Do
	}
	return s
}

// checkWindow: an iteration begins inside its fan-out, beside no more others than may run together.
func (d *diary) checkWindow(parent int32) string {
	p := d.nodes[parent]
	live := 0
	for k := p.first; k < p.first+p.count; k++ {
		if s := d.nodes[k].state; s != "" && classOf(s) == isOpen {
			live++
		}
	}
	switch limit := d.step(parent).MaxParallel; {
	case p.state != "inside":
		return "an iteration begins outside its fan-out"
	case limit > 0 && live >= limit:
		return "more iterations are under way than may run together"
	}
	return ""
}

func (d *diary) allEnded(i int32) bool {
	e := d.nodes[i]
	for k := e.first; k < e.first+e.count; k++ {
		if classOf(d.nodes[k].state) == isOpen {
			return false
		}
	}
	return true
}

// checkParts: a fan-out or a loop succeeds when all in it has ended, and not too much of it is bad.
func (d *diary) checkParts(i int32) string {
	if !d.fansOut(i) && !d.loops(i) {
		return ""
	}
	if !d.allEnded(i) {
		return "it succeeds before all in it has ended"
	}
	e, s := d.nodes[i], d.step(i)
	bad := 0
	for k := e.first; k < e.first+e.count; k++ {
		if classOf(d.nodes[k].state) != isBad {
			continue
		}
		if d.fansOut(i) || !d.excused(k) {
			bad++
		}
	}
	if allowed := s.Tolerate.Allows(int(e.count)); d.fansOut(i) && bad > allowed || d.loops(i) && bad > 0 {
		return fmt.Sprintf("it succeeds although %d in it are bad", bad)
	}
	return ""
}

// excused tells whether a bad node of a round does not fail its loop: it is tolerated, or only behind another.
func (d *diary) excused(k int32) bool {
	return d.step(k).OnFailure == dag.Continue || d.nodes[k].state == "skipped:upstream_failed"
}

// gathered is the output of a fan-out: what its iterations gave, in the order of the items.
func (d *diary) gathered(i int32) string {
	e := d.nodes[i]
	list := make([]json.RawMessage, e.count)
	for k := range list {
		it := d.nodes[e.first+int32(k)]
		if list[k] = json.RawMessage("null"); it.state == "succeeded" && it.output != "" {
			list[k] = json.RawMessage(it.output)
		}
	}
	out, _ := json.Marshal(list)
	return string(out)
}

func (d *diary) checkSkip(i int32, was string, f *StepSkippedFact) string {
	switch {
	case f.Reason == WaitTimeout:
		if was != "waiting" || d.step(i).Type != "wait" {
			return "a step that does not wait is skipped for its timeout"
		}
	case was != "":
		return "a step that had begun is skipped"
	case f.Reason == Halted:
		if d.grip(i) == 0 {
			return "a step is halted that nothing halts"
		}
	case f.Reason == WhenFalse:
		if d.says(i) != "run" {
			return "a condition is evaluated before its join lets it"
		}
	case d.says(i) != f.Reason.String():
		return "a join skips for another reason than the table says, " + d.says(i)
	}
	return ""
}

// checkEnd: a run ends when all of its forward part has, unless it came back to a checkpoint only to fail.
func (d *diary) checkEnd(f *RunEnded) string {
	if d.ended {
		return "a run ends twice"
	}
	if d.stays {
		return ""
	}
	for i, e := range d.nodes {
		if e.target < 0 && !e.gone && classOf(e.state) == isOpen && (e.parent >= 0 || f.State != RunCancelled || d.stop != StopNone) {
			return fmt.Sprintf("a run ends while node %d is %q", i, e.state)
		}
	}
	return ""
}

// checkSetBack: only what says so sets a run back.
func (d *diary) checkSetBack(in Input) string {
	if _, retry := in.(Retry); !retry && !d.back {
		return "a run is set back that nobody sent back"
	}
	if d.under {
		return "a run is set back while it undoes"
	}
	return ""
}
