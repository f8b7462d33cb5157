package kernel

import (
	"fmt"
	"slices"

	"cordum.dev/cordum/safety"
)

// question asks a policy about an act on the policy itself: the act is the tool.
func question(who Who, act string) safety.Request {
	return safety.Request{Tenant: who.Tenant, Principal: who.Actor, Roles: who.Roles, ActorType: who.ActorType, Tool: act}
}

// forbids answers which rule of a snapshot keeps somebody from an act on the policy; "" when none does. Only rules speak of
// such an act that match because of the tool: who may publish is said by roles, and a rule about everything is about jobs. An
// approval cannot be had for it, so a rule that wants one forbids, as does one that cannot be evaluated.
func forbids(s *safety.Snapshot, who Who, act string) (rule string) {
	if s == nil {
		return ""
	}
	asked := safety.Evaluate(s, question(who, act))
	always := safety.Evaluate(s, question(who, "")).Rules
	var named []string
	for _, r := range asked.Rules {
		if slices.ContainsFunc(asked.Failures, func(f safety.Failure) bool { return f.Rule == r }) && !slices.Contains(always, r) {
			return r
		}
		if !slices.Contains(always, r) {
			named = append(named, r)
		}
	}
	if len(named) == 0 {
		return ""
	}
	for _, r := range s.Rules() {
		strict := r.Decision == safety.Deny.String() || r.Decision == safety.RequireApproval.String()
		if !r.Output && strict && slices.Contains(named, r.Name) {
			return r.Name
		}
	}
	return ""
}

// permitted asks the policy in force.
func permitted(s *safety.Snapshot, who Who, act string) error {
	if rule := forbids(s, who, act); rule != "" {
		return fmt.Errorf("%w: its rule %s forbids %s; an admin can go past it with break-glass and a reason", ErrDenied, rule, act)
	}
	return nil
}

// approvable refuses what nobody could approve, or take back again.
func approvable(next *compiled, who Who) error {
	i := slices.IndexFunc(next.warnings, func(p safety.Problem) bool { return p.Rule == safety.RuleUnapprovable })
	if i >= 0 {
		return fmt.Errorf("%w: %s", ErrUnapprovable, next.warnings[i].Message)
	}
	if rule := forbids(next.snapshot, who, ActRollback); rule != "" {
		return fmt.Errorf("%w: by its own rule %s you could not roll it back; an admin can publish it with break-glass and a reason", ErrUnapprovable, rule)
	}
	return nil
}
