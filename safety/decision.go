package safety

import (
	"encoding/json"
	"fmt"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

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

// MarshalText writes the decision as bundles spell it.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a decision in upper or lower case. Whatever else there is, is an error.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if decisionWord(string(text)) == name {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no decision", yamlx.Clip(string(text)))
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

// Decision is the kernel's answer. It shares its slices and what they point to with other answers: they are not changed.
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
}

// Failure is a rule that could not be evaluated.
type Failure struct {
	Rule    string `json:"rule"`    // bundle/id
	Message string `json:"message"` // coded, without values of the request
}

// MarshalJSON writes {verdict, rule, reason, rules, failures, constraints, approvals, expires, snapshot}; what is empty is
// left out, rules aside, and durations are written as in bundles.
func (d Decision) MarshalJSON() ([]byte, error) {
	approvals := make([]map[string]any, 0, len(d.Approvals))
	for i := range d.Approvals {
		a := d.Approvals[i].document()
		a["rule"] = d.Approvals[i].Rule
		if d.Approvals[i].Reason != "" {
			a["reason"] = d.Approvals[i].Reason
		}
		approvals = append(approvals, a)
	}
	expires := ""
	if d.Expires > 0 {
		expires = formatDuration(d.Expires)
	}
	return json.Marshal(struct {
		Verdict     Verdict          `json:"verdict"`
		Rule        string           `json:"rule"`
		Reason      string           `json:"reason,omitempty"`
		Rules       []string         `json:"rules"`
		Failures    []Failure        `json:"failures,omitempty"`
		Constraints []Constraint     `json:"constraints,omitempty"`
		Approvals   []map[string]any `json:"approvals,omitempty"`
		Expires     string           `json:"expires,omitempty"`
		Snapshot    string           `json:"snapshot"`
	}{d.Verdict, d.Rule, d.Reason, append([]string{}, d.Rules...), d.Failures, d.Constraints, approvals, expires, d.Snapshot})
}
