package runner

import (
	"context"
	"strconv"
	"sync"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
)

// names answers what people call the nodes of a run. Only what is in the definition has the same number in every run of it;
// the others' names are the run's own, and never change.
type names func(node int32) string

// shape is what the names of a run's nodes are made of. It only grows, so what was seen once stays true.
type shape struct {
	plan  *steps.Workflow
	nodes []nodeShape
}

type nodeShape struct{ def, parent, item, round, target int32 }

func shapeOf(r *engine.Run) *shape {
	s := &shape{plan: r.Plan, nodes: make([]nodeShape, len(r.Steps))}
	for i := range r.Steps {
		n := &r.Steps[i]
		s.nodes[i] = nodeShape{n.Def, n.Parent, n.Item, n.Round, n.Target}
	}
	return s
}

// name is what people call a node, as engine.Run.Name has it.
func (s *shape) name(node int32) string {
	n := s.nodes[node]
	switch {
	case n.target >= 0:
		return "undo:" + s.name(n.target)
	case n.parent < 0:
		return s.plan.Def.Steps[n.def].ID
	case n.item >= 0:
		return s.name(n.parent) + "[" + strconv.Itoa(int(n.item)) + "]"
	}
	return s.name(n.parent) + "[" + strconv.Itoa(int(n.round)) + "]/" + s.plan.Def.Steps[n.def].ID
}

// shapes keeps those of runs that are not in memory and whose timelines are read page by page.
type shapes struct {
	mu    sync.Mutex
	known map[string]*shape
}

// cachedShapes is how many are kept: as many as people look at timelines at a time.
const cachedShapes = 32

func (s *shapes) get(run string) *shape {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[run]
}

func (s *shapes) keep(run string, seen *shape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= cachedShapes {
		s.known = make(map[string]*shape)
	}
	s.known[run] = seen
}

// namesFor answers names that know every node which a page of facts names.
func (r *Runner) namesFor(ctx context.Context, tenant, run string, plan *steps.Workflow, facts []stamped) (names, error) {
	highest := int32(-1)
	for _, f := range facts {
		highest = max(highest, nodeOf(f.fact))
	}
	if int(highest) < plan.Def.Scopes[0].Count {
		return func(node int32) string { return plan.Def.Steps[node].ID }, nil
	}
	key := tenant + "\x00" + run
	s := r.shapes.get(key)
	if s == nil || int(highest) >= len(s.nodes) {
		now, err := readRun(ctx, r, tenant, run, func(lr *live) (*shape, error) { return shapeOf(lr.run), nil })
		switch {
		case err == nil:
			s = now
			r.shapes.keep(key, s)
		case transient(err):
			return nil, err
		case s == nil: // what can be read of a damaged log is shown all the same
			s = &shape{plan: plan}
		}
	}
	return func(node int32) string {
		if int(node) >= len(s.nodes) {
			return "~" + strconv.Itoa(int(node))
		}
		return s.name(node)
	}, nil
}

// nodeOf is the number of the node that a fact is about; -1 when it is about none.
func nodeOf(f codec.Fielder) int32 {
	switch f := f.(type) {
	case engine.Fact:
		return int32(engine.StepOf(f))
	case scheduler.Fact:
		return f.Of()
	case safety.ApprovalFact:
		return f.Of()
	}
	return -1
}

// thenNames are the words for what follows a set-back.
var thenNames = map[dag.Then]string{dag.ThenPause: "pause", dag.ThenRetry: "retry", dag.ThenFail: "fail"}
