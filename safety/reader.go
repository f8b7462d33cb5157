package safety

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// reader turns documents into bundles and reports whatever does not fit. What was reported reads as the zero value, so
// everything wrong is reported at once.
type reader struct {
	report
	conditions map[string]*condition // by source
	rules      int
	patterns   int

	expressions int // of output rules
}

// bundles reads those of one side of the set.
func (r *reader) bundles(docs []Document, overlay bool, names map[string]bool) []*bundle {
	var all []*bundle
	for _, doc := range docs {
		b := r.bundle(doc, overlay)
		if b == nil {
			continue
		}
		if names[b.name] {
			at := place{file: doc.File, pointer: doc.pointer}
			r.errorf(RuleDuplicateID, at.below("name", doc.Root.Get("name").Pos), "a second bundle is named %s", b.name)
		}
		names[b.name] = true
		all = append(all, b)
	}
	return all
}

// bundle reads one document; nil when it has no usable name.
func (r *reader) bundle(doc Document, overlay bool) *bundle {
	at := place{file: doc.File, pointer: doc.pointer}
	n := doc.Root
	if n == nil || n.Kind != yamlx.Map {
		r.errorf(RuleBadValue, at, "a bundle is an object with name and rules")
		return nil
	}
	at.pos = n.Pos
	r.known(n, at, "bundle", "name", "version", "description", "rules", outputField)
	if v := n.Get("version"); v == nil || v.Kind != yamlx.Int { // a whole number, or text
		r.label(n, at, "version", MaxReason)
	}
	r.label(n, at, "description", MaxReason)
	b := &bundle{name: r.id(n, at, "name", true)}
	rules := n.Get("rules")
	if n.Get(outputField) == nil { // with rules about results there may be no others
		rules = r.needed(n, at, "rules")
	}
	switch {
	case rules == nil:
	case rules.Kind != yamlx.List:
		r.errorf(RuleBadValue, at.below("rules", rules.Pos), "a list of rules is needed here")
	case r.rules+len(rules.Items) > MaxRules:
		r.errorf(RuleOutOfRange, at.below("rules", rules.Pos), "the set has more than %d rules", MaxRules)
	default:
		r.rules += len(rules.Items)
		b.rules = r.rulesOf(rules, at.below("rules", rules.Pos), b.name, overlay)
	}
	r.outputRules(b, n, at, overlay)
	if b.name == "" {
		return nil
	}
	return b
}

func (r *reader) rulesOf(list *yamlx.Node, at place, bundle string, overlay bool) []*rule {
	rules := make([]*rule, 0, len(list.Items))
	ids := map[string]bool{}
	for i, item := range list.Items {
		below := at.below(itoa(i), item.Pos)
		x := r.rule(item, below)
		if x == nil {
			continue
		}
		if ids[x.id] && x.id != "" {
			r.errorf(RuleDuplicateID, below.below("id", item.Get("id").Pos), "a second rule of this bundle has the id %s", x.id)
		}
		ids[x.id] = true
		x.name, x.overlay = bundle+"/"+x.id, overlay
		if x.approval != nil {
			x.approval.Rule = x.name
		}
		rules = append(rules, x)
	}
	slices.SortFunc(rules, func(a, b *rule) int { return compare(a.id, b.id) })
	return rules
}

// known reports every field of an object that is none of the known ones.
func (r *reader) known(n *yamlx.Node, at place, what string, fields ...string) {
	for _, f := range n.Fields {
		if !slices.Contains(fields, f.Key) {
			r.unknown(RuleUnknownField, at.below(f.Key, f.Pos), f.Key, fields, "field of a "+what)
		}
	}
}

// object tells whether a node is an object, and reports it when it is none.
func (r *reader) object(n *yamlx.Node, at place, what string) bool {
	if n.Kind == yamlx.Map {
		return true
	}
	r.errorf(RuleBadValue, at, "a %s is an object", what)
	return false
}

// needed is a field that must be there; nil when it was reported as missing.
func (r *reader) needed(n *yamlx.Node, at place, field string) *yamlx.Node {
	v := n.Get(field)
	if v == nil || v.Kind == yamlx.Null {
		r.errorf(RuleMissingField, at, "the field %s is missing", field)
		return nil
	}
	return v
}

// id reads the name of a bundle or the id of a rule.
func (r *reader) id(n *yamlx.Node, at place, field string, slashes bool) string {
	v := r.needed(n, at, field)
	if v == nil {
		return ""
	}
	if v.Kind != yamlx.String || !validName(v.Str, slashes) {
		r.errorf(RuleBadValue, at.below(field, v.Pos), "%s is text of 1 to %d letters, digits and . _ - : @, beginning with a letter or digit", field, MaxName)
		return ""
	}
	return v.Str
}

// validName: names stand in answers, logs and addresses; bundle/rule must read one way only.
func validName(s string, slashes bool) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i == 0:
			return false
		case c == '.', c == '_', c == '-', c == ':', c == '@', c == '/' && slashes:
		default:
			return false
		}
	}
	return true
}

// label reads text that means nothing to the kernel.
func (r *reader) label(n *yamlx.Node, at place, field string, limit int) string {
	v := n.Get(field)
	switch {
	case v == nil:
		return ""
	case v.Kind != yamlx.String:
		r.errorf(RuleBadValue, at.below(field, v.Pos), "%s is text; put it in quotes", field)
	case len(v.Str) > limit:
		r.errorf(RuleOutOfRange, at.below(field, v.Pos), "%s has more than %d bytes", field, limit)
	default:
		return v.Str
	}
	return ""
}

// flag reads a boolean; false when it is absent.
func (r *reader) flag(n *yamlx.Node, at place, field string) bool {
	v := n.Get(field)
	if v == nil {
		return false
	}
	if v.Kind != yamlx.Bool {
		r.errorf(RuleBadValue, at.below(field, v.Pos), "%s is true or false", field)
	}
	return v.Bool
}

// whole reads a whole number from least to most.
func (r *reader) whole(v *yamlx.Node, at place, least, most int64) int64 {
	switch {
	case v.Kind != yamlx.Int:
		r.errorf(RuleBadValue, at, "a whole number is needed here")
	case v.Int < least || v.Int > most:
		r.errorf(RuleOutOfRange, at, "the number is from %d to %d", least, most)
	default:
		return v.Int
	}
	return least
}

// texts reads a list of texts, sorted, each once; least is how many there must be.
func (r *reader) texts(v *yamlx.Node, at place, least int) []string {
	out := []string{}
	switch {
	case v.Kind != yamlx.List:
		r.errorf(RuleBadValue, at, "a list of texts is needed here")
		return out
	case len(v.Items) < least:
		r.errorf(RuleBadValue, at, "the list is empty")
	case len(v.Items) > MaxEntries:
		r.errorf(RuleOutOfRange, at, "the list has more than %d entries", MaxEntries)
		return out
	}
	for i, item := range v.Items {
		if item.Kind != yamlx.String || item.Str == "" || len(item.Str) > MaxPattern {
			r.errorf(RuleBadValue, at.below(itoa(i), item.Pos), "a text of 1 to %d bytes is needed here", MaxPattern)
			continue
		}
		out = append(out, item.Str)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// text is a node's text, or "".
func text(n *yamlx.Node) string {
	if n == nil || n.Kind != yamlx.String {
		return ""
	}
	return n.Str
}
