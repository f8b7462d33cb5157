package safety

import (
	"cmp"
	"slices"

	"cordum.dev/cordum/safety/scan"
)

// outputRule is one compiled rule about results. Of the rule in it the match counts, and its approval: who may release
// what it quarantines.
type outputRule struct {
	rule
	decision OutputVerdict
	scanners []string // sorted
	patterns []*scan.Pattern
	looks    scan.Set // both; empty: whatever is in it
	least    *int64   // bytes; nil: no bound
	most     *int64
	hasError Choice // On: failures only; Off: outputs only
}

// concerns tells whether a result is of the kind and size that the rule is about.
func (r *outputRule) concerns(out Output) bool {
	size := int64(len(out.Data))
	switch {
	case r.hasError == On && !out.Failed, r.hasError == Off && out.Failed:
		return false
	case r.least != nil && size < *r.least, r.most != nil && size > *r.most:
		return false
	}
	return true
}

// outputRulesOf are the output rules of all bundles by name.
func outputRulesOf(lists ...[]*bundle) []*outputRule {
	var all []*outputRule
	for _, bundles := range lists {
		for _, b := range bundles {
			all = append(all, b.output...)
		}
	}
	slices.SortFunc(all, func(a, b *outputRule) int { return cmp.Compare(a.name, b.name) })
	return all
}

// document is the rule in its one spelling.
func (r *outputRule) document() map[string]any {
	out := map[string]any{"id": r.id, "match": r.matchDocument(), "decision": r.decision.String()}
	if r.reason != "" {
		out["reason"] = r.reason
	}
	if len(r.scanners) > 0 {
		out["scanners"] = anyList(r.scanners)
	}
	if len(r.patterns) > 0 {
		patterns := map[string]any{}
		for _, p := range r.patterns {
			patterns[p.Name()] = p.Expr()
		}
		out["patterns"] = patterns
	}
	if r.least != nil {
		out["min_bytes"] = *r.least
	}
	if r.most != nil {
		out["max_bytes"] = *r.most
	}
	if r.hasError != Unset {
		out["has_error"] = r.hasError == On
	}
	if r.approval != nil {
		out["approval"] = r.approval.document()
	}
	return out
}

// addOutputRules puts a bundle's output rules into its document. A bundle without them has the document it always had.
func (b *bundle) addOutputRules(doc map[string]any) {
	if len(b.output) == 0 {
		return
	}
	rules := make([]any, 0, len(b.output))
	for _, r := range b.output {
		rules = append(rules, r.document())
	}
	doc["output_rules"] = rules
}
