package examples

import (
	"os"
	"path/filepath"
	"testing"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/cases"
	"cordum.dev/cordum/steps"
)

// wanted are the examples that the README names; each has a workflow, tests and a page.
var wanted = []string{"checkpoint", "diamond", "exec", "fanout", "governed-migration", "migration", "order", "poll", "subworkflow", "triage", "wait"}

// enough is how many cases an example has at least.
const enough = 3

// TestCases runs the test file of each example.
func TestCases(t *testing.T) {
	for _, name := range wanted {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(name, "workflow.test.yaml")
			report := trial.Run([]trial.File{{Path: path, Text: read(t, path)}}, os.ReadFile)
			for _, c := range report.Cases {
				if !c.OK {
					t.Errorf("%s:\n%s", c.ID, c.Why)
				}
			}
			if report.Passed < enough {
				t.Errorf("%d cases passed, want %d at least", report.Passed, enough)
			}
		})
	}
}

// TestLint finds nothing in any workflow here, not even a warning.
func TestLint(t *testing.T) {
	paths, err := filepath.Glob("*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	linted := 0
	for _, path := range paths {
		if filepath.Ext(path[:len(path)-len(".yaml")]) == ".test" || filepath.Base(path) == "policy.yaml" {
			continue
		}
		linted++
		for _, f := range plan.Lint(read(t, path), yamlx.YAML, plan.Options{File: path, Lookup: beside(t, path)}) {
			t.Error(f)
		}
	}
	if linted < len(wanted) {
		t.Errorf("%d workflows were found for %d examples", linted, len(wanted))
	}
}

// TestPolicies lints the policies here and runs their cases, which leave out no rule about jobs of the policy in force.
func TestPolicies(t *testing.T) {
	for _, name := range []string{"policy.yaml", "policy.json"} {
		path := filepath.Join("governed-migration", name)
		root, err := yamlx.Parse(read(t, path), yamlx.YAML)
		if err != nil {
			t.Fatal(err)
		}
		set, problems := safety.ReadSet(root, path)
		if len(problems) == 0 {
			_, problems = safety.Lint(set)
		}
		for _, p := range problems {
			t.Error(p)
		}
	}
	path := filepath.Join("governed-migration", "policy.test.yaml")
	report := cases.Run([]cases.File{{Path: path, Text: read(t, path)}}, os.ReadFile, "")
	for _, c := range report.Cases {
		if !c.OK {
			t.Errorf("%s:\n%s", c.ID, c.Why)
		}
	}
	if report.Passed < enough {
		t.Errorf("%d cases passed, want %d at least", report.Passed, enough)
	}
	for _, c := range report.Coverage {
		if filepath.Base(c.Policy) == "policy.yaml" && len(c.Never) > 0 {
			t.Errorf("no case is about %q of %s", c.Never, c.Policy)
		}
	}
}

// beside finds the workflow that a sub-workflow step names in a file of that name in the same folder.
func beside(t *testing.T, path string) func(id string) *steps.Workflow {
	return func(id string) *steps.Workflow {
		w, _ := steps.Load(read(t, filepath.Join(filepath.Dir(path), id+".yaml")), yamlx.YAML, false)
		return w
	}
}

// TestEveryFolderIsWanted: an example that is not in the list would never be run; a page that is missing helps nobody.
func TestEveryFolderIsWanted(t *testing.T) {
	folders, err := filepath.Glob("*/workflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) != len(wanted) {
		t.Errorf("%d folders have a workflow.yaml, %d are listed: %v", len(folders), len(wanted), folders)
	}
	for _, name := range wanted {
		if len(read(t, filepath.Join(name, "README.md"))) == 0 {
			t.Errorf("%s has no page", name)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
