package plan

import (
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
)

// subflowCycles reports each step from which sub-workflows lead back to the workflow itself.
func subflowCycles(w *steps.Workflow, lookup func(id string) *steps.Workflow) []dag.Diagnostic {
	if w.Def.ID == "" {
		return nil
	}
	var report dag.Report
	f := follower{home: w.Def.ID, lookup: lookup, dead: map[string]bool{}}
	for i := range w.Steps {
		spec, ok := w.Steps[i].Spec.(steps.Subworkflow)
		if !ok {
			continue
		}
		if path := f.way(spec.Child().Workflow); path != nil {
			report.Errorf(RuleSubflowCycle, placeOf(w.Steps[i].Def, "workflow"),
				"the sub-workflow leads back to its parent: %s → %s", w.Def.ID, strings.Join(path, " → "))
		}
	}
	if !report.Failed() {
		return nil
	}
	return report.Diagnostics()
}

// follower looks for a way home through sub-workflows. Each workflow is looked at once.
type follower struct {
	home   string
	lookup func(id string) *steps.Workflow
	dead   map[string]bool // leads nowhere, or is being looked at
}

// maxPath bounds how far sub-workflows are followed: deeper ones never run.
const maxPath = 4 * dag.MaxDepth

func (f *follower) way(id string) []string { return f.from(id, 0) }

func (f *follower) from(id string, depth int) []string {
	if id == f.home {
		return []string{id}
	}
	if f.lookup == nil || f.dead[id] || depth > maxPath {
		return nil
	}
	f.dead[id] = true
	w := f.lookup(id)
	if w == nil {
		return nil
	}
	for i := range w.Steps {
		spec, ok := w.Steps[i].Spec.(steps.Subworkflow)
		if !ok {
			continue
		}
		if path := f.from(spec.Child().Workflow, depth+1); path != nil {
			delete(f.dead, id) // another step may come this way too
			return append([]string{id}, path...)
		}
	}
	return nil
}
