package trial

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// fence finds the files of a page: blocks whose first line is the name of a file as a comment.
var fence = regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```")

// TestDocumentation runs the test file of the documentation.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/testing-workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var tests []File
	for _, block := range fence.FindAllSubmatch(page, -1) {
		name := string(block[1])
		files[name] = block[2]
		if strings.HasSuffix(name, ".test.yaml") {
			tests = append(tests, File{Path: name, Text: block[2]})
		}
	}
	report := Run(tests, func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return nil, errors.Join(fs.ErrNotExist, errors.New(path))
	})
	if report.Passed < 5 {
		t.Errorf("%d cases passed", report.Passed)
	}
	for _, c := range report.Cases {
		if !c.OK {
			t.Errorf("%s:\n%s", c.ID, c.Why)
		}
	}
}
