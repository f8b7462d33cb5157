package gateway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/runner"
)

// namedCodes finds the codes of errors in source text: constants named Rule… or Code…, and those of an InvalidError.
var namedCodes = regexp.MustCompile(`(?m)(?:^\s*(?:const )?(?:Rule|Code)[A-Za-z0-9]+\s*=|InvalidError\{Code:)\s*"([a-z0-9_]*[a-z0-9])"`)

// Every rule of the language and every code of the engine has its row, so that its type leads to an explanation.
func TestEveryCodeIsExplained(t *testing.T) {
	whileRunning := []string{"expr_runtime", "expr_cost", "expr_memory", "secret_missing"} // errors of steps, never answers
	found := 0
	for _, folder := range []string{"../dag", "../steps", "../steps/expr", "../internal/yamlx", "../engine/runner"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range namedCodes.FindAllSubmatch(source, -1) {
				found++
				if code := string(m[1]); problems[code].code == "" && !slices.Contains(whileRunning, code) {
					t.Errorf("%s: %s is in no row of the table of problems", name, code)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d codes were found", found)
	}
}

func TestTableOfProblems(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range problemTable {
		for _, k := range group.kinds {
			if seen[k.code] {
				t.Errorf("%s has two rows", k.code)
			}
			seen[k.code] = true
			if k.status < 400 || k.status > 599 || k.title == "" || !strings.HasSuffix(k.help, ".") || strings.ContainsAny(k.title+k.help, "|\n") {
				t.Errorf("row %+v", k)
			}
		}
	}
}

// A title belongs to its code, whichever part of the server found the problem.
func TestTitlesBelongToCodes(t *testing.T) {
	for _, group := range problemTable {
		for _, k := range group.kinds {
			p := diagnosticsProblem([]dag.Diagnostic{{Rule: k.code, Message: "so"}})
			if p.Code != k.code || p.Title != k.title || p.Type != problemDocs+k.code || p.Detail != "so" {
				t.Errorf("%s became %+v", k.code, p)
			}
		}
	}
}

// What the engine says of a conflict is passed on without the word by which it is told from other errors.
func TestReasonsOfTheEngine(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("the run has ended: %w", runner.ErrConflict), errors.Join(errors.New("the run has ended"), runner.ErrConflict),
	} {
		if p := problemOf(err); p.Code != "conflict" || p.Detail != "the run has ended" {
			t.Errorf("%q became %q", err, p.Detail)
		}
	}
	limit := fmt.Errorf("concurrency_limit: two runs are under way: %w", runner.ErrConflict)
	if p := problemOf(limit); p.Code != "concurrency_limit" || p.Status != 409 || p.Detail != "two runs are under way" {
		t.Errorf("%q became %+v", limit, p)
	}
	other := fmt.Errorf("not_found: so: %w", runner.ErrConflict)
	if p := problemOf(other); p.Code != "conflict" || p.Detail != "not_found: so" {
		t.Errorf("%q became %+v", other, p)
	}
}
