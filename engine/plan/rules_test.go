package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
)

// Each rule's bad example breaks it, and its good example breaks nothing.
func TestExamplesOfRules(t *testing.T) {
	t.Parallel()
	for _, r := range plan.Rules() {
		t.Run(r.Code+" "+r.Name, func(t *testing.T) {
			t.Parallel()
			if (r.Bad == "") != (r.Good == "") {
				t.Fatal("one example without the other")
			}
			if r.Bad == "" {
				return
			}
			found := lint(strings.TrimSpace(r.Bad) + "\n")
			i := slices.IndexFunc(found, func(f plan.Finding) bool { return f.Rule == r.Name })
			if i < 0 {
				t.Fatalf("the bad example gives %v", found)
			}
			if f := found[i]; f.Code != r.Code || f.Severity != r.Severity.String() || (f.Line == 0 && r.Name != yamlx.RuleEmpty) || f.Docs != r.Docs() {
				t.Errorf("got %+v", f)
			}
			if good := lint(strings.TrimSpace(r.Good) + "\n"); len(good) > 0 {
				t.Errorf("the good example gives %v", good)
			}
		})
	}
}

func lint(src string) []plan.Finding {
	return plan.Lint([]byte(src), yamlx.Auto, plan.Options{})
}

var code = regexp.MustCompile(`^CW[0-9]{3}$`)

func TestCodesAreUniqueAndInOrder(t *testing.T) {
	t.Parallel()
	last, names := "", map[string]bool{}
	for _, r := range plan.Rules() {
		if !code.MatchString(r.Code) || r.Code <= last {
			t.Errorf("%s follows %s", r.Code, last)
		}
		if names[r.Name] || r.Title == "" || r.About == "" || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%+v", r)
		}
		last, names[r.Name] = r.Code, true
		for _, name := range []string{r.Code, r.Name} {
			if found, ok := plan.RuleNamed(name); !ok || found.Code != r.Code {
				t.Errorf("%s is not found", name)
			}
		}
		if (strings.HasPrefix(r.Code, "CW08") || strings.HasPrefix(r.Code, "CW09")) != (r.Severity == dag.Warning) {
			t.Errorf("%s has severity %v", r.Code, r.Severity)
		}
	}
}

// runCodes are the codes of expressions that fail a run, not a save.
var runCodes = []string{"expr_runtime", "expr_cost", "expr_memory", "secret_missing"}

// Every rule that the packages of the language declare has a page.
func TestEveryRuleHasACode(t *testing.T) {
	t.Parallel()
	total := 0
	for _, folder := range []string{"internal/yamlx", "dag", "steps", "steps/expr", "engine/plan"} {
		for name, rule := range declaredRules(t, filepath.Join("../..", folder)) {
			total++
			if _, ok := plan.RuleNamed(rule); !ok && !slices.Contains(runCodes, rule) {
				t.Errorf("%s: %s = %q has no code", folder, name, rule)
			}
		}
	}
	if total < 40 {
		t.Errorf("only %d rules were found in the source", total)
	}
}

// declaredRules are the text constants of a package whose names begin with Rule or Code.
func declaredRules(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(folder, err)
	}
	out := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range spec.Names {
				if i >= len(spec.Values) || (!strings.HasPrefix(id.Name, "Rule") && !strings.HasPrefix(id.Name, "Code")) {
					continue
				}
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if out[id.Name], err = strconv.Unquote(lit.Value); err != nil {
						t.Fatal(err)
					}
				}
			}
			return true
		})
	}
	return out
}

func TestPageIsCurrent(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile("../../docs/lint.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != plan.Page() {
		t.Error("docs/lint.md is not current: run go generate ./engine/plan")
	}
}
