package runner

import (
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// prepare renders what a workflow says of its runs as a whole, one after the other: the context, the labels, the key of its
// concurrency. The run's own context and labels are put over the workflow's. An error is an *InvalidError.
func prepare(run string, plan *steps.Workflow, in *engine.Submit) error {
	own := in.Labels
	if plan.Context == nil && len(plan.Labels) == 0 && plan.Key == nil {
		in.Labels = mergeLabels(plan.Def.Labels, own)
		return nil
	}
	env := &expr.Env{Run: expr.RunInfo{ID: run, StartedAt: in.At.UTC().Format(time.RFC3339Nano), Attempt: 1}}
	env.Input, _ = expr.DecodeJSON(in.Input.Data) // checked before
	if err := prepareContext(plan, in, env); err != nil {
		return cannotRender("context", err)
	}
	base := make(map[string]string, len(plan.Def.Labels))
	for name, value := range plan.Def.Labels {
		if t := plan.Labels[name]; t != nil {
			var err error
			if value, err = t.RenderString(env); err != nil {
				return cannotRender("label "+name, err)
			}
			if len(value) > maxLabel {
				return &InvalidError{Code: "invalid_labels", Message: fmt.Sprintf("the label %s has more than %d bytes", name, maxLabel)}
			}
		}
		base[name] = value
	}
	in.Labels = mergeLabels(base, own)
	if plan.Key == nil {
		return nil
	}
	env.Labels = in.Labels
	key, err := plan.Key.RenderString(env)
	if err != nil {
		return cannotRender("concurrency.key", err)
	}
	if key == "" || len(key) > maxKey {
		return &InvalidError{Code: "invalid_concurrency_key", Message: fmt.Sprintf("concurrency.key must give 1 to %d bytes, it gives %d", maxKey, len(key))}
	}
	in.Key = key
	return nil
}

// prepareContext makes the run's context whole when the workflow's has templates: what they give depends on the run.
func prepareContext(plan *steps.Workflow, in *engine.Submit, env *expr.Env) error {
	base, own := plan.Def.Context, any(nil)
	if plan.Context != nil {
		var err error
		if base, err = plan.Context.Render(env); err != nil {
			return err
		}
	}
	own, _ = expr.DecodeJSON(in.Context.Data) // checked before
	env.Ctx = mergeContext(base, own)
	if plan.Context == nil || env.Ctx == nil {
		return nil
	}
	data, err := yamlx.AppendCanonical(nil, env.Ctx)
	if err != nil {
		return err
	}
	in.Context = engine.Payload{Data: data}
	return nil
}

// mergeContext puts a run's context over its workflow's, key by key at the top.
func mergeContext(base, own any) any {
	under, isMap := base.(map[string]any)
	over, ownMap := own.(map[string]any)
	switch {
	case own != nil && !ownMap:
		return own
	case !isMap:
		if own == nil {
			return base
		}
		return own
	}
	merged := make(map[string]any, len(under)+len(over))
	for k, v := range under {
		merged[k] = v
	}
	for k, v := range over {
		merged[k] = v
	}
	return merged
}

func cannotRender(what string, err error) error {
	var e *expr.Error
	if errors.As(err, &e) {
		return &InvalidError{Code: "invalid_input", Message: fmt.Sprintf("%s cannot be rendered with this input: %s: %s", what, e.Code, e.Message)}
	}
	return &InvalidError{Code: "invalid_input", Message: what + " cannot be rendered with this input"}
}
