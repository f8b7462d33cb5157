package plan

import (
	"fmt"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// This file explains what has ended: skipped, bad, held, undone.

func (e *explainer) held(i int32) {
	r := e.run
	s := &r.Steps[i]
	e.attempts(i)
	if f := e.lastOf(i, isFact[*engine.UndoHeld]); f != nil {
		e.cite(f, "it is held: %s: %s", s.Failure.Code, s.Failure.Message)
	}
	e.say("what it depends on is not undone before it has ended")
	e.advise("cordum run compensation retry|skip|done %s %s --reason …", r.ID, r.Name(s.Target))
}

func (e *explainer) skipped(i int32) {
	r := e.run
	f := e.lastOf(i, isFact[*engine.StepSkippedFact])
	if f == nil {
		e.say("it was skipped in the run that this one was forked from")
		return
	}
	var bad, skipped []string
	for _, d := range r.Dependencies(i) {
		s := &r.Steps[d]
		switch {
		case r.Bad(d):
			bad = append(bad, fmt.Sprintf("%s is %s", r.Name(d), wordOf(s)))
		case s.State == engine.StepSkipped:
			skipped = append(skipped, r.Name(d))
		}
	}
	switch r.Steps[i].Reason {
	case engine.WhenFalse:
		e.cite(f, "its condition was false: %s", expressionOf(r.DefOf(i)))
	case engine.BranchNotTaken:
		e.cite(f, "a switch that it depends on chose another branch")
	case engine.UpstreamSkipped:
		e.cite(f, "everything it depends on was skipped: %s", strings.Join(skipped, ", "))
	case engine.NothingFailed:
		e.cite(f, "it runs only when a dependency is bad, and none was")
	case engine.UpstreamFailed:
		e.cite(f, "its join cannot be met: %s", strings.Join(bad, ", "))
	case engine.WaitTimeout:
		e.cite(f, "its signal did not come in time, and on_timeout is skip")
	case engine.Halted:
		e.cite(f, "the run was stopped before it was decided")
		if stop := e.last(isFact[*engine.StopBegun]); stop != nil {
			e.stop(stop)
		}
	}
}

func wordOf(s *engine.Step) string {
	if s.State == engine.StepSkipped {
		return "skipped, " + s.Reason.String()
	}
	return s.State.String()
}

// expressionOf is a step's condition as it was written.
func expressionOf(def *dag.Step) string {
	if def.When == nil {
		return "when"
	}
	if def.When.Str != "" {
		return def.When.Str
	}
	return fmt.Sprint(def.When.Value())
}

func (e *explainer) bad(i int32) {
	r := e.run
	s := &r.Steps[i]
	e.attempts(i)
	f := e.lastOf(i, isFact[*engine.StepEnded])
	if f == nil {
		e.say("it is %s: %s: %s", s.State, s.Failure.Code, s.Failure.Message)
		return
	}
	e.cite(f, "it is %s: %s: %s", s.State, s.Failure.Code, s.Failure.Message)
	asked, allowed := r.Allowance(i)
	switch {
	case s.State != engine.StepFailed && s.State != engine.StepTimedOut || r.FansOut(i) || r.Loops(i):
	case !s.Failure.Retryable:
		e.say("it is not tried again: the failure is not retryable")
	case asked >= allowed:
		e.say("it is not tried again: it has had its %d attempt(s)", allowed)
	case r.Stop != engine.StopNone:
		e.say("it is not tried again: the run is stopping")
	}
	if r.Unknown(i) {
		e.say("whether it had its effect is unknown")
	}
}

// undoOf says what became of a node's effect.
func (e *explainer) undoOf(i int32) {
	r := e.run
	s := &r.Steps[i]
	if u := s.Undo; u >= 0 {
		e.say("its compensation %s is %s", r.Name(u), e.stateWord(u))
		if r.Steps[u].State == engine.StepHeld {
			e.advise("cordum run explain %s %s", r.ID, r.Name(u))
		}
		return
	}
	if r.Undoing && s.Target < 0 && s.State.Final() {
		var open []string
		for _, d := range r.Plan.Graph.Dependents[s.Def] {
			if s.Parent < 0 {
				if u := r.Steps[d].Undo; u >= 0 && !r.Steps[u].State.Final() {
					open = append(open, r.Name(u))
				}
			}
		}
		if len(open) > 0 {
			e.say("its compensation has its turn when %s has ended", strings.Join(open, ", "))
		}
	}
}
