package safety

import (
	"slices"
	"strings"
)

// Explanation says how a decision came about: what each rule said, how their answers were combined, where each constraint
// came from, and what would change the verdict.
type Explanation struct {
	// Decision is the one that Evaluate makes.
	Decision Decision `json:"decision"`
	// Combined says in sentences how the verdict came of the rules' answers, in the order in which they are combined.
	Combined []string `json:"combined"`
	// Rules are all rules of the snapshot by name.
	Rules []Judgement `json:"rules"`
	// Constraints are the decision's, each with the rules that it was merged of.
	Constraints []ConstraintOrigin `json:"constraints"`
	// Changes are single changes of the rules or of the request, each of which would change the verdict; at most
	// MaxChanges.
	Changes []Change `json:"changes"`
}

// ConstraintOrigin is a merged constraint and what each rule said.
type ConstraintOrigin struct {
	Constraint Constraint       `json:"constraint"`
	From       []RuleConstraint `json:"from"` // by rule
}

// RuleConstraint is a constraint as one rule has it.
type RuleConstraint struct {
	Rule       string     `json:"rule"` // bundle/id
	Constraint Constraint `json:"constraint"`
}

// Judgement is what one rule says of a request.
type Judgement struct {
	Rule    string  `json:"rule"` // bundle/id
	Verdict Verdict `json:"decision"`
	Overlay bool    `json:"overlay"`
	// Matched: the rule counts, because it holds or because its when failed (Failure).
	Matched bool   `json:"matched"`
	Failure string `json:"failure,omitempty"`
	// Unmet is the first field of the match that does not hold, as people write it: "packs", "tags.env", "when"; empty
	// when Matched. Wanted is what the rule wants there, Has what the request has; both list several with commas.
	Unmet  string `json:"unmet,omitempty"`
	Wanted string `json:"wanted,omitempty"`
	Has    string `json:"has,omitempty"`
	// ReadsInput: every field holds and the rule has a when that reads the input. Before the input is known, nobody can
	// say whether such a rule matches.
	ReadsInput bool `json:"reads_input,omitempty"`
}

// Explain explains what Evaluate answers to the same question. It looks at each rule, and asks again for each change that
// it considers, and so takes much longer than Evaluate.
func Explain(s *Snapshot, r Request) *Explanation {
	x := &Explanation{Decision: Evaluate(s, r), Rules: []Judgement{}, Constraints: []ConstraintOrigin{}, Changes: []Change{}}
	if s == nil || s.digest == "" {
		x.Combined = []string{"No policy is loaded, so everything is denied."}
		return x
	}
	q := &subject{req: &r}
	var found findings
	for _, rule := range s.rules {
		j := rule.explain(q)
		x.Rules = append(x.Rules, j)
		if j.Matched {
			found = append(found, findingOf(rule, j.Failure))
		}
	}
	x.Combined = found.story(s.fallback, x.Decision)
	x.Constraints = found.origins(x.Decision.Constraints)
	c := changes{snapshot: s, request: &r, found: found, judged: x.Rules, verdict: x.Decision.Verdict}
	x.Changes = c.all()
	return x
}

func (r *rule) explain(s *subject) Judgement {
	j := Judgement{Rule: r.name, Verdict: r.verdict, Overlay: r.overlay}
	at := slices.IndexFunc(r.criteria, func(c criterion) bool { return !c.holds(s.req) })
	if at >= 0 {
		c := &r.criteria[at]
		j.Unmet, j.Wanted, j.Has = c.name(), strings.Join(c.patterns.texts, ", "), strings.Join(c.has(s.req), ", ")
		return j
	}
	j.ReadsInput = r.when != nil && r.when.input
	holds, err := r.judge(s)
	switch {
	case err != nil:
		j.Matched, j.Failure = true, err.Error()
	case holds:
		j.Matched = true
	default:
		j.Unmet, j.Wanted = "when", r.when.source
	}
	return j
}

// name is the criterion's field as people write it.
func (c *criterion) name() string {
	switch {
	case c.field == fieldTag:
		return "tags." + c.key
	case c.field.isMCP():
		return "mcp." + fieldNames[c.field]
	}
	return fieldNames[c.field]
}

// has are the request's values for a criterion.
func (c *criterion) has(r *Request) []string {
	one := ""
	switch {
	case c.field < singleFields:
		one = c.field.one(r)
	case c.field == fieldTag:
		one = r.tag(c.key)
	default:
		return c.field.many(r)
	}
	if one == "" {
		return nil
	}
	return []string{one}
}

// origins say of each merged constraint what the rules said.
func (f findings) origins(merged []Constraint) []ConstraintOrigin {
	out := make([]ConstraintOrigin, 0, len(merged))
	for _, c := range merged {
		o := ConstraintOrigin{Constraint: c}
		for _, m := range f {
			if m.failure != "" {
				continue
			}
			for _, own := range m.rule.constraints {
				if own.slot() == c.slot() {
					o.From = append(o.From, RuleConstraint{Rule: m.rule.name, Constraint: own})
				}
			}
		}
		out = append(out, o)
	}
	return out
}
