package kernel

import (
	"fmt"
	"slices"

	"cordum.dev/cordum/safety"
)

// question asks a policy about an act on the policy itself: the act is the tool. It has neither topic, pack nor effect, so
// that only rules about people, tenants or tools speak of it.
func question(who Who, act string) safety.Request {
	return safety.Request{Tenant: who.Tenant, Principal: who.Actor, Roles: who.Roles, ActorType: who.ActorType, Tool: act}
}

// forbids answers which rule of a snapshot keeps somebody from an act on the policy, and whether one does. The default
// forbids nothing here: who may publish is said by roles, and policy may take it away.
func forbids(s *safety.Snapshot, who Who, act string) (d safety.Decision, yes bool) {
	if s == nil {
		return d, false
	}
	d = safety.Evaluate(s, question(who, act))
	return d, !d.Verdict.MayStart() && d.Rule != safety.RuleDefault
}

// permitted asks the policy in force. An approval cannot be had for an act on the policy, so to require one denies.
func permitted(s *safety.Snapshot, who Who, act string) error {
	d, no := forbids(s, who, act)
	if !no {
		return nil
	}
	return fmt.Errorf("%w: rule %s says %s for %s; an admin can go past it with break-glass and a reason", ErrDenied, d.Rule, d.Verdict, act)
}

// approvable refuses what nobody could approve, or take back again.
func approvable(next *compiled, who Who) error {
	i := slices.IndexFunc(next.warnings, func(p safety.Problem) bool { return p.Rule == safety.RuleUnapprovable })
	if i >= 0 {
		return fmt.Errorf("%w: %s", ErrUnapprovable, next.warnings[i].Message)
	}
	if d, no := forbids(next.snapshot, who, ActRollback); no {
		return fmt.Errorf("%w: by its own rule %s you could not roll it back; an admin can publish it with break-glass and a reason", ErrUnapprovable, d.Rule)
	}
	return nil
}
