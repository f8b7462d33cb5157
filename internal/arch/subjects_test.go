package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What is said on the bus is named in code, on docs/replicas.md and in deploy/nats.conf: what one of them leaves out, an operator's
// NATS server refuses.

// speaking are the folders whose code publishes or subscribes.
var speaking = []string{"bus", "cmd", "engine", "gateway", "scheduler", "sdk/go", "steps"}

// subjectLike matches what is a subject, or a pattern of some, wherever it stands.
var subjectLike = regexp.MustCompile(`^(cordum\.[a-z*>]|sys\.|job\.>|worker\.\*|_CORDUM|_INBOX|\$JS\.)[A-Za-z0-9.*>_$]*$`)

// noSubjects look like some.
var noSubjects = []string{
	"cordum.effect", "cordum.builtin", // labels
	"cordum.attempt", "cordum.run", "cordum.state", "cordum.step", "cordum.workflow", // attributes of traces
	"cordum.agent.v1.SafetyKernel", // a service of gRPC
	"cordum.v1",                    // what viewers of a stream speak
}

// borrowed are the subjects of the NATS library, which are in none of our files.
var borrowed = []string{"$JS.API.>"}

// TestSubjects: each subject of the code is on the page, and each one on the page, and of what the configuration lets workers do, is in
// the code.
func TestSubjects(t *testing.T) {
	root := moduleRoot(t)
	code := spoken(t, root)
	page := quoted(t, filepath.Join(root, "docs", "replicas.md"), "`([^`\n]+)`")
	config := quoted(t, filepath.Join(root, "deploy", "nats.conf"), `"([^"\n]+)"`)
	if len(code) < 15 || len(page) < 15 || len(config) < 10 {
		t.Fatalf("%d subjects in the code, %d on the page, %d in the configuration: they are not found any more", len(code), len(page), len(config))
	}
	for _, s := range missing(code, page) {
		t.Errorf("the code says %s, docs/replicas.md does not", s)
	}
	for _, s := range missing(page, slices.Concat(code, borrowed)) {
		t.Errorf("docs/replicas.md says %s, the code does not", s)
	}
	for _, s := range missing(config, code) {
		t.Errorf("deploy/nats.conf says %s, the code does not", s)
	}
}

// TestSubjectsMeet checks what the test above goes by.
func TestSubjectsMeet(t *testing.T) {
	for _, c := range []struct {
		a, b string
		meet bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a.c", false},
		{"a.b", "a.b.c", false},
		{"a.*", "a.b", true},
		{"a.*", "a.b.c", false},
		{"a.>", "a.b.c", true},
		{"a.>", "a", false},
		{"a.*.c", "a.>", true},
		{"x.>", "a.>", false},
	} {
		if meet(c.a, c.b) != c.meet || meet(c.b, c.a) != c.meet {
			t.Errorf("%s and %s: want %t", c.a, c.b, c.meet)
		}
	}
	if got := missing([]string{"cordum.gone", "cordum.part.*"}, []string{"cordum.part.07"}); !slices.Equal(got, []string{"cordum.gone"}) {
		t.Errorf("missing is %v", got)
	}
}

// spoken are the subjects that the code's texts make. What stands for a part of one is "*".
func spoken(t *testing.T, root string) (all []string) {
	t.Helper()
	for _, folder := range speaking {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				e, is := n.(ast.Expr)
				if !is {
					return true
				}
				text := textOf(e)
				if s := subject(text); s != "" {
					all = append(all, s)
				}
				return text == "" // the parts of a text are no texts of their own
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// textOf is what a text, or a sum with one, begins with or is; "" for everything else.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		left, right := textOf(e.X), textOf(e.Y)
		switch {
		case e.Op != token.ADD || left == "":
			return ""
		case right == "":
			right = "*"
		}
		return left + right
	}
	return ""
}

// subject is the subject that a text is, with all that it is the beginning of; "" when it is none.
func subject(text string) string {
	text = strings.ReplaceAll(text, "%02X", "*")
	switch {
	case slices.Contains(noSubjects, text) || !subjectLike.MatchString(text):
		return ""
	case strings.HasSuffix(text, "."):
		return text + ">"
	case !strings.Contains(text, "."): // the beginning of answers' subjects
		return text + ".>"
	}
	return text
}

// quoted are the subjects of a file that stand between marks.
func quoted(t *testing.T, path, marks string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(marks).FindAllStringSubmatch(string(text), -1) {
		if s := subject(m[1]); s != "" {
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// missing are the subjects that have nothing in common with any of others.
func missing(subjects, others []string) (out []string) {
	for _, s := range subjects {
		if !slices.ContainsFunc(others, func(o string) bool { return meet(s, o) }) {
			out = append(out, s)
		}
	}
	return out
}

// meet tells whether there is a subject that both patterns match.
func meet(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; ; i++ {
		switch {
		case i == len(x) || i == len(y):
			return len(x) == len(y)
		case x[i] == ">" || y[i] == ">":
			return true
		case x[i] != y[i] && x[i] != "*" && y[i] != "*":
			return false
		}
	}
}
