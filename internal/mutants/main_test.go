package main

import (
	"os/exec"
	"testing"
)

// TestPatchesApply: each planted fault still fits the tree, and says what is wrong. Whether tests catch them takes minutes:
// `make mutants`.
func TestPatchesApply(t *testing.T) {
	t.Chdir("../..")
	faults, err := read("testdata/mutants", "all")
	if err != nil {
		t.Fatal(err)
	}
	inCI := 0
	for _, f := range faults {
		if f.inCI {
			inCI++
		}
		if out, err := exec.CommandContext(t.Context(), "git", "apply", "--check", "--recount", "-C1", f.file).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", f.name, out)
		}
	}
	if len(faults) < 20 || inCI == 0 {
		t.Errorf("%d faults, %d of them in CI", len(faults), inCI)
	}
}
