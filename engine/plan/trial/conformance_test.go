package trial

import (
	"os"
	"path/filepath"
	"testing"
)

// suite is where the conformance cases lie, beside the repository.
const suite = "../../../../shared/conformance"

// rounds is how often each case is played, each time with other short times of workers and other restarts.
const rounds = 3

// conformance reads every file of the suite that has run or lint cases.
func conformance(t *testing.T) []*Case {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(suite, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("the conformance cases are needed in %s: %v", suite, err)
	}
	var all []*Case
	for _, p := range paths {
		if filepath.Base(p) == "policy.json" { // cases of another command
			continue
		}
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		cases, problems := Parse(File{Path: p, Text: text}, nil)
		for _, problem := range problems {
			t.Error(problem)
		}
		all = append(all, cases...)
	}
	return all
}

func TestConformance(t *testing.T) {
	cases := conformance(t)
	if len(cases) < 400 {
		t.Errorf("only %d cases were found", len(cases))
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			for round := range uint64(rounds) {
				if result, _ := c.run(round); !result.OK {
					t.Fatalf("round %d:\n%s", round, result.Why)
				}
			}
		})
	}
}
