package remote

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
)

// ErrAnswer says that the kernel answered something that nobody may go by: the job does not start.
var ErrAnswer = errors.New("the safety kernel's answer cannot be used")

func answerErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrAnswer}, args...)...)
}

// decisionTypes are CAP's words for verdicts. What is not in it denies.
var decisionTypes = map[safety.Verdict]wire.DecisionType{
	safety.Allow:                wire.DecisionType_DECISION_TYPE_ALLOW,
	safety.Deny:                 wire.DecisionType_DECISION_TYPE_DENY,
	safety.RequireApproval:      wire.DecisionType_DECISION_TYPE_REQUIRE_HUMAN,
	safety.AllowWithConstraints: wire.DecisionType_DECISION_TYPE_ALLOW_WITH_CONSTRAINTS,
}

func decisionType(v safety.Verdict) wire.DecisionType {
	if t, ok := decisionTypes[v]; ok {
		return t
	}
	return wire.DecisionType_DECISION_TYPE_DENY
}

// readVerdict is the verdict that a decision means. CAP's others (throttle, quarantine, redact) are none of a job's start
// here, so they are refused like a number that nobody knows.
func readVerdict(t wire.DecisionType) (safety.Verdict, error) {
	for v, known := range decisionTypes {
		if t == known {
			return v, nil
		}
	}
	return safety.Deny, answerErrorf("it says the decision %s, which is unknown here", t)
}

// answer is a decision about the job with this hash as it crosses the wire: readAnswer reads the same decision back.
func answer(d *safety.Decision, jobHash string) (*wire.PolicyCheckResponse, error) {
	a := &wire.PolicyCheckResponse{
		Decision: decisionType(d.Verdict), Reason: d.Reason, PolicySnapshot: d.Snapshot, RuleId: d.Rule,
		ApprovalRequired: d.Verdict == safety.RequireApproval,
		JobHash:          jobHash, Rules: d.Rules, ExpiresNs: int64(d.Expires),
	}
	if len(d.Constraints) > 0 {
		list, err := json.Marshal(d.Constraints)
		if err != nil {
			return nil, fmt.Errorf("writing the constraints: %w", err)
		}
		a.ConstraintList = list
	}
	for _, f := range d.Failures {
		a.Failures = append(a.Failures, &wire.PolicyFailure{Rule: f.Rule, Message: f.Message})
	}
	for i := range d.Approvals {
		a.Approvals = append(a.Approvals, approval(&d.Approvals[i]))
	}
	return a, nil
}

// approval is a required approval as it crosses the wire.
func approval(r *safety.RequiredApproval) *wire.PolicyApproval {
	a := &wire.PolicyApproval{
		Rule: r.Rule, Reason: r.Reason, Approvers: r.Approvers, Quorum: int32(r.Quorum), DenyQuorum: int32(r.DenyQuorum),
		ExpiresNs: int64(r.Expires), OnExpiry: r.OnExpiry, ExcludeAuthor: r.ExcludeAuthor,
	}
	if r.FourEyes != safety.Unset {
		on := r.FourEyes == safety.On
		a.FourEyes = &on
	}
	for _, e := range r.Escalate {
		a.Escalate = append(a.Escalate, &wire.PolicyEscalation{AfterNs: int64(e.After), To: e.To})
	}
	return a
}

// readAnswer is the decision that an answer means, if it is one about the job with this hash that can be gone by. Whether
// its snapshot is in force is for the caller to check.
func readAnswer(a *wire.PolicyCheckResponse, jobHash string) (safety.Decision, error) {
	verdict, err := readVerdict(a.GetDecision())
	if err != nil {
		return safety.Decision{}, err
	}
	d := safety.Decision{
		Verdict: verdict, Rule: a.GetRuleId(), Reason: a.GetReason(), Rules: a.GetRules(),
		Expires: time.Duration(a.GetExpiresNs()), Snapshot: a.GetPolicySnapshot(),
	}
	switch {
	case a.GetJobHash() != jobHash:
		return safety.Decision{}, answerErrorf("it is about another job, or from a kernel that does not say which")
	case !isDigest(d.Snapshot):
		return safety.Decision{}, answerErrorf("it cites no snapshot")
	case d.Rule == "":
		return safety.Decision{}, answerErrorf("it names no rule")
	}
	for _, f := range a.GetFailures() {
		d.Failures = append(d.Failures, safety.Failure{Rule: f.GetRule(), Message: f.GetMessage()})
	}
	if list := a.GetConstraintList(); len(list) > 0 {
		if d.Constraints, err = safety.ReadConstraints(list); err != nil {
			return safety.Decision{}, answerErrorf("its constraints: %w", err)
		}
	}
	for _, required := range a.GetApprovals() {
		r, err := readApproval(required)
		if err != nil {
			return safety.Decision{}, err
		}
		d.Approvals = append(d.Approvals, r)
	}
	return d, checkDecision(&d)
}

// readApproval is the required approval that a message means.
func readApproval(a *wire.PolicyApproval) (safety.RequiredApproval, error) {
	r := safety.RequiredApproval{
		Rule: a.GetRule(), Reason: a.GetReason(), Approvers: a.GetApprovers(), Quorum: int(a.GetQuorum()),
		DenyQuorum: int(a.GetDenyQuorum()), Expires: time.Duration(a.GetExpiresNs()), OnExpiry: a.GetOnExpiry(),
		ExcludeAuthor: a.GetExcludeAuthor(),
	}
	if a.FourEyes != nil {
		r.FourEyes = safety.Off
		if a.GetFourEyes() {
			r.FourEyes = safety.On
		}
	}
	for _, e := range a.GetEscalate() {
		r.Escalate = append(r.Escalate, safety.Escalation{After: time.Duration(e.GetAfterNs()), To: e.GetTo()})
	}
	switch r.OnExpiry {
	case safety.OnExpiryDeny, safety.OnExpiryEscalate, safety.OnExpiryRollback:
	default:
		return r, answerErrorf("an approval says what happens when it expires in a word that is unknown here")
	}
	if r.Quorum < 1 || r.Quorum > safety.MaxQuorum || r.DenyQuorum < 1 || r.DenyQuorum > safety.MaxQuorum || r.Expires < 0 {
		return r, answerErrorf("an approval asks for a number of people, or a time, that cannot be")
	}
	return r, nil
}

// checkDecision refuses a decision whose parts say different things: what is under conditions names them, and what is
// not has none.
func checkDecision(d *safety.Decision) error {
	switch {
	case d.Verdict == safety.Allow && len(d.Constraints) > 0:
		return answerErrorf("it allows, but names constraints")
	case d.Verdict != safety.Deny && len(d.Failures) > 0:
		return answerErrorf("it names rules that failed, but does not deny")
	case d.Verdict == safety.AllowWithConstraints && len(d.Constraints) == 0:
		return answerErrorf("it allows with constraints, but names none")
	case d.Verdict == safety.RequireApproval && len(d.Approvals) == 0:
		return answerErrorf("it requires an approval, but does not say whose")
	case d.Verdict != safety.RequireApproval && len(d.Approvals) > 0:
		return answerErrorf("it names approvals, but requires none")
	case d.Expires < 0:
		return answerErrorf("its approvals expire before they are asked for")
	}
	return nil
}

// isDigest tells whether a text is a SHA-256 in lower-case hex.
func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && hex.EncodeToString(raw) == s
}
