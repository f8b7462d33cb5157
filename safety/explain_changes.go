package safety

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Change is one thing that, were it otherwise and all else the same, would make another verdict. What it says has been
// evaluated.
type Change struct {
	// Kind is one of the Change constants.
	Kind string `json:"kind"`
	Rule string `json:"rule,omitempty"` // of ChangeWithout and ChangeCondition: bundle/id
	// Field and Value are those of ChangeField; an empty value: the request without the field. Of a field with several
	// values, Value is one more of them.
	Field   string  `json:"field,omitempty"`
	Value   string  `json:"value,omitempty"`
	Verdict Verdict `json:"verdict"` // then
	By      string  `json:"by"`      // the rule that would decide then, or default
}

// What may be otherwise.
const (
	ChangeWithout   = "without_rule" // the rule were not there
	ChangeCondition = "condition"    // the rule's when held
	ChangeField     = "field"        // the request had this value
)

// Limits of what an explanation looks for.
const (
	// MaxChanges is how many changes an explanation names.
	MaxChanges = 50
	// maxTried is how many values of fields it tries.
	maxTried = 2_000
	// maxCombined is how many rules it leaves out, and how many conditions it takes as held.
	maxCombined = 200
)

// String is the change behind "the verdict would be".
func (c Change) String() string {
	then := c.Verdict.String() + " (" + c.By + ") "
	switch {
	case c.Kind == ChangeWithout:
		return then + "without the rule " + c.Rule
	case c.Kind == ChangeCondition:
		return then + "if the condition of " + c.Rule + " held"
	case c.Value == "":
		return then + "without " + c.Field
	}
	return then + "with " + c.Field + " = " + c.Value
}

// changes looks for what would change a verdict.
type changes struct {
	snapshot *Snapshot
	request  *Request
	found    findings
	judged   []Judgement
	verdict  Verdict
	tried    map[[2]string]bool // field and value
	out      []Change
}

func (c *changes) all() []Change {
	c.tried, c.out = map[[2]string]bool{}, []Change{}
	for i := range c.found[:min(len(c.found), maxCombined)] {
		without := slices.Delete(slices.Clone(c.found), i, i+1)
		c.add(Change{Kind: ChangeWithout, Rule: c.found[i].rule.name}, without.decide(c.snapshot.fallback, ""))
	}
	conditions := 0
	for i, j := range c.judged {
		rule := c.snapshot.rules[i]
		switch {
		case j.Unmet == "when" && conditions < maxCombined:
			conditions++
			with := append(slices.Clone(c.found), findingOf(rule, ""))
			slices.SortFunc(with, func(a, b finding) int { return strings.Compare(a.rule.name, b.rule.name) })
			c.add(Change{Kind: ChangeCondition, Rule: rule.name}, with.decide(c.snapshot.fallback, ""))
		case j.Matched:
			c.leave(rule)
		case j.Unmet != "when":
			c.enter(rule)
		}
	}
	slices.SortStableFunc(c.out, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank[a.Kind], rank[b.Kind]), cmp.Compare(a.Field, b.Field))
	})
	return c.out[:min(len(c.out), MaxChanges)]
}

// rank orders kinds of changes: what the requester can do comes first.
var rank = map[string]int{ChangeField: 0, ChangeCondition: 1, ChangeWithout: 2}

func (c *changes) add(change Change, then Decision) {
	if then.Verdict != c.verdict {
		change.Verdict, change.By = then.Verdict, then.Rule
		c.out = append(c.out, change)
	}
}

// leave tries to take a matching rule's fields away, one at a time.
func (c *changes) leave(r *rule) {
	for i := range r.criteria {
		c.try(&r.criteria[i], "")
	}
}

// enter tries the value that a rule lacks, if it lacks just one.
func (c *changes) enter(r *rule) {
	var missing *criterion
	for i := range r.criteria {
		if r.criteria[i].holds(c.request) {
			continue
		}
		if missing != nil {
			return
		}
		missing = &r.criteria[i]
	}
	for _, pattern := range missing.patterns.texts {
		if value := missing.fitting(pattern); value != "" {
			c.try(missing, value)
		}
	}
}

// try asks what would be decided with another value of a field; empty: without it.
func (c *changes) try(at *criterion, value string) {
	key := [2]string{at.name(), value}
	if c.tried[key] || len(c.tried) >= maxTried {
		return
	}
	c.tried[key] = true
	r := *c.request
	at.set(&r, value)
	c.add(Change{Kind: ChangeField, Field: key[0], Value: value}, Evaluate(c.snapshot, r))
}

// fitting is a value that a pattern fits: of a closed set of values the first one, else the pattern with something for
// its stars.
func (c *criterion) fitting(pattern string) string {
	if !strings.Contains(pattern, "*") {
		return pattern
	}
	g := newGlob(pattern)
	if known := knownValues[c.field]; known != nil {
		if i := slices.IndexFunc(known, g.match); i >= 0 {
			return known[i]
		}
		return ""
	}
	return strings.ReplaceAll(pattern, "*", "x")
}

// set gives a request, whose lists and maps are others' too, another value for the criterion's field. Of a field with
// several values it adds one, or takes those away that the criterion wants.
func (c *criterion) set(r *Request, value string) {
	switch c.field {
	case fieldRoles:
		r.Roles = c.others(r.Roles, value)
	case fieldRiskTags:
		r.RiskTags = c.others(r.RiskTags, value)
	case fieldRequires:
		r.Requires = c.others(r.Requires, value)
	case fieldTag:
		r.Labels, r.Derived = maps.Clone(r.Labels), maps.Clone(r.Derived)
		delete(r.Labels, c.key)
		delete(r.Derived, c.key)
		if value != "" {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[c.key] = value
		}
	default:
		*c.field.slot(r) = value
	}
}

func (c *criterion) others(list []string, value string) []string {
	if value != "" {
		return append(slices.Clone(list), value)
	}
	return slices.DeleteFunc(slices.Clone(list), c.patterns.match)
}
