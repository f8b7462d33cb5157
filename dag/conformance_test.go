package dag_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// sharedFile reads a file of the folder "shared" beside the repository.
func sharedFile(t *testing.T, path string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		t.Fatal("there is no go.mod above the test")
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "shared", path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lintCase is a case of conformance/lint.json.
type lintCase struct {
	ID       string  `json:"id"`
	Text     *string `json:"workflow_text"`
	Base64   *string `json:"workflow_base64"`
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

// source is the file of a case.
func (c *lintCase) source(t *testing.T) []byte {
	t.Helper()
	switch {
	case c.Text != nil:
		return []byte(*c.Text)
	case c.Base64 != nil:
		text, err := base64.StdEncoding.DecodeString(*c.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return text
	case c.Generate == nil:
		t.Fatal("a case without a file")
	}
	switch g := c.Generate; g.Kind {
	case "flat", "chain", "ring":
		return []byte(generated(g.Kind, g.Steps))
	case "json-nesting":
		return fmt.Appendf(nil, `{"id": "wf", "steps": [{"id": "a", "topic": "job.x", "input": %s1%s}]}`, strings.Repeat("[", g.Depth), strings.Repeat("]", g.Depth))
	case "when":
		return []byte(step("when: \"true" + strings.Repeat(" ", max(0, g.Bytes-len("true"))) + "\""))
	case "when-parens":
		return []byte(step("when: \"" + strings.Repeat("(", g.Depth) + "true" + strings.Repeat(")", g.Depth) + "\""))
	}
	t.Fatalf("an unknown kind of case: %s", c.Generate.Kind)
	return nil
}

func generated(kind string, n int) string {
	var b strings.Builder
	b.WriteString("id: wf\nsteps:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: s%d, topic: job.x", i)
		switch {
		case kind == "ring" && i == 0:
			fmt.Fprintf(&b, ", depends_on: [s%d]", n-1)
		case kind != "flat" && i > 0:
			fmt.Fprintf(&b, ", depends_on: [s%d]", i-1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// rulesHere are the rules that this package decides alone, under the names of the cases.
var rulesHere = map[string][]string{
	"invalid-document": {yamlx.RuleYAML, yamlx.RuleJSON}, "empty-document": {yamlx.RuleEmpty},
	"invalid-utf8": {yamlx.RuleUTF8}, "multiple-documents": {yamlx.RuleMultiple}, "duplicate-key": {yamlx.RuleDuplicate},
	"yaml-tag-refused": {yamlx.RuleTag}, "yaml-alias-limit": {yamlx.RuleAlias}, "json-too-deep": {yamlx.RuleDepth},
	"wrong-type": {dag.RuleWrongType}, "out-of-range": {dag.RuleOutOfRange}, "invalid-duration": {dag.RuleInvalidDuration},
	"invalid-id": {dag.RuleInvalidID}, "duplicate-id": {dag.RuleDuplicateID}, "no-steps": {dag.RuleNoSteps},
	"too-many-steps": {dag.RuleTooManySteps}, "cycle": {dag.RuleCycle}, "unknown-dependency": {dag.RuleUnknownDependency},
	"duplicate-dependency": {dag.RuleDuplicateDependency}, "bad-join": {dag.RuleBadJoin}, "at-least-out-of-range": {dag.RuleAtLeast},
	"compensate-irreversible": {dag.RuleCompensateIrreversible}, "duplicate-checkpoint": {dag.RuleDuplicateCheckpoint},
	"unknown-checkpoint": {dag.RuleUnknownCheckpoint},
	// Common fields are checked here, those of a kind by package steps.
	"unknown-field": {dag.RuleUnknownField}, "missing-field": {dag.RuleMissingField}, "conflicting-fields": {dag.RuleConflicting},
	"bad-value": {dag.RuleBadValue}, "template-not-allowed": {dag.RuleTemplate},
}

// ofKinds are the cases about fields of a kind, or about which fields a kind has.
var ofKinds = []string{
	"lint-field-case", "lint-camel-case-field", "lint-http-without-url", "lint-wait-without-signal", "lint-switch-value-and-when",
	"lint-switch-case-without-steps", "lint-pack-tool-and-other-topic", "lint-on-expiry-approve", "lint-template-in-pack",
	"lint-compensate-on-approval",
}

// The published cases, as far as the structure decides them: what must be refused is, in the named line; what must be
// accepted is not refused here.
func TestConformanceOfStructure(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []lintCase `json:"cases"`
	}
	text := sharedFile(t, "conformance/lint.json")
	if err := json.Unmarshal(text, &file.Cases); err != nil {
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
	}
	decided := 0
	for _, c := range file.Cases {
		if slices.Contains(ofKinds, c.ID) {
			continue
		}
		_, list := dag.Draft(c.source(t), yamlx.Auto, false)
		if len(c.Expect.Lint) == 0 {
			if decided++; dag.HasErrors(list) {
				t.Errorf("%s: %v", c.ID, list)
			}
			continue
		}
		for _, want := range c.Expect.Lint {
			rules, here := rulesHere[want.Rule]
			if !here || want.Severity == "warning" {
				continue
			}
			decided++
			if !slices.ContainsFunc(list, func(d dag.Diagnostic) bool {
				return slices.Contains(rules, d.Rule) && (want.Line == 0 || d.Line == want.Line) && (want.Hint == "" || d.Hint == want.Hint) && d.Severity == dag.Error
			}) {
				t.Errorf("%s: got %v, want %+v", c.ID, list, want)
			}
		}
	}
	if decided < 70 {
		t.Errorf("only %d cases are decided here", decided)
	}
	t.Logf("%d of %d cases", decided, len(file.Cases))
}
