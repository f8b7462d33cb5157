package steps

import (
	"fmt"
	"maps"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

// OnFailure is what a bad step does to its run when it does not say: the workflow's word, else rollback when any step says
// how to undo itself, else halt.
func (w *Workflow) OnFailure() dag.OnFailure {
	switch {
	case w.Def.OnFailure != dag.FailureUnsaid:
		return w.Def.OnFailure
	case w.compensates():
		return dag.Rollback
	}
	return dag.Halt
}

func (w *Workflow) compensates() bool {
	for i := range w.Def.Steps {
		if w.Def.Steps[i].Compensate != nil {
			return true
		}
	}
	return false
}

// DeclaresInput tells whether the step has an input_schema.
func (s *Step) DeclaresInput() bool { return s.input != nil }

// DeclaresOutput tells whether the step has an output_schema.
func (s *Step) DeclaresOutput() bool { return s.output != nil }

// Choosers are the switches that decide whether a step runs, ascending; none for most steps. The slice is the workflow's.
func (w *Workflow) Choosers(step int) []int32 { return w.choosers[step] }

// nameChoosers notes which switches name which steps.
func (w *Workflow) nameChoosers() {
	for i := range w.Steps {
		c, is := w.Steps[i].Spec.(Chooser)
		if !is {
			continue
		}
		for _, id := range c.Branches() {
			if w.choosers == nil {
				w.choosers = map[int][]int32{}
			}
			at := w.ByID[id]
			w.choosers[at] = append(w.choosers[at], int32(i))
		}
	}
}

// JobLabels are the labels of the step's job: the run's with the step's own over them. The error is an *expr.Error.
func (s *Step) JobLabels(env *expr.Env, run map[string]string) (map[string]string, error) {
	if s.Labels == nil {
		return run, nil
	}
	v, err := s.Labels.Render(env)
	if err != nil {
		return nil, err
	}
	own, _ := v.(map[string]any) // dag sees to it that labels are an object
	out := maps.Clone(run)
	if out == nil {
		out = make(map[string]string, len(own))
	}
	for k, v := range own {
		text, is := v.(string)
		if !is {
			text = fmt.Sprint(v)
		}
		out[k] = text
	}
	return out, nil
}
