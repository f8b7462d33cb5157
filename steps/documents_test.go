package steps

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// examples are the workflows among the repository's examples; files of tests have a name of their own.
func examples(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir("../examples", func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		isWorkflow := strings.HasPrefix(name, "workflow") || !strings.Contains(path, "/worker/")
		switch ext := filepath.Ext(name); {
		case err != nil, d.IsDir(), !isWorkflow:
		case strings.Contains(name, "test") || strings.Contains(name, "policy"):
		case ext == ".yaml", ext == ".yml", ext == ".json":
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return paths
}
