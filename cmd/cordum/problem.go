package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cordum.dev/cordum/gateway"
)

// renderError says an error for people: what, where, what to do. Empty when all has been said.
func renderError(err error) string {
	var problem *gateway.Problem
	switch {
	case errors.As(err, &problem):
		return renderProblem(problem)
	case errors.Is(err, context.DeadlineExceeded) && !isCoded(err):
		return "error: timeout: nothing was undone; what was started goes on"
	case err.Error() == "":
		return ""
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return "error: " + err.Error()
}

func renderProblem(p *gateway.Problem) string {
	var b strings.Builder
	b.WriteString("error: " + p.Title)
	if p.Detail != "" && p.Detail != p.Title {
		b.WriteString(": " + p.Detail)
	}
	fmt.Fprintf(&b, " (%s)", p.Code)
	for _, item := range p.Errors {
		b.WriteString("\n  " + renderItem(item))
	}
	if hint := problemHint(p); hint != "" {
		b.WriteString("\nhint: " + hint)
	}
	return b.String()
}

func renderItem(item gateway.ProblemItem) string {
	var parts []string
	switch {
	case item.Line > 0:
		parts = append(parts, fmt.Sprintf("%d:%d", item.Line, item.Column))
	case item.Location != "":
		parts = append(parts, item.Location)
	}
	if item.Rule != "" {
		parts = append(parts, item.Rule)
	}
	parts = append(parts, item.Message)
	if item.Hint != "" {
		parts = append(parts, fmt.Sprintf("(did you mean %s?)", item.Hint))
	}
	return strings.Join(parts, " ")
}

// problemHint says what to do about the codes for which the command line knows something.
func problemHint(p *gateway.Problem) string {
	switch {
	case p.Code == "unauthenticated":
		return "set CORDUM_API_KEY to a key of this server"
	case p.Code == "tenant_mismatch":
		return "leave out --tenant (CORDUM_TENANT_ID), or use a key of that tenant"
	case p.Code == "not_found" && strings.Contains(p.Detail, "ask a gateway"):
		return "name a gateway with --server or CORDUM_GATEWAY"
	case p.Code == "not_found":
		return "see what there is with the list command, such as: cordum run list"
	case p.Code == "idempotency_key_reused":
		return "use another --idempotency-key for another request"
	case p.Code == "outcome_unknown":
		return "repeat it with the --idempotency-key that you gave; without one see first whether it was done, such as with cordum run list"
	case p.Code == "deadline_exceeded":
		return "ask again in a moment; of a change see first whether it was done, or repeat it with the --idempotency-key that you gave"
	case p.Status == http.StatusTooManyRequests, p.Code == "overloaded", p.Code == "unavailable":
		return "try again in a moment"
	}
	return ""
}
