package dag_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// entry is a field of a drawn document, in the order it is written.
type entry struct {
	key   string
	value any // string, bool, int, float64, nil, []any, []entry
}

var texts = rapid.SampledFrom([]string{"", "x", "no", "010", "1e3", "null", "a: b", "- c", "# d", "${input.x}", "é\n\t\"", "<&>", "true"})

// drawValue makes any JSON value.
func drawValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		texts.AsAny(), rapid.Bool().AsAny(), rapid.Int().AsAny(), rapid.SampledFrom([]float64{0.5, -1.25, 1e21, 1e-9, 3, math.Copysign(0, -1)}).AsAny(), rapid.Just[any](nil),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.SliceOfN(drawValue(depth-1), 0, 3).AsAny(),
		rapid.Custom(func(t *rapid.T) []entry {
			var out []entry
			for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"k", "no", "1", "a b", "é"}), 0, 3, rapid.ID).Draw(t, "keys") {
				out = append(out, entry{k, drawValue(depth-1).Draw(t, "value")})
			}
			return out
		}).AsAny(),
	)...)
}

// fieldChoices are spellings of fields; those of one row mean the same.
var fieldChoices = [][]entry{
	{{"timeout", "90s"}, {"timeout", "1m30s"}, {"timeout", "PT90S"}, {"timeout_sec", 90}},
	{{"when", "true"}, {"when", true}, {"condition", "true"}},
	{{"retry", []entry{{"max_attempts", 3}}}, {"retry", []entry{{"max_retries", 2}}}, {"retry", []entry{{"max_attempts", 3}, {"jitter", "full"}}}},
	{{"join", "all_success"}, {}},
	{{"join", "all_done"}},
	{{"priority", "critical"}},
	{{"idempotent", true}},
	{{"type", "worker"}, {}},
	{{"topic", "job.x"}},
	{{"effect", "read"}},
	{{"requires", []any{"b", "a"}}},
	{{"queue_timeout", "1h"}, {"queue_timeout", "60m"}},
	{{"resource_lock", "l:${input.x}"}, {"resource_lock", []entry{{"name", "l:${input.x}"}}}, {"resource_lock", []entry{{"mode", "exclusive"}, {"name", "l:${input.x}"}}}},
	{{"pivot", false}, {}},
	{{"pivot", true}},
	{{"output_schema", []entry{{"minimum", 1}}}, {"output_schema", []entry{{"minimum", 1.0}}}},
	{{"on_failure", "rollback"}},
	{{"compensate", []entry{{"topic", "job.u"}, {"timeout_sec", 3600}}}, {"compensate", []entry{{"type", "worker"}, {"timeout", "PT1H"}, {"topic", "job.u"}}}},
	{
		{"compensate", []entry{{"type", "http"}, {"url", "u"}, {"success", true}, {"retry", []entry{{"max_retries", 1}, {"initial_backoff_sec", 60}}}}},
		{"compensate", []entry{{"retry", []entry{{"initial", "1m"}, {"max_attempts", 2}}}, {"success", "true"}, {"url", "u"}, {"type", "http"}}},
	},
}

// fanOuts are fields that go together.
var fanOuts = [][2][]entry{
	{{}, {}},
	{{{"for_each", "input.xs"}}, {{"for_each", "input.xs"}}},
	{{{"for_each", "input.xs"}, {"max_parallel", 2}, {"tolerate", []entry{{"percent", 50}}}}, {{"tolerate", []entry{{"percent", 50.0}}}, {"for_each", "input.xs"}, {"max_parallel", 2.0}}},
	{{{"for_each", "input.xs"}, {"tolerate", []entry{{"count", 3}}}}, {{"for_each", "input.xs"}, {"tolerate", []entry{{"count", 3}}}}},
}

// headChoices are spellings of fields of the workflow.
var headChoices = [][2]entry{
	{{}, {}},
	{{"timeout_sec", 3600}, {"timeout", "60m"}},
	{{"input", []entry{{"type", "object"}}}, {"input_schema", []entry{{"type", "object"}}}},
	{{"concurrency", []entry{{"key", "${input.k}"}, {"limit", 2}}}, {"concurrency", []entry{{"limit", 2.0}, {"key", "${input.k}"}}}},
	{{"on_failure", []entry{{"rollback_to", "here"}, {"max", 2}}}, {"on_failure", []entry{{"max", 2}, {"rollback_to", "here"}}}},
}

// drawTwins makes one definition in two spellings.
func drawTwins(t *rapid.T) (a, b []entry) {
	next := 0
	stepsA, stepsB := drawSteps(t, &next, 2)
	marked := []entry{{"topic", "job.x"}, {"checkpoint", "here"}}
	stepsA, stepsB = append(stepsA, entry{"marked", marked}), append(stepsB, entry{"marked", marked})
	a = []entry{{"id", "wf"}, {"context", []entry{{"c", drawValue(1).Draw(t, "context")}}}}
	b = a[:2:2]
	more := rapid.SampledFrom(headChoices).Draw(t, "head")
	a, b = appendSaid(a, more[0]), appendSaid(b, more[1])
	a = shuffled(t, append(a, drawForm(t, stepsA)))
	return a, shuffled(t, append(b, drawForm(t, stepsB)))
}

// drawSteps makes the steps of one scope; next counts the ids. Inside loops nothing is marked.
func drawSteps(t *rapid.T, next *int, depth int) (a, b []entry) {
	first := *next
	n := rapid.IntRange(1, 4).Draw(t, "steps")
	*next += n
	for i := first; i < first+n; i++ {
		fa, fb := drawFields(t, depth == 2)
		fan := rapid.SampledFrom(fanOuts).Draw(t, "fan-out")
		fa, fb = append(fa, fan[0]...), append(fb, fan[1]...)
		if depth > 0 && rapid.IntRange(0, 4).Draw(t, "loop") == 0 {
			innerA, innerB := drawSteps(t, next, depth-1)
			fa = []entry{{"type", "loop"}, {"until", true}, drawForm(t, innerA)}
			fb = []entry{{"type", "loop"}, {"until", "true"}, drawForm(t, innerB)}
		}
		if rapid.Bool().Draw(t, "has input") {
			v := drawValue(2).Draw(t, "input")
			fa, fb = append(fa, entry{"input", v}), append(fb, entry{"input", v})
		}
		if on := drawDependencies(t, first, i); len(on) > 0 {
			fa = append(fa, entry{"depends_on", on})
			fb = append(fb, entry{"depends_on", reversed(on)})
		}
		id := "s" + strconv.Itoa(i)
		a, b = append(a, entry{id, shuffled(t, fa)}), append(b, entry{id, shuffled(t, fb)})
	}
	return a, b
}

// drawFields makes the fields of a step in two spellings.
func drawFields(t *rapid.T, root bool) (a, b []entry) {
	taken := map[string]bool{"pivot": !root}
	for _, row := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(fieldChoices)-1), 0, 6, rapid.ID).Draw(t, "fields") {
		choices := fieldChoices[row]
		if taken[choices[0].key] {
			continue
		}
		taken[choices[0].key] = true
		a = appendSaid(a, rapid.SampledFrom(choices).Draw(t, "a"))
		b = appendSaid(b, rapid.SampledFrom(choices).Draw(t, "b"))
	}
	return a, b
}

func appendSaid(fields []entry, f entry) []entry {
	if f.key == "" {
		return fields
	}
	return append(fields, f)
}

func drawDependencies(t *rapid.T, first, step int) []any {
	var on []any
	for d := first; d < step; d++ {
		if rapid.Bool().Draw(t, "edge") {
			on = append(on, "s"+strconv.Itoa(d))
		}
	}
	return on
}

// drawForm writes the steps as a map or as a list, in any order.
func drawForm(t *rapid.T, steps []entry) entry {
	steps = shuffled(t, steps)
	if rapid.Bool().Draw(t, "as map") {
		return entry{"steps", steps}
	}
	var list []any
	for _, s := range steps {
		list = append(list, append([]entry{{"id", s.key}}, s.value.([]entry)...))
	}
	return entry{"steps", list}
}

func shuffled(t *rapid.T, in []entry) []entry { return rapid.Permutation(in).Draw(t, "order") }

func reversed(in []any) []any {
	out := make([]any, 0, len(in))
	for i := len(in) - 1; i >= 0; i-- {
		out = append(out, in[i])
	}
	return out
}

// writeJSON and writeYAML write a drawn document, keys in their order.
func writeJSON(b *strings.Builder, v any) {
	switch v := v.(type) {
	case []entry:
		b.WriteString("{")
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			b.Write(quote(e.key))
			b.WriteString(": ")
			writeJSON(b, e.value)
		}
		b.WriteString("}")
	case []any:
		b.WriteString("[")
		for i, item := range v {
			if i > 0 {
				b.WriteString(",\n")
			}
			writeJSON(b, item)
		}
		b.WriteString("]")
	default:
		b.Write(quote(v))
	}
}

func writeYAML(b *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case []entry:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return
		}
		b.WriteString("\n")
		for _, e := range v {
			fmt.Fprintf(b, "%s%s:", indent, quote(e.key))
			writeYAML(b, e.value, indent+"  ")
		}
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return
		}
		b.WriteString("\n")
		for _, item := range v {
			b.WriteString(indent + "-")
			writeYAML(b, item, indent+"  ")
		}
	default:
		fmt.Fprintf(b, " %s # %d\n", quote(v), len(indent))
	}
}

func quote(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

// What means the same has the same digest, whatever the format, the order and the spelling; and the canonical form is
// its own canonical form.
func TestSameMeaningSameDigest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTwins(t)
		var inJSON, inYAML strings.Builder
		writeJSON(&inJSON, a)
		writeYAML(&inYAML, b, "")
		one, list := dag.Parse([]byte(inJSON.String()), yamlx.JSON)
		if one == nil {
			t.Fatalf("%v in\n%s", list, inJSON.String())
		}
		two, list := dag.Parse([]byte(inYAML.String()), yamlx.YAML)
		if two == nil {
			t.Fatalf("%v in\n%s", list, inYAML.String())
		}
		if one.Digest != two.Digest {
			t.Fatalf("%s\nis\n%s\n%s\nis\n%s", inJSON.String(), one.Canonical, inYAML.String(), two.Canonical)
		}
		for _, format := range []yamlx.Format{yamlx.JSON, yamlx.YAML} {
			again, list := dag.Parse(one.Canonical, format)
			if again == nil || !bytes.Equal(again.Canonical, one.Canonical) {
				t.Fatalf("%s is read again as %v %v", one.Canonical, again, list)
			}
		}
	})
}

// What means something else has another digest.
func TestOtherMeaningOtherDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, fields := range []string{
		"", "when: 'false'", "when: 'true'", "join: all_done", "join: any_failed", "timeout: 1s", "timeout: 1ms", "queue_timeout: 1s", "priority: batch",
		"idempotent: true", "idempotent: false", "input: 1", "input: '1'", "input: 1.5", "input: null", "input: []", "input: {}", "retry: {max_attempts: 1}",
		"retry: {max_attempts: 2}", "labels: {a: b}", "name: b", "description: b", "effect: none", "on_failure: halt", "on_failure: continue",
		"input: 9007199254740993", "input: 9007199254740992", "requires: [a, b]", "requires: [b, a]",
		"on_failure: rollback", "for_each: input.xs", "for_each: input.ys", "for_each: input.xs\nmax_parallel: 1", "for_each: input.xs\ntolerate: {count: 0}",
		"for_each: input.xs\ntolerate: {percent: 0}", "pivot: true", "checkpoint: c", "resource_lock: c", "resource_lock: {name: c, mode: shared}",
		"input_schema: c", "output_schema: c", "output_schema: {}", "compensate: {topic: job.u}", "compensate: {topic: job.v}",
		"compensate: {topic: job.u, when_unknown: run}", "compensate: {topic: job.u, when_unknown: hold}", "compensate: {topic: job.u, idempotent: false}",
		"compensate: {topic: job.u, type: notify}",
	} {
		def, list := dag.Parse([]byte(step(fields)), yamlx.YAML)
		if def == nil {
			t.Fatal(fields, list)
		}
		if other, taken := seen[def.Digest]; taken {
			t.Errorf("%q and %q have one digest", fields, other)
		}
		seen[def.Digest] = fields
	}
}
