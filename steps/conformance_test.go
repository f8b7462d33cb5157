package steps_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
)

// lintCase is a case of the shared lint cases; what a runner ignores is left out.
type lintCase struct {
	ID       string `json:"id"`
	Text     string `json:"workflow_text"`
	Base64   *string
	Generate *struct {
		Kind                string
		Steps, Bytes, Depth int
	}
	Expect struct {
		Lint []struct {
			Rule     string
			Line     int
			Severity string
			Hint     string
		}
	}
}

func (c *lintCase) source(t *testing.T) string {
	switch {
	case c.Base64 != nil:
		raw, err := base64.StdEncoding.DecodeString(*c.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	case c.Generate != nil:
		return generated(t, c.Generate.Kind, c.Generate.Steps, c.Generate.Bytes, c.Generate.Depth)
	}
	return c.Text
}

// generated writes the big workflows.
func generated(t *testing.T, kind string, steps, size, depth int) string {
	t.Helper()
	one := func(field string) string { return "id: wf\nsteps:\n  - id: s0\n    topic: job.x\n    " + field + "\n" }
	switch kind {
	case "ring", "chain", "flat":
		var b strings.Builder
		b.WriteString("id: wf\nsteps:\n")
		for i := range steps {
			switch before := i - 1; {
			case kind == "flat" || (kind == "chain" && i == 0):
				fmt.Fprintf(&b, "  - {id: s%d, topic: job.x}\n", i)
			default:
				fmt.Fprintf(&b, "  - {id: s%d, topic: job.x, depends_on: [s%d]}\n", i, (before+steps)%steps)
			}
		}
		return b.String()
	case "json-nesting":
		return `{"id": "wf", "steps": [{"id": "s0", "topic": "job.x", "input": ` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}]}`
	case "when":
		return one(`when: "` + strings.Repeat(" ", size-len("true")) + `true"`)
	case "when-parens":
		return one(`when: "` + strings.Repeat("(", depth) + "true" + strings.Repeat(")", depth) + `"`)
	}
	t.Fatalf("unknown kind %q", kind)
	return ""
}

// lintCases reads the shared cases.
func lintCases(t testing.TB) []lintCase {
	t.Helper()
	var file struct{ Cases []lintCase }
	if err := json.Unmarshal(steps.SharedCases(t, "lint.json"), &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// UnmarshalJSON reads the one field whose absence is not emptiness.
func (c *lintCase) UnmarshalJSON(data []byte) error {
	type plain lintCase
	var more struct {
		Base64 *string `json:"workflow_base64"`
	}
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	err := json.Unmarshal(data, &more)
	c.Base64 = more.Base64
	return err
}

// ours are the rules that the cases name otherwise.
var ours = map[string][]string{
	"empty_document":   {"empty_body"},
	"invalid_document": {"invalid_json", "invalid_yaml"},
}

func TestConformanceLint(t *testing.T) {
	t.Parallel()
	cases := lintCases(t)
	if len(cases) == 0 {
		t.Fatal("there are no cases")
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			w, list := load(c.source(t))
			refused := false
			for _, want := range c.Expect.Lint {
				if want.Severity == "warning" { // engine/plan's
					continue
				}
				refused = true
				rules := []string{strings.ReplaceAll(want.Rule, "-", "_")}
				rules = append(rules, ours[rules[0]]...)
				if !slices.ContainsFunc(list, func(d dag.Diagnostic) bool {
					return slices.Contains(rules, d.Rule) && (want.Line == 0 || d.Line == want.Line) && strings.Contains(d.Hint, want.Hint)
				}) {
					t.Errorf("got %v, want %s in line %d with hint %q", list, want.Rule, want.Line, want.Hint)
				}
			}
			if (w == nil) != refused {
				t.Errorf("accepted %v: %v", w != nil, list)
			}
		})
	}
}
