package safety

// bundle is one compiled bundle.
type bundle struct {
	name   string
	rules  []*rule       // by id
	output []*outputRule // by id
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
	at          place             // where it was written
}

// judge answers whether a rule matches a request. With an error nobody can say, and the rule denies.
func (r *rule) judge(s *subject) (holds bool, err error) {
	for i := range r.criteria {
		if !r.criteria[i].holds(s.req) {
			return false, nil
		}
	}
	if r.when == nil {
		return true, nil
	}
	return s.ask(r.when)
}
