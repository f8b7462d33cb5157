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
	name string
	file string // absolute
	says string // what is wrong
	inCI bool
	dirs []string // folders of the files that it changes
}

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
	words, _, _ := strings.Cut(string(raw), "\n--- ")
	says, _, _ := strings.Cut(words, "\n")
	f := fault{name: strings.TrimSuffix(filepath.Base(file), ".patch"), file: abs, says: says}
	f.inCI = strings.Contains(words, "\nIn CI.")
	for line := range strings.Lines(string(raw)) {
		if name, is := strings.CutPrefix(line, "+++ b/"); is {
			f.dirs = append(f.dirs, path.Dir(strings.TrimSpace(name)))
		}
	}
	if f.says == "" || f.dirs == nil {
		return fault{}, fmt.Errorf("%s does not say what is wrong, or changes nothing", file)
	}
	return f, nil
}

// packages are those whose tests may notice: the changed ones, the engine, which everything pure serves, and the simulation,
// which plays whole stories through the runner.
func (f fault) packages() []string {
	list := make([]string, 0, len(f.dirs)+2)
	for _, dir := range f.dirs {
		list = append(list, "./"+dir)
	}
	if slices.Contains(list, "./saga") {
		list = append(list, "./engine")
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if slices.Contains(list, "./engine/runner") {
		list = append([]string{"./internal/sim"}, list...) // the quicker of the two
	}
	return list
}

func packagesOf(faults []fault) (all []string) {
	for _, f := range faults {
		all = append(all, f.packages()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
