package arch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "cordum.dev/cordum"

// TestModule is the map applied to the code as it is.
func TestModule(t *testing.T) {
	root := moduleRoot(t)
	violations, err := Check(os.DirFS(root), module)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
}

// TestMapNamesFolders keeps the lists of this package honest: a pure package and a home exist as rules.
func TestMapNamesFolders(t *testing.T) {
	for _, pkg := range slices.Concat(pure, suites, everyone) {
		if _, ok := rule(pkg); !ok {
			t.Errorf("%s is listed but has no arrows", pkg)
		}
	}
	for name, allowed := range homes {
		for _, pkg := range allowed {
			if _, ok := rule(strings.Replace(pkg, "*", "x", 1)); !ok {
				t.Errorf("the home %s of %s has no arrows", pkg, name)
			}
		}
	}
	for importer, allowed := range arrows {
		for _, pkg := range allowed {
			if _, ok := rule(strings.Replace(pkg, "*", "x", 1)); !ok && pkg != "*" {
				t.Errorf("%s may import %s, which has no arrows", importer, pkg)
			}
		}
	}
}

// TestPureImportsPure: what a pure package may import is pure itself.
func TestPureImportsPure(t *testing.T) {
	for _, pkg := range pure {
		for _, imported := range slices.Concat(arrows[pkg], everyone) {
			if !slices.Contains(pure, imported) {
				t.Errorf("pure %s may import %s, which is not pure", pkg, imported)
			}
		}
	}
}

func TestCheckFindsPlantedViolations(t *testing.T) {
	const doc = "package p\n"
	for name, tc := range map[string]struct {
		file, src string
		want      string // part of the one violation; empty: none
	}{
		"arrow":                {"dag/a.go", `package p; import _ "cordum.dev/cordum/engine"`, "dag must not import engine"},
		"arrow to a child":     {"gateway/a.go", `package p; import _ "cordum.dev/cordum/store/pebble"`, "gateway must not import store/pebble"},
		"allowed arrow":        {"engine/a.go", `package p; import _ "cordum.dev/cordum/dag"`, ""},
		"allowed to all":       {"dag/a.go", `package p; import _ "cordum.dev/cordum/internal/id"`, ""},
		"command imports all":  {"cmd/cordum/a.go", `package p; import _ "cordum.dev/cordum/store/pebble"`, ""},
		"sibling of a store":   {"store/pebble/a.go", `package p; import _ "cordum.dev/cordum/engine"`, "store/pebble must not import engine"},
		"unknown package":      {"helpers/a.go", `package p`, "not on the map"},
		"pure context":         {"engine/a.go", `package p; import _ "context"`, "imports context"},
		"pure net child":       {"steps/a.go", `package p; import _ "net/http"`, "imports net/http"},
		"pure math/rand/v2":    {"scheduler/a.go", `package p; import _ "math/rand/v2"`, "imports math/rand/v2"},
		"pure clock":           {"safety/a.go", `package p; import "time"; var t = time.Now()`, "calls time.Now"},
		"pure clock renamed":   {"safety/a.go", `package p; import clock "time"; var t = clock.Since(clock.Time{})`, "calls time.Since"},
		"pure clock as value":  {"safety/a.go", `package p; import "time"; var now = time.Now`, "calls time.Now"},
		"pure time arithmetic": {"safety/a.go", `package p; import "time"; var d = time.Second`, ""},
		"pure goroutine":       {"saga/a.go", `package p; func f() { go f() }`, "starts a goroutine"},
		"impure may":           {"engine/runner/a.go", `package p; import _ "context"; func f() { go f() }`, ""},
		"yaml outside":         {"cmd/cordum/a.go", `package p; import _ "gopkg.in/yaml.v3"`, "imported only in internal/yamlx"},
		"yaml in a test":       {"dag/a_test.go", `package p; import _ "gopkg.in/yaml.v3"`, "imported only in internal/yamlx"},
		"pebble outside":       {"engine/runner/a.go", `package p; import _ "github.com/cockroachdb/pebble/v2/vfs"`, "imported only in store/pebble"},
		"pure module":          {"dag/a.go", `package p; import _ "example.com/x"`, "no home there"},
		"testing outside":      {"engine/a.go", `package p; import _ "testing"`, "imported outside tests"},
		"suite outside":        {"engine/runner/a.go", `package p; import _ "cordum.dev/cordum/store/faults"`, "imported outside tests"},
		"suite in a test":      {"engine/runner/a_test.go", `package p; import _ "cordum.dev/cordum/store/faults"`, ""},
		"clock in a test":      {"engine/a_test.go", `package p; import _ "os"`, ""},
		"generator":            {"engine/gen/a.go", `package main; import _ "cordum.dev/cordum/engine"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.ToSlash(filepath.Dir(tc.file))
			tree := fstest.MapFS{
				tc.file:         {Data: []byte(tc.src)},
				dir + "/doc.go": {Data: []byte(doc)},
			}
			got, err := Check(tree, module)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tc.want == "" && len(got) > 0:
				t.Errorf("got %v, want none", got)
			case tc.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), tc.want)):
				t.Errorf("got %v, want one that says %q", got, tc.want)
			}
		})
	}
}

func TestCheckWantsDocumentation(t *testing.T) {
	tree := fstest.MapFS{
		"dag/a.go":           {Data: []byte("package dag\n")},
		"cmd/cordum/main.go": {Data: []byte("// Command cordum does it all.\npackage main\n")},
		"cmd/other/main.go":  {Data: []byte("package main\n")},
	}
	got, err := Check(tree, module)
	if err != nil {
		t.Fatal(err)
	}
	want := []Violation{{"cmd/other", "the package has no doc.go"}, {"dag", "the package has no doc.go"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCheckLeavesForeignFoldersAlone(t *testing.T) {
	tree := fstest.MapFS{
		"dag/doc.go":            {Data: []byte("package dag\n")},
		"bench/go.mod":          {Data: []byte("module x\n")},
		"bench/a.go":            {Data: []byte("package bench\n")},
		"dag/testdata/a.go":     {Data: []byte("not Go at all")},
		".tools/src/a.go":       {Data: []byte("not Go at all")},
		"web/node_modules/a.go": {Data: []byte("not Go at all")},
	}
	got, err := Check(tree, module)
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCheckFailsWithoutItsSubject(t *testing.T) {
	if _, err := Check(fstest.MapFS{"README.md": {}}, module); !errors.Is(err, ErrNothing) {
		t.Errorf("got %v, want ErrNothing", err)
	}
	broken := fstest.MapFS{"dag/doc.go": {Data: []byte("package")}}
	if _, err := Check(broken, module); err == nil {
		t.Error("a file that does not parse was accepted")
	}
}

// moduleRoot is the folder with the module's go.mod, above this package.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module "+module+"\n") {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("found no go.mod of " + module + " above this package")
		}
	}
}
