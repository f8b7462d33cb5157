package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

// mayApprove tells whether a caller is among the approvers of a fake approval: whoever is named, has the role, or anybody
// when nobody is named.
func mayApprove(c runner.Caller, a runner.ApprovalView) bool {
	named := false
	for _, need := range a.Needs {
		for _, who := range need.Approvers {
			named = true
			if who == c.Actor || slices.ContainsFunc(c.Roles, func(role string) bool { return who == "role:"+role }) {
				return true
			}
		}
	}
	return !named
}

func maySee(c runner.Caller, a runner.ApprovalView) bool {
	return mayApprove(c, a) || c.Actor == a.RequestedBy || slices.Contains(c.Roles, "admin")
}

func (f *fakeEngine) shownTo(c runner.Caller, a runner.ApprovalView) runner.ApprovalView {
	may := mayApprove(c, a) && a.State == "waiting" && a.RequestedBy != c.Actor
	a.MayDecide = &may
	if !may {
		a.WhyNot = "who answers is not among the approvers"
	}
	return a
}

func (f *fakeEngine) Approvals(_ context.Context, c runner.Caller, filter runner.Filter) ([]runner.ApprovalView, string, error) {
	defer f.lock(c)()
	var out []runner.ApprovalView
	for key, a := range f.approvals {
		if key == c.Tenant+"/"+a.ID && maySee(c, a) && (filter.State == "" || filter.State == a.State) {
			out = append(out, f.shownTo(c, a))
		}
	}
	return out, "", nil
}

// approval finds one that the caller may see.
func (f *fakeEngine) approval(c runner.Caller, id string) (runner.ApprovalView, error) {
	a, ok := f.approvals[c.Tenant+"/"+id]
	if !ok || !maySee(c, a) {
		return a, runner.ErrNotFound
	}
	return a, nil
}

func (f *fakeEngine) Approval(_ context.Context, c runner.Caller, id string) (runner.ApprovalView, error) {
	defer f.lock(c)()
	a, err := f.approval(c, id)
	return f.shownTo(c, a), err
}

func (f *fakeEngine) Decide(_ context.Context, c runner.Caller, id string, d runner.Decision) (runner.ApprovalView, error) {
	defer f.lock(c)()
	a, err := f.approval(c, id)
	switch {
	case err != nil:
		return a, err
	case a.State == "expired":
		return a, fmt.Errorf("%w: the approval has expired", runner.ErrGone)
	case a.State != "waiting":
		return a, fmt.Errorf("%w: already %s by %s", runner.ErrConflict, a.State, a.DecidedBy)
	case d.ExpectHash != "" && d.ExpectHash != a.Hash:
		return a, fmt.Errorf("%w: the approval has changed", runner.ErrConflict)
	case d.Approve && a.RequestedBy != "" && (c.Actor == a.RequestedBy || c.Owner == a.RequestedBy):
		return a, errors.Join(safety.ErrFourEyes, runner.ErrForbidden)
	case !mayApprove(c, a):
		return a, errors.Join(safety.ErrNotApprover, runner.ErrForbidden)
	case a.Form != nil && d.Approve && d.Values == nil:
		return a, &runner.InvalidError{Code: "invalid_values", Message: "ticket: is needed"}
	}
	word := "deny"
	a.State, a.DecidedBy, a.Comment, a.Values = "denied", c.Actor, d.Comment, d.Values
	if d.SendBack != "" {
		a.Comment, word = "back to "+d.SendBack+": "+d.Comment, "send_back"
	}
	if d.Approve {
		a.State, word = "approved", "approve"
	}
	a.Votes = append(a.Votes, runner.VoteView{By: c.Actor, For: d.For, Decision: word, Comment: d.Comment, Channel: d.Channel})
	f.approvals[c.Tenant+"/"+id] = a
	return a, nil
}

func (f *fakeEngine) EditJob(_ context.Context, c runner.Caller, id string, e runner.Edit) (runner.ApprovalView, error) {
	defer f.lock(c)()
	a, err := f.approval(c, id)
	if err != nil {
		return a, err
	}
	if e.ExpectHash != "" && e.ExpectHash != a.Hash {
		return a, fmt.Errorf("%w: the approval has changed", runner.ErrConflict)
	}
	a.Input, a.Hash, a.Editors = e.Input, a.Hash+"+", append(a.Editors, c.Actor)
	a.Round++
	f.approvals[c.Tenant+"/"+id] = a
	return a, nil
}

func (f *fakeEngine) Delegate(_ context.Context, c runner.Caller, id string, d runner.Delegation) (runner.ApprovalView, error) {
	defer f.lock(c)()
	a, err := f.approval(c, id)
	if err != nil {
		return a, err
	}
	if d.To == c.Actor {
		return a, &runner.InvalidError{Code: "invalid_delegation", Message: safety.ErrDelegation.Error()}
	}
	a.Delegations = append(a.Delegations, runner.DelegationView{From: c.Actor, To: d.To, Until: d.Until, Reason: d.Reason})
	f.approvals[c.Tenant+"/"+id] = a
	return a, nil
}

func (f *fakeEngine) Deliveries(_ context.Context, c runner.Caller, id string) ([]runner.Delivery, error) {
	defer f.lock(c)()
	if _, err := f.approval(c, id); err != nil {
		return nil, err
	}
	return []runner.Delivery{{Round: 1, Channel: "slack", State: "delivered", Attempts: 1}}, nil
}
