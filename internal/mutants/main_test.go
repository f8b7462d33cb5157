package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
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

// TestKillersExist: the test that a patch names as the one that found it is there.
func TestKillersExist(t *testing.T) {
	t.Chdir("../..")
	faults, err := read("testdata/mutants", "all")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range killersOf(faults) {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(k.pkg), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(text, []byte("func "+k.test+"("))
		}
		if !found {
			t.Errorf("there is no %s", k)
		}
	}
}

// TestReadOne: the lines before a diff say what is wrong, and how it is looked for.
func TestReadOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.patch")
	text := "It is wrong.\nIn CI.\nFound by engine/runner TestIt, hanging.\n\n--- a/engine/runner/a.go\n+++ b/engine/runner/a.go\n@@ -1 +1 @@\n-a\n+b\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := readOne(file)
	if err != nil || f.name != "one" || f.says != "It is wrong." || !f.inCI || f.known != (killer{"./engine/runner", "TestIt"}) || !f.hangs {
		t.Errorf("%+v, %v", f, err)
	}
	if list := f.packages(); len(list) != 2 || list[0] != simulation.pkg || list[1] != "./engine/runner" {
		t.Errorf("packages %q", list)
	}
	if err := os.WriteFile(file, []byte("It is wrong.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readOne(file); err == nil {
		t.Error("what changes nothing was read")
	}
}
