package cordum

import (
	"context"
	"errors"
	"fmt"
)

// Codes that the library itself gives to failed attempts. A tool's own codes are free words in the same style.
const (
	CodeError              = "error"               // the tool returned an error without a code
	CodePanic              = "panic"               // the tool panicked, or ended its goroutine
	CodeInvalidInput       = "invalid_input"       // the input is not what the tool takes; not tried again
	CodeInvalidOutput      = "invalid_output"      // the output is no JSON; not tried again
	CodeOutputTooLarge     = "output_too_large"    // the output is larger than MaxOutput; not tried again
	CodeCancelled          = "cancelled"           // the job was cancelled and the tool stopped
	CodeTimeout            = "timeout"             // the attempt's timeout passed and the tool stopped
	CodeUnsignedDecision   = "unsigned_decision"   // the policy's decision is not signed by the server; the tool was not called
	CodeInvalidConstraints = "invalid_constraints" // the policy's constraints cannot be read; the tool was not called
	CodeWorkerStopped      = "worker_stopped"      // the worker's drain timeout passed and the tool stopped
)

// Kind says what a failure means for further attempts.
type Kind uint8

const (
	// Unclassified is tried again while attempts are left, as Retryable ones are.
	Unclassified Kind = iota
	// KindRetryable says another attempt may succeed.
	KindRetryable
	// KindFatal says no attempt will succeed.
	KindFatal
)

// Error is a failure with a code, as a tool returns it and workflows see it (steps.<id>.error).
type Error struct {
	Kind Kind
	Code string // a word that retry rules can name; empty means CodeError
	Err  error  // its text is the message that people see
	// Details are marshalled to JSON, at most 64 KiB; nil for none. An object with "outcome": "unknown" says that nobody knows
	// whether the attempt had its effect: its step's compensation then goes by when_unknown.
	Details any
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return e.Code + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable marks a failure that another attempt may not meet: a busy database, a lost connection.
func Retryable(code string, err error) error {
	return &Error{Kind: KindRetryable, Code: code, Err: err}
}

// Fatal marks a failure that every attempt would meet: the step fails at once.
func Fatal(code string, err error) error { return &Error{Kind: KindFatal, Code: code, Err: err} }

// Why a tool's context ended, as context.Cause tells.
var (
	// ErrTimedOut says the attempt's timeout passed.
	ErrTimedOut = fmt.Errorf("the attempt's timeout passed: %w", context.DeadlineExceeded)
	// ErrStopped says the worker stops and its drain timeout passed.
	ErrStopped = fmt.Errorf("the worker stops: %w", context.Canceled)
)

// CancelledError is the cause of a tool's context when somebody cancelled the job.
type CancelledError struct {
	Reason string // as given; may be empty
	By     string // who asked; may be empty
}

func (e *CancelledError) Error() string {
	if e.Reason == "" {
		return "the job was cancelled"
	}
	return "the job was cancelled: " + e.Reason
}

// Unwrap makes errors.Is(err, context.Canceled) true.
func (e *CancelledError) Unwrap() error { return context.Canceled }

// ErrDrainTimeout is returned by Run when the drain timeout passed before all tools had returned and all results were
// acknowledged. The engine resolves what was left.
var ErrDrainTimeout = errors.New("cordum: drain timeout")
