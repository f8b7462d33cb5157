package safety

import (
	"encoding/json"
	"slices"
	"strings"
)

// ListedBundle is a bundle of a snapshot as people look at it.
type ListedBundle struct {
	Name        string `json:"name"`
	Overlay     bool   `json:"overlay"` // of a pack: it can only tighten
	Rules       int    `json:"rules"`
	OutputRules int    `json:"output_rules,omitempty"` // rules about results
}

// ListedRule is a rule of a snapshot as people look at it.
type ListedRule struct {
	Name     string `json:"name"` // bundle/id
	Overlay  bool   `json:"overlay"`
	Output   bool   `json:"output,omitempty"` // about results, not about jobs
	Decision string `json:"decision"`         // as bundles spell it
	Reason   string `json:"reason,omitempty"`
	// Document is the rule in its canonical form: {id, match, decision, …}.
	Document json.RawMessage `json:"rule"`
}

// Default is what holds unless a base rule matches: Allow or Deny.
func (s *Snapshot) Default() Verdict { return s.fallback }

// Bundles lists the bundles by name, the operator's first. Those without rules are in it.
func (s *Snapshot) Bundles() []ListedBundle { return append([]ListedBundle{}, s.bundles...) }

// Rules lists the rules: those about jobs by name, then those about results by name.
func (s *Snapshot) Rules() []ListedRule {
	all := s.written()
	out := make([]ListedRule, 0, len(all))
	for _, w := range all {
		out = append(out, w.listed())
	}
	return out
}

// written is a rule of either kind as it stands in a bundle.
type written struct {
	*rule
	output   bool
	document map[string]any
}

// written are all rules, those about jobs first, each kind by name.
func (s *Snapshot) written() []written {
	out := make([]written, 0, len(s.rules)+len(s.output))
	for _, r := range s.rules {
		out = append(out, written{rule: r, document: r.document()})
	}
	for _, r := range s.output {
		out = append(out, written{rule: &r.rule, output: true, document: r.document()})
	}
	return out
}

func (w *written) listed() ListedRule {
	decision, _ := w.document["decision"].(string)
	return ListedRule{Name: w.name, Overlay: w.overlay, Output: w.output, Decision: decision, Reason: w.reason, Document: canonical(w.document)}
}

// listed are the bundles of a set, as Bundles answers them.
func listed(base, overlays []*bundle) []ListedBundle {
	var out []ListedBundle
	for overlay, bundles := range map[bool][]*bundle{false: base, true: overlays} {
		for _, b := range bundles {
			out = append(out, ListedBundle{Name: b.name, Overlay: overlay, Rules: len(b.rules), OutputRules: len(b.output)})
		}
	}
	slices.SortFunc(out, func(a, b ListedBundle) int {
		if a.Overlay != b.Overlay {
			return map[bool]int{false: -1, true: 1}[a.Overlay]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}
