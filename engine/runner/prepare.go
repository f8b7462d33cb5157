package runner

import (
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/steps"
)

// prepare renders what a workflow says of its runs as a whole: the context, the labels, the key of its concurrency. The run's
// own context and labels are put over the workflow's. An error is an *InvalidError.
func prepare(run string, plan *steps.Workflow, in *engine.Submit) error {
	in.Labels = mergeLabels(plan.Def.Labels, in.Labels)
	if plan.Context == nil && len(plan.Labels) == 0 && plan.Key == nil {
		return nil
	}
	open, err := engine.Open(plan, run, in.At, in.Input.Data, in.Context.Data, in.Labels)
	if err != nil {
		return &InvalidError{Code: "invalid_input", Message: "the workflow cannot be rendered with this input: " + err.Error()}
	}
	for name, value := range open.Labels {
		if len(value) > maxLabel {
			return &InvalidError{Code: "invalid_labels", Message: fmt.Sprintf("the label %s has more than %d bytes", name, maxLabel)}
		}
	}
	if plan.Key != nil && (open.Key == "" || len(open.Key) > maxKey) {
		return &InvalidError{Code: "invalid_concurrency_key", Message: fmt.Sprintf("concurrency.key must give 1 to %d bytes, it gives %d", maxKey, len(open.Key))}
	}
	in.Labels, in.Key = open.Labels, open.Key
	if open.Context != nil {
		in.Context = engine.Payload{Data: open.Context}
	}
	return nil
}
