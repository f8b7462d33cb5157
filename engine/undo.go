package engine

import (
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/saga"
)

// Compensation is the join mirrored: a step's undo has its turn when those of all steps behind it have ended. What has nothing
// to undo passes at once. A fan-out is undone when its iterations are, a loop when its rounds are, the last one first.

// undoing is how far a node is in the compensation under way.
type undoing struct {
	phase undoPhase
	left  int32 // undos it waits for
}

type undoPhase uint8

const (
	undoNone    undoPhase = iota // not part of it
	undoWaiting                  // for those behind it
	undoTurn                     // in the run's list
	undoActive                   // its compensation, or that of its parts, is under way
	undoEnded
)

// CodeUnknown is why a compensation is held whose step may have had its effect or not.
const CodeUnknown = "outcome_unknown"

func (r *Run) applyUndoing(f *UndoingBegun) {
	r.Undoing, r.Target, r.undoneAtStart = true, f.Target, r.Undone
	r.Kept = r.keeps()
	within := r.within(f.Target)
	r.openUndos = 0
	var first []int32
	for i := range int32(r.Plan.Def.Scopes[0].Count) {
		s := &r.Steps[i]
		s.undo = undoing{}
		if within != nil && !within[i] {
			continue
		}
		r.openUndos++
		s.undo = undoing{phase: undoWaiting, left: saga.Waits(r.Plan.Graph, i, within)}
		if s.undo.left == 0 {
			first = append(first, i)
		}
	}
	for _, i := range first {
		r.undoTurn(i)
	}
}

// within are the steps that a rollback goes through; nil when all of them.
func (r *Run) within(t Target) []bool {
	switch {
	case t.To == "":
		return nil
	case t.Included:
		within := saga.Behind(r.Plan.Graph, int32(r.Plan.ByID[t.To]))
		within[r.Plan.ByID[t.To]] = true
		return within
	}
	return saga.Behind(r.Plan.Graph, int32(r.Plan.Checkpoint[t.To]))
}

// keeps are the steps that a passed pivot keeps, ascending.
func (r *Run) keeps() []int32 {
	var passed, kept []int32
	for _, p := range r.Plan.Pivots {
		if r.Steps[p].State == StepSucceeded {
			passed = append(passed, p)
		}
	}
	if passed == nil {
		return nil
	}
	for i, is := range saga.Kept(r.Plan.Graph, passed) {
		if is && i < r.Plan.Def.Scopes[0].Count {
			kept = append(kept, int32(i))
		}
	}
	return kept
}

// undoTurn is when everything behind a node is undone.
func (r *Run) undoTurn(i int32) {
	s := &r.Steps[i]
	switch {
	case s.parts != nil && !r.keptBy(i, r.Kept):
		s.undo.phase = undoActive
		r.undoParts(i)
	case r.fate(i, r.Kept) == saga.Pass:
		r.undoOver(i)
	default:
		s.undo.phase = undoTurn
		r.undoable = append(r.undoable, i)
	}
}

func (r *Run) undoParts(i int32) {
	p := r.Steps[i].parts
	if !r.fansOut(i) {
		p.undoRound = int32(len(p.rounds))
		r.undoRoundBefore(i)
		return
	}
	if p.open = p.count; p.count == 0 {
		r.undoOver(i)
	}
	for k := range p.count {
		r.undoTurn(p.first + k)
	}
}

// undoRoundBefore goes on with the round before the one that is undone.
func (r *Run) undoRoundBefore(i int32) {
	p := r.Steps[i].parts
	p.undoRound--
	if p.undoRound < 0 {
		r.undoOver(i)
		return
	}
	scope := r.Plan.Def.Scopes[r.Plan.Def.Steps[r.Steps[i].Def].Inner]
	p.open = int32(scope.Count)
	var first []int32
	for k := range int32(scope.Count) {
		at := p.rounds[p.undoRound] + k
		left := saga.Waits(r.Plan.Graph, r.Steps[at].Def, nil)
		r.Steps[at].undo = undoing{phase: undoWaiting, left: left}
		if left == 0 {
			first = append(first, at)
		}
	}
	for _, at := range first {
		r.undoTurn(at)
	}
}

// undoOver counts a node whose undo has ended for whoever waits for it.
func (r *Run) undoOver(i int32) {
	s := &r.Steps[i]
	s.undo.phase = undoEnded
	r.dependencies(i, func(d int32) {
		u := &r.Steps[d].undo
		if u.phase != undoWaiting {
			return
		}
		if u.left--; u.left == 0 {
			r.undoTurn(d)
		}
	})
	if s.Parent < 0 {
		r.openUndos--
		return
	}
	p := r.Steps[s.Parent].parts
	if p.open--; p.open > 0 {
		return
	}
	if s.Item >= 0 {
		r.undoOver(s.Parent)
	} else {
		r.undoRoundBefore(s.Parent)
	}
}

// fate is what becomes of a node at its undo turn.
func (r *Run) fate(i int32, kept []int32) saga.Fate {
	s := &r.Steps[i]
	if s.Undo >= 0 && r.final(s.Undo) {
		return saga.Pass // undone before, or left as it is by a person
	}
	spec := &r.Plan.Steps[s.Def]
	o := saga.Outcome{
		Executed:    s.Attempt > s.floor && !s.reused,
		HadEffect:   s.State == StepSucceeded || s.effect,
		Unknown:     len(s.unknown) > 0,
		Declares:    spec.Undo != nil,
		HoldUnknown: spec.HoldUnknown,
		Kept:        r.keptBy(i, kept),
	}
	if r.nests(i) {
		o.Declares, o.HadEffect = true, true // what it did and has not undone, only its own runs know
	}
	return saga.Judge(o)
}

func (r *Run) keptBy(i int32, kept []int32) bool {
	if len(kept) == 0 {
		return false
	}
	_, is := slices.BinarySearch(kept, r.top(i))
	return is
}

// somethingToUndo tells whether a rollback would do anything.
func (r *Run) somethingToUndo(t Target) bool {
	kept, within := r.keeps(), r.within(t)
	for i := range int32(r.Plan.Def.Scopes[0].Count) {
		if (within == nil || within[i]) && r.undoes(i, kept) {
			return true
		}
	}
	return false
}

func (r *Run) undoes(i int32, kept []int32) bool {
	p := r.Steps[i].parts
	switch {
	case p == nil:
		return r.fate(i, kept) != saga.Pass
	case r.keptBy(i, kept):
		return false
	case r.fansOut(i):
		return r.anyUndoes(p.first, p.count, kept)
	}
	for _, first := range p.rounds {
		if r.anyUndoes(first, p.count, kept) {
			return true
		}
	}
	return false
}

func (r *Run) anyUndoes(first, count int32, kept []int32) bool {
	for i := first; i < first+count; i++ {
		if r.undoes(i, kept) {
			return true
		}
	}
	return false
}

func (r *Run) applyUndoBegun(f *UndoBegun) {
	r.undoable = without(r.undoable, f.Target)
	t := &r.Steps[f.Target]
	t.undo.phase = undoActive
	def, frame := t.Def, t.frame
	at := r.grow(1, func(int32) Step {
		s := newNode(def, none)
		s.Target, s.frame, s.verdict = f.Target, frame, run
		return s
	})
	r.Steps[f.Target].Undo = at
	if r.fate(f.Target, r.Kept) == saga.Run {
		r.moveStep(at, StepReady)
	}
}

// undo gives a node's compensation its turn.
func (d *decision) undo(i int32) {
	fate := d.run.fate(i, d.run.Kept)
	d.fact(&UndoBegun{Target: i})
	if d.err != nil {
		return
	}
	at := d.run.Steps[i].Undo
	switch fate {
	case saga.Hold:
		d.fact(&UndoHeld{Step: at, Failure: Failure{
			Code:    CodeUnknown,
			Message: "nobody knows whether the step had its effect, and its compensation must not run for nothing: retry runs it, skip leaves it, done says that it was undone by hand",
		}})
	case saga.Pass: // a late answer said so
		d.fact(&UndoSettled{Step: at, How: SettledNothing})
	}
}

// undone follows the end of a compensation.
func (d *decision) undone() {
	r := d.run
	t := r.Target
	d.fact(&UndoingEnded{Undone: r.Undone - r.undoneAtStart, Kept: r.Kept})
	if t.To == "" {
		return
	}
	failure := r.Failure
	d.fact(&SetBack{Target: t, Paused: t.Then == dag.ThenPause || t.Then == dag.ThenUnsaid})
	if t.Then == dag.ThenFail {
		d.fact(&RunEnded{State: RunFailed, Failure: failure})
	}
}

// afterForward is what a run does when nothing of its forward part is left: it ends, and undoes what it did when it failed
// under rollback; or it comes back to a checkpoint.
func (d *decision) afterForward() {
	r := d.run
	if !r.Rollback {
		d.finish()
		return
	}
	if t := d.target(); t.To != "" {
		d.fact(&UndoingBegun{Target: t})
		return
	}
	d.finish()
	if r.somethingToUndo(Target{}) {
		d.fact(&UndoingBegun{})
	}
}

// target is how far the rollback of a run goes whose forward part has ended.
func (d *decision) target() Target {
	r := d.run
	if r.Target.Included || (r.Target.To != "" && r.reached(r.Target.To)) {
		return r.Target
	}
	own := r.Plan.Def.RollbackTo
	if own == nil || r.Target.Full || r.Stop >= StopTimeout || !r.reached(own.Checkpoint) {
		return Target{}
	}
	if own.Then == dag.ThenRetry && int(r.Comebacks) >= max(own.Max, 1) {
		return Target{}
	}
	t := Target{To: own.Checkpoint, Then: own.Then, Auto: true}
	if _, bars := r.barred(t); bars {
		return Target{}
	}
	return t
}

// reached tells whether a checkpoint's step has succeeded, and neither it nor what it stands on was undone since.
func (r *Run) reached(checkpoint string) bool {
	i, ok := r.Plan.Checkpoint[checkpoint]
	if !ok || r.Steps[i].State != StepSucceeded {
		return false
	}
	undone := func(at int32) bool {
		return r.Steps[at].Undo >= 0 || r.Steps[at].undo.phase == undoEnded && r.Steps[at].parts != nil
	}
	return !undone(int32(i)) && !slices.ContainsFunc(r.Plan.Graph.Ancestors(i), undone)
}

// barred names an executed step that forbids to run again what a target sets back: an irreversible one that no pivot keeps.
func (r *Run) barred(t Target) (string, bool) {
	within, kept := r.within(t), r.keeps()
	for i := range r.Plan.Def.Scopes[0].Count {
		s := &r.Steps[i]
		if !within[i] || s.Attempt == 0 && s.parts == nil || r.keptBy(int32(i), kept) {
			continue
		}
		if r.Plan.Steps[i].Effect == dag.EffectIrreversible && (s.State == StepSucceeded || s.effect || len(s.unknown) > 0) {
			return r.Name(int32(i)), true
		}
	}
	return "", false
}

// rollback takes a person's word to undo what the run did.
func (d *decision) rollback(in Rollback) error {
	r := d.run
	t := Target{To: in.To, Then: in.Then}
	if in.To != "" {
		if _, known := r.Plan.Checkpoint[in.To]; !known {
			return &Refusal{"unknown_checkpoint", "the workflow has no checkpoint of this name"}
		}
		if t.Then == dag.ThenUnsaid {
			t.Then = dag.ThenPause
		}
		if !r.reached(in.To) {
			t = Target{} // not reached yet: everything is undone
		} else if step, bars := r.barred(t); bars {
			return &Refusal{"irreversible", "the step " + step + " is irreversible and would run again"}
		}
	}
	switch {
	case r.State == RunPending:
		return d.cancel(Cancel{Stamp: in.Stamp})
	case r.State == RunFaulted:
		return &Refusal{"faulted", "the engine could not go on with this run: resume tries again, cancel with force ends it"}
	case r.Undoing && (r.State.Final() || in.To != "" || r.Target.To == ""):
		return nil // under way
	case r.State == RunRunning:
		d.fact(&StopBegun{Stop: StopCancel, Step: none, Rollback: true, Target: t})
	case t.To != "" || r.somethingToUndo(t):
		d.fact(&UndoingBegun{Target: t})
	}
	return nil
}

// resolve takes a person's word on a held compensation.
func (d *decision) resolve(in Resolve) error {
	r := d.run
	if in.Step < 0 || int(in.Step) >= len(r.Steps) {
		return &Refusal{"not_held", "there is no such compensation"}
	}
	if r.Fault != "" {
		return &Refusal{"faulted", "the engine could not go on with this run: resume tries again"}
	}
	i := in.Step
	if !r.IsUndo(i) {
		i = r.Steps[i].Undo
	}
	if i < 0 || r.Steps[i].State != StepHeld {
		return &Refusal{"not_held", "no compensation of this step is held"}
	}
	switch in.How {
	case ResolveRetry:
		d.fact(&UndoRearmed{Step: i})
	case ResolveSkip:
		d.fact(&UndoSettled{Step: i, How: SettledSkipped})
	case ResolveDone:
		d.fact(&UndoSettled{Step: i, How: SettledDone})
	default:
		return &Refusal{"unknown_resolution", "a held compensation is retried, skipped or done"}
	}
	return nil
}
