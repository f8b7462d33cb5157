package kernel

import (
	"errors"
	"fmt"

	"cordum.dev/cordum/safety"
)

// Errors that a caller decides by. Match with errors.Is.
var (
	// ErrNotFound: there is no such bundle, version or snapshot.
	ErrNotFound = errors.New("not found")
	// ErrConflict: something changed meanwhile, nothing was done.
	ErrConflict = errors.New("changed meanwhile")
	// ErrPrecondition: the ETag that the caller named is not the draft's any more, nothing was done.
	ErrPrecondition = errors.New("the draft is another by now")
	// ErrUnavailable: the store did not answer; whether it was done is not known, and is not in force before it is.
	ErrUnavailable = errors.New("unavailable")
	// ErrTooLarge: a bundle, or all together, are larger than a limit.
	ErrTooLarge = errors.New("too large")
	// ErrSignatureRequired: a bundle has no signature where each needs one.
	ErrSignatureRequired = errors.New("a signature is required")
	// ErrBadSignature: a signature is none that any configured key made over these bytes.
	ErrBadSignature = errors.New("the signature does not verify")
	// ErrVersionRollback: a signed bundle is older than one that was published; only a rollback goes back.
	ErrVersionRollback = errors.New("an older version was published already")
	// ErrDenied: the policy in force does not let this caller change it.
	ErrDenied = errors.New("the policy in force does not allow this")
	// ErrUnapprovable: what was to be published could not be approved, or not be taken back, by anybody.
	ErrUnapprovable = errors.New("unapprovable")
	// ErrNewlyDenied: more recorded decisions than allowed would be denied by what was to be published.
	ErrNewlyDenied = errors.New("newly denied")
	// ErrReason: what was asked for needs a reason, and has none.
	ErrReason = errors.New("a reason is needed")
	// ErrChoice: a candidate is named in more than one way.
	ErrChoice = errors.New("name a snapshot, or drafts, or bundles")
	// ErrName: a name is none that a bundle can have, or not that of the bundle.
	ErrName = errors.New("not the name of a bundle")
)

// RefusedError says that bundles are no policy. Nothing changed.
type RefusedError struct {
	// Problems is what is wrong with them, warnings included; at least one is none.
	Problems []safety.Problem
}

// Error is the first problem that is no warning.
func (e *RefusedError) Error() string {
	for _, p := range e.Problems {
		if !p.Warning {
			return p.String()
		}
	}
	return safety.ErrInvalidPolicy.Error()
}

// Unwrap makes it an [safety.ErrInvalidPolicy].
func (e *RefusedError) Unwrap() error { return safety.ErrInvalidPolicy }

// refused makes an error of a finding that has no place in a bundle.
func refused(rule, file, format string, args ...any) *RefusedError {
	return &RefusedError{Problems: []safety.Problem{{Rule: rule, File: file, Message: fmt.Sprintf(format, args...)}}}
}
