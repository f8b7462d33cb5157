package safety

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules of Lint, all of them warnings: the set can be used, and does not mean what it seems to.
const (
	RuleContradiction  = "contradiction"   // two rules match the same and decide otherwise: the stricter one counts
	RuleShadowed       = "shadowed"        // another rule matches whenever this one does, and leaves it nothing to decide
	RuleNeverMatches   = "never_matches"   // no request can match
	RuleOverlayWidens  = "overlay_widens"  // an overlay allows, which it cannot
	RuleNothingAllowed = "nothing_allowed" // two rules that match together leave an allow-list empty
)

// codes are the numbers of all rules; a number is for ever the same rule's.
var codes = map[string]string{
	RuleEmptyMatch: "PO01", RuleMissingField: "PO02", RuleUnknownField: "PO03", RuleConflicting: "PO04", RuleUnknownDecision: "PO05",
	RuleUnknownConstraint: "PO06", RuleBadValue: "PO07", RuleOutOfRange: "PO08", RuleDuplicateID: "PO09", RuleExpression: "PO10",
	RuleUnapprovable: "PO20", RuleNoRate: "PO21",
	RuleContradiction: "PO30", RuleShadowed: "PO31", RuleNeverMatches: "PO32", RuleOverlayWidens: "PO33", RuleNothingAllowed: "PO34",
}

// Code is the number of the problem's rule, as "PO31"; "" for a rule without one.
func (p *Problem) Code() string { return codes[p.Rule] }

// Codes are the numbers of all rules, by rule; the map is the caller's.
func Codes() map[string]string { return maps.Clone(codes) }

// Lint is Compile that also warns of what a set says in vain. Problems that refuse the set come alone: what is not
// understood cannot be compared.
func Lint(set Set) (*Snapshot, []Problem) {
	s, problems := Compile(set)
	if s == nil {
		return nil, problems
	}
	l := linter{rules: s.rules, bare: withoutWhen(s.rules)}
	for i := range s.rules {
		l.rule(int32(i), &s.index)
	}
	for _, p := range problems {
		l.add(p, place{p.File, p.Pointer, yamlx.Pos{Line: p.Line, Col: p.Col}})
	}
	return s, l.problems()
}

// linter compares rules of a compiled set.
type linter struct {
	report
	rules []*rule
	bare  []*rule // the same without their conditions
	spent int     // rules looked at
}

// maxLooked bounds what Lint compares: in a set of so many rules that hardly name anything, the rest is not compared.
const maxLooked = 10_000_000

func withoutWhen(rules []*rule) []*rule {
	out := make([]*rule, len(rules))
	for i, r := range rules {
		out[i] = &rule{name: r.name, criteria: r.criteria}
	}
	return out
}

func (l *linter) rule(i int32, x *index) {
	r := l.rules[i]
	if r.overlay && r.verdict == Allow {
		l.warnf(RuleOverlayWidens, r.at, "%s allows, and an overlay can only tighten: the rule changes nothing; a base rule is how one allows", r.name)
	}
	if why := r.impossible(); why != "" {
		l.warnf(RuleNeverMatches, r.at, "%s never matches: %s", r.name, why)
		return
	}
	for _, other := range l.wider(i, x) {
		if l.compare(r, l.rules[other], i > other) {
			return
		}
	}
}

// wider are the rules that match whenever a rule does. A request that has the rule's own patterns for values finds them:
// what takes a star for a letter takes whatever the star stands for.
func (l *linter) wider(i int32, x *index) []int32 {
	r := l.rules[i]
	if l.spent > maxLooked {
		return nil
	}
	var request Request
	for n := range r.criteria {
		r.criteria[n].set(&request, r.criteria[n].patterns.texts[0])
	}
	e := evaluation{subject: subject{req: &request}, rules: l.bare}
	x.visit(&e)
	matching := slices.Clone(e.sorted())
	l.spent += len(x.always) + len(matching)*len(matching)/100
	return slices.DeleteFunc(matching, func(other int32) bool { return other == i || !l.rules[other].covers(r) })
}

// covers tells whether a rule matches every request that another one does.
func (r *rule) covers(other *rule) bool {
	if r.when != nil && (other.when == nil || r.when.source != other.when.source) {
		return false
	}
	for i := range r.criteria {
		c := &r.criteria[i]
		at := slices.IndexFunc(other.criteria, func(o criterion) bool { return o.field == c.field && o.key == c.key })
		if at < 0 || slices.ContainsFunc(other.criteria[at].patterns.texts, func(p string) bool { return !c.patterns.match(p) }) {
			return false
		}
	}
	return true
}

// compare says what is wrong with a rule beside a wider one; true when the rule is in vain. second tells which of two that
// match the same is spoken of.
func (l *linter) compare(r, wider *rule, second bool) bool {
	same := r.covers(wider)
	if list := emptied(r, wider); list != "" && (!same || second) {
		l.warnf(RuleNothingAllowed, r.at, "%s and %s have no entry of %s in common: together they allow nothing there", r.name, wider.name, list)
	}
	switch {
	case same && r.verdict != wider.verdict && r.overlay == wider.overlay:
		if Stricter(r.verdict, wider.verdict) == r.verdict || r.verdict != Allow && wider.verdict != Deny {
			return false // said of the other one, or both count: a constraint holds beside an approval
		}
		l.warnf(RuleContradiction, r.at, "%s and %s match the same and say %s and %s: the stricter one counts", r.name, wider.name, r.verdict, wider.verdict)
		return true
	case wider.verdict == Deny && (r.verdict != Deny || !same || second):
		l.warnf(RuleShadowed, r.at, "%s is in vain: %s denies whenever it matches", r.name, wider.name)
		return true
	case r.when != nil && wider.when == nil && wider.verdict != Deny:
		return false // its condition may fail, and then it denies
	case r.verdict == Allow && !r.overlay && !wider.overlay && (!same || second):
		l.warnf(RuleShadowed, r.at, "%s is in vain: %s matches whenever it does and is as strict", r.name, wider.name)
		return true
	}
	return false
}

// emptied is the type of an allow-list that two rules leave empty together, or "".
func emptied(a, b *rule) string {
	for i := range a.constraints {
		for j := range b.constraints {
			x, y := &a.constraints[i], &b.constraints[j]
			if x.Type == y.Type && families[x.Type] == only && len(x.List) > 0 && len(y.List) > 0 && len(intersect(x.List, y.List)) == 0 {
				return x.Type
			}
		}
	}
	return ""
}

// impossible says why no request matches the rule; "" when one may. What is not seen here may be impossible all the same.
func (r *rule) impossible() string {
	if r.when == nil {
		return ""
	}
	if strings.TrimSpace(r.when.source) == "false" {
		return "its condition is false"
	}
	if r.when.simple == nil || r.when.simple.any {
		return ""
	}
	wanted := map[string]term{}
	for _, t := range r.when.simple.terms {
		if t.mayFail() {
			return "" // and then the rule denies
		}
		if _, isText := t.value.(string); t.op != "==" || !isText {
			continue
		}
		name := strings.Join(append([]string{t.root}, t.path...), ".")
		if before, twice := wanted[name]; twice && before.value != t.value {
			return fmt.Sprintf("%s cannot be %q and %q", name, before.value, t.value)
		}
		wanted[name] = t
		if c := r.criterionOf(t); c != nil && !c.patterns.match(t.value.(string)) {
			return fmt.Sprintf("%s cannot be %q and match %s", name, t.value, strings.Join(c.patterns.texts, ", "))
		}
	}
	return ""
}

// mayFail tells whether a comparison may fail to be evaluated: of what is missing, or of another kind than it seems.
func (t *term) mayFail() bool {
	return t.root == "input" || (t.root == "tags" && t.op != "==" && t.op != "!=")
}

// criterionOf is the criterion about the same value of the request as a term, or nil.
func (r *rule) criterionOf(t term) *criterion {
	fields := map[string]field{"tenant": fieldTenant, "effect": fieldEffect, "principal": fieldPrincipal}
	for i := range r.criteria {
		c := &r.criteria[i]
		if f, known := fields[t.root]; known && c.field == f && len(t.path) == 0 {
			return c
		}
		if t.root == "tags" && c.field == fieldTag && c.key == t.path[0] {
			return c
		}
	}
	return nil
}
