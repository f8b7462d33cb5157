package steps

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

var transformKind = kind{
	name:   "transform",
	doc:    "Makes a value of others, with no job. Output is the rendered input.",
	needs:  []any{"input"},
	effect: dag.EffectNone,
	decode: decodeTransform,
}

// transform gives its input.
type transform struct{ input *expr.Template }

// Start implements Spec.
func (t transform) Start(env *expr.Env) (Ask, error) {
	out, err := t.input.RenderJSON(env)
	if err != nil {
		return nil, err
	}
	return Done{Output: out}, nil
}

func decodeTransform(r *reading) Spec {
	r.Need("input")
	return transform{r.input}
}
