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
}

// drawTwins makes one definition in two spellings.
func drawTwins(t *rapid.T) (a, b []entry) {
	n := rapid.IntRange(1, 5).Draw(t, "steps")
	var stepsA, stepsB []entry
	for i := range n {
		var fa, fb []entry
		taken := map[string]bool{}
		for _, row := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(fieldChoices)-1), 0, 6, rapid.ID).Draw(t, "fields") {
			choices := fieldChoices[row]
			if taken[choices[0].key] {
				continue
			}
			taken[choices[0].key] = true
			fa = appendSaid(fa, rapid.SampledFrom(choices).Draw(t, "a"))
			fb = appendSaid(fb, rapid.SampledFrom(choices).Draw(t, "b"))
		}
		if rapid.Bool().Draw(t, "has input") {
			v := drawValue(2).Draw(t, "input")
			fa, fb = append(fa, entry{"input", v}), append(fb, entry{"input", v})
		}
		if on := drawDependencies(t, i); len(on) > 0 {
			fa = append(fa, entry{"depends_on", on})
			fb = append(fb, entry{"depends_on", reversed(on)})
		}
		id := "s" + strconv.Itoa(i)
		stepsA, stepsB = append(stepsA, entry{id, shuffled(t, fa)}), append(stepsB, entry{id, shuffled(t, fb)})
	}
	head := []entry{{"id", "wf"}, {"context", []entry{{"c", drawValue(1).Filter(hasNoTemplate).Draw(t, "context")}}}}
	a = shuffled(t, append(head[:2:2], drawForm(t, stepsA)))
	return a, shuffled(t, append(head[:2:2], drawForm(t, stepsB)))
}

func hasNoTemplate(v any) bool { return !strings.Contains(fmt.Sprint(v), "${") }

func appendSaid(fields []entry, f entry) []entry {
	if f.key == "" {
		return fields
	}
	return append(fields, f)
}

func drawDependencies(t *rapid.T, step int) []any {
	var on []any
	for d := range step {
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
