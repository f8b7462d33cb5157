package engine

import (
	"strings"

	"cordum.dev/cordum/dag"
)

// This file reads how a run of a world ends when nobody interferes and nothing stops it: every step's state, and whether it
// fails. It knows nothing of order: that is the point.

func (w *world) foretell(def *dag.Definition) (steps map[string]string, failed bool) {
	return w.foretellScope(def, 0)
}

// foretellScope does so for the steps of one scope.
func (w *world) foretellScope(def *dag.Definition, scope int) (steps map[string]string, failed bool) {
	steps = map[string]string{}
	all := def.Steps[def.Scopes[scope].First:][:def.Scopes[scope].Count]
	for len(steps) < len(all) {
		for i := range all {
			s := &all[i]
			deps := make([]class, len(s.DependsOn))
			ready := true
			for k, on := range s.DependsOn {
				deps[k] = classOf(steps[def.Steps[on].ID])
				ready = ready && deps[k] != isOpen
			}
			if _, known := steps[s.ID]; known || !ready {
				continue
			}
			state := w.foretellStep(def, s, steps, joinSays(s.Join, deps))
			steps[s.ID] = state
			failed = failed || classOf(state) == isBad && !strings.HasPrefix(state, "skipped:") && s.OnFailure != dag.Continue
		}
	}
	return steps, failed
}

func (w *world) foretellStep(def *dag.Definition, s *dag.Step, known map[string]string, join string) string {
	if by := w.listed[s.ID]; by != "" && known[by] == "succeeded" && !contains(w.chosen[by], s.ID) {
		return "skipped:branch_not_taken"
	}
	if join != "run" {
		return "skipped:" + join
	}
	if s.When != nil {
		when, _ := s.Own.Get("when").Value().(string)
		switch when {
		case "true", "ctx.yes":
		case "false", "input.no":
			return "skipped:when_false"
		default:
			id, _, _ := strings.Cut(when[len("steps."):], ".")
			if known[id] != "succeeded" {
				return "skipped:when_false"
			}
		}
	}
	if s.ForEach == nil {
		return w.foretellOne(def, s, s.ID)
	}
	bad, fan := 0, w.fans[s.ID]
	for k := range fan.items {
		if classOf(w.foretellOne(def, s, s.ID+"["+string(rune('0'+k))+"]")) == isBad {
			bad++
		}
	}
	if bad > fan.tolerated {
		return "failed"
	}
	return "succeeded"
}

// foretellOne is the end of one iteration.
func (w *world) foretellOne(def *dag.Definition, s *dag.Step, at string) string {
	switch s.Type {
	case "approval":
		if w.refused[at] {
			return "rejected"
		}
	case "wait":
		return map[string]string{"": "succeeded", "fail": "timed_out", "skip": "skipped:timeout", "continue": "succeeded"}[text(s, "on_timeout")]
	case "loop":
		return w.foretellLoop(def, s)
	case "", "worker", "notify", "subworkflow":
		state := w.scripts[at].ends(s)
		if state == "quarantined" {
			state = "succeeded"
			if w.refused[at] {
				state = "denied"
			}
		}
		required, _ := s.Own.Get("required").Value().(bool)
		if s.Type == "notify" && !required && (state == "failed" || state == "timed_out") {
			return "succeeded"
		}
		return state
	}
	return "succeeded"
}

// foretellLoop: all rounds go the same way, so the first says whether one fails.
func (w *world) foretellLoop(def *dag.Definition, s *dag.Step) string {
	l := w.loops[s.ID]
	_, failed := w.foretellScope(def, s.Inner)
	if failed || l.rounds > l.limit {
		return "failed"
	}
	return "succeeded"
}

func text(s *dag.Step, field string) string {
	if n := s.Own.Get(field); n != nil {
		v, _ := n.Value().(string)
		return v
	}
	return ""
}

// ends walks over the attempts of a step by the words of the semantics.
func (s script) ends(step *dag.Step) string {
	for n := int32(1); ; n++ {
		e := s.at(n)
		switch e.result {
		case ResultSucceeded:
			return "succeeded"
		case ResultQuarantined:
			return "quarantined"
		case ResultDenied:
			return "denied"
		case ResultCancelled:
			return "cancelled"
		}
		if n < allowance(step, e) {
			continue
		}
		if e.result == ResultTimedOut {
			return "timed_out"
		}
		return "failed"
	}
}

// allowance is how many attempts a step may make, the last of which ended like this.
func allowance(step *dag.Step, e ending) int32 {
	switch {
	case e.result == ResultLost && step.Retry == nil && idempotent(step):
		return LostAllowance
	case step.Retry == nil || e.code == "never" || e.code == CodeQueueTimeout:
		return 1
	case e.effect && !idempotent(step):
		return 1
	case !e.retryable && !e.effect:
		return 1
	}
	return int32(step.Retry.MaxAttempts)
}
