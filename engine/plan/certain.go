package plan

import (
	"math"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// certainty says what must have happened when a step runs: which steps have then succeeded, whatever the input, and which
// may have been skipped cleanly. It errs on the side of doubt.
type certainty struct {
	w     *steps.Workflow
	words int
	sets  []uint64 // by step: a bit for each step that has succeeded whenever it runs
	// skip says by step why it may be skipped cleanly; "" when it may not.
	skip []string
}

// certain works out the certainty of a workflow. It takes a bit for each pair of steps, 12 MB at the limit.
func certain(w *steps.Workflow) *certainty {
	c := newCertainty(w)
	branches := switchBranches(w)
	for _, scope := range topoByScope(w) {
		for _, s := range scope {
			c.skip[s] = c.maySkip(s, branches)
			c.settle(s)
		}
	}
	return c
}

// newCertainty is a certainty in which nothing is settled yet.
func newCertainty(w *steps.Workflow) *certainty {
	n := len(w.Steps)
	c := &certainty{w: w, words: (n + 63) / 64, skip: make([]string, n)}
	c.sets = make([]uint64, n*c.words)
	return c
}

// topoByScope is the topological order of each scope, outer scopes before those inside their loops.
func topoByScope(w *steps.Workflow) [][]int32 {
	out := make([][]int32, max(len(w.Def.Scopes), 1))
	for _, s := range w.Graph.Topo {
		scope := w.Def.Steps[s].Scope
		out[scope] = append(out[scope], s)
	}
	return out
}

// switchBranches are the steps that a switch decides about, with the switch.
func switchBranches(w *steps.Workflow) map[string]string {
	out := map[string]string{}
	for i := range w.Steps {
		if spec, ok := w.Steps[i].Spec.(steps.Chooser); ok {
			for _, id := range spec.Branches() {
				out[id] = w.Def.Steps[i].ID
			}
		}
	}
	return out
}

// succeeded says whether one step has succeeded whenever another runs.
func (c *certainty) succeeded(step, when int32) bool {
	return c.set(when)[step/64]&(1<<(step%64)) != 0
}

func (c *certainty) set(step int32) []uint64 {
	return c.sets[int(step)*c.words : (int(step)+1)*c.words]
}

// maySkip says why a step may be skipped cleanly.
func (c *certainty) maySkip(s int32, branches map[string]string) string {
	def := &c.w.Def.Steps[s]
	switch {
	case def.When != nil && !alwaysTrue(def.When):
		return "its when may be false"
	case branches[def.ID] != "":
		return "the switch " + branches[def.ID] + " may not choose it"
	case c.w.Steps[s].Kind == "wait" && text(def.Own.Get("on_timeout")) == "skip":
		return "its signal may not come in time"
	}
	deps := c.w.Graph.DependsOn(int(s))
	skippable, last := 0, ""
	for _, d := range deps {
		if c.skip[d] != "" {
			skippable, last = skippable+1, c.w.Def.Steps[d].ID
		}
	}
	switch {
	case len(deps) == 0:
		return ""
	case def.Join.Mode == dag.AnyFailed:
		return "nothing before it may fail"
	case (def.Join.Mode == dag.AllSuccess || def.Join.Mode == dag.AnySuccess) && skippable == len(deps),
		def.Join.Mode == dag.AtLeast && skippable > len(deps)-def.Join.K:
		return last + " before it may be skipped"
	}
	return ""
}

func alwaysTrue(n *yamlx.Node) bool {
	return (n.Kind == yamlx.Bool && n.Bool) || (n.Kind == yamlx.String && n.Str == "true")
}

func text(n *yamlx.Node) string {
	if n == nil || n.Kind != yamlx.String {
		return ""
	}
	return n.Str
}

// settle works out what has succeeded when a step runs, from its join. The steps before it are settled already.
func (c *certainty) settle(s int32) {
	into := c.set(s)
	if loop := c.w.Def.Scopes[c.w.Def.Steps[s].Scope].Loop; loop >= 0 {
		c.add(into, int32(loop), false)
	}
	deps := c.w.Graph.DependsOn(int(s))
	join := c.w.Def.Steps[s].Join
	switch join.Mode {
	case dag.AllSuccess, dag.NoneFailed:
		for _, d := range deps {
			if c.skip[d] == "" {
				c.add(into, d, true)
			}
		}
		if join.Mode == dag.AllSuccess {
			c.addCommon(into, deps)
		}
	case dag.AnySuccess:
		c.addCommon(into, deps)
	case dag.AtLeast:
		if c.addCommon(into, deps); join.K == len(deps) {
			for _, d := range deps {
				c.add(into, d, true)
			}
		}
	}
}

// add adds what has succeeded when a step runs, and the step itself if it has succeeded too.
func (c *certainty) add(into []uint64, step int32, itself bool) {
	for w, set := range c.set(step) {
		into[w] |= set
	}
	if itself {
		into[step/64] |= 1 << (step % 64)
	}
}

// addCommon adds what each of some steps has in common: whichever of them succeeded, that has succeeded too.
func (c *certainty) addCommon(into []uint64, deps []int32) {
	for w := range into {
		common := uint64(math.MaxUint64)
		for _, d := range deps {
			set := c.set(d)[w]
			if int(d/64) == w {
				set |= 1 << (d % 64)
			}
			common &= set
		}
		if len(deps) > 0 {
			into[w] |= common
		}
	}
}
