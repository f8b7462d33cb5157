package safety

import (
	"cmp"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// matchNames are all names in a match, in canonical spelling first.
var matchNames = func() []string {
	names := []string{"tags", "mcp", "when"}
	for name := range matchFields {
		names = append(names, name)
	}
	for alias := range matchAliases {
		names = append(names, alias)
	}
	slices.Sort(names)
	return names
}()

// match reads what a rule wants of a request. A match is never empty: that it matches everything is never what a slip
// means.
func (r *reader) match(x *rule, n *yamlx.Node, at place) {
	m := n.Get("match")
	if m == nil {
		r.errorf(RuleMissingField, at, "the field match is missing")
		return
	}
	at = at.below("match", m.Pos)
	if m.Kind == yamlx.Null || (m.Kind == yamlx.Map && len(m.Fields) == 0) {
		r.errorf(RuleEmptyMatch, at, "the match is empty; what is meant for every request is said with a glob, as in tenants: \"*\"")
		return
	}
	if !r.object(m, at, "match") {
		return
	}
	r.known(m, at, "match", matchNames...)
	for _, f := range m.Fields {
		if other, ok := matchAliases[f.Key]; ok && m.Get(other) != nil {
			r.errorf(RuleConflicting, at.below(f.Key, f.Pos), "%s and %s say the same; keep one", f.Key, other)
			continue
		}
		r.matchField(x, f, at.below(f.Key, f.Value.Pos))
	}
	slices.SortFunc(x.criteria, func(a, b criterion) int {
		return cmp.Or(cmp.Compare(a.field, b.field), cmp.Compare(a.key, b.key))
	})
}

func (r *reader) matchField(x *rule, f yamlx.Field, at place) {
	name := cmp.Or(matchAliases[f.Key], f.Key)
	switch name {
	case "when":
		x.when = r.when(f.Value, at)
	case "tags":
		r.tags(x, f.Value, at)
	case "mcp":
		r.mcp(x, f.Value, at)
	default:
		if field, ok := matchFields[name]; ok {
			x.criteria = append(x.criteria, criterion{field: field, patterns: r.patternsOf(f.Value, at, knownValues[field])})
		}
	}
}

func (r *reader) tags(x *rule, n *yamlx.Node, at place) {
	for _, f := range r.entries(n, at, "tags") {
		below := at.below(f.Key, f.Value.Pos)
		if f.Key == "" {
			r.errorf(RuleEmptyMatch, below, "the name of a tag is empty")
			continue
		}
		x.criteria = append(x.criteria, criterion{field: fieldTag, key: f.Key, patterns: r.patternsOf(f.Value, below, nil)})
	}
}

func (r *reader) mcp(x *rule, n *yamlx.Node, at place) {
	for _, f := range r.entries(n, at, "mcp") {
		below := at.below(f.Key, f.Value.Pos)
		field, ok := mcpFields[f.Key]
		if !ok {
			r.unknown(RuleUnknownField, below, f.Key, []string{"action", "resource", "server", "tool"}, "field of mcp")
			continue
		}
		x.criteria = append(x.criteria, criterion{field: field, patterns: r.patternsOf(f.Value, below, nil)})
	}
}

// entries are the fields of an object of a match that may not be empty.
func (r *reader) entries(n *yamlx.Node, at place, what string) []yamlx.Field {
	switch {
	case n.Kind == yamlx.Null, n.Kind == yamlx.Map && len(n.Fields) == 0:
		r.errorf(RuleEmptyMatch, at, "%s is empty; leave it out where anything will do", what)
	case n.Kind != yamlx.Map:
		r.errorf(RuleBadValue, at, "%s is an object", what)
	}
	return n.Fields
}

// patternsOf reads a value, or a list of which one is enough. known are the values that the field can have; nil: any.
func (r *reader) patternsOf(n *yamlx.Node, at place, known []string) patterns {
	items := []*yamlx.Node{n}
	if n.Kind == yamlx.List {
		items = n.Items
	}
	if len(items) == 0 || n.Kind == yamlx.Null {
		r.errorf(RuleEmptyMatch, at, "nothing is listed; leave the field out where anything will do")
		return patterns{}
	}
	if r.patterns += len(items); r.patterns > MaxPatterns {
		r.errorf(RuleOutOfRange, at, "the set lists more than %d values", MaxPatterns)
		return patterns{}
	}
	texts := make([]string, 0, len(items))
	for i, item := range items {
		below := at
		if n.Kind == yamlx.List {
			below = at.below(itoa(i), item.Pos)
		}
		if r.pattern(item, below, known) {
			texts = append(texts, item.Str)
		}
	}
	return newPatterns(texts)
}

// pattern checks one value or glob.
func (r *reader) pattern(n *yamlx.Node, at place, known []string) bool {
	switch {
	case n.Kind == yamlx.Null, n.Kind == yamlx.String && n.Str == "":
		r.errorf(RuleEmptyMatch, at, "the value is empty; nothing matches it")
	case n.Kind != yamlx.String:
		r.errorf(RuleBadValue, at, "a text is needed here; put it in quotes")
	case len(n.Str) > MaxPattern:
		r.errorf(RuleOutOfRange, at, "the value has more than %d bytes", MaxPattern)
	case known != nil && !fitsOne(n.Str, known):
		r.unknown(RuleBadValue, at, n.Str, known, "value")
	default:
		return true
	}
	return false
}

func fitsOne(pattern string, known []string) bool {
	if !strings.Contains(pattern, "*") {
		return slices.Contains(known, pattern)
	}
	g := newGlob(pattern)
	return slices.ContainsFunc(known, g.match)
}

// when compiles a condition; rules with the same text share it.
func (r *reader) when(n *yamlx.Node, at place) *condition {
	switch {
	case n.Kind == yamlx.Null, n.Kind == yamlx.String && strings.TrimSpace(n.Str) == "":
		r.errorf(RuleEmptyMatch, at, "when is empty; leave it out where anything will do")
		return nil
	case n.Kind == yamlx.Bool: // a YAML boolean is an expression, as in workflows
		n = &yamlx.Node{Kind: yamlx.String, Pos: n.Pos, Str: map[bool]string{false: "false", true: "true"}[n.Bool]}
	case n.Kind != yamlx.String:
		r.errorf(RuleBadValue, at, "when is an expression; put it in quotes")
		return nil
	}
	if c := r.conditions[n.Str]; c != nil {
		c.shared = true
		return c
	}
	c, err := newCondition(n.Str)
	if err != nil {
		r.errorf(RuleExpression, at, "the expression does not compile: %v", err)
		return nil
	}
	r.conditions[n.Str] = c
	return c
}
