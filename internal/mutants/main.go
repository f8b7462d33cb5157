package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// timeout bounds the tests of one package with one fault in it; a fault may well make a loop of them.
const timeout = 150 * time.Second

func main() {
	which := flag.String("which", "all", `the faults to plant: all, ci, or names with commas between them`)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := check(ctx, os.Stdout, *which)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// check plants the faults and reports on w. Its error says that one survived, or could not be planted.
func check(ctx context.Context, w io.Writer, which string) error {
	faults, err := read("testdata/mutants", which)
	if err != nil {
		return err
	}
	root, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "tree")
	if err := neighbour(root); err != nil {
		return err
	}
	if err := copyTree(ctx, dir); err != nil {
		return err
	}
	for _, pkg := range packagesOf(faults) {
		if caught, out := runTests(ctx, dir, pkg); caught != "" {
			return fmt.Errorf("the tests of %s fail without any fault: %s\n%s", pkg, caught, out)
		}
	}
	caught := 0
	for _, f := range faults {
		by, err := plant(ctx, dir, f)
		switch {
		case err != nil:
			fmt.Fprintf(w, "%-22s ERROR %v\n", f.name, err)
		case by == "":
			fmt.Fprintf(w, "%-22s SURVIVED %s\n", f.name, f.says)
		default:
			caught++
			fmt.Fprintf(w, "%-22s caught by %s\n", f.name, by)
		}
	}
	fmt.Fprintf(w, "caught %d/%d\n", caught, len(faults))
	if caught < len(faults) {
		return errors.New("not every fault was caught")
	}
	return nil
}

// plant puts one fault into the copy, runs the tests beside it, and takes it out again. It answers what caught it, "" when
// nothing did.
func plant(ctx context.Context, dir string, f fault) (by string, err error) {
	if err := apply(ctx, dir, f); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, apply(ctx, dir, f, "--reverse")) }()
	for _, pkg := range f.packages() {
		if out, err := command(ctx, dir, "go", "vet", pkg); err != nil {
			return "", fmt.Errorf("it does not compile: %s", out)
		}
		if by, _ := runTests(ctx, dir, pkg); by != "" {
			return by, nil
		}
	}
	return "", nil
}

// runTests runs the quick tests of a package and names the first that fails, "" when none does.
func runTests(ctx context.Context, dir, pkg string) (failed, out string) {
	args := []string{"test", pkg, "-short", "-failfast", "-timeout", timeout.String()}
	if imports, err := command(ctx, dir, "go", "list", "-f", "{{.TestImports}} {{.XTestImports}}", pkg); err == nil && strings.Contains(imports, "pgregory.net/rapid") {
		args = append(args, "-rapid.checks=400", "-rapid.nofailfile", "-rapid.shrinktime=1s")
	}
	out, err := command(ctx, dir, "go", args...)
	if err == nil {
		return "", out
	}
	for line := range strings.Lines(out) {
		if _, name, ok := strings.Cut(line, "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " (")
			return pkg + " " + strings.TrimSpace(name), out
		}
	}
	return pkg, out // a panic, or its time was over
}

// apply puts a fault into the copy. Whatever moved around it does not matter as long as a line on either side is the same.
func apply(ctx context.Context, dir string, f fault, args ...string) error {
	args = append([]string{"apply", "--recount", "-C1"}, args...)
	if out, err := command(ctx, dir, "git", append(args, f.file)...); err != nil {
		return fmt.Errorf("it does not apply: %s", strings.TrimSpace(out))
	}
	return nil
}

// neighbour puts a link to the folder of the cases that tests read beside the tree, where there is one, beside the copy.
func neighbour(root string) error {
	shared, err := filepath.Abs("../shared")
	if err != nil {
		return err
	}
	if _, err := os.Stat(shared); err != nil {
		return nil //nolint:nilerr // the tests say themselves what they need of it
	}
	return os.Symlink(shared, filepath.Join(root, "shared"))
}

// copyTree copies what the tests of the core read.
func copyTree(ctx context.Context, dir string) error {
	list, err := command(ctx, ".", "git", "ls-files", "--cached", "--others", "--exclude-standard", "--",
		"go.mod", "go.sum", "dag", "steps", "saga", "engine", "scheduler", "safety", "config", "internal", "examples", "store", "bus", "sdk", "docs")
	if err != nil {
		return fmt.Errorf("list the tree: %s", list)
	}
	for _, name := range strings.Fields(list) {
		raw, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program in a directory and answers all that it said. git is not to take the copy for a part of some
// repository around it.
func command(ctx context.Context, dir, program string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := c.CombinedOutput()
	return string(out), err
}
