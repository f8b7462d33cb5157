package safety

import "time"

// Met tells whether the votes still give every need its quorum, with the roles that the voters have now. roles nil: with the
// roles they had.
func (a *Approval) Met(roles RolesNow) bool { return a.met(a.Votes, roles) }

// Unusable says why an approval cannot be used now for a job of this hash under this snapshot; "": it can. What is no job, a
// step's own question, has no snapshot: "".
func (a *Approval) Unusable(hash, snapshot string, now time.Time, roles RolesNow) string {
	switch {
	case a.State == ApprovalUsed:
		return "the approval was used before"
	case a.State != ApprovalApproved:
		return "it is not approved"
	case a.Hash != hash:
		return "what was approved has changed"
	case a.Snapshot != snapshot:
		return "another policy is in force than when it was approved"
	case a.expired(now):
		return "the approval expired before it was used"
	case !a.Met(roles):
		return "who approved it may not any more"
	}
	return ""
}
