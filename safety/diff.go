package safety

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Difference is what differs between two snapshots by meaning: spelling, order, and the older shape of constraints do not
// count. Its JSON is stable.
type Difference struct {
	Same    bool         `json:"same"`
	Before  string       `json:"before"` // digests
	After   string       `json:"after"`
	Default *Replaced    `json:"default,omitempty"` // nil: unchanged
	Added   []ListedRule `json:"added"`
	Removed []ListedRule `json:"removed"`
	Changed []RuleChange `json:"changed"`
}

// RuleChange is what differs in a rule that both have.
type RuleChange struct {
	Rule   string          `json:"rule"` // bundle/id
	Fields []ReplacedField `json:"fields"`
}

// ReplacedField is a field of a rule with its two values: "match.tags", "decision", "overlay".
type ReplacedField struct {
	Field string `json:"field"`
	Replaced
}

// Replaced are two values in JSON; null where there was, or is, none.
type Replaced struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// Diff compares two snapshots by their rules, those about results included.
func Diff(before, after *Snapshot) *Difference {
	d := &Difference{Before: before.digest, After: after.digest, Added: []ListedRule{}, Removed: []ListedRule{}, Changed: []RuleChange{}}
	if before.fallback != after.fallback {
		d.Default = &Replaced{quoted(before.fallback), quoted(after.fallback)}
	}
	a, b := before.written(), after.written()
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || (len(a) > 0 && a[0].before(&b[0])):
			d.Removed, a = append(d.Removed, a[0].listed()), a[1:]
		case len(a) == 0 || b[0].before(&a[0]):
			d.Added, b = append(d.Added, b[0].listed()), b[1:]
		default:
			if fields := differing(&a[0], &b[0]); len(fields) > 0 {
				d.Changed = append(d.Changed, RuleChange{a[0].name, fields})
			}
			a, b = a[1:], b[1:]
		}
	}
	d.Same = d.Default == nil && len(d.Added)+len(d.Removed)+len(d.Changed) == 0
	return d
}

// before tells whether a rule is listed before another one.
func (w *written) before(other *written) bool {
	if w.output != other.output {
		return other.output
	}
	return w.name < other.name
}

func quoted(v Verdict) json.RawMessage { return json.RawMessage(`"` + v.String() + `"`) }

// differing are the fields in which two rules of one name differ.
func differing(a, b *written) []ReplacedField {
	var out []ReplacedField
	if a.overlay != b.overlay {
		out = append(out, ReplacedField{"overlay", Replaced{canonical(a.overlay), canonical(b.overlay)}})
	}
	out = append(out, differingIn("match.", a.matchDocument(), b.matchDocument())...)
	return append(out, differingIn("", withoutMatch(a.document), withoutMatch(b.document))...)
}

func withoutMatch(document map[string]any) map[string]any {
	out := maps.Clone(document)
	delete(out, "match")
	return out
}

func differingIn(prefix string, a, b map[string]any) []ReplacedField {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	var out []ReplacedField
	for _, key := range yamlx.SortedKeys(keys) {
		r := Replaced{canonical(a[key]), canonical(b[key])}
		if !bytes.Equal(r.Before, r.After) {
			out = append(out, ReplacedField{prefix + key, r})
		}
	}
	return out
}

// canonical writes a part of a compiled rule; nil is null.
func canonical(v any) json.RawMessage {
	raw, err := yamlx.AppendCanonical(nil, v)
	if err != nil {
		panic(fmt.Sprintf("safety: a compiled rule has no canonical form: %v", err)) // its set had one
	}
	return raw
}

// Text is the difference for people: one line for each rule that came, went or changed, with what changed below it.
func (d *Difference) Text() string {
	if d.Same {
		return "The policies mean the same.\n"
	}
	var b strings.Builder
	if d.Default != nil {
		fmt.Fprintf(&b, "~ default: %s -> %s\n", d.Default.Before, d.Default.After)
	}
	for _, r := range d.Added {
		fmt.Fprintf(&b, "+ %s: %s\n", r.Name, r.Document)
	}
	for _, r := range d.Removed {
		fmt.Fprintf(&b, "- %s: %s\n", r.Name, r.Document)
	}
	for _, c := range d.Changed {
		fmt.Fprintf(&b, "~ %s\n", c.Rule)
		for _, f := range c.Fields {
			fmt.Fprintf(&b, "    %s: %s -> %s\n", f.Field, f.Before, f.After)
		}
	}
	return b.String()
}
