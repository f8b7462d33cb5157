package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"cordum.dev/cordum/internal/sim/order"
)

// tree is a copy of what the tests of the core read. Faults are laid over it, so that several are looked for at a time and the
// copy stays as it is.
type tree struct {
	root string // removed by whoever made it
	dir  string
	// bare is what is laid over it without a fault.
	bare layers
}

// layers are flags of the go command that have it read other files instead of the tree's; "": none.
type layers struct {
	tests string
	seeds string // for whole systems
}

// newTree copies the tree of the current folder below root.
func newTree(ctx context.Context, root string) (*tree, error) {
	t := &tree{root: root, dir: filepath.Join(root, "tree")}
	if err := t.neighbour(); err != nil {
		return nil, err
	}
	list, err := command(ctx, ".", "git", "ls-files", "--cached", "--others", "--exclude-standard", "--",
		"go.mod", "go.sum", "dag", "steps", "saga", "engine", "scheduler", "safety", "config", "internal", "examples", "store", "bus", "sdk", "docs", "gateway", "openapi")
	if err != nil {
		return nil, fmt.Errorf("list the tree: %s", list)
	}
	for _, name := range strings.Fields(list) {
		if err := copyFile(name, filepath.Join(t.dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err // what is not there was removed, and is not committed
		}
	}
	return t, nil
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o644)
}

// neighbour puts a link to the folder of the cases that tests read beside the tree, where there is one, beside the copy.
func (t *tree) neighbour() error {
	shared, err := filepath.Abs("../shared")
	if err != nil {
		return err
	}
	if _, err := os.Stat(shared); err != nil {
		return nil //nolint:nilerr // the tests say themselves what they need of it
	}
	return os.Symlink(shared, filepath.Join(t.root, "shared"))
}

// order has whole systems played by the runtime of package order, of which the same seeds find the same faults each time.
func (t *tree) order(ctx context.Context) (err error) {
	t.bare.seeds, err = overOrder(ctx, filepath.Join(t.root, "order"), nil)
	return err
}

// overOrder is the flag that lays files over the tree and over that runtime. What it needs is written below a folder.
func overOrder(ctx context.Context, dir string, replace map[string]string) (flag string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	list, err := order.Overlay(ctx, dir, replace)
	return "-overlay=" + list, err
}

// overlay makes the changed files of a fault, and answers the flags that lay them over the tree.
// Whatever moved around a fault does not matter as long as a line on either side is the same.
func (t *tree) overlay(ctx context.Context, f *fault) (l layers, err error) {
	dir := filepath.Join(t.root, "faults", f.name)
	replace := make(map[string]string, len(f.files))
	for _, name := range f.files {
		from, to := filepath.Join(t.dir, filepath.FromSlash(name)), filepath.Join(dir, filepath.FromSlash(name))
		if err := copyFile(from, to); err != nil {
			return l, err
		}
		replace[from] = to
	}
	if out, err := command(ctx, dir, "git", "apply", "--recount", "-C1", f.file); err != nil {
		return l, fmt.Errorf("it does not apply: %s", strings.TrimSpace(out))
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return l, err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o644); err != nil {
		return l, err
	}
	l.tests = "-overlay=" + list
	if l.seeds = l.tests; t.bare.seeds != "" {
		l.seeds, err = overOrder(ctx, filepath.Join(dir, "order"), replace)
	}
	return l, err
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
