package safety

import (
	"slices"
	"time"
)

// Evaluate decides. It never fails: what it cannot decide it denies.
func Evaluate(s *Snapshot, r Request) Decision {
	if s == nil || s.digest == "" {
		return Decision{Verdict: Deny, Rule: RuleDefault, Reason: "no policy is loaded", JobHash: r.Hash()}
	}
	var found findings
	if len(s.rules) == 0 {
		return found.decide(s, r.Hash())
	}
	subject := newSubject(&r)
	for _, i := range s.index.candidates(&r) {
		if m, ok := s.rules[i].judge(subject); ok {
			found = append(found, m)
		}
	}
	return found.decide(s, r.Hash())
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
func (f findings) decide(s *Snapshot, jobHash string) Decision {
	d := Decision{Verdict: f.base(s.fallback), Snapshot: s.digest, JobHash: jobHash}
	if len(f) == 0 { // the default alone: the cheapest and most frequent case
		d.Rule, d.Reason = f.cause(d.Verdict)
		return d
	}
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
