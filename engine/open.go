package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// Opening is what a run begins with when the templates of its workflow's own fields are rendered.
type Opening struct {
	Context json.RawMessage // the workflow's with the run's own values over it; nil when the run's is all there is to say
	Labels  map[string]string
	Key     string // of the workflow's concurrency; "" when it has none
}

// Open renders the context, the labels and the concurrency key of a workflow for a run, once. Labels are the workflow's with the
// run's own over them. The error names the field and wraps an *expr.Error: there is no such run.
func Open(plan *steps.Workflow, id string, at time.Time, input, context json.RawMessage, labels map[string]string) (Opening, error) {
	r := New(id, plan)
	r.Input.Data, r.Context.Data, r.StartedAt = input, context, at
	out := Opening{Labels: labels}
	if plan.Context != nil {
		base, err := plan.Context.RenderJSON(r.opening(nil))
		if err != nil {
			return Opening{}, fmt.Errorf("context: %w", err)
		}
		merged, _ := decode(base).(map[string]any)
		if own, is := decode(context).(map[string]any); is || len(context) == 0 {
			for k, v := range own {
				merged[k] = v
			}
			if out.Context, err = json.Marshal(merged); err != nil {
				return Opening{}, &expr.Error{Code: expr.CodeType, Message: "the context cannot be kept: " + err.Error()}
			}
			r.Context.Data = out.Context
		}
	}
	if len(plan.Labels) > 0 {
		out.Labels = maps.Clone(labels)
		if out.Labels == nil {
			out.Labels = map[string]string{}
		}
		for k, t := range plan.Labels {
			if own, said := labels[k]; said && own != plan.Def.Labels[k] {
				continue // the run says something else
			}
			text, err := t.RenderString(r.opening(nil))
			if err != nil {
				return Opening{}, fmt.Errorf("labels.%s: %w", k, err)
			}
			out.Labels[k] = text
		}
	}
	if plan.Key != nil {
		key, err := plan.Key.RenderString(r.opening(out.Labels))
		if err != nil {
			return Opening{}, fmt.Errorf("concurrency.key: %w", err)
		}
		out.Key = key
	}
	return out, nil
}

// opening is what the workflow's own fields see.
func (r *Run) opening(labels map[string]string) *expr.Env {
	r.names = names{}
	env := r.env(none)
	env.Labels = labels
	return env
}
