package proof

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// TestPage: what was measured is shown with its verdict, what was not is said, and either is noticed.
func TestPage(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, Record{Name: "crash", Command: "make crash", Figures: []Figure{Count("lost", 0, 0), AtLeast("cells", 3, 4)}}); err != nil {
		t.Fatal(err)
	}
	records, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	good, err := Print(&page, records)
	if err != nil || good {
		t.Errorf("good %t, %v; a goal was missed and most was not measured", good, err)
	}
	for _, want := range []string{"not measured: make soak", "MISSED", "make crash, "} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, &page)
		}
	}
}

// TestReadRefuses: a record that is not one is an error, never left out.
func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{"text": "hello", "other": `{"name":"crash","figures":[{"name":"a"}]}`, "empty": `{"name":"empty"}`} {
		dir := t.TempDir()
		folder := filepath.Join(dir, Folder)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil {
			t.Errorf("%s: taken for a record", name)
		}
	}
}

// TestRecordsCanBeRead reads those that are committed.
func TestRecordsCanBeRead(t *testing.T) {
	if _, err := Read(root); err != nil {
		t.Error(err)
	}
}

// TestGuaranteesNameTests: each row of each table of docs/guarantees.md names tests, and each test that is named anywhere on the page
// exists where it is said to be. The table of what was measured names commands, and has a test of its own.
func TestGuaranteesNameTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, Page))
	if err != nil {
		t.Fatal(err)
	}
	before, _, after, err := cutPage(string(text))
	if err != nil {
		t.Fatal(err)
	}
	tests, promises, others := declaredTests(t), 0, 0
	for line := range strings.Lines(before + after) {
		found := namedTests.FindAllStringSubmatch(line, -1)
		for _, f := range found {
			if !tests[f[1]+" "+f[2]] {
				t.Errorf("there is no test %s in %s", f[2], f[1])
			}
		}
		if n := len(testNames.FindAllString(line, -1)); n != len(found) {
			t.Errorf("%d of %d tests are not named as `folder TestName`: %.60s", n-len(found), n, line)
		}
		switch {
		case !isRow(line):
			continue
		case strings.HasPrefix(line, "| I"):
			promises++
		default:
			others++
		}
		if len(found) == 0 {
			t.Errorf("no test shows it: %.60s", line)
		}
	}
	if promises < 42 || others < 16 {
		t.Errorf("the page has %d promises with a number, and %d others", promises, others)
	}
}

var (
	namedTests = regexp.MustCompile("`((?:[a-z0-9]+/?)+) ((?:Test|Fuzz)[A-Z]\\w*)`")
	testNames  = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
)

// isRow tells a row of a table from its head and from text.
func isRow(line string) bool {
	return strings.HasPrefix(line, "| ") && !strings.HasSuffix(strings.TrimSpace(line), "| shown by |")
}

// declaredTests are the tests of the module, as "folder Name".
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	all := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root) {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, f := range declared.FindAllStringSubmatch(string(text), -1) {
			all[filepath.ToSlash(folder)+" "+f[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 500 {
		t.Fatalf("only %d tests were found", len(all))
	}
	return all
}
