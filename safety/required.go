package safety

import "time"

// RequiredApproval is what one rule asks of people before a job may start. Approvals of several rules are all needed;
// one person may satisfy several.
type RequiredApproval struct {
	Rule   string // bundle/id
	Reason string
	// Approvers are user:NAME, role:NAME, group:NAME or boolean expressions over the names of a when, there said of the
	// approver; one of them is enough for a person to count. None: whoever may decide approvals at all.
	Approvers []string
	Quorum    int // distinct people who must approve; at least 1
	// DenyQuorum is how many denials end it; at least 1.
	DenyQuorum int
	Expires    time.Duration // from the asking; 0: never
	OnExpiry   string        // deny, escalate, rollback
	Escalate   []Escalation  // by After
	// FourEyes says whether the requester may not approve; Unset: as the installation has it (on in production).
	FourEyes Choice
	// ExcludeAuthor: the author of the workflow version may not approve either.
	ExcludeAuthor bool
}

// Escalation asks further people when nobody has decided for a while.
type Escalation struct {
	After time.Duration // from the asking
	To    []string      // as RequiredApproval.Approvers
}

// Choice is a setting that somebody made, or nobody.
type Choice uint8

// The choices.
const (
	Unset Choice = iota
	On
	Off
)

// What happens when an approval expires. Nothing approves.
const (
	OnExpiryDeny     = "deny"
	OnExpiryEscalate = "escalate"
	OnExpiryRollback = "rollback"
)
