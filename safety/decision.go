package safety

import "time"

// Verdict is what the kernel says. The zero value denies.
type Verdict uint8

// The verdicts. The numbers are stored; Stricter has their order.
const (
	Deny Verdict = iota
	Allow
	RequireApproval
	AllowWithConstraints
)

var verdictNames = [...]string{"DENY", "ALLOW", "REQUIRE_APPROVAL", "ALLOW_WITH_CONSTRAINTS"}

// String is the decision as bundles spell it; a verdict that nobody knows is DENY.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return verdictNames[Deny]
}

// MayStart tells whether a job with this verdict may start without anybody's approval. With AllowWithConstraints it may
// only under the decision's constraints.
func (v Verdict) MayStart() bool { return v == Allow || v == AllowWithConstraints }

// Stricter answers the stricter of two verdicts: DENY over REQUIRE_APPROVAL over ALLOW_WITH_CONSTRAINTS over ALLOW.
func Stricter(a, b Verdict) Verdict {
	if b.strictness() > a.strictness() {
		return b
	}
	return a
}

func (v Verdict) strictness() int {
	switch v {
	case Allow:
		return 0
	case AllowWithConstraints:
		return 1
	case RequireApproval:
		return 2
	}
	return 3
}

// RuleDefault stands in Decision.Rule when the default decided.
const RuleDefault = "default"

// Decision is the kernel's answer. Its slices belong to whoever asked; what Constraints and Approvals point to is shared
// with the snapshot and is not changed.
type Decision struct {
	Verdict Verdict
	Rule    string // the first, by name, of the rules that gave the verdict; RuleDefault when none did
	Reason  string
	// Rules are all rules that match or failed to evaluate, as bundle/id, sorted.
	Rules []string
	// Failures say, of the rules whose when failed to evaluate, why. Each of them answers DENY.
	Failures []Failure
	// Constraints of all matching rules, merged to the tightest, sorted by type. They hold whatever the verdict.
	Constraints []Constraint
	// Approvals are all required when Verdict is RequireApproval, sorted by rule; else there are none.
	Approvals []RequiredApproval
	// Expires is the earliest expiry of Approvals, counted from the asking; 0: none expires.
	Expires  time.Duration
	Snapshot string // Digest of the snapshot
	JobHash  string // SHA-256 (hex) of the canonical job it was made for
}

// Failure is a rule that could not be evaluated.
type Failure struct {
	Rule    string // bundle/id
	Message string // coded, without values of the request
}
