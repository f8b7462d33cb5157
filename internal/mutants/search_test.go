package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// slowTree is a module with a fault that nothing notices, and with a simulation and a test whose time is over on this machine.
var slowTree = map[string]string{
	"go.mod":      "module slow\n\ngo 1.26\n",
	"a/a.go":      "package a\n\nfunc Is() bool { return true }\n",
	"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestNothing(*testing.T) { Is() }\n",
	"b/b_test.go": "package b\n\nimport (\n\t\"testing\"\n\t\"time\"\n)\n\nfunc TestSlow(*testing.T) { time.Sleep(time.Hour) }\n",
	"internal/sim/sim_test.go": "package sim\n\nimport (\n\t\"flag\"\n\t\"testing\"\n\t\"time\"\n)\n\n" +
		"var _, _ = flag.Int(\"seeds\", 0, \"\"), flag.Int(\"replays\", 0, \"\")\n\nfunc TestSeeds(*testing.T) { time.Sleep(time.Hour) }\n",
	"fault.patch": "It is wrong.\n\n--- a/a/a.go\n+++ b/a/a.go\n@@ -1,3 +1,3 @@\n package a\n \n-func Is() bool { return true }\n+func Is() bool { return false }\n",
}

// TestSlowFindsNothing: neither a test nor a simulation that did not end in its time has found a fault, unless the patch says that it
// is found so; nor have those that were broken off.
func TestSlowFindsNothing(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "tree")
	for name, text := range slowTree {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newSearch(&tree{root: root, dir: dir}, &options{seeds: 1})
	s.most = 3 * time.Second
	f := fault{name: "fault", file: filepath.Join(dir, "fault.patch"), files: []string{"a/a.go"}, known: killer{"./b", "TestSlow"}}
	if got, err := s.look(t.Context(), f); err != nil || got.by != "" {
		t.Errorf("found by %q, %v", got.by, err)
	}
	if err := s.sound(t.Context(), nil); err == nil {
		t.Error("a simulation that does not end is sound")
	}
	f.hangs = true
	if got, err := s.look(t.Context(), f); err != nil || got.by != f.known.String() {
		t.Errorf("what hangs is found by %q, %v", got.by, err)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	if n, _, err := s.playSeeds(over, ""); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("broken off, it took %d seeds, %v", n, err)
	}
	if caught, _, err := s.run(over, "", "./b"); caught != (killer{}) || !errors.Is(err, context.Canceled) {
		t.Errorf("broken off, it was found by %s, %v", caught, err)
	}
}
