package steps_test

import (
	"slices"
	"testing"

	"cordum.dev/cordum/dag"
)

// declaredWorkflow has a schema for its input and for its first step; the step that is checked stands in line 6.
func declaredWorkflow(fields string) string {
	return `id: wf
input: {type: object, additionalProperties: false, required: [n], properties: {n: {type: integer}, s: {type: string}, f: {type: number}, b: {type: boolean}, xs: {type: array, items: {type: object, properties: {name: {type: string}}, additionalProperties: false}}, words: {type: array, items: {type: string}}, o: {type: object, properties: {known: {type: string}}}, either: {type: [integer, string]}, "null": {type: ["string", "null"]}}}
steps:
  - {id: a, topic: job.x, output_schema: {type: object, properties: {id: {type: integer}}, additionalProperties: false}}
  - {id: each, topic: job.x, for_each: input.xs, output_schema: {type: object, properties: {id: {type: integer}}, additionalProperties: false}}
  - {id: z, topic: job.x, depends_on: [a, each], ` + fields + "}\n"
}

func TestExpressionsFitWhatIsDeclared(t *testing.T) {
	t.Parallel()
	tests := []struct{ fields, rule, hint string }{
		{"input: '${input.m}'", "unknown_schema_field", ""},
		{"input: '${input.word}'", "unknown_schema_field", "words"},
		{"input: '${steps.a.output.idd}'", "unknown_schema_field", "id"},
		{"input: '${steps.a.output?.idd}'", "unknown_schema_field", "id"},
		{"input: '${steps.each.output[0].idd}'", "unknown_schema_field", "id"},
		{"input: '${map(steps.each.output, #.idd)}'", "unknown_schema_field", "id"},
		{"input: '${map(input.xs, .nam)}'", "unknown_schema_field", "name"},
		{"input: '${let x = input.xs[0]; x.nam}'", "unknown_schema_field", "name"},
		{"for_each: input.xs, input: '${item.nam}'", "unknown_schema_field", "name"},
		{"for_each: \"filter(input.xs, .name != 'x')\", input: '${item.nam}'", "unknown_schema_field", "name"},
		{"for_each: input.xs, compensate: {topic: job.undo, input: '${item.nam}'}", "unknown_schema_field", "name"},
		{"input: \"${input.n + 'x'}\"", "expr_type", ""},
		{"input: '${input.s - 1}'", "expr_type", ""},
		{"input: '${-input.s}'", "expr_type", ""},
		{"input: '${steps.each.output.id}'", "expr_type", ""},
		{"input: '${input.n.x}'", "expr_type", ""},
		{"input: '${input.words.x}'", "expr_type", ""},
		{"input: '${upper(input.n)}'", "expr_type", ""},
		{"input: '${len(input.n)}'", "expr_type", ""},
		{"when: input.s", "expr_type", ""},
		{"when: input.n > 1 && input.s", "expr_type", ""},
		{"when: '!input.n'", "expr_type", ""},
		{"when: input.s > 1", "expr_type", ""},
		{"when: \"input.n == 'x'\"", "expr_type", ""},
		{"when: 'any(input.words, # > 1)'", "expr_type", ""},
		{"when: \"'x' in input.s\"", "expr_type", ""},
		{"when: input.n contains 'x'", "expr_type", ""},
		{"when: \"input.n ? true : false\"", "expr_type", ""},
		{"for_each: input.s", "expr_type", ""},
		{"for_each: input.o", "expr_type", ""},
		{"for_each: input.n + 1", "expr_type", ""},
		{"for_each: input.n > 1", "expr_type", ""},
		{"for_each: 'input.words[0]'", "expr_type", ""},
		{"when: \"steps.a.status == 1\"", "expr_type", ""},

		{"input: ['${input.n + 1.5}', '${input.s + string(input.n)}', '${input.o.unknown}', '${input.either + 1}', \"${input.either + 'x'}\"]", "", ""},
		{"input: ['${input.xs[0].name}', '${steps.a.output.id + 1}', '${steps.a.error?.code}', '${steps.each.output[0]?.id ?? 7}']", "", ""},
		{"when: \"input.n == 1.0 && input.s != nil && input.null == nil && input.b\"", "", ""},
		{"when: \"input.s in input.words && 'name' in input.xs[0] && (input.f ?? 0) > 1\"", "", ""},
		{"for_each: 'map(input.xs, .name)', input: \"${item + 'x'}\"", "", ""},
		{"for_each: steps.each.output, input: '${item?.id}'", "", ""},
		{"for_each: 'input.words ?? []', input: '${upper(item)}'", "", ""},
		{"for_each: \"input.b ? input.words : [1, 2]\", input: '${index + 1}'", "", ""},
		{"for_each: 1..input.n, input: '${item * 2}'", "", ""},
	}
	for _, tt := range tests {
		w, list := load(declaredWorkflow(tt.fields))
		if tt.rule == "" {
			if w == nil {
				t.Errorf("%s: %v", tt.fields, list)
			}
			continue
		}
		if !slices.ContainsFunc(list, func(d dag.Diagnostic) bool { return d.Rule == tt.rule && d.Line == 6 && d.Hint == tt.hint }) {
			t.Errorf("%s: %v, want %s with hint %q", tt.fields, list, tt.rule, tt.hint)
		}
	}
}
