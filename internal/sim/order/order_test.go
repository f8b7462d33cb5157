package order

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRuntimeBuilds: the runtime of the Go that is here has every text that is changed, builds with the changes, and does what they
// are for (testdata/alike).
func TestRuntimeBuilds(t *testing.T) {
	overlay, err := Overlay(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-overlay", overlay, "./testdata/alike").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTextsThatAreNotThere: of a runtime in which a text is not there, or there twice, nothing is changed, and what it is is said.
func TestTextsThatAreNotThere(t *testing.T) {
	one := changes[0]
	for what, text := range map[string]string{"gone": "package runtime\n", "twice": one.old + one.old} {
		from, to := t.TempDir(), t.TempDir()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, one.file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, one.file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := write(from, to); err == nil || !strings.Contains(err.Error(), filepath.Join(from, one.file)) {
			t.Errorf("a text that is %s: %v", what, err)
		}
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("a text that is %s: %v was written, %v", what, left, err)
		}
	}
}
