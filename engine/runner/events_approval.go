package runner

import "cordum.dev/cordum/safety"

func describeApproval(f safety.ApprovalFact) (string, map[string]any) {
	switch f := f.(type) {
	case *safety.ApprovalOpened:
		d := map[string]any{"hash": f.Hash, "requested_by": f.RequestedBy, "source": f.Source.String()}
		put(d, "title", f.Title)
		put(d, "snapshot", f.Snapshot)
		put(d, "why_again", f.Why)
		putTime(d, "expires_at", f.ExpiresAt)
		return "approval_requested", d
	case *safety.ApprovalClosed:
		d := map[string]any{"decision": f.State.String(), "by": f.By}
		put(d, "comment", f.Comment)
		return "approval_" + f.State.String(), d
	case *safety.ApprovalVoted:
		d := map[string]any{"decision": f.Vote.Decision.String(), "by": f.Vote.By}
		put(d, "for", f.Vote.For)
		put(d, "comment", f.Vote.Comment)
		put(d, "channel", f.Vote.Channel)
		return "approval_voted", d
	case *safety.ApprovalEscalated:
		return "approval_escalated", map[string]any{"to": f.To}
	case *safety.ApprovalVoided:
		return "approval_voided", map[string]any{"why": f.Why, "by": f.By}
	case *safety.ApprovalDelegated:
		return "approval_delegated", map[string]any{"from": f.Delegation.From, "to": f.Delegation.To, "until": f.Delegation.Until}
	case *safety.ApprovalConsumed:
		return "approval_consumed", nil
	}
	return "unknown", nil
}
