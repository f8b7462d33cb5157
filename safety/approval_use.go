package safety

import "time"

// Use is a job that an approval is to let start.
type Use struct {
	Hash     string // of the job as it would go
	Snapshot string // of the policy in force
	First    int32  // the attempt with which the round of its step began: what was asked before is not about it
	Now      time.Time
	Roles    RolesNow // nil: those with which people voted count
}

// Unusable says why an approval does not let a job start, for people; "": it does. One that was used goes on to cover the
// automatic attempts of the same round.
func (a *Approval) Unusable(u Use) string {
	switch {
	case a.State != ApprovalApproved && a.State != ApprovalUsed:
		return "it is not approved"
	case a.Hash != u.Hash:
		return "the job's input has changed"
	case a.Snapshot != u.Snapshot:
		return "another policy is in force"
	case a.Attempt < u.First:
		return "it is to run again"
	case a.expired(u.Now):
		return "the approval expired before it was used"
	case !a.Met(u.Roles):
		return "who approved it may not any more"
	}
	return ""
}

// Met tells whether the votes still give every need its quorum, with the roles that the voters have now. roles nil: with the
// roles they had.
func (a *Approval) Met(roles RolesNow) bool { return a.met(a.Votes, roles) }
