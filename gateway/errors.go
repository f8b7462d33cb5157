package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

// sentinels is the one table from the engine's errors to codes. what is the detail; empty means that the error's own
// text says more and holds nothing a caller may not see.
var sentinels = []struct {
	err  error
	code string
	what string
}{
	{safety.ErrFourEyes, "four_eyes", "Who asked for it, or edited it, may not approve it, by any of their keys; they may deny it."},
	{safety.ErrNotApprover, "not_an_approver", "You may see it; those who may decide it are among its needs."},
	{runner.ErrForbidden, "forbidden", ""},
	{runner.ErrNotFound, "not_found", "It does not exist, or is not yours."},
	{runner.ErrConflict, "conflict", ""},
	{runner.ErrIdempotency, "idempotency_key_reused", "Send the same body again, or use another key."},
	{runner.ErrGone, "gone", ""},
	{runner.ErrInvalidCursor, "invalid_cursor", "Use next_cursor of the page before, with the same filter."},
	{runner.ErrOverloaded, "overloaded", "Try again after the time in Retry-After."},
	{runner.ErrNotTaken, "unavailable", "No engine serves this at the moment. " + nothingDone},
	{runner.ErrUnavailable, "unavailable", maybeDone},
	{context.DeadlineExceeded, "deadline_exceeded", maybeDone},
	{context.Canceled, "unavailable", "The request ended before its answer."},
}

// maybeDone is said of a change that was not answered, nothingDone of a read, and of a change that nobody took.
const (
	maybeDone   = "Whether it was done is not known; ask again, or repeat it with the same Idempotency-Key."
	nothingDone = "Nothing was changed; ask again in a moment."
)

// ofRead is a problem as it is told to who only read: whatever kept the answer away, nothing was done.
func ofRead(p *Problem) *Problem {
	switch {
	case p.Code == "deadline_exceeded":
		return newProblem("unavailable", nothingDone).with("Retry-After", "1")
	case p.Detail == maybeDone:
		p.Detail = nothingDone
	}
	return p
}

// problemOf turns an error of a handler or of the engine into a problem. Nil stands for an error nobody foresaw: the
// caller logs it and answers 500.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var invalid *runner.InvalidError
	if errors.As(err, &invalid) {
		return invalidProblem(invalid)
	}
	if p := policyProblem(err); p != nil {
		return p
	}
	if unknown := (*runner.UnknownError)(nil); errors.As(err, &unknown) {
		return unknownProblem(unknown)
	}
	for _, s := range sentinels {
		if !errors.Is(err, s.err) {
			continue
		}
		what := s.what
		if what == "" {
			what = reasonOf(err, s.err)
		}
		p := newProblem(finer(s.code, &what), what)
		if p.Status == http.StatusServiceUnavailable {
			p.with("Retry-After", "1")
		}
		return p
	}
	return nil
}

// finer is the code with which the engine begins a reason, if it has the status of the sentinel's; it is cut off then.
func finer(code string, what *string) string {
	own, rest, ok := strings.Cut(*what, ": ")
	if k, known := problems[own]; !ok || !known || k.status != problems[code].status {
		return code
	}
	*what = rest
	return own
}

// reasonOf is what an error says beside the sentinel that it wraps or is joined with.
func reasonOf(err, sentinel error) string {
	text := err.Error()
	for _, joint := range []string{": ", "\n"} {
		text = strings.TrimSuffix(text, joint+sentinel.Error())
	}
	return strings.ReplaceAll(text, "\n", ": ")
}

func invalidProblem(e *runner.InvalidError) *Problem {
	if len(e.Diagnostics) > 0 {
		return diagnosticsProblem(e.Diagnostics)
	}
	code := e.Code
	if _, known := problems[code]; !known {
		code = "invalid_body"
	}
	p := newProblem(code, e.Message)
	for _, at := range e.Places {
		p.Errors = append(p.Errors, ProblemItem{Message: at.Message, Location: at.Pointer})
	}
	return p
}

// diagnosticsProblem says what is wrong with a definition. Its code is the rule of the first error that decided the
// status: a file that cannot be read at all is 400, one that says something impossible 422.
func diagnosticsProblem(diags []dag.Diagnostic) *Problem {
	p := newProblem("invalid_definition", "")
	var first *dag.Diagnostic
	for i := range diags {
		d := &diags[i]
		p.Errors = append(p.Errors, diagnosticItem(*d))
		if d.Severity != dag.Error {
			continue
		}
		if first == nil || ruleStatus(*d) < ruleStatus(*first) {
			first = d
		}
	}
	if first != nil {
		p.Status, p.Detail = ruleStatus(*first), first.Message
		p.as(first.Rule)
	}
	return p
}

func diagnosticItem(d dag.Diagnostic) ProblemItem {
	severity := "error"
	if d.Severity == dag.Warning {
		severity = "warning"
	}
	rule, _ := plan.RuleNamed(d.Rule)
	return ProblemItem{
		Message: d.Message, Location: d.Pointer, Rule: d.Rule, Code: rule.Code, Severity: severity,
		Line: d.Line, Column: d.Col, Hint: d.Hint,
	}
}

// ruleStatus is the status for a broken rule of the language. A field that differs from a known one only by its case is
// as bad as broken syntax: another reader may take it for the known one.
func ruleStatus(d dag.Diagnostic) int {
	if d.Rule == "unknown_field" {
		if caseVariant(d) {
			return http.StatusBadRequest
		}
		return http.StatusUnprocessableEntity
	}
	if problems[d.Rule].isSyntax() {
		return problems[d.Rule].status
	}
	return http.StatusUnprocessableEntity
}

func caseVariant(d dag.Diagnostic) bool {
	field := d.Pointer[strings.LastIndexByte(d.Pointer, '/')+1:]
	return d.Hint != "" && field != d.Hint && strings.EqualFold(field, d.Hint)
}

// humaErrors makes huma answer with our problems. huma has package variables for this and reads them at run time.
var humaErrors = sync.OnceFunc(func() {
	huma.NewError = humaProblem
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(status, msg, errs...)
	}
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
})

// humaProblem turns what huma found wrong with a request into a problem, and drops the values it found.
func humaProblem(status int, msg string, errs ...error) huma.StatusError {
	if status == 0 { // huma asks for the type only
		return &Problem{}
	}
	items := make([]ProblemItem, 0, len(errs))
	code := humaCode(status, msg)
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue // its text may hold what the client sent
		}
		item, own := humaItem(d.ErrorDetail())
		items = append(items, item)
		if own != "" && (code == "invalid_body" || code == "invalid_json") {
			code = own
		}
	}
	p := newProblem(code, "")
	p.Errors = items
	if len(items) > 0 {
		p.Detail = items[0].Message
		if items[0].Location != "" {
			p.Detail = items[0].Location + ": " + p.Detail
		}
	}
	return p
}

func humaCode(status int, msg string) string {
	switch status {
	case http.StatusBadRequest:
		if msg == "request body is required" {
			return "empty_body"
		}
		return "invalid_json"
	case http.StatusRequestTimeout:
		return "body_timeout"
	case http.StatusRequestEntityTooLarge:
		return "body_too_large"
	case http.StatusUnsupportedMediaType, http.StatusNotAcceptable:
		return "unsupported_media_type"
	case http.StatusUnprocessableEntity:
		return "invalid_body"
	}
	if msg == "cannot read request body" { // the client broke off, or lied about the length
		return "body_unreadable"
	}
	return "internal"
}

// humaItem describes one finding; own is the code that it calls for, if it is a special one.
func humaItem(d *huma.ErrorDetail) (item ProblemItem, own string) {
	where, rest, _ := strings.Cut(d.Location, ".")
	switch where {
	case "query", "path", "header":
		return ProblemItem{Message: d.Message, Location: d.Location}, "invalid_argument"
	case "body":
		if d.Message == validation.MsgUnexpectedProperty {
			return ProblemItem{Message: "this field does not exist", Location: bodyPointer(rest), Rule: "unknown_field"}, "unknown_field"
		}
		if code, text, ok := strings.Cut(d.Message, ": "); ok && rest == "" {
			if k, known := problems[code]; known && k.status == http.StatusBadRequest {
				return ProblemItem{Message: text, Rule: code}, code // from checkJSON
			}
		}
		return ProblemItem{Message: d.Message, Location: bodyPointer(rest)}, ""
	}
	return ProblemItem{Message: d.Message, Location: d.Location}, ""
}

// bodyPointer writes huma's items[3].name as the JSON pointer /items/3/name.
func bodyPointer(path string) string {
	if path == "" {
		return ""
	}
	path = strings.NewReplacer("~", "~0", "/", "~1", "[", ".", "]", "").Replace(path)
	const longest = 128 // a field's name comes from the client
	if len(path) > longest {
		path = path[:longest] + "…"
	}
	return "/" + strings.ReplaceAll(path, ".", "/")
}
