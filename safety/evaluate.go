package safety

import (
	"slices"
	"time"
)

// Evaluate decides. It never fails: what it cannot decide it denies. What it costs grows with the rules whose indexed
// values the request has, not with all rules; where no rule's when is asked it allocates nothing.
func Evaluate(s *Snapshot, r Request) Decision {
	if s == nil || s.digest == "" {
		return Decision{Verdict: Deny, Rule: RuleDefault, Reason: "no policy is loaded"}
	}
	e := evaluation{subject: subject{req: &r}, rules: s.rules}
	s.index.visit(&e)
	matched := e.sorted()
	if e.rest == nil || e.rest.failures == nil {
		return s.known.decision(s, matched)
	}
	return findingsOf(s.rules, matched, e.rest.failures).decide(s.fallback, s.digest)
}

// usualMatches is how many rules match a request before finding them takes memory.
const usualMatches = 16

// evaluation is one request on its way through the rules that the index names. It stays on the stack, and so does the
// request, as long as nothing that grows is in it: that is apart, in rest.
type evaluation struct {
	subject
	rules   []*rule
	matched [usualMatches]int32 // rules that hold or failed, in the order in which they were found; one may stand there twice
	count   int                 // of matched
	rest    *rest
}

// rest is what unusual evaluations need.
type rest struct {
	matched  []int32 // those for which the array has no room
	failures map[int32]string
}

// judge asks rules whether they match.
func (e *evaluation) judge(numbers []int32) {
	for _, i := range numbers {
		switch holds, err := e.rules[i].judge(&e.subject); {
		case err != nil:
			e.more().failed(i, err)
			e.add(i)
		case holds:
			e.add(i)
		}
	}
}

func (e *evaluation) add(i int32) {
	if e.count < len(e.matched) {
		e.matched[e.count] = i
		e.count++
		return
	}
	e.more().matched = append(e.more().matched, i)
}

func (e *evaluation) more() *rest {
	if e.rest == nil {
		e.rest = &rest{}
	}
	return e.rest
}

func (r *rest) failed(i int32, err error) {
	if r.failures == nil {
		r.failures = map[int32]string{}
	}
	r.failures[i] = err.Error()
}

// sorted are the rules that matched, each once.
func (e *evaluation) sorted() []int32 {
	all := e.matched[:e.count]
	if e.rest != nil && len(e.rest.matched) > 0 {
		all = append(e.rest.matched, all...)
	}
	if len(all) > 1 {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

// findingsOf are those of rules that match, sorted and each once.
func findingsOf(rules []*rule, matched []int32, failures map[int32]string) findings {
	found := make(findings, len(matched))
	for n, i := range matched {
		found[n] = findingOf(rules[i], failures[i])
	}
	return found
}

// findingOf is a rule that matches, or failed for a reason.
func findingOf(r *rule, failure string) finding {
	if failure != "" {
		return finding{rule: r, verdict: Deny, failure: failure}
	}
	return finding{rule: r, verdict: r.verdict}
}

// finding is a rule that matched or failed to evaluate.
type finding struct {
	rule    *rule
	verdict Verdict // the rule's, or Deny when it failed
	failure string  // why it failed; empty when it matched
}

// findings are those of one evaluation, by rule name.
type findings []finding

// decide combines what the rules say. A rule with constraints never says Allow, so what is under some is never Allow.
func (f findings) decide(fallback Verdict, digest string) Decision {
	d := Decision{Verdict: f.base(fallback), Snapshot: digest}
	var constraints merger
	for _, m := range f {
		d.Rules = append(d.Rules, m.rule.name)
		if m.rule.overlay {
			d.Verdict = Stricter(d.Verdict, m.verdict)
		}
		if m.failure != "" {
			d.Failures = append(d.Failures, Failure{Rule: m.rule.name, Message: m.failure})
			continue
		}
		constraints.add(m.rule.constraints)
	}
	d.Constraints = constraints.merged()
	if d.Verdict == RequireApproval {
		d.Approvals, d.Expires = f.approvals()
	}
	d.Rule, d.Reason = f.cause(d.Verdict)
	return d
}

// base is what the base rules say together, or the default when none matched.
func (f findings) base(fallback Verdict) Verdict {
	verdict, matched := Allow, false
	for _, m := range f {
		if !m.rule.overlay {
			verdict, matched = Stricter(verdict, m.verdict), true
		}
	}
	if !matched {
		return fallback
	}
	return verdict
}

// approvals are those of all rules that ask for one, and the earliest expiry.
func (f findings) approvals() (all []RequiredApproval, expires time.Duration) {
	for _, m := range f {
		a := m.rule.approval
		if a == nil {
			continue
		}
		all = append(all, *a)
		if a.Expires > 0 && (expires == 0 || a.Expires < expires) {
			expires = a.Expires
		}
	}
	return all, expires
}

// cause names the rule that decided and why.
func (f findings) cause(verdict Verdict) (rule, reason string) {
	i := slices.IndexFunc(f, func(m finding) bool {
		return m.verdict == verdict && (!m.rule.overlay || verdict != Allow) // an overlay's ALLOW decides nothing
	})
	switch {
	case i < 0 && verdict == Deny:
		return RuleDefault, "no rule allows it and the default is DENY"
	case i < 0:
		return RuleDefault, ""
	case f[i].failure != "":
		return f[i].rule.name, "the rule could not be evaluated, so it denies: " + f[i].failure
	}
	return f[i].rule.name, f[i].rule.reason
}
