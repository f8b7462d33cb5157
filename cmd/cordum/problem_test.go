package main

import (
	"net/http"
	"strings"
	"testing"

	"cordum.dev/cordum/gateway"
)

// TestUnknownOutcomeIsExplained: who is told that nobody knows whether it was done sees where to look, and what to do.
func TestUnknownOutcomeIsExplained(t *testing.T) {
	answer := &http.Response{StatusCode: http.StatusGatewayTimeout, Header: http.Header{
		"Content-Type": {"application/problem+json"}, "Location": {"/api/v1/runs/07R"},
	}}
	got := renderError(problemOf(answer, []byte(`{"code":"outcome_unknown","title":"Not known","detail":"So."}`)))
	for _, want := range []string{"So. Location: /api/v1/runs/07R", "(outcome_unknown)", "--idempotency-key", "cordum run list"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in: %s", want, got)
		}
	}
}

// TestEngineIsNoGateway: who asked an engine is told to name a gateway, not to look at lists.
func TestEngineIsNoGateway(t *testing.T) {
	text := renderProblem(&gateway.Problem{Status: 404, Code: "not_found", Detail: "This process is an engine: ask a gateway."})
	if !strings.Contains(text, "--server") || strings.Contains(text, "run list") {
		t.Error(text)
	}
}

// TestLateAnswerHasAHint: who got no answer in time is told how to find out, whether it was asked or changed.
func TestLateAnswerHasAHint(t *testing.T) {
	answer := &http.Response{StatusCode: http.StatusGatewayTimeout, Header: http.Header{"Content-Type": {"application/problem+json"}}}
	got := renderError(problemOf(answer, []byte(`{"code":"deadline_exceeded","title":"No answer in time"}`)))
	for _, want := range []string{"(deadline_exceeded)", "\nhint: ", "ask again", "--idempotency-key"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in: %s", want, got)
		}
	}
}
