package cases

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// fence finds the files of the page: blocks whose first line is the name of a file as a comment.
var fence = regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```")

// TestDocumentation runs the tests that the page shows, and lints its policies.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var tests []File
	for _, block := range fence.FindAllSubmatch(page, -1) {
		name, text := string(block[1]), bytes.TrimSpace(block[2])
		files[name] = text
		if strings.HasSuffix(name, ".test.yaml") {
			tests = append(tests, File{Path: name, Text: text})
			continue
		}
		root, err := yamlx.Parse(text, yamlx.YAML)
		if err != nil {
			t.Fatal(err)
		}
		set, problems := safety.ReadSet(root, name)
		if s, found := safety.Lint(set); s == nil || len(found)+len(problems) > 0 {
			t.Errorf("%s: %v %v", name, problems, found)
		}
	}
	report := Run(tests, func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return nil, errors.Join(fs.ErrNotExist, errors.New(path))
	}, "")
	if report.Passed < 9 {
		t.Errorf("%d cases passed", report.Passed)
	}
	for _, c := range report.Cases {
		if !c.OK {
			t.Errorf("%s:\n%s", c.ID, c.Why)
		}
	}
	for _, c := range report.Coverage {
		if len(c.Never) > 0 {
			t.Errorf("%s: no case hits %v", c.Policy, c.Never)
		}
	}
}

// TestDocumentedCodes: the page names every code, and no other.
func TestDocumentedCodes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("<a id=\"(po\\d+)\"></a>(PO\\d+) \\| `([a-z_]+)`").FindAllStringSubmatch(string(page), -1)
	seen := map[string]string{}
	for _, row := range rows {
		if code := (&safety.Problem{Rule: row[3]}).Code(); code != row[2] || strings.ToLower(code) != row[1] {
			t.Errorf("the page says %s of %s, the linter %s", row[2], row[3], code)
		}
		seen[row[3]] = row[2]
	}
	for rule, code := range safety.Codes() {
		if seen[rule] != code {
			t.Errorf("the page lacks %s %s", code, rule)
		}
	}
}
