package main

import "fmt"

// The twelve shapes of the crash matrix. Each ends at a gate that a person opens or keeps shut, has a timer beside it, and
// undoes what it did when the gate stays shut: so that every shape passes every crash point.
func matrixShapes() []*sagaShape {
	return []*sagaShape{
		chainShape("chain", "rollback", false), // one step after the other
		diamondShape("diamond"),                // two side by side, and a join
		spreadShape(),                          // a fan-out, some at a time
		roundsShape(),                          // a loop
		childShape(),                           // a sub-workflow
		childrenShape(),                        // a fan-out of sub-workflows
		chainShape("checkpoint", "{rollback_to: loaded, then: retry, max: 1}", false), // back to a checkpoint, once
		retriedShape(),   // compensations that fail first
		skippedShape(),   // a step that is left out, and a join that minds not
		lockedShape(),    // steps that hold a lock
		signalledShape(), // a step that waits for a signal
		chainShape("queued", "rollback\nconcurrency: {key: one, limit: 1, when_busy: queue}", true), // one run at a time
	}
}

// framed defines a shape with what every shape of the matrix has: the gate comes after its ends, the last step after the gate.
func (s *sagaShape) framed(onFailure, ends string, steps ...string) *sagaShape {
	steps = append(
		steps, "{id: nap, type: delay, for: 20ms}", `{id: pad, type: transform, for_each: input.pad, input: {x: "${item}"}}`,
		"{id: gate, type: approval, depends_on: [nap, pad, "+ends+"]}", sagaStep("last", "gate", "last", false),
	)
	s.define(onFailure, steps...)
	s.plain = append(s.plain, "last")
	return s
}

func chainShape(id, onFailure string, idempotent bool) *sagaShape {
	s := &sagaShape{id: id, idempotent: idempotent, after: map[string][]string{"a": nil, "b": {"a"}, "c": {"b"}, "last": {"c"}}}
	mark := "checkpoint: loaded"
	if s.id == "checkpoint" {
		s.comebacks = 1
	}
	return s.framed(onFailure, "c", sagaStep("a", "", "a", true, mark), sagaStep("b", "a", "b", true), sagaStep("c", "b", "c", true))
}

func diamondShape(id string) *sagaShape {
	s := &sagaShape{
		id: id, plain: []string{"join"}, together: []string{"undo:left", "undo:right"},
		after: map[string][]string{"a": nil, "left": {"a"}, "right": {"a"}, "join": {"left", "right"}, "last": {"join"}},
	}
	return s.framed("rollback", "join", sagaStep("a", "", "a", true), sagaStep("left", "a", "left", true), sagaStep("right", "a", "right", true),
		sagaStep("join", "left, right", "join", false))
}

func retriedShape() *sagaShape {
	s := diamondShape("retried")
	s.failAt, s.together = []string{"undo"}, nil
	return s
}

func spreadShape() *sagaShape {
	s := &sagaShape{id: "spread", items: 4, after: map[string][]string{"a": nil, "last": {"sum"}}}
	for i := range s.items {
		at := fmt.Sprintf("each[%d]", i)
		s.after[at] = []string{"a"}
		s.after["sum"] = append(s.after["sum"], at)
	}
	return s.framed("rollback", "sum", sagaStep("a", "", "a", true), sagaStep("sum", "each", "sum", true),
		sagaStep("each", "a", "each[${index}]", true, "for_each: input.items", "max_parallel: 2"))
}

func roundsShape() *sagaShape {
	s := &sagaShape{id: "poll", after: map[string][]string{"a": nil}}
	before := "a"
	for round := range 2 {
		ask, note := fmt.Sprintf("poll[%d]/ask", round), fmt.Sprintf("poll[%d]/note", round)
		s.after[ask], s.after[note] = []string{before}, []string{ask}
		before = note
	}
	s.after["last"] = []string{before}
	inner := sagaStep("ask", "", "poll[${loop.index}]/ask", true) + ", " + sagaStep("note", "ask", "poll[${loop.index}]/note", true)
	return s.framed("rollback", "poll", sagaStep("a", "", "a", true), "{id: poll, type: loop, depends_on: [a], until: loop.index == 1, steps: ["+inner+"]}")
}

func childShape() *sagaShape {
	s := &sagaShape{id: "trip", after: map[string][]string{"seat": nil, "pay/authorise": {"seat"}, "pay/capture": {"pay/authorise"}, "last": {"pay/capture"}}}
	s.add("payment", "halt", sagaStep("authorise", "", "pay/authorise", true), sagaStep("capture", "authorise", "pay/capture", true))
	return s.framed("rollback", "pay", sagaStep("seat", "", "seat", true),
		"{id: pay, type: subworkflow, workflow: payment, depends_on: [seat], input: {root: '${input.root}', fail: '${input.fail}', times: '${input.times}'}}")
}

func childrenShape() *sagaShape {
	s := &sagaShape{id: "tour", items: 2, after: map[string][]string{"a": nil}}
	for i := range s.items {
		hold, take := fmt.Sprintf("pay[%d]/hold", i), fmt.Sprintf("pay[%d]/take", i)
		s.after[hold], s.after[take] = []string{"a"}, []string{hold}
		s.after["last"] = append(s.after["last"], take)
	}
	s.add("purse", "halt", sagaStep("hold", "", "pay[${input.i}]/hold", true), sagaStep("take", "hold", "pay[${input.i}]/take", true))
	return s.framed("rollback", "pay", sagaStep("a", "", "a", true),
		"{id: pay, type: subworkflow, workflow: purse, for_each: input.items, depends_on: [a], input: {i: '${index}', root: '${input.root}', fail: '${input.fail}', times: '${input.times}'}}")
}

func skippedShape() *sagaShape {
	s := &sagaShape{id: "skipped", after: map[string][]string{"a": nil, "b": {"a"}, "c": {"b"}, "last": {"c"}}}
	return s.framed("rollback", "c", sagaStep("a", "", "a", true), sagaStep("never", "a", "never", true, "when: 'len(input.items) == 99'"),
		sagaStep("b", "a, never", "b", true, "join: none_failed"), sagaStep("c", "b", "c", true))
}

func lockedShape() *sagaShape {
	s := &sagaShape{id: "locked", after: map[string][]string{"a": nil, "left": {"a"}, "right": {"a"}, "last": {"left", "right"}}}
	return s.framed("rollback", "left, right", sagaStep("a", "", "a", true), sagaStep("left", "a", "left", true, "resource_lock: stock"),
		sagaStep("right", "a", "right", true, "resource_lock: stock"))
}

func signalledShape() *sagaShape {
	s := &sagaShape{id: "signalled", signal: "go", after: map[string][]string{"a": nil, "b": {"a"}, "c": {"b"}, "last": {"c"}}}
	return s.framed("rollback", "c", sagaStep("a", "", "a", true), "{id: go, type: wait, signal: go, depends_on: [a]}",
		sagaStep("b", "go", "b", true), sagaStep("c", "b", "c", true))
}
