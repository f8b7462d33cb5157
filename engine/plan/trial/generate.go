package trial

import (
	"fmt"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// maxGenerated bounds what a case may ask to be made.
const maxGenerated = 4_000_000

// generated makes a big workflow for a lint case.
func (r *reader) generated(n *yamlx.Node, at dag.Place) *Text {
	o := r.object(n, at, "kind", "steps", "depth", "bytes")
	kind := o.OneOf("kind", "ring", "chain", "flat", "json-nesting", "when", "when-parens")
	size := 0
	for name, kinds := range map[string]string{"steps": "ring chain flat", "depth": "json-nesting when-parens", "bytes": "when"} {
		if strings.Contains(" "+kinds+" ", " "+kind+" ") {
			o.Need(name)
			size = o.Int(name, 1, maxGenerated)
		}
	}
	if kind == "" || size == 0 {
		return nil
	}
	return &Text{Source: []byte(generate(kind, size))}
}

func generate(kind string, size int) string {
	switch kind {
	case "json-nesting":
		return `{"id": "generated", "steps": [{"id": "s0", "topic": "job.test.work", "input": ` +
			strings.Repeat("[", size) + strings.Repeat("]", size) + `}]}`
	case "when":
		const frame = "input.v != ''"
		return oneStep("input.v != '" + strings.Repeat("x", max(size-len(frame), 0)) + "'")
	case "when-parens":
		return oneStep(strings.Repeat("(", size) + "true" + strings.Repeat(")", size))
	}
	var b strings.Builder
	b.WriteString("id: generated\nsteps:\n")
	for i := range size {
		fmt.Fprintf(&b, "  - id: s%d\n    topic: job.test.work\n", i)
		switch {
		case kind == "flat":
		case i > 0:
			fmt.Fprintf(&b, "    depends_on: [s%d]\n", i-1)
		case kind == "ring":
			fmt.Fprintf(&b, "    depends_on: [s%d]\n", size-1)
		}
	}
	return b.String()
}

func oneStep(when string) string {
	return `{"id": "generated", "steps": [{"id": "s0", "topic": "job.test.work", "when": "` + when + `"}]}`
}
