package safety

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety/scan"
)

// outputField is the key of a bundle under which its rules about results stand.
const outputField = "output_rules"

var outputDecisions = []string{"ALLOW", "REDACT", "QUARANTINE", "DENY"}

// outputRules reads a bundle's rules about results into it.
func (r *reader) outputRules(b *bundle, n *yamlx.Node, at place, overlay bool) {
	list := n.Get(outputField)
	if list == nil {
		return
	}
	at = at.below(outputField, list.Pos)
	switch {
	case list.Kind != yamlx.List:
		r.errorf(RuleBadValue, at, "a list of rules is needed here")
		return
	case len(list.Items) > MaxOutputRules:
		r.errorf(RuleOutOfRange, at, "a bundle has at most %d rules about results", MaxOutputRules)
		return
	}
	ids := map[string]bool{}
	for _, x := range b.rules {
		ids[x.id] = true
	}
	for i, item := range list.Items {
		below := at.below(itoa(i), item.Pos)
		x := r.outputRule(item, below)
		if x == nil {
			continue
		}
		if ids[x.id] && x.id != "" {
			r.errorf(RuleDuplicateID, below.below("id", item.Get("id").Pos), "a second rule of this bundle has the id %s", x.id)
		}
		ids[x.id] = true
		x.name, x.overlay = b.name+"/"+x.id, overlay
		if x.approval != nil {
			x.approval.Rule = x.name
		}
		b.output = append(b.output, x)
	}
	slices.SortFunc(b.output, func(a, b *outputRule) int { return compare(a.id, b.id) })
}

// outputRule reads one rule; nil when it is no object.
func (r *reader) outputRule(n *yamlx.Node, at place) *outputRule {
	if !r.object(n, at, "rule") {
		return nil
	}
	r.known(n, at, "rule about results", "id", "description", "match", "scanners", "patterns", "min_bytes", "max_bytes", "has_error",
		"decision", "reason", "approval")
	x := &outputRule{rule: rule{id: r.id(n, at, "id", false), at: at}}
	r.label(n, at, "description", MaxReason)
	x.reason = r.label(n, at, "reason", MaxReason)
	r.match(&x.rule, n, at)
	r.content(x, n, at)
	r.size(x, n, at)
	if n.Get("has_error") != nil {
		x.hasError = Off
		if r.flag(n, at, "has_error") {
			x.hasError = On
		}
	}
	r.outputDecision(x, n, at)
	return x
}

// outputDecision reads what the rule decides, and who may release what it quarantines.
func (r *reader) outputDecision(x *outputRule, n *yamlx.Node, at place) {
	v := r.needed(n, at, "decision")
	if v == nil {
		return
	}
	switch decisionWord(text(v)) {
	case "ALLOW":
		x.decision = OutputAllow
	case "DENY":
	case "REDACT":
		x.decision = OutputRedact
		if n.Get("scanners") == nil && n.Get("patterns") == nil {
			r.errorf(RuleMissingField, at, "REDACT needs scanners or patterns: what they find is hidden")
		}
	case "QUARANTINE":
		x.decision, x.verdict = OutputQuarantine, RequireApproval
		r.approval(&x.rule, n, at)
		return
	default:
		r.unknown(RuleUnknownDecision, at.below("decision", v.Pos), text(v), outputDecisions, "decision")
		return
	}
	if a := n.Get("approval"); a != nil {
		r.errorf(RuleConflicting, at.below("approval", a.Pos), "an approval belongs to the decision QUARANTINE")
	}
}

// content reads what the rule looks for.
func (r *reader) content(x *outputRule, n *yamlx.Node, at place) {
	if v := n.Get("scanners"); v != nil {
		below := at.below("scanners", v.Pos)
		x.scanners = r.texts(v, below, 1)
		for _, name := range x.scanners {
			if !slices.Contains(scan.Scanners, name) {
				r.unknown(RuleBadValue, below, name, scan.Scanners, "scanner")
			}
		}
	}
	if v := n.Get("patterns"); v != nil {
		x.patterns = r.outputPatterns(v, at.below("patterns", v.Pos))
	}
	x.looks = scan.Of(x.scanners...).With(x.patterns...)
}

// outputPatterns reads {name: expression}.
func (r *reader) outputPatterns(n *yamlx.Node, at place) (out []*scan.Pattern) {
	switch {
	case n.Kind != yamlx.Map || len(n.Fields) == 0:
		r.errorf(RuleBadValue, at, "patterns are an object of names and expressions: {ticket: \"ACME-[0-9]+\"}")
		return nil
	case len(n.Fields) > MaxOutputPatterns:
		r.errorf(RuleOutOfRange, at, "a rule has at most %d patterns", MaxOutputPatterns)
		return nil
	}
	for _, f := range n.Fields {
		below := at.below(f.Key, f.Pos)
		if len(f.Key) > scan.MaxName || !validName(f.Key, false) {
			r.errorf(RuleBadValue, below, "the name of a pattern is text of 1 to %d letters, digits and . _ - : @", scan.MaxName)
			continue
		}
		if f.Value.Kind != yamlx.String {
			r.errorf(RuleBadValue, below, "an expression is needed here; put it in quotes")
			continue
		}
		p, err := scan.NewPattern(f.Key, f.Value.Str)
		if err != nil {
			r.errorf(RuleBadValue, below, "%v", err)
			continue
		}
		if r.expressions++; r.expressions > MaxSetPatterns {
			r.errorf(RuleOutOfRange, below, "the set has more than %d patterns", MaxSetPatterns)
			return nil
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *scan.Pattern) int { return compare(a.Name(), b.Name()) })
	return out
}

// size reads the bounds of an output's size, both included.
func (r *reader) size(x *outputRule, n *yamlx.Node, at place) {
	bound := func(field string) *int64 {
		v := n.Get(field)
		if v == nil {
			return nil
		}
		b := r.whole(v, at.below(field, v.Pos), 0, scan.MaxText)
		return &b
	}
	x.least, x.most = bound("min_bytes"), bound("max_bytes")
	if x.least != nil && x.most != nil && *x.least > *x.most {
		r.errorf(RuleConflicting, at, "min_bytes is more than max_bytes: no output has such a size")
	}
}
