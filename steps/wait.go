package steps

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var waitKind = kind{
	name: "wait",
	doc:  "Waits for a signal. Output is the signal's payload.",
	fields: []field{
		{"signal", aText("The signal's name. One that came before the step began is taken too.")},
		{"match", anExpression("Says whether a signal is the one; sees its `payload`. One that is not is kept for others.")},
		{"on_timeout", oneOf("What becomes of the step when no signal came within its timeout.",
			"fail", "The step is timed_out.", "skip", "The step is skipped.", "continue", "The step succeeds, with null as its output.")},
	},
	needs:  []any{"signal"},
	effect: dag.EffectNone,
	decode: decodeWait,
}

// wait waits for a signal.
type wait struct{ ask Wait }

// Start implements Spec.
func (w wait) Start(*expr.Env) (Ask, error) { return w.ask, nil }

// MaxSignalName bounds a signal's name in bytes.
const MaxSignalName = 255

var onTimeout = map[string]OnTimeout{"fail": TimeoutFails, "skip": TimeoutSkips, "continue": TimeoutContinues}

func decodeWait(r *reading) Spec {
	r.Need("signal")
	ask := Wait{Signal: r.Text("signal"), Timeout: r.step.Timeout}
	if (ask.Signal != "" || emptyText(r, "signal")) && (ask.Signal == "" || len(ask.Signal) > MaxSignalName) {
		r.report.Errorf(dag.RuleBadValue, r.Place("signal"), "a signal's name has 1 to %d bytes, not %q", MaxSignalName, yamlx.Clip(ask.Signal))
	}
	scope := r.scope
	scope.Payload = true
	ask.Match = r.conditionOf(r.Object, "match", scope)
	ask.OnTimeout = onTimeout[r.OneOf("on_timeout", "fail", "skip", "continue")]
	return wait{ask}
}
