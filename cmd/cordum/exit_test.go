package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety/kernel"
)

func TestRunExit(t *testing.T) {
	step := func(state string) []runner.StepView {
		return []runner.StepView{{ID: "ok", State: "succeeded"}, {ID: "s", State: state}}
	}
	for _, tc := range []struct {
		name string
		run  runner.RunView
		want int
	}{
		{"succeeded", runner.RunView{State: "succeeded"}, 0},
		{"succeeded over a tolerated denial", runner.RunView{State: "succeeded", Steps: step("denied")}, 0},
		{"failed", runner.RunView{State: "failed", Steps: step("failed")}, 5},
		{"failed and undone", runner.RunView{State: "failed", Compensation: "done", Steps: step("failed")}, 6},
		{"failed, undoing is held", runner.RunView{State: "failed", Compensation: "held", Steps: step("failed")}, 5},
		{"rejected by a person", runner.RunView{State: "failed", Steps: step("rejected")}, 7},
		{"denied by policy", runner.RunView{State: "failed", Steps: step("denied")}, 7},
		{"denied and undone", runner.RunView{State: "failed", Compensation: "done", Steps: step("denied")}, 7},
		{"said by the error", runner.RunView{State: "failed", Error: &runner.ErrorView{Code: "rejected"}}, 7},
		{"a failure beside a tolerated denial", runner.RunView{State: "failed", Steps: append(step("denied"), step("failed")...)}, 5},
		{"cancelled", runner.RunView{State: "cancelled"}, 5},
		{"cancelled and undone", runner.RunView{State: "cancelled", Compensation: "done"}, 6},
		{"timed out", runner.RunView{State: "timed_out"}, 5},
		{"faulted", runner.RunView{State: "faulted"}, 5},
		{"not over", runner.RunView{State: "running"}, 1},
	} {
		if got := runExit(&tc.run); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{usagef("x"), 2},
		{fmt.Errorf("around: %w", usagef("x")), 2},
		{silent(8), 8},
		{silent(0), 0},
		{context.DeadlineExceeded, 124},
		{fmt.Errorf("read: %w", context.Canceled), 130},
		{&gateway.Problem{Status: 404, Code: "not_found"}, 1},
		{&gateway.Problem{Status: 422, Code: "invalid_definition"}, 3},
		{&gateway.Problem{Status: 400, Code: "invalid_json", Errors: []gateway.ProblemItem{{Line: 2}}}, 3},
		{&gateway.Problem{Status: 403, Code: "forbidden"}, 1},
		{&gateway.Problem{Status: 403, Code: "policy_denied"}, 7},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestExitHelpNamesEveryCodeOnce(t *testing.T) {
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 124, 130} {
		if n := strings.Count(exitHelp(), fmt.Sprintf("\n  %-4d ", code)) + strings.Count("\n"+exitHelp()[:8], fmt.Sprintf("\n  %-4d ", code)); n != 1 {
			t.Errorf("code %d is explained %d times", code, n)
		}
	}
}

// TestPolicyUnread: a store that does not answer is no mistake of who started the server, a policy that cannot be read is one.
func TestPolicyUnread(t *testing.T) {
	away := policyUnread(fmt.Errorf("policy store: %w: CLUSTERDOWN", kernel.ErrUnavailable))
	if code := exitCode(away); code != exitError {
		t.Errorf("a store that is away ends with %d, want %d", code, exitError)
	}
	if code := exitCode(policyUnread(errors.New("no such file"))); code != exitUsage {
		t.Errorf("a file that is not there ends with %d, want %d", code, exitUsage)
	}
}
