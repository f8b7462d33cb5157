package trial

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// fence finds the files of a page: blocks whose first line is the name of a file as a comment, and definitions, which
// go by their id.
var fence = regexp.MustCompile("(?s)```yaml\n(?:# |id: )(\\S+)\n(.*?)```")

// TestDocumentation runs the tests that pages show.
func TestDocumentation(t *testing.T) {
	t.Run("testing-workflows.md", func(t *testing.T) { runPage(t, "testing-workflows.md", 5) })
	t.Run("approvals.md", func(t *testing.T) { runPage(t, "approvals.md", 5) })
	t.Run("workflows.md", func(t *testing.T) { runPage(t, "workflows.md", 9) })
}

// runPage runs the test files of a page, which has so many cases at least.
func runPage(t *testing.T, name string, cases int) {
	page, err := os.ReadFile("../../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var tests []File
	for _, block := range fence.FindAllSubmatch(page, -1) {
		name := string(block[1])
		files[name] = bytes.TrimSuffix(bytes.TrimPrefix(block[0], []byte("```yaml\n")), []byte("```"))
		if strings.HasSuffix(name, ".test.yaml") {
			tests = append(tests, File{Path: name, Text: files[name]})
		}
	}
	report := Run(tests, func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return nil, errors.Join(fs.ErrNotExist, errors.New(path))
	})
	if report.Passed < cases {
		t.Errorf("%d cases passed", report.Passed)
	}
	for _, c := range report.Cases {
		if !c.OK {
			t.Errorf("%s:\n%s", c.ID, c.Why)
		}
	}
}
