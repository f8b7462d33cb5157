package safety

// bundle is one compiled bundle.
type bundle struct {
	name  string
	rules []*rule // by id
}

// rule is one compiled rule.
type rule struct {
	id          string
	name        string // bundle/id
	overlay     bool
	verdict     Verdict
	reason      string
	criteria    []criterion // all must hold
	when        *condition  // nil: nothing more
	constraints []Constraint
	approval    *RequiredApproval // set exactly when verdict is RequireApproval
}

// judge answers what a rule says of a request; ok is false when it does not match.
func (r *rule) judge(s *subject) (_ finding, ok bool) {
	for i := range r.criteria {
		if !r.criteria[i].holds(s.req) {
			return finding{}, false
		}
	}
	if r.when == nil {
		return finding{rule: r, verdict: r.verdict}, true
	}
	switch holds, err := s.ask(r.when); {
	case err != nil:
		return finding{rule: r, verdict: Deny, failure: err.Error()}, true
	case !holds:
		return finding{}, false
	}
	return finding{rule: r, verdict: r.verdict}, true
}
