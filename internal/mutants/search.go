package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// timeout bounds the tests of one package with one fault in it; a fault may well make a loop of them.
const timeout = 150 * time.Second

// search looks for faults with the tests of a tree.
type search struct {
	tree  *tree
	seeds int           // whole systems that are played with each fault; 0: none
	only  bool          // no tests beside
	most  time.Duration // bounds the tests of one package

	rapid sync.Map // by package, whether its tests take the flags of rapid

	mu    sync.Mutex       // one test at a time is run without a fault
	clean map[killer]error // what tests say when nothing is planted; guarded by mu
}

func newSearch(t *tree, o *options) *search {
	return &search{tree: t, seeds: o.seeds, only: o.only, most: timeout, clean: map[killer]error{}}
}

// sound says what is wrong with the simulation, or with the tests that faults were found by, when nothing is planted.
func (s *search) sound(ctx context.Context, faults []fault) error {
	if s.seeds > 0 {
		if n, out, err := s.playSeeds(ctx, s.tree.bare.seeds); n > 0 || err != nil || outOfTime(out) {
			return fmt.Errorf("the simulation finds something without any fault:\n%s", out)
		}
	}
	if s.only {
		return nil
	}
	tests := map[string][]string{}
	for _, k := range killersOf(faults) {
		tests[k.pkg] = append(tests[k.pkg], k.test)
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		if caught, out, err := s.run(ctx, "", pkg, tests[pkg]...); caught != (killer{}) || err != nil {
			return fmt.Errorf("tests of %s fail without any fault: %s\n%s", pkg, caught.test, out)
		}
	}
	return nil
}

// look plants one fault and answers it with what found it, "" when nothing did: the test that found it before is asked first,
// then whole systems are played, and then all tests beside it are run.
func (s *search) look(ctx context.Context, f fault) (fault, error) {
	over, err := s.tree.overlay(ctx, &f)
	if err != nil {
		return f, err
	}
	if f.known != (killer{}) && f.known != simulation && !s.only {
		caught, out, err := s.run(ctx, over.tests, f.known.pkg, f.known.test)
		if err != nil {
			return f, err
		}
		if caught != (killer{}) && (f.hangs || !outOfTime(out)) {
			f.by = f.known.String()
			return f, nil
		}
	}
	if s.seeds > 0 {
		n, _, err := s.playSeeds(ctx, over.seeds)
		if n > 0 || err != nil {
			f.seeds, f.by = n, fmt.Sprintf("%s after %d seeds", simulation, n)
			return f, err
		}
	}
	if s.only {
		return f, nil
	}
	for _, pkg := range f.packages() {
		caught, err := s.runAll(ctx, over.tests, pkg)
		if err != nil {
			return f, err
		}
		if caught != (killer{}) {
			f.by = caught.String()
			return f, s.passes(ctx, caught)
		}
	}
	return f, nil
}

// runAll looks for a fault with all tests of a package. Their time may be over because the machine is busy: then those that were
// under way are asked alone, which ends in time unless the fault is what keeps them.
func (s *search) runAll(ctx context.Context, overlay, pkg string) (killer, error) {
	caught, out, err := s.run(ctx, overlay, pkg)
	if err != nil || !outOfTime(out) {
		return caught, err
	}
	for _, m := range testRan.FindAllStringSubmatch(out, -1) {
		if caught, _, err := s.run(ctx, overlay, pkg, m[1]); err != nil || caught != (killer{}) {
			caught.test = m[1]
			return caught, err
		}
	}
	return killer{}, nil
}

// outOfTime tells whether a test did not end in its time: it may be the machine that is busy, so by itself that finds nothing.
func outOfTime(out string) bool { return strings.Contains(out, "panic: test timed out") }

// testRan finds the tests that were running when the time was over.
var testRan = regexp.MustCompile(`(?m)^\t\t?(Test[^ /]*) \([^)]*\)$`)

// passes says that a test which found a fault fails without it, too.
func (s *search) passes(ctx context.Context, k killer) error {
	if k == (killer{}) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err, known := s.clean[k]
	if known {
		return err
	}
	var tests []string
	if k.test != "" {
		tests = []string{k.test}
	}
	if caught, out, failed := s.run(ctx, "", k.pkg, tests...); caught != (killer{}) || failed != nil {
		err = fmt.Errorf("%s fails without the fault, too:\n%s", k, out)
	}
	s.clean[k] = err
	return err
}

// playSeeds plays whole systems until a law is broken, and answers how many it took; 0 when none is, or their time was over before.
func (s *search) playSeeds(ctx context.Context, overlay string) (n int, out string, err error) {
	args := s.test(overlay, simulation.pkg, "-run", "^"+simulation.test+"$", "-v", "-seeds", strconv.Itoa(s.seeds), "-replays", "0")
	out, failed := command(ctx, s.tree.dir, "go", args...)
	if failed == nil {
		return 0, out, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, out, err
	}
	if err := compiled(out); err != nil {
		return 0, out, err
	}
	if outOfTime(out) {
		return 0, out, nil
	}
	n = 1
	for _, m := range seedBegun.FindAllStringSubmatch(out, -1) {
		if last, err := strconv.Atoi(m[1]); err == nil {
			n = last + 1
		}
	}
	return n, out, nil
}

var seedBegun = regexp.MustCompile(`(?m)^=== RUN +` + simulation.test + `/(\d+)$`)

// run runs the quick tests of a package, or some of them, and answers the first that fails, the zero value when none does.
func (s *search) run(ctx context.Context, overlay, pkg string, tests ...string) (caught killer, out string, err error) {
	args := s.test(overlay, pkg, "-failfast")
	if tests != nil {
		args = append(args, "-run", "^("+strings.Join(tests, "|")+")$")
	}
	if s.takesRapid(ctx, pkg) {
		args = append(args, "-rapid.checks=400", "-rapid.nofailfile", "-rapid.shrinktime=1s")
	}
	out, failed := command(ctx, s.tree.dir, "go", args...)
	switch {
	case failed == nil && tests != nil && strings.Contains(out, "[no tests to run]"):
		return killer{}, out, fmt.Errorf("%s has no test %s", pkg, strings.Join(tests, " or "))
	case failed == nil:
		return killer{}, out, nil
	case ctx.Err() != nil:
		return killer{}, out, ctx.Err()
	}
	if err := compiled(out); err != nil {
		return killer{}, out, err
	}
	caught.pkg = pkg
	if m := testFailed.FindStringSubmatch(out); m != nil {
		caught.test = m[1] // without one it is a panic, or its time was over
	}
	return caught, out, nil
}

var testFailed = regexp.MustCompile(`(?m)^ *--- FAIL: ([^ /]+)`)

// test are the arguments of the go command that runs the quick tests of a package.
func (s *search) test(overlay, pkg string, more ...string) []string {
	args := []string{"test", "-vet=off"}
	if overlay != "" {
		args = append(args, overlay)
	}
	return append(append(args, pkg, "-short", "-timeout", s.most.String()), more...)
}

// compiled is an error when what was said is that something does not compile.
func compiled(out string) error {
	if strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") {
		return fmt.Errorf("it does not compile:\n%s", out)
	}
	return nil
}

// takesRapid tells whether the tests of a package are properties, too.
func (s *search) takesRapid(ctx context.Context, pkg string) bool {
	known, is := s.rapid.Load(pkg)
	if !is {
		imports, err := command(ctx, s.tree.dir, "go", "list", "-f", "{{.TestImports}} {{.XTestImports}}", pkg)
		known = err == nil && strings.Contains(imports, "pgregory.net/rapid")
		s.rapid.Store(pkg, known)
	}
	return known.(bool)
}
