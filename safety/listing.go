package safety

import (
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/internal/yamlx"
)

// ListedBundle is a bundle of a snapshot as people look at it.
type ListedBundle struct {
	Name    string `json:"name"`
	Overlay bool   `json:"overlay"` // of a pack: it can only tighten
	Rules   int    `json:"rules"`
}

// ListedRule is a rule of a snapshot as people look at it.
type ListedRule struct {
	Name    string  `json:"name"` // bundle/id
	Overlay bool    `json:"overlay"`
	Verdict Verdict `json:"decision"`
	Reason  string  `json:"reason,omitempty"`
	// Document is the rule in its canonical form: {id, match, decision, …}.
	Document json.RawMessage `json:"rule"`
}

// Default is what holds unless a base rule matches: Allow or Deny.
func (s *Snapshot) Default() Verdict { return s.fallback }

// Bundles lists the bundles by name, the operator's first. Those without rules are in it.
func (s *Snapshot) Bundles() []ListedBundle { return append([]ListedBundle{}, s.bundles...) }

// Rules lists the rules by name.
func (s *Snapshot) Rules() []ListedRule {
	out := make([]ListedRule, 0, len(s.rules))
	for _, r := range s.rules {
		out = append(out, r.listed())
	}
	return out
}

func (r *rule) listed() ListedRule {
	document, err := yamlx.AppendCanonical(nil, r.document())
	if err != nil {
		panic(fmt.Sprintf("safety: a compiled rule has no canonical form: %v", err)) // the set had one
	}
	return ListedRule{Name: r.name, Overlay: r.overlay, Verdict: r.verdict, Reason: r.reason, Document: document}
}

// listed are the bundles of a set, as Bundles answers them.
func listed(base, overlays []*bundle) []ListedBundle {
	var out []ListedBundle
	for _, b := range sortedBundles(base) {
		out = append(out, ListedBundle{Name: b.name, Rules: len(b.rules)})
	}
	for _, b := range sortedBundles(overlays) {
		out = append(out, ListedBundle{Name: b.name, Overlay: true, Rules: len(b.rules)})
	}
	return out
}
