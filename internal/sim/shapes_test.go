package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/safety"
)

// shape is a kind of workflow, of which a seed draws one.
type shape struct {
	name string
	// make draws a definition of it, and the steps of children after it.
	make func(d *drawn) string
	// child is the definition that it starts; "": none.
	child string
}

// The twelve shapes. Steps of job.east.* are done by workers of ours, those of job.west.* by plain ones; .once must not be done twice.
var shapes = []shape{
	{name: "chain", make: func(d *drawn) string {
		text := d.step("a", "", "")
		for i := range 1 + d.IntN(3) {
			text += d.step(string(rune('b'+i)), string(rune('a'+i)), "")
		}
		return text
	}},
	{name: "diamond", make: func(d *drawn) string {
		text := d.step("a", "", "")
		for i := range 2 + d.IntN(3) {
			text += d.step(fmt.Sprintf("m%d", i), "a", "")
		}
		return text + d.step("z", "m0, m1", "")
	}},
	{name: "fanout", make: func(d *drawn) string {
		return d.step("each", "", fmt.Sprintf("for_each: input.items, max_parallel: %d", 1+d.IntN(4))) + d.step("join", "each", "")
	}},
	{name: "saga", make: func(d *drawn) string {
		return "on_failure: rollback\nsteps:\n" + d.undone("a", "") + d.undone("b", "a") + d.undone("c", "a") + d.step("d", "b, c", "")
	}},
	{name: "approval", make: func(d *drawn) string {
		return d.step("a", "", "") + fmt.Sprintf("  - {id: gate, type: approval, depends_on: [a], quorum: %d, four_eyes: true}\n", 1+d.IntN(2)) + d.step("z", "gate", "")
	}},
	{name: "governed", make: func(d *drawn) string {
		return d.step("a", "", "") + d.on("asked", "job.east.asked.once", "a", "") + d.step("z", "asked", "")
	}},
	{name: "switch", make: func(d *drawn) string {
		return "  - {id: by, type: switch, cases: [{when: input.number > 5, steps: [big]}], default: [small]}\n" +
			d.step("big", "by", "") + d.step("small", "by", "") + d.step("z", "big, small", "join: any_success")
	}},
	{name: "loop", make: func(d *drawn) string {
		return fmt.Sprintf("  - {id: rounds, type: loop, while: loop.index < %d, max_iterations: 9, steps: [{id: turn, topic: %s, %s}]}\n",
			2+d.IntN(3), d.topic(), d.usual()) + d.step("z", "rounds", "")
	}},
	{
		name: "child", child: "id: below\nsteps:\n  - {id: x, topic: job.east.again, idempotent: true, timeout: 30s, retry: {max_attempts: 3}}\n  - {id: y, topic: job.any.once, depends_on: [x], timeout: 30s, retry: {max_attempts: 3}}\n",
		make: func(d *drawn) string {
			return d.step("a", "", "") + "  - {id: sub, type: subworkflow, workflow: below, depends_on: [a]}\n" + d.step("z", "sub", "")
		},
	},
	{name: "signal", make: func(d *drawn) string {
		return fmt.Sprintf("  - {id: rest, type: delay, for: %ds}\n", 1+d.IntN(30)) + d.step("a", "rest", "") +
			"  - {id: paid, type: wait, signal: paid, depends_on: [a]}\n" + d.step("z", "paid", "")
	}},
	{name: "handlers", make: func(d *drawn) string {
		return d.step("a", "", "") + d.step("b", "a", "") + d.step("clean", "a, b", "join: all_done") + d.step("mourn", "a, b", "join: any_failed")
	}},
	{name: "locks", make: func(d *drawn) string {
		return "concurrency: {key: shop}\nsteps:\n" + d.step("a", "", "resource_lock: db") + d.step("b", "a", "") + d.undone("c", "a") + d.step("z", "b, c", "resource_lock: file")
	}},
}

// drawn draws what a shape leaves open.
type drawn struct{ *rand.Rand }

func (d *drawn) topic() string {
	return []string{"job.east.again", "job.east.once", "job.east.once", "job.west.once", "job.any.again", "job.any.once"}[d.IntN(6)]
}

// usual are the fields of every step that a worker does.
func (d *drawn) usual() string {
	return fmt.Sprintf("timeout: %ds, retry: {max_attempts: %d, initial: 200ms}", 15+d.IntN(30), mostAttempts)
}

func (d *drawn) step(id, after, more string) string { return d.on(id, d.topic(), after, more) }

// on writes a step on a topic.
func (d *drawn) on(id, topic, after, more string) string {
	text := fmt.Sprintf("  - {id: %s, topic: %s, input: {number: 1}, %s", id, topic, d.usual())
	if after != "" {
		text += ", depends_on: [" + after + "]"
	}
	if !single(topic) {
		text += ", idempotent: true"
	}
	if more != "" {
		text += ", " + more
	}
	return text + "}\n"
}

// undone writes a step that has a compensation.
func (d *drawn) undone(id, after string) string {
	return d.step(id, after, fmt.Sprintf("compensate: {topic: %s, timeout: 30s, retry: {max_attempts: %d}}", d.topic(), mostAttempts))
}

// The policies that are in force in turn: everything is allowed but what people are asked about; a stricter one, which denies one
// topic; and one that asks otherwise.
var policies = sync.OnceValue(func() (all []*safety.Snapshot) {
	for _, rules := range []string{
		`{id: ask, match: {topics: job.east.asked.once}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:approver"]}}`,
		`{id: ask, match: {topics: job.east.asked.once}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:approver"]}}, {id: no, match: {topics: job.west.once}, decision: DENY}`,
		`{id: ask2, match: {topics: job.east.asked.once}, decision: REQUIRE_APPROVAL, approval: {approvers: ["role:approver"], quorum: 2}}`,
	} {
		c, err := caseOf("id: wf\nsteps: [{id: a, topic: job.a}]", "", "policy: {name: p, rules: ["+rules+"]}\n")
		if err != nil {
			panic(err)
		}
		s, err := c.Snapshot()
		if err != nil {
			panic(err)
		}
		all = append(all, s)
	}
	return all
})

// caseOf makes a case of a definition, of which nothing is expected but what must hold of every run.
func caseOf(workflow, child, more string) (*trial.Case, error) {
	text := "id: x\nworkflow:\n" + indent(workflow, 2)
	if child != "" {
		text += "workflows:\n  below:\n" + indent(child, 4)
	}
	cases, problems := trial.Parse(trial.File{Path: "x.yaml", Text: []byte(text + more + "expect: {}\n")}, nil)
	if len(cases) != 1 {
		return nil, fmt.Errorf("%v\n%s", problems, text)
	}
	return cases[0], nil
}

// indent moves a text to the right.
func indent(text string, by int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.Repeat(" ", by) + line)
	}
	if !strings.HasSuffix(text, "\n") {
		out.WriteByte('\n')
	}
	return out.String()
}

// define draws a workflow of a shape.
func (s *shape) define(draw *rand.Rand) string {
	text := s.make(&drawn{draw})
	if !strings.Contains(text, "steps:\n") {
		text = "steps:\n" + text
	}
	return "id: " + s.name + "\n" + text
}
