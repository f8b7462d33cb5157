package plan_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
)

// casesFile has the lint cases of the conformance suite, which lies beside the repository.
const casesFile = "../../../shared/conformance/lint.json"

type lintCase struct {
	ID       string          `json:"id"`
	Text     *string         `json:"workflow_text"`
	Base64   *string         `json:"workflow_base64"`
	Workflow json.RawMessage `json:"workflow"`
	Generate *struct {
		Kind  string `json:"kind"`
		Steps int    `json:"steps"`
		Depth int    `json:"depth"`
		Bytes int    `json:"bytes"`
	} `json:"generate"`
	Expect struct {
		Lint []struct {
			Rule     string `json:"rule"`
			Line     int    `json:"line"`
			Severity string `json:"severity"`
			Hint     string `json:"hint"`
		} `json:"lint"`
	} `json:"expect"`
}

func (c *lintCase) source(t *testing.T) []byte {
	t.Helper()
	switch {
	case c.Text != nil:
		return []byte(*c.Text)
	case c.Base64 != nil:
		out, err := base64.StdEncoding.DecodeString(*c.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return out
	case c.Generate != nil:
		return []byte(c.generated(t))
	}
	return c.Workflow
}

func (c *lintCase) generated(t *testing.T) string {
	t.Helper()
	g := c.Generate
	one := func(fields string) string {
		return "id: wf\nsteps:\n  - {id: a, topic: job.x, " + fields + "}\n"
	}
	switch g.Kind {
	case "ring", "chain", "flat":
		var out strings.Builder
		out.WriteString("id: wf\nsteps:\n")
		for i := range g.Steps {
			before := ""
			if i > 0 && g.Kind != "flat" {
				before = fmt.Sprintf(", depends_on: [s%d]", i-1)
			} else if g.Kind == "ring" {
				before = fmt.Sprintf(", depends_on: [s%d]", g.Steps-1)
			}
			fmt.Fprintf(&out, "  - {id: s%d, topic: job.x%s}\n", i, before)
		}
		return out.String()
	case "json-nesting":
		return `{"id": "wf", "steps": [{"id": "a", "topic": "job.x", "input": ` + strings.Repeat("[", g.Depth) + strings.Repeat("]", g.Depth) + `}]}`
	case "when":
		const of = "input.x == ''"
		return one(fmt.Sprintf("when: \"%s'%s'\"", strings.TrimSuffix(of, "''"), strings.Repeat("x", g.Bytes-len(of))))
	case "when-parens":
		return one(fmt.Sprintf("when: %q", strings.Repeat("(", g.Depth)+"true"+strings.Repeat(")", g.Depth)))
	}
	t.Fatalf("unknown kind %q", g.Kind)
	return ""
}

func TestConformance(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatalf("the conformance cases are needed: %v", err)
	}
	var file struct{ Cases []lintCase }
	if err := json.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 100 {
		t.Errorf("there are only %d cases", len(file.Cases))
	}
	for i := range file.Cases {
		c := &file.Cases[i]
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			c.check(t, plan.Lint(c.source(t), yamlx.Auto, plan.Options{}))
		})
	}
}

// check holds findings against what a case expects: each finding it names, and that the file is accepted when none of
// them is an error.
func (c *lintCase) check(t *testing.T, found []plan.Finding) {
	t.Helper()
	refused := false
	for _, want := range c.Expect.Lint {
		severity := "error"
		if want.Severity == "warning" {
			severity = want.Severity
		}
		refused = refused || severity == "error"
		if !slices.ContainsFunc(found, func(f plan.Finding) bool {
			r, _ := plan.RuleNamed(f.Rule)
			return r.Is(want.Rule) && f.Severity == severity && (want.Line == 0 || f.Line == want.Line) &&
				(want.Hint == "" || strings.Contains(f.String(), want.Hint))
		}) {
			t.Errorf("want %+v, got %v", want, found)
		}
	}
	if plan.Refused(found, false) != refused {
		t.Errorf("refused: %v, got %v", !refused, found)
	}
}
