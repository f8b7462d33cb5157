package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// stored answers a stored definition, compiled; digest "" is the newest version.
func (g *Gateway) stored(ctx context.Context, id, digest string) (*steps.Workflow, error) {
	v, err := g.engine.Workflow(ctx, caller(ctx, ""), id, digest)
	if err != nil {
		return nil, err
	}
	return compiled(v)
}

func compiled(v runner.WorkflowVersion) (*steps.Workflow, error) {
	w, diags := steps.Load(v.Source, yamlx.JSON, false)
	if w == nil {
		return nil, fmt.Errorf("stored definition %.12s of %s no longer compiles: %s", v.Digest, v.ID, firstError(diags))
	}
	return w, nil
}

func firstError(diags []dag.Diagnostic) string {
	for _, d := range diags {
		if d.Severity == dag.Error {
			return d.Rule + ": " + d.Message
		}
	}
	return "unknown"
}

// library finds the workflows that sub-workflow steps name, each once a request. What is not there, and what lies beyond
// [MaxLookup], is nil: nothing is said of it then.
type library struct {
	read func(id, digest string) (runner.WorkflowVersion, error)
	left int // bytes
	seen map[string]*steps.Workflow
	err  error // why something could not be read; what was answered since is not to be trusted
}

// library makes the caller's.
func (g *Gateway) library(ctx context.Context) *library {
	who := caller(ctx, "")
	return &library{
		read: func(id, digest string) (runner.WorkflowVersion, error) {
			return g.engine.Workflow(ctx, who, id, digest)
		},
		left: MaxLookup, seen: map[string]*steps.Workflow{},
	}
}

// newest is the newest version of a workflow.
func (l *library) newest(id string) *steps.Workflow { return l.version(id, "") }

// version is a version of a workflow: a digest, the author's label of the newest one, or "" for the newest.
func (l *library) version(id, version string) *steps.Workflow {
	key := id + "\x00" + version
	w, seen := l.seen[key]
	if !seen && l.err == nil {
		w = l.load(id, version)
		l.seen[key] = w
	}
	return w
}

func (l *library) load(id, version string) *steps.Workflow {
	digest := ""
	if isDigest(version) {
		digest = version
	}
	v, err := l.read(id, digest)
	switch {
	case errors.Is(err, runner.ErrNotFound):
		return nil
	case err != nil:
		l.err = err
		return nil
	case digest == "" && version != "" && v.Version != version: // the label of an older one
		return nil
	case len(v.Source) > l.left:
		l.left = 0
		return nil
	}
	l.left -= len(v.Source)
	w, err := compiled(v)
	if err != nil {
		l.err = err
	}
	return w
}

// isDigest tells a digest from an author's label.
func isDigest(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
