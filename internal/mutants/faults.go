package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// fault is one patch.
type fault struct {
	name  string
	file  string // absolute
	says  string // what is wrong
	inCI  bool
	files []string // that it changes, from the root of the tree
	known killer   // what found it before; the zero value: nobody says
	hangs bool     // what found it did so by not ending in its time

	by    string // what found it
	seeds int    // how many whole systems it took; 0: they did not
}

// killer is a test that finds a fault.
type killer struct{ pkg, test string }

// simulation plays whole systems: with a fault in them, as many as the options say.
var simulation = killer{"./internal/sim", "TestSeeds"}

func (k killer) String() string { return k.pkg + " " + k.test }

// foundBy begins the line of a patch that names its killer: "Found by engine/runner TestAcknowledged." One that finds it by not ending
// in its time says so: "Found by engine/runner TestAcknowledged, hanging."
const (
	foundBy   = "Found by "
	byHanging = ", hanging"
)

// read reads the patches of a folder: all of them, those for CI, or those that are named.
func read(dir, which string) ([]fault, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var faults []fault
	for _, p := range paths {
		f, err := readOne(p)
		if err != nil {
			return nil, err
		}
		if which == "all" || which == "ci" && f.inCI || slices.Contains(strings.Split(which, ","), f.name) {
			faults = append(faults, f)
		}
	}
	if len(faults) == 0 {
		return nil, fmt.Errorf("no patches in %s are meant by %q", dir, which)
	}
	return faults, nil
}

func readOne(file string) (fault, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fault{}, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return fault{}, err
	}
	words, diff, _ := strings.Cut(string(raw), "\n--- ")
	says, _, _ := strings.Cut(words, "\n")
	f := fault{name: strings.TrimSuffix(filepath.Base(file), ".patch"), file: abs, says: says}
	for line := range strings.Lines(words) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ".")
		if line == "In CI" {
			f.inCI = true
		}
		if by, is := strings.CutPrefix(line, foundBy); is {
			by, f.hangs = strings.CutSuffix(by, byHanging)
			pkg, test, _ := strings.Cut(by, " ")
			f.known = killer{"./" + pkg, test}
		}
	}
	for line := range strings.Lines(diff) {
		if name, is := strings.CutPrefix(line, "+++ b/"); is {
			f.files = append(f.files, strings.TrimSpace(name))
		}
	}
	if f.says == "" || f.files == nil {
		return fault{}, fmt.Errorf("%s does not say what is wrong, or changes nothing", file)
	}
	return f, nil
}

// packages are those whose tests may notice: the changed ones, the engine, which everything pure serves, and the simulation,
// which plays whole stories through the runner.
func (f *fault) packages() []string {
	list := make([]string, 0, len(f.files)+2)
	for _, file := range f.files {
		list = append(list, "./"+path.Dir(file))
	}
	if slices.Contains(list, "./saga") {
		list = append(list, "./engine")
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if slices.Contains(list, "./engine/runner") {
		list = append([]string{simulation.pkg}, list...) // the quicker of the two
	}
	return list
}

// killersOf are the tests that some faults were found by, each once, without the simulation.
func killersOf(faults []fault) (all []killer) {
	for _, f := range faults {
		if f.known != (killer{}) && f.known != simulation && !slices.Contains(all, f.known) {
			all = append(all, f.known)
		}
	}
	return all
}
