package steps

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

var loopKind = kind{
	name: "loop",
	doc:  "Repeats steps of its own. Output is the last round's outputs, by step id.",
	fields: []field{
		{"steps", ref("steps", "The steps of one round, as a list or by id. They see what the loop may read, and `loop`.")},
		{"while", anExpression("Tested before each round; false ends the loop.")},
		{"until", anExpression("Tested after each round; true ends the loop. `loop.previous` is the round that just ended.")},
		{"max_iterations", anInteger("How many rounds there may be; reaching it fails the step, loop_limit. Default 100.", 1, dag.MaxRounds)},
	},
	needs:  []any{"steps"},
	rules:  []any{shape{"oneOf": []any{shape{"required": []any{"while"}}, shape{"required": []any{"until"}}}}},
	effect: dag.EffectNone,
	decode: decodeLoop,
}

// loop repeats its inner scope, which package dag reads.
type loop struct{ ask Loop }

// Start implements Spec.
func (l loop) Start(*expr.Env) (Ask, error) { return l.ask, nil }

func decodeLoop(r *reading) Spec {
	hasWhile, hasUntil := r.Get("while") != nil, r.Get("until") != nil
	switch {
	case hasWhile && hasUntil:
		r.report.Errorf(dag.RuleConflicting, r.Place("until"), "a loop has while or until, not both")
	case !hasWhile && !hasUntil:
		r.report.Errorf(dag.RuleMissingField, r.At(), "a loop needs while or until")
	}
	scope := r.scope
	scope.Loop = true
	ask := Loop{
		While: r.conditionOf(r.Object, "while", scope),
		Until: r.conditionOf(r.Object, "until", scope),
		Max:   r.Int("max_iterations", 1, dag.MaxRounds),
	}
	if ask.Max == 0 {
		ask.Max = DefaultRounds
	}
	return loop{ask}
}
