package steps

import (
	"os"
	"path/filepath"
	"testing"
)

// SharedCases reads a file of the shared conformance cases, which live beside the repository.
func SharedCases(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "..", "shared", "conformance", name))
		if err == nil {
			return data
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatalf("the folder shared/conformance with %s stands beside no folder above this one", name)
		}
		dir = parent
	}
}
