package plan_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// codes are the findings as "line code", in the order of the file.
func codes(found []plan.Finding) []string {
	out := []string{}
	for _, f := range found {
		out = append(out, fmt.Sprintf("%d %s", f.Line, f.Code))
	}
	return out
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	const undo = "compensate: {topic: job.undo}"
	tests := []struct {
		name string
		src  string // the steps, from line 3 on
		want []string
	}{
		// missing_compensate
		{"nothing is undone", "- {id: a, topic: job.x}", nil},
		{"one of two", "- {id: a, topic: job.x, " + undo + "}\n- {id: b, topic: job.x}", []string{"4 CW080"}},
		{"the effect is said", "- {id: a, topic: job.x, " + undo + "}\n- {id: b, topic: job.x, effect: read}", nil},
		{"a step rolls back", "- {id: a, topic: job.x, on_failure: rollback}", []string{"3 CW080"}},
		{"the pivot itself and what follows it", "- {id: a, topic: job.x, " + undo + "}\n- {id: p, topic: job.x, pivot: true, depends_on: [a]}\n- {id: z, topic: job.x, depends_on: [p]}", nil},
		{"beside the pivot", "- {id: a, topic: job.x, " + undo + "}\n- {id: p, topic: job.x, pivot: true}\n- {id: z, topic: job.x, depends_on: [a]}", []string{"5 CW080"}},
		{"behind a pivot that may have failed", "- {id: a, topic: job.x, " + undo + "}\n- {id: p, topic: job.x, pivot: true}\n- {id: z, topic: job.x, depends_on: [p], join: all_done}", []string{"5 CW080"}},
		{"approvals and conditions do nothing", "- {id: a, topic: job.x, " + undo + "}\n- {id: ok, type: approval}\n- {id: c, type: condition, condition: 'true'}\n- {id: d, type: delay, for: 1s}", nil},

		// irreversible_unguarded
		{"unguarded", "- {id: a, topic: job.x, " + undo + "}\n- {id: b, topic: job.x, effect: irreversible, depends_on: [a]}", []string{"4 CW081"}},
		{"behind an approval", "- {id: a, topic: job.x, " + undo + "}\n- {id: ok, type: approval}\n- {id: b, topic: job.x, effect: irreversible, depends_on: [a, ok]}", nil},
		{"behind an approval that may be skipped", "- {id: a, topic: job.x, " + undo + "}\n- {id: ok, type: approval, when: input.prod}\n- {id: b, topic: job.x, effect: irreversible, depends_on: [a, ok]}", []string{"5 CW081"}},
		{"behind a chain that an approval begins", "- {id: ok, type: approval}\n- {id: a, topic: job.x, " + undo + ", depends_on: [ok]}\n- {id: b, topic: job.x, effect: irreversible, depends_on: [a]}", nil},
		{"behind one of two approvals", "- {id: a, topic: job.x, " + undo + "}\n- {id: o1, type: approval, on_failure: continue}\n- {id: o2, type: approval, on_failure: continue}\n- {id: b, topic: job.x, effect: irreversible, depends_on: [o1, o2], join: any_success}", []string{"6 CW081"}},
		{"whichever branch, behind the approval before it", "- {id: ok, type: approval}\n- {id: a, topic: job.x, depends_on: [ok], when: input.x, " + undo + "}\n- {id: b, topic: job.x, depends_on: [ok], when: not input.x, " + undo + "}\n- {id: c, topic: job.x, effect: irreversible, depends_on: [a, b]}", nil},
		{"the pivot", "- {id: a, topic: job.x, " + undo + "}\n- {id: b, topic: job.x, effect: irreversible, pivot: true, depends_on: [a]}", nil},

		// maybe_skipped_output
		{"certain", "- {id: a, topic: job.x, when: input.x}\n- {id: b, topic: job.x, depends_on: [a], input: {v: '${steps.a.output.v}'}}", nil},
		{"one of two may be skipped", "- {id: a, topic: job.x, when: input.x}\n- {id: b, topic: job.x}\n- {id: c, topic: job.x, depends_on: [a, b], input: {v: '${steps.a.output.v}', w: '${steps.b.output.v}'}}", []string{"5 CW082"}},
		{"after an either-or", "- {id: a, topic: job.x, when: input.x}\n- {id: b, topic: job.x, when: not input.x}\n- {id: c, topic: job.x, depends_on: [a, b], input: {v: '${steps.a.output}'}}", []string{"5 CW082"}},
		{"with a default", "- {id: a, topic: job.x, when: input.x}\n- {id: b, topic: job.x, depends_on: [a], join: none_failed, input: {v: '${steps.a.output ?? 1}', w: '${steps.a.output?.w}'}}", nil},
		{"a default that comes too late", "- {id: a, topic: job.x, when: input.x}\n- {id: b, topic: job.x, depends_on: [a], join: none_failed, input: {v: '${steps.a.output.v ?? 1}'}}", []string{"4 CW082"}},
		{"its status was looked at", "- {id: a, topic: job.x}\n- id: b\n  topic: job.x\n  depends_on: [a]\n  join: all_done\n  when: steps.a.status == 'succeeded'\n  input: {v: '${steps.a.output.v}'}", nil},
		{"after a failure", "- {id: a, topic: job.x}\n- {id: b, topic: job.x, depends_on: [a], join: all_done, input: {v: '${steps.a.output.v}'}}", []string{"4 CW082"}},
		{"the first of several", "- {id: a, topic: job.x, on_failure: continue}\n- {id: b, topic: job.x, on_failure: continue}\n- {id: c, topic: job.x, depends_on: [a, b], join: any_success, input: {v: '${steps.a.output.v}'}}", []string{"5 CW082"}},
		{"all of at_least", "- {id: a, topic: job.x}\n- {id: b, topic: job.x}\n- {id: c, topic: job.x, depends_on: [a, b], join: {at_least: 2}, input: {v: '${steps.a.output.v}'}}", nil},
		{"in a when", "- {id: a, topic: job.x}\n- {id: b, topic: job.x, depends_on: [a], join: all_done, when: steps.a.output.ok}", []string{"4 CW082"}},
		{"of a title", "- {id: a, topic: job.x}\n- {id: b, type: approval, depends_on: [a], join: all_done, title: 'Ship ${steps.a.output.v}?'}", []string{"4 CW082"}},
		{"always true", "- {id: a, topic: job.x, when: true}\n- {id: b, topic: job.x}\n- {id: c, topic: job.x, depends_on: [a, b], input: {v: '${steps.a.output.v}'}}", nil},

		// alternative_not_tolerated
		{"tolerated", "- {id: a, topic: job.x, on_failure: continue}\n- {id: b, topic: job.x, on_failure: continue}\n- {id: c, topic: job.x, depends_on: [a, b], join: any_success}", nil},
		{"one is not", "- {id: a, topic: job.x, on_failure: continue}\n- {id: b, topic: job.x}\n- {id: c, topic: job.x, depends_on: [a, b], join: {at_least: 1}}", []string{"4 CW083"}},
		{"no alternative", "- {id: a, topic: job.x}\n- {id: b, topic: job.x}\n- {id: c, topic: job.x, depends_on: [a, b], join: {at_least: 2}}\n- {id: d, topic: job.x, depends_on: [c], join: any_success}", nil},

		// compensation_input_missing
		{"held when unknown", "- {id: a, topic: job.x, compensate: {topic: job.undo, input: {v: '${steps.a.output.id}'}, idempotent: false}}", nil},
		{"run when unknown", "- {id: a, topic: job.x, compensate: {topic: job.undo, input: {v: '${steps.a.output.id}'}, when_unknown: run}}", []string{"3 CW084"}},
		{"another step that may be skipped", "- {id: a, topic: job.x, effect: read, when: input.x}\n- {id: b, topic: job.x, depends_on: [a], join: none_failed, compensate: {topic: job.undo, input: {v: '${steps.a.output.id}'}}}", []string{"4 CW082"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found := lint("id: wf\nsteps:\n" + tt.src + "\n")
			if got := codes(found); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", found, tt.want)
			}
		})
	}
}

func TestWarningsOfTheOutput(t *testing.T) {
	t.Parallel()
	const two = "\nsteps:\n  - {id: a, topic: job.x, when: input.x}\n  - {id: b, topic: job.x, on_failure: continue}\n  - {id: c, topic: job.x, depends_on: [b]}\n  - {id: d, topic: job.x}\n"
	for reads, want := range map[string][]string{
		"${steps.a.output.v}": {"2 CW082"}, "${steps.b.output.v}": {"2 CW082"}, "${steps.d.output.v}": {}, "${steps.a.output?.v}": {},
		"${steps.c.status}": {},
	} {
		if got := codes(lint("id: wf\noutput: {v: \"" + reads + "\"}" + two)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", reads, got, want)
		}
	}
}

func TestIgnoredWarnings(t *testing.T) {
	t.Parallel()
	const tail = "\n  - {id: b, topic: job.x, on_failure: continue}\n  - {id: c, topic: job.x, depends_on: [a, b], join: any_success}\n"
	const a = "  - {id: a, topic: job.x}"
	tests := []struct {
		name, src string
		want      []string
	}{
		{"nothing ignored", a, []string{"3 CW083"}},
		{"on the line", a + " # cordum:ignore CW083 must work", []string{}},
		{"above", "  # cordum:ignore CW083 must work\n" + a, []string{}},
		{"above, with more comments and an empty line", "  # cordum:ignore CW083 must work\n  # and so on\n\n" + a, []string{}},
		{"lower case and more codes", a + " # cordum:ignore cw083,cw082 must work", []string{"3 CW090"}},
		{"no reason", a + " # cordum:ignore CW083", []string{"3 CW083", "3 CW090"}},
		{"no code", a + " # cordum:ignore", []string{"3 CW083", "3 CW090"}},
		{"another code", a + " # cordum:ignore CW082 must work", []string{"3 CW083", "3 CW090"}},
		{"an unknown code", a + " # cordum:ignore CW999 must work", []string{"3 CW083", "3 CW090"}},
		{"an error", a + " # cordum:ignore CW020 must work", []string{"3 CW083", "3 CW090"}},
		{"itself", a + " # cordum:ignore CW090 must work", []string{"3 CW083", "3 CW090"}},
		{"somewhere else", a + "\n  # cordum:ignore CW083 must work", []string{"3 CW083", "4 CW090"}},
	}
	for _, tt := range tests {
		if got := codes(lint("id: wf\nsteps:\n" + tt.src + tail)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if got := codes(lint("id: wf\nsteps:\n" + a + tail + "# cordum:ignore CW083 nothing follows\n")); !slices.Contains(got, "6 CW090") {
		t.Errorf("at the end: %v", got)
	}
	text := `{"id": "wf", "name": "x # cordum:ignore CW083 no comment", "steps": [{"id": "a", "topic": "job.x"}, {"id": "b", "topic": "job.x", "on_failure": "continue"}, {"id": "c", "topic": "job.x", "depends_on": ["a", "b"], "join": "any_success"}]}`
	if got := codes(lint(text)); !reflect.DeepEqual(got, []string{"1 CW083"}) {
		t.Errorf("in JSON: %v", got)
	}
	errors := codes(lint("id: wf\nsteps:\n  - {id: a, topic: job.x, tpic: x} # cordum:ignore CW020 no\n"))
	if !reflect.DeepEqual(errors, []string{"3 CW020"}) {
		t.Errorf("an error was ignored: %v", errors)
	}
}

func TestSubflowCycle(t *testing.T) {
	t.Parallel()
	call := func(id string, children ...string) string {
		src := "id: " + id + "\nsteps:\n"
		for i, c := range children {
			src += fmt.Sprintf("  - {id: s%d, type: subworkflow, workflow: %s}\n", i, c)
		}
		return src
	}
	known := map[string]*steps.Workflow{}
	for id, children := range map[string][]string{"b": {"a", "c"}, "c": {"b"}, "d": {"x"}, "e": {"d", "b"}} {
		w, list := steps.Load([]byte(call(id, children...)), yamlx.Auto, false)
		if w == nil {
			t.Fatal(list)
		}
		known[id] = w
	}
	o := plan.Options{Lookup: func(id string) *steps.Workflow { return known[id] }}
	for _, tt := range []struct {
		children []string
		want     []string
	}{
		{[]string{"a"}, []string{"3 CW041"}},
		{[]string{"d", "b"}, []string{"4 CW041"}},
		{[]string{"c", "c"}, []string{"3 CW041", "4 CW041"}},
		{[]string{"e"}, []string{"3 CW041"}},
		{[]string{"d", "x"}, []string{}},
	} {
		found := plan.Lint([]byte(call("a", tt.children...)), yamlx.Auto, o)
		if got := codes(found); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.children, found, tt.want)
		}
	}
}

// Warnings of a large workflow are found in little time, and only so many are shown.
func TestWarningsOfALargeWorkflow(t *testing.T) {
	t.Parallel()
	var src strings.Builder
	src.WriteString("id: wf\non_failure: rollback\nsteps:\n")
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	for i := range n {
		fmt.Fprintf(&src, "  - {id: s%d, topic: job.x", i)
		if i > 2 {
			fmt.Fprintf(&src, ", depends_on: [s%d, s%d], join: any_success", i-1, i/2)
		}
		src.WriteString("}\n")
	}
	found := lint(src.String())
	if _, warnings := plan.Count(found); warnings != 100 {
		t.Errorf("%d warnings", warnings)
	}
	if last := found[len(found)-1]; !strings.Contains(last.Message, "more") {
		t.Errorf("the last says %q", last.Message)
	}
}
