package engine

import (
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/dag"
	"pgregory.net/rapid"
)

// script is how the attempts of one step will end, in order; when it is used up, they succeed.
type script []ending

type ending struct {
	result    Result
	retryable bool
	code      string
}

// world is a random definition and how everything in it ends.
type world struct {
	src     string
	scripts map[string]script // of jobs
	refused map[string]bool   // approvals
}

// maxRandomSteps is large enough for joins behind joins, small enough for a hundred runs a second.
const maxRandomSteps = 13

func drawWorld(t *rapid.T) *world {
	n := rapid.IntRange(1, maxRandomSteps).Draw(t, "steps")
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("s%02d", i)
	}
	names = rapid.Permutation(names).Draw(t, "names") // the order of ids says nothing about the order of the graph
	w := &world{scripts: map[string]script{}, refused: map[string]bool{}}
	doc := map[string]any{"id": "random", "context": map[string]any{"yes": true}}
	if f := rapid.SampledFrom([]string{"", "halt", "continue"}).Draw(t, "on_failure"); f != "" {
		doc["on_failure"] = f
	}
	list := make([]any, n)
	for i, name := range names {
		list[i] = w.drawStep(t, name, names[:i])
	}
	doc["steps"] = list
	src, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("%v", err)
	}
	w.src = string(src)
	return w
}

func (w *world) drawStep(t *rapid.T, name string, before []string) map[string]any {
	s := map[string]any{"id": name}
	var deps []string
	for _, b := range before {
		if rapid.IntRange(0, 2).Draw(t, "edge") == 0 {
			deps = append(deps, b)
		}
	}
	join := "all_success"
	if len(deps) > 0 {
		s["depends_on"] = deps
		join = rapid.SampledFrom([]string{"all_success", "all_done", "any_success", "none_failed", "any_failed", "at_least"}).Draw(t, "join")
		s["join"] = join
		if join == "at_least" {
			s["join"] = map[string]any{"at_least": rapid.IntRange(1, len(deps)).Draw(t, "k")}
		}
	}
	w.drawKind(t, name, s)
	conditions := []string{"", "", "", "true", "false", "ctx.yes", "input.no"}
	if len(deps) > 0 && (join == "all_success" || join == "all_done" || join == "none_failed") {
		conditions = append(conditions, fmt.Sprintf("steps.%s.status == 'succeeded'", deps[0]))
	}
	if c := rapid.SampledFrom(conditions).Draw(t, "when"); c != "" {
		s["when"] = c
	}
	if f := rapid.SampledFrom([]string{"", "", "", "continue", "halt"}).Draw(t, "step on_failure"); f != "" {
		s["on_failure"] = f
	}
	return s
}

func (w *world) drawKind(t *rapid.T, name string, s map[string]any) {
	switch kind := rapid.SampledFrom([]string{"worker", "worker", "worker", "approval", "delay", "condition", "notify"}).Draw(t, "type"); kind {
	case "worker", "notify":
		if kind == "notify" {
			s["type"], s["message"], s["required"] = kind, "done", rapid.Bool().Draw(t, "required")
		} else {
			s["topic"] = "job.t.work"
			s["idempotent"] = rapid.Bool().Draw(t, "idempotent")
		}
		if n := rapid.IntRange(0, 3).Draw(t, "max_attempts"); n > 0 {
			s["retry"] = map[string]any{"max_attempts": n, "not_on": []string{"never"}}
		}
		w.scripts[name] = rapid.SliceOfN(rapid.Custom(drawEnding), 0, 3).Draw(t, "script")
	case "approval":
		s["type"] = kind
		w.refused[name] = rapid.Bool().Draw(t, "refused")
	case "delay":
		s["type"], s["for"] = kind, "5s"
	case "condition":
		s["type"], s["condition"] = kind, rapid.SampledFrom([]string{"true", "input.no"}).Draw(t, "condition")
	}
}

func drawEnding(t *rapid.T) ending {
	return rapid.SampledFrom([]ending{
		{ResultSucceeded, false, ""},
		{ResultFailed, true, "flaky"},
		{ResultFailed, true, "never"},
		{ResultFailed, false, "fatal"},
		{ResultTimedOut, true, CodeTimeout},
		{ResultTimedOut, true, CodeQueueTimeout},
		{ResultLost, true, CodeWorkerLost},
		{ResultDenied, false, CodeDenied},
		{ResultCancelled, false, CodeCancelled},
	}).Draw(t, "ending")
}

// at is how the n-th attempt (from 1) ends.
func (s script) at(n int32) ending {
	if int(n) <= len(s) {
		return s[n-1]
	}
	return ending{result: ResultSucceeded}
}

// foretell reads how a run of the world ends when nobody interferes and nothing stops it: every step's state, and
// whether it fails. It knows nothing of order: that is the point.
func (w *world) foretell(def *dag.Definition) (steps map[string]string, failed bool) {
	steps = map[string]string{}
	for len(steps) < len(def.Steps) {
		for i := range def.Steps {
			s := &def.Steps[i]
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
			skipped := len(state) > 8 && state[:8] == "skipped:"
			failed = failed || (classOf(state) == isBad && !skipped && s.OnFailure != dag.Continue)
		}
	}
	return steps, failed
}

func (w *world) foretellStep(def *dag.Definition, s *dag.Step, known map[string]string, join string) string {
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
			if known[when[len("steps."):len("steps.")+3]] != "succeeded" {
				return "skipped:when_false"
			}
		}
	}
	switch s.Type {
	case "approval":
		if w.refused[s.ID] {
			return "rejected"
		}
	case "", "worker", "notify":
		state := w.scripts[s.ID].ends(s)
		required, _ := s.Own.Get("required").Value().(bool)
		if s.Type == "notify" && !required && (state == "failed" || state == "timed_out") {
			return "succeeded"
		}
		return state
	}
	return "succeeded"
}

// ends walks over the attempts of a step by the words of the semantics.
func (s script) ends(step *dag.Step) string {
	for n := int32(1); ; n++ {
		e := s.at(n)
		again := false
		switch e.result {
		case ResultSucceeded:
			return "succeeded"
		case ResultDenied:
			return "denied"
		case ResultCancelled:
			return "cancelled"
		default:
			again = n < allowance(step, e)
		}
		if again {
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
	idempotent := step.Type == "notify" || (step.Idempotent != nil && *step.Idempotent)
	switch {
	case e.result == ResultLost && step.Retry == nil && idempotent:
		return 3
	case step.Retry == nil || !e.retryable || e.code == "never" || e.code == CodeQueueTimeout:
		return 1
	}
	return int32(step.Retry.MaxAttempts)
}
