package steps

import (
	"encoding/json"
	"strconv"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

var conditionKind = kind{
	name:   "condition",
	doc:    "Evaluates an expression. Output is the boolean.",
	fields: []field{{"condition", anExpression("What is evaluated; it gives true or false.")}},
	needs:  []any{"condition"},
	effect: dag.EffectNone,
	decode: decodeCondition,
}

// condition evaluates; its output is the boolean.
type condition struct{ program *expr.Program }

// Start implements Spec.
func (c condition) Start(env *expr.Env) (Ask, error) {
	v, err := c.program.EvalBool(env)
	if err != nil {
		return nil, err
	}
	return Done{Output: json.RawMessage(strconv.FormatBool(v))}, nil
}

func decodeCondition(r *reading) Spec {
	r.Need("condition")
	return condition{r.condition("condition")}
}
