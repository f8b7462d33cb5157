package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// script is how the attempts of one step will end, in order; when it is used up, they succeed.
type script []ending

type ending struct {
	result    Result
	retryable bool
	code      string
	effect    bool // a failure that had its effect
}

// world is a random definition and how everything in it ends.
type world struct {
	wild    bool // with what makes an end depend on time, or on which failure comes first
	src     string
	scripts map[string]script // of jobs and sub-workflows, by the name of the node without its round
	refused map[string]bool   // approvals, and releases of what is held, by the same
	loops   map[string]loopWorld
	fans    map[string]fanWorld
	chosen  map[string][]string // by switches
	listed  map[string]string   // the switch that names a step
	inner   map[string]bool     // ids of loops' steps
}

type loopWorld struct {
	rounds, limit int // rounds until it is satisfied, and how many it may have
}

type fanWorld struct{ items, tolerated int }

// maxRandomSteps is large enough for joins behind joins, small enough for a hundred runs a second.
const maxRandomSteps = 9

func drawWorld(t *rapid.T, wild bool) *world {
	n := rapid.IntRange(1, maxRandomSteps).Draw(t, "steps")
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("s%02d", i)
	}
	names = rapid.Permutation(names).Draw(t, "names") // the order of ids says nothing about the order of the graph
	w := &world{
		wild: wild, scripts: map[string]script{}, refused: map[string]bool{}, loops: map[string]loopWorld{}, fans: map[string]fanWorld{},
		chosen: map[string][]string{}, listed: map[string]string{}, inner: map[string]bool{},
	}
	doc := map[string]any{"id": "random", "context": map[string]any{"yes": true}}
	list := make([]any, n)
	var checkpoints []string
	for i, name := range names {
		s := w.drawStep(t, name, names[:i])
		if rapid.IntRange(0, 5).Draw(t, "checkpoint") == 5 {
			s["checkpoint"] = "c" + name
			checkpoints = append(checkpoints, "c"+name)
		}
		if rapid.IntRange(0, 11).Draw(t, "pivot") == 11 {
			s["pivot"] = true
		}
		list[i] = s
	}
	w.drawBranches(t, list)
	policies := []any{nil, "halt", "continue", "rollback"}
	if wild && len(checkpoints) > 0 {
		to := map[string]any{
			"rollback_to": rapid.SampledFrom(checkpoints).Draw(t, "rollback_to"),
			"then":        rapid.SampledFrom([]string{"pause", "retry", "fail"}).Draw(t, "then"),
		}
		if to["then"] == "retry" {
			to["max"] = 2
		}
		policies = append(policies, to)
	}
	if f := rapid.SampledFrom(policies).Draw(t, "on_failure"); f != nil {
		doc["on_failure"] = f
	}
	if wild && rapid.IntRange(0, 3).Draw(t, "run timeout") == 3 {
		doc["timeout"] = "1m"
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
		if rapid.IntRange(0, 2).Draw(t, "edge") == 2 {
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
	policies := []string{"", "", "", "continue", "halt"}
	if w.wild {
		policies = append(policies, "rollback")
	}
	if f := rapid.SampledFrom(policies).Draw(t, "step on_failure"); f != "" {
		s["on_failure"] = f
	}
	return s
}

func (w *world) drawKind(t *rapid.T, name string, s map[string]any) {
	kinds := []string{
		"worker", "worker", "worker", "worker", "approval", "delay", "condition", "notify", "transform", "wait", "subworkflow", "subworkflow",
		"switch", "loop",
	}
	if w.inner[name] {
		kinds = []string{"worker", "worker", "worker", "approval", "delay", "transform", "subworkflow", "wait"}
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "type")
	items := 1
	if kind != "condition" && kind != "switch" && rapid.IntRange(0, 3).Draw(t, "fan") == 3 {
		items = w.drawFanOut(t, name, s)
	}
	if kind != "worker" {
		s["type"] = kind
	}
	switch kind {
	case "worker":
		w.drawWorker(t, s)
	case "notify":
		s["message"], s["required"] = "done", rapid.Bool().Draw(t, "required")
		w.drawRetry(t, s)
	case "delay":
		s["for"] = "5s"
	case "condition":
		s["condition"] = rapid.SampledFrom([]string{"true", "input.no"}).Draw(t, "condition")
	case "transform":
		s["input"] = map[string]any{"name": name}
	case "wait":
		w.drawWait(t, s)
	case "subworkflow":
		s["workflow"] = "other"
		w.drawRetry(t, s)
		if w.wild && rapid.IntRange(0, 2).Draw(t, "child timeout") == 2 {
			s["timeout"] = "20s"
		}
	case "loop":
		w.drawLoop(t, name, s, items)
		return
	}
	w.drawEnds(t, kind, name, items, s)
}

func (w *world) drawFanOut(t *rapid.T, name string, s map[string]any) int {
	items := rapid.IntRange(0, 4).Draw(t, "items")
	f := fanWorld{items: items, tolerated: rapid.IntRange(0, 2).Draw(t, "tolerate")}
	w.fans[name] = f
	list := make([]string, items)
	for i := range list {
		list[i] = fmt.Sprint(10 + i)
	}
	s["for_each"] = "[" + strings.Join(list, ", ") + "]"
	if f.tolerated > 0 {
		s["tolerate"] = map[string]any{"count": f.tolerated}
	}
	if p := rapid.IntRange(0, 2).Draw(t, "max_parallel"); p > 0 {
		s["max_parallel"] = p
	}
	return items
}

func (w *world) drawWorker(t *rapid.T, s map[string]any) {
	s["topic"] = "job.t.work"
	s["idempotent"] = rapid.Bool().Draw(t, "idempotent")
	w.drawRetry(t, s)
	if w.wild && rapid.IntRange(0, 5).Draw(t, "total") == 5 {
		s["total_timeout"] = "10s"
	}
	if rapid.IntRange(0, 2).Draw(t, "compensate") == 0 {
		return
	}
	undo := map[string]any{"topic": "job.t.undo", "idempotent": rapid.Bool().Draw(t, "harmless")}
	if u := rapid.SampledFrom([]string{"", "run", "hold"}).Draw(t, "when_unknown"); u != "" {
		undo["when_unknown"] = u
	}
	if n := rapid.IntRange(0, 2).Draw(t, "undo attempts"); n > 0 {
		undo["retry"] = map[string]any{"max_attempts": n}
	}
	s["compensate"] = undo
}

func (w *world) drawRetry(t *rapid.T, s map[string]any) {
	if n := rapid.IntRange(0, 3).Draw(t, "max_attempts"); n > 0 {
		s["retry"] = map[string]any{"max_attempts": n, "not_on": []string{"never"}}
	}
}

// A wait either has no timeout, and its signal is sent when it waits for it; or it has one, and nobody sends it.
func (w *world) drawWait(t *rapid.T, s map[string]any) {
	s["signal"] = "go"
	if rapid.Bool().Draw(t, "match") {
		s["match"] = "payload.n > 5"
	}
	if rapid.IntRange(0, 2).Draw(t, "in vain") == 2 {
		s["signal"], s["timeout"] = "vain", "30s"
		s["on_timeout"] = rapid.SampledFrom([]string{"fail", "skip", "continue"}).Draw(t, "on_timeout")
	}
}

// drawLoop makes a loop of up to three steps and three rounds.
func (w *world) drawLoop(t *rapid.T, name string, s map[string]any, items int) {
	l := loopWorld{rounds: rapid.IntRange(1, 3).Draw(t, "rounds"), limit: rapid.IntRange(1, 3).Draw(t, "max_iterations")}
	w.loops[name] = l
	s["max_iterations"] = l.limit
	s["until"] = fmt.Sprintf("loop.index == %d", l.rounds-1)
	if rapid.Bool().Draw(t, "while") {
		delete(s, "until")
		s["while"] = fmt.Sprintf("loop.index < %d", l.rounds)
	}
	var inner []any
	var names []string
	for k := range rapid.IntRange(1, 3).Draw(t, "inner steps") {
		id := fmt.Sprintf("%sx%d", name, k)
		w.inner[id] = true
		inner = append(inner, w.drawStep(t, id, names))
		names = append(names, id)
	}
	s["steps"] = inner
}

// drawEnds draws how each iteration of a step ends.
func (w *world) drawEnds(t *rapid.T, kind, name string, items int, s map[string]any) {
	for k := range items {
		at := name
		if s["for_each"] != nil {
			at = fmt.Sprintf("%s[%d]", name, k)
		}
		switch kind {
		case "worker", "notify":
			w.scripts[at] = rapid.SliceOfN(rapid.Custom(drawEnding), 0, 3).Draw(t, "script")
			w.refused[at] = rapid.IntRange(0, 2).Draw(t, "not released") == 2
		case "subworkflow":
			w.scripts[at] = rapid.SliceOfN(rapid.Custom(drawChildEnding), 0, 3).Draw(t, "script")
		case "approval":
			w.refused[at] = rapid.IntRange(0, 2).Draw(t, "refused") == 2
		}
	}
	if s["compensate"] != nil {
		w.scripts["undo:"+name] = rapid.SliceOfN(rapid.Custom(drawUndoEnding), 0, 3).Draw(t, "undo script")
	}
}

// drawBranches lets switches name steps that depend on them.
func (w *world) drawBranches(t *rapid.T, list []any) {
	for _, one := range list {
		s := one.(map[string]any)
		if s["type"] != "switch" {
			continue
		}
		id := s["id"].(string)
		var cases []any
		for _, other := range list {
			o := other.(map[string]any)
			deps, _ := o["depends_on"].([]string)
			if contains(deps, id) && w.listed[o["id"].(string)] == "" && rapid.Bool().Draw(t, "listed") {
				w.listed[o["id"].(string)] = id
				cases = append(cases, map[string]any{"when": "false", "steps": []string{o["id"].(string)}})
			}
		}
		if len(cases) == 0 {
			cases = append(cases, map[string]any{"when": "true", "steps": []string{}})
		}
		if k := rapid.IntRange(0, len(cases)).Draw(t, "case"); k < len(cases) {
			chosen := cases[k].(map[string]any)
			chosen["when"] = "ctx.yes"
			w.chosen[id] = chosen["steps"].([]string)
		}
		s["cases"] = cases
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func drawEnding(t *rapid.T) ending {
	return rapid.SampledFrom([]ending{
		{result: ResultSucceeded},
		{result: ResultSucceeded},
		{ResultFailed, true, "flaky", false},
		{ResultFailed, true, "never", false},
		{ResultFailed, false, "fatal", false},
		{ResultFailed, false, CodeOutputTooLarge, true},
		{ResultTimedOut, true, CodeTimeout, false},
		{ResultTimedOut, true, CodeQueueTimeout, false},
		{ResultLost, true, CodeWorkerLost, false},
		{ResultDenied, false, CodeDenied, false},
		{result: ResultQuarantined},
		{ResultCancelled, false, CodeCancelled, false},
	}).Draw(t, "ending")
}

func drawChildEnding(t *rapid.T) ending {
	return rapid.SampledFrom([]ending{
		{result: ResultSucceeded},
		{ResultFailed, true, "flaky", false},
		{ResultFailed, false, "fatal", false},
		{ResultTimedOut, false, "timed_out", false},
		{ResultCancelled, false, CodeCancelled, false},
	}).Draw(t, "ending")
}

func drawUndoEnding(t *rapid.T) ending {
	return rapid.SampledFrom([]ending{
		{result: ResultSucceeded},
		{ResultFailed, true, "flaky", false},
		{ResultFailed, false, "fatal", false},
		{ResultLost, true, CodeWorkerLost, false},
		{ResultDenied, false, CodeDenied, false},
		{result: ResultQuarantined},
		{ResultCancelled, false, CodeCancelled, false},
	}).Draw(t, "ending")
}

// unknown tells whether an attempt that ended like this may have had its effect.
func (e ending) unknown() bool {
	return e.result == ResultLost || e.code == CodeTimeout
}

// at is how the n-th attempt (from 1) ends.
func (s script) at(n int32) ending {
	if int(n) <= len(s) {
		return s[n-1]
	}
	return ending{result: ResultSucceeded}
}

// scriptOf is the script of a node: rounds of a loop have the same one, iterations their own.
func (w *world) scriptOf(r *Run, i int32) script { return w.scripts[place(r, i)] }

// place is a node's name without the loops and the iterations that it stands in.
func place(r *Run, i int32) string {
	s := &r.Steps[i]
	id := r.Plan.Def.Steps[s.Def].ID
	switch {
	case s.Target >= 0:
		return "undo:" + id
	case s.Item >= 0:
		return fmt.Sprintf("%s[%d]", id, s.Item)
	}
	return id
}
