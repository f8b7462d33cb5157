package engine

import (
	"slices"
	"time"

	"cordum.dev/cordum/dag"
)

// applySetBack arms steps again: those behind a checkpoint, whose effects are undone, and every bad one of the run.
func (r *Run) applySetBack(f *SetBack) {
	count := int32(r.Plan.Def.Scopes[0].Count)
	var within []bool
	if f.Target.To != "" {
		within = r.within(f.Target)
	}
	kept := r.keeps()
	for i := range count {
		s := &r.Steps[i]
		switch {
		case within != nil && within[i] && !r.keptBy(i, kept):
			r.rearm(i, true) // also what an earlier set-back left pending
		case endedBadly(s):
			r.rearm(i, false)
		}
	}
	r.Stop, r.Rollback, r.stopHandlers, r.Target = StopNone, false, false, Target{}
	r.failed, r.Failure, r.Output = false, Failure{}, Payload{}
	r.sweep = int32(len(r.Steps))
	if f.Target.Then != dag.ThenFail {
		r.undoneBefore = r.Undone + r.Left
	}
	r.Paused = r.Paused || f.Paused
	if f.Target.Included {
		r.Feedback = f.Target.Feedback
	}
	if f.Target.Auto && f.Target.Then == dag.ThenRetry {
		r.Comebacks++
	}
	if r.State.Final() {
		r.moveRun(RunRunning)
		r.EndedAt = time.Time{}
	}
	r.names = names{}
	if f.Target.Then != dag.ThenFail { // what fails here has its turn only when somebody sets it back once more
		r.settleJoins(0, count)
	}
}

// rearm sets a node back to pending. Afresh, what it did is undone and forgotten; otherwise (a retry) a fan-out or a loop
// keeps what is in it until it has its turn and is reopened, and what is unknown stays so.
func (r *Run) rearm(i int32, afresh bool) {
	s := &r.Steps[i]
	if s.State != StepPending {
		r.moveStep(i, StepPending)
	}
	s.Reason, s.verdict, s.done, s.succeeded, s.bad = NotSkipped, undecided, 0, 0, 0
	s.stopping, s.overdue, s.base = false, false, s.Attempt
	s.Failure = Failure{}
	s.EndedAt, s.StartedAt = time.Time{}, time.Time{}
	if !s.effect || afresh {
		s.Output = Payload{}
	}
	if afresh {
		r.forget(s.parts, i)
		s.parts, s.effect, s.unknown, s.reused = nil, false, nil, false
		s.floor, s.Undo, s.undo = s.Attempt, none, undoing{}
	}
}

// forget marks the nodes below a fan-out or a loop that is set back: they only tell what was.
func (r *Run) forget(p *parts, i int32) {
	if p == nil {
		return
	}
	mark := func(first int32) {
		for at := first; at < first+p.count; at++ {
			r.Steps[at].Gone = true
			r.forget(r.Steps[at].parts, at)
		}
	}
	if r.fansOut(i) {
		mark(p.first)
		return
	}
	for _, first := range p.rounds {
		mark(first)
	}
}

// retry arms the bad steps of a failed run again.
func (d *decision) retry(Retry) error {
	r := d.run
	switch {
	case r.State != RunFailed:
		return &Refusal{"not_failed", "only a failed run is tried again; this one is " + r.State.String()}
	case r.Undoing || r.Undone+r.Left > r.undoneBefore:
		return &Refusal{"compensated", "what the run did is being undone, or has been: start a new run, or fork this one"}
	}
	d.fact(&SetBack{})
	return nil
}

// sendBack answers an approval with: do it again from here.
func (d *decision) sendBack(in Answer) error {
	r := d.run
	to, known := r.Plan.ByID[in.To]
	switch {
	case !known || to >= r.Plan.Def.Scopes[0].Count:
		return &Refusal{"unknown_step", "an approval is sent back to a step of the workflow: name one that is upstream of it"}
	case !slices.Contains(r.Plan.Graph.Ancestors(int(r.top(in.Step))), int32(to)):
		return &Refusal{"not_upstream", "an approval is sent back to a step upstream of it"}
	case r.Stop != StopNone || r.Undoing:
		return &Refusal{"stopping", "the run is already stopping (" + r.Stop.String() + ")"}
	}
	t := Target{To: in.To, Included: true, Then: dag.ThenRetry, Feedback: in.Comment}
	within := r.within(t)
	for _, k := range r.keeps() {
		if within[k] {
			return &Refusal{"pivot_passed", "the step " + r.Name(k) + " stands before a pivot that has been passed: it is not done again"}
		}
	}
	if step, bars := r.barred(t); bars {
		return &Refusal{"irreversible", "the step " + step + " is irreversible and would run again"}
	}
	d.fact(&StopBegun{Stop: StopHalt, Step: in.Step, Rollback: true, Target: t})
	return nil
}
