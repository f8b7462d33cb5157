package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
)

// sentinels are the errors that somebody decides by, under the names that they have on the bus. A name never changes its
// meaning.
var sentinels = []struct {
	name string
	err  error
}{
	{"not_found", runner.ErrNotFound},
	{"conflict", runner.ErrConflict},
	{"idempotency", runner.ErrIdempotency},
	{"overloaded", runner.ErrOverloaded},
	{"not_taken", runner.ErrNotTaken},
	{"unavailable", runner.ErrUnavailable},
	{"invalid_cursor", runner.ErrInvalidCursor},
	{"gone", runner.ErrGone},
	{"forbidden", runner.ErrForbidden},
	{"four_eyes", safety.ErrFourEyes},
	{"not_approver", safety.ErrNotApprover},
	{"deadline", context.DeadlineExceeded},
	{"cancelled", context.Canceled},
}

// failure is an error on the bus.
type failure struct {
	Text    string
	Is      []string // names of the sentinels that it matches
	Invalid *runner.InvalidError
	Unknown *unknown
}

// unknown is what a [runner.UnknownError] says.
type unknown struct{ Run, Job string }

// failureOf says an error for the bus; nil for nil. An error that nobody decides by keeps its text: who gets it is the
// gateway, which logs it and shows nobody.
func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			f.Is = append(f.Is, s.name)
		}
	}
	if invalid := (*runner.InvalidError)(nil); errors.As(err, &invalid) {
		f.Invalid = invalid
	}
	if u := (*runner.UnknownError)(nil); errors.As(err, &u) {
		f.Unknown = &unknown{u.Run, u.Job}
	}
	return f
}

// farError is an error that an engine elsewhere answered: the same text, and the same errors.Is and errors.As.
type farError struct {
	text string
	is   []error
}

func (e *farError) Error() string   { return e.text }
func (e *farError) Unwrap() []error { return e.is }

// err is the error that was said; nil for nil.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	e := &farError{text: f.Text}
	for _, s := range sentinels {
		for _, name := range f.Is {
			if name == s.name {
				e.is = append(e.is, s.err)
			}
		}
	}
	if f.Invalid != nil {
		if f.Text == f.Invalid.Error() && len(e.is) == 0 {
			return f.Invalid
		}
		e.is = append(e.is, f.Invalid)
	}
	if u := f.Unknown; u != nil {
		e.is = append(e.is, &runner.UnknownError{Run: u.Run, Job: u.Job, Cause: errors.New(f.Text)})
	}
	return e
}

// errUnknownOutcome is the word on a call that may or may not have been done: who had it went away.
func errUnknownOutcome(call string, args []any) error {
	return errOf(call, args, fmt.Errorf("%s%s: the engine that had the call went away before it answered: look before you repeat it: %w",
		call, aboutText(args), runner.ErrUnavailable))
}

// errLate is the word on a call that was not answered before its deadline, and that an engine may have.
func errLate(call string, args []any, cause error) error {
	return errOf(call, args, errNoAnswer(call, args, cause))
}

// errNoAnswer is the word on a call that may be made again and was not answered before its deadline.
func errNoAnswer(call string, args []any, cause error) error {
	return fmt.Errorf("%s%s: no answer in time: the outcome is unknown: %w", call, aboutText(args), cause)
}

// errNotTaken is the word on a call that no engine can have, as nobody listened.
func errNotTaken(call string, args []any, cause error) error {
	return fmt.Errorf("%s%s: %w: %w", call, aboutText(args), runner.ErrNotTaken, cause)
}

// changesRun are the calls that do something about the run that their first id names.
var changesRun = map[string]bool{"Command": true, "CancelJob": true, "Decide": true, "EditJob": true, "Delegate": true, "RetryDead": true}

// errOf says of a call's run, or of the one that it makes, that what became of it is not known.
func errOf(call string, args []any, cause error) error {
	u := &runner.UnknownError{Run: newRunOf(args), Cause: cause}
	about := aboutOf(args)
	switch {
	case changesRun[call]:
		u.Run = id.RunOf(about)
		if call == "CancelJob" {
			u.Job = about
		}
	case call == "Submit" && u.Run != "":
		u.Job = runner.SingleJob(u.Run)
	}
	return u
}

func aboutText(args []any) string {
	if about := aboutOf(args); about != "" {
		return " (" + about + ")"
	}
	return ""
}

// aboutOf names what a call is about, for texts: its first argument that is an id.
func aboutOf(args []any) string {
	for _, a := range args {
		if s, is := a.(string); is && s != "" && len(s) <= 200 && !strings.ContainsAny(s, "\n\x00") {
			return s
		}
	}
	return ""
}
