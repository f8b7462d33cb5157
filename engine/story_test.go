package engine

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordum.dev/cordum/steps"
)

var update = flag.Bool("update", false, "write testdata anew: the stories' facts and golden logs that are missing")

// TestStories tells each file of testdata/stories again, and looks at each decision from outside. A story is a definition (or `file:` and where it is), a line of
// dashes, and lines of what happens; below each, indented, what becomes true. `go test ./engine -run TestStories -update`
// writes the indented lines.
func TestStories(t *testing.T) {
	for _, path := range storyFiles(t) {
		t.Run(storyName(path), func(t *testing.T) {
			d, text, told := tell(t, path)
			if !d.run.Settled() {
				t.Errorf("the story does not end: the run is %s, its compensation %s", d.run.Status(), d.run.Compensation())
			}
			if !same(d.run, fold(t, d.run.Plan, d.log)) {
				t.Error("folding the facts gives another state")
			}
			if *update {
				if err := os.WriteFile(path, []byte(told), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if told != text {
				t.Errorf("the story goes another way:\n%s", firstDifference(text, told))
			}
		})
	}
}

func storyFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("found %d stories, %v", len(files), err)
	}
	return files
}

func storyName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".txt") }

// tell plays a story: its driver at the end, its text as it stands, and as it would be written now.
func tell(t *testing.T, path string) (d *driver, text, told string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = string(raw)
	head, lines, ok := strings.Cut(text, "\n----\n")
	if !ok {
		t.Fatalf("%s has no line of dashes", path)
	}
	d = newDriver(t, storyPlan(t, path, head))
	d.watch = func(before []byte, in Input, facts []Fact) { checkPure(t, d, before, in, facts) }
	var out strings.Builder
	out.WriteString(head + "\n----\n")
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		if line == "" || line[0] == ' ' {
			continue
		}
		out.WriteString(line + "\n")
		if line[0] == '#' {
			continue
		}
		for _, said := range happen(t, d, line) {
			out.WriteString("    " + said + "\n")
		}
	}
	return d, text, out.String()
}

func storyPlan(t *testing.T, path, head string) *steps.Workflow {
	t.Helper()
	if i := strings.Index(head, "file: "); i >= 0 {
		file := strings.TrimSpace(head[i+len("file: "):])
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), file))
		if err != nil {
			t.Fatal(err)
		}
		head = string(raw)
	}
	return load(t, head)
}

// happen does what a line says and tells what became true.
func happen(t *testing.T, d *driver, line string) []string {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	if verb == "state" {
		return standing(d.run)
	}
	in, err := storyInput(d, verb, rest)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if in == nil {
		return nil
	}
	facts, err := d.try(in)
	if refused := (*Refusal)(nil); errors.As(err, &refused) {
		return []string{"refused: " + err.Error()}
	}
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	said := make([]string, 0, len(facts))
	for _, f := range facts {
		said = append(said, describe(d.run, f))
	}
	if len(said) == 0 {
		said = []string{"nothing"}
	}
	return said
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d\n  was %s\n  now %s", i+1, x, y)
		}
	}
	return ""
}
