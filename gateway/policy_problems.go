package gateway

import (
	"errors"

	"cordum.dev/cordum/safety/kernel"
)

// policySentinels is the table from the policy store's errors to codes. An empty what means that the error's own text says
// more and holds nothing a caller may not see.
var policySentinels = []struct {
	err  error
	code string
	what string
}{
	{kernel.ErrSignatureRequired, "signature_required", "Sign the bundle's exact bytes and send the signature beside it."},
	{kernel.ErrBadSignature, "bad_signature", ""},
	{kernel.ErrVersionRollback, "version_rollback", ""},
	{kernel.ErrDenied, "policy_denied", ""},
	{kernel.ErrUnapprovable, "unapprovable", ""},
	{kernel.ErrNewlyDenied, "newly_denied", ""},
	{kernel.ErrPrecondition, "precondition_failed", "Read the bundle again, and send the ETag that it has now."},
	{kernel.ErrReason, "reason_needed", ""},
	{kernel.ErrTooLarge, "too_large", ""},
	{kernel.ErrChoice, "conflicting_fields", "Name a snapshot, or drafts, or bundles."},
	{kernel.ErrName, "invalid_name", ""},
	{kernel.ErrNotFound, "not_found", "There is no such bundle, version or shadow."},
	{kernel.ErrConflict, "conflict", "Somebody else changed the policy meanwhile. Look at it again before you go on."},
	{kernel.ErrUnavailable, "unavailable", "Whether it was done is not known: see which policy is active."},
}

// policyProblem turns an error of the policy store into a problem; nil when it is none.
func policyProblem(err error) *Problem {
	var refused *kernel.RefusedError
	if errors.As(err, &refused) {
		p := newProblem("invalid_policy", refused.Error())
		p.Errors = findings(refused.Problems)
		return p
	}
	for _, s := range policySentinels {
		if !errors.Is(err, s.err) {
			continue
		}
		what := s.what
		if what == "" {
			what = err.Error()
		}
		p := newProblem(s.code, what)
		if s.code == "unavailable" {
			p.with("Retry-After", "1")
		}
		return p
	}
	return nil
}
