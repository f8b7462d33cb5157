package steps

import (
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var delayKind = kind{
	name: "delay",
	doc:  "Waits: for a length of time, or until a time.",
	fields: []field{
		{"for", aTemplate("How long: a duration, as 5m, or a template of one.")},
		{"delay_sec", seconds("The same in whole seconds; another name of `for`.")},
		{"until", aTemplate("Until when: RFC 3339 with an offset, as 2026-01-31T08:00:00Z, or a template of one.")},
	},
	rules: []any{shape{"oneOf": []any{
		shape{"required": []any{"for"}}, shape{"required": []any{"delay_sec"}}, shape{"required": []any{"until"}},
	}}},
	effect: dag.EffectNone,
	decode: decodeDelay,
}

// RuleBadTimestamp is the rule of a time that is none, and the code of a step whose template gives none.
const RuleBadTimestamp = "bad_timestamp"

// delay waits. Exactly one of its ways to say how long is set.
type delay struct {
	fixed      Timer
	forText    *expr.Template
	untilText  *expr.Template
	isTemplate bool
}

// Start implements Spec.
func (d delay) Start(env *expr.Env) (Ask, error) {
	switch {
	case !d.isTemplate:
		return d.fixed, nil
	case d.forText != nil:
		text, err := d.forText.RenderString(env)
		if err != nil {
			return nil, err
		}
		length, err := dag.ParseDuration(text)
		if err != nil {
			return nil, &expr.Error{Code: dag.RuleInvalidDuration, Message: "what for renders to is no duration; write it as 30s or 5m"}
		}
		return Timer{For: length}, nil
	}
	text, err := d.untilText.RenderString(env)
	if err != nil {
		return nil, err
	}
	until, err := parseTime(text)
	if err != nil {
		return nil, &expr.Error{Code: RuleBadTimestamp, Message: "what until renders to is no time; write it as 2026-01-31T08:00:00Z"}
	}
	return Timer{Until: until}, nil
}

// parseTime reads RFC 3339, which has an offset. A year beyond 9999 has no RFC 3339 form.
func parseTime(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }

func decodeDelay(r *reading) Spec {
	hasFor := r.Get("for") != nil || r.Get("delay_sec") != nil
	hasUntil := r.Get("until") != nil
	switch {
	case hasFor && hasUntil:
		r.report.Errorf(dag.RuleConflicting, r.Place("until"), "a delay has for or until, not both")
	case !hasFor && !hasUntil:
		r.report.Errorf(dag.RuleMissingField, r.At(), "a delay needs for or until")
	case hasFor:
		return decodeFor(r)
	default:
		return decodeUntil(r)
	}
	return delay{}
}

func decodeFor(r *reading) Spec {
	if n := r.Get("for"); n != nil && n.Kind == yamlx.String && dag.HasTemplate(n.Str) {
		r.Either("for", "delay_sec")
		return delay{forText: r.text("for"), isTemplate: true}
	}
	return delay{fixed: Timer{For: r.Duration("for", "delay_sec")}}
}

func decodeUntil(r *reading) Spec {
	n := r.Template("until")
	if n == nil {
		return delay{}
	}
	if dag.HasTemplate(n.Str) {
		return delay{untilText: r.text("until"), isTemplate: true}
	}
	until, err := parseTime(n.Str)
	if err != nil {
		r.report.Errorf(RuleBadTimestamp, r.Place("until"), "%q is no time with an offset; write it as 2026-01-31T08:00:00Z", yamlx.Clip(n.Str))
	}
	return delay{fixed: Timer{Until: until}}
}
