package safety

import "slices"

// Judgement is what one rule says of a request.
type Judgement struct {
	Rule    string // bundle/id
	Verdict Verdict
	Overlay bool
	// Matched: the rule counts, because it holds or because its when failed (Failure).
	Matched bool
	Failure string
	// Unmet is the first field of the match that does not hold, as people write it: "packs", "tags.env", "when"; empty
	// when Matched.
	Unmet string
	// ReadsInput: every field holds and the rule has a when that reads the input. Before the input is known, nobody can
	// say whether such a rule matches.
	ReadsInput bool
}

// Explain says of every rule of a snapshot, by name, what it says of a request. It looks at each rule, and so takes
// longer than Evaluate, with which it agrees.
func Explain(s *Snapshot, r Request) []Judgement {
	if s == nil {
		return nil
	}
	subject := newSubject(&r)
	out := make([]Judgement, 0, len(s.rules))
	for _, rule := range s.rules {
		out = append(out, rule.explain(subject))
	}
	return out
}

func (r *rule) explain(s *subject) Judgement {
	j := Judgement{Rule: r.name, Verdict: r.verdict, Overlay: r.overlay}
	at := slices.IndexFunc(r.criteria, func(c criterion) bool { return !c.holds(s.req) })
	if at >= 0 {
		j.Unmet = r.criteria[at].name()
		return j
	}
	j.ReadsInput = r.when != nil && r.when.input
	m, ok := r.judge(s)
	if j.Matched, j.Failure = ok, m.failure; !ok {
		j.Unmet = "when"
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
