package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// Exit codes. Scripts decide by them, so a number never changes its meaning.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitDefinition  = 3
	exitTests       = 4
	exitRunFailed   = 5
	exitCompensated = 6
	exitDenied      = 7
	exitWaiting     = 8
	exitTampered    = 9
	exitTimeout     = 124 // as timeout(1)
	exitInterrupted = 130 // as a shell after SIGINT
)

// exitMeanings is the table of exit codes as the help shows it.
var exitMeanings = []struct {
	code    int
	meaning string
}{
	{exitOK, "done; with --wait: the run succeeded"},
	{exitError, "error"},
	{exitUsage, "wrong use: a flag, an argument, a setting"},
	{exitDefinition, "the definition, the policy or a test file is invalid"},
	{exitTests, "tests failed"},
	{exitRunFailed, "the run failed, timed out, was cancelled or is faulted"},
	{exitCompensated, "the run failed and was compensated"},
	{exitDenied, "denied, by policy or by a person"},
	{exitWaiting, "the run waits for a person: an approval, a held compensation (--no-wait-approval)"},
	{exitTampered, "a check found that the audit log, evidence, a backup, an export or a store is not what was recorded, or not whole"},
	{exitTimeout, "timeout (--timeout)"},
	{exitInterrupted, "interrupted (the run goes on)"},
}

func exitHelp() string {
	var b strings.Builder
	for _, m := range exitMeanings {
		fmt.Fprintf(&b, "  %-4d %s\n", m.code, m.meaning)
	}
	return b.String()
}

// coded ends the process with a code. An empty message means that all has been said already.
type coded struct {
	code int
	err  error // may be nil
}

func (c *coded) Error() string {
	if c.err == nil {
		return ""
	}
	return c.err.Error()
}

func (c *coded) Unwrap() error { return c.err }

// isCoded tells whether an error says its code itself.
func isCoded(err error) bool {
	var c *coded
	return errors.As(err, &c)
}

// silent ends with a code and no further message.
func silent(code int) error {
	if code == exitOK {
		return nil
	}
	return &coded{code: code}
}

func usagef(format string, args ...any) error {
	return &coded{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode turns what a command returned into the code of the process.
func exitCode(err error) int {
	var c *coded
	var problem *gateway.Problem
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &problem):
		return problemExit(problem)
	}
	return exitError
}

// problemExit is the code for what a server refused.
func problemExit(p *gateway.Problem) int {
	for _, item := range p.Errors {
		if item.Line > 0 { // only definitions have lines
			return exitDefinition
		}
	}
	if p.Code == "invalid_definition" {
		return exitDefinition
	}
	if p.Status == http.StatusForbidden && p.Code == "policy_denied" {
		return exitDenied
	}
	return exitError
}

// runExit is the code for the end of a run. A denial is told even when the run was compensated after it: it is the
// cause, and trying again does not help.
func runExit(run *runner.RunView) int {
	switch run.State {
	case "succeeded":
		return exitOK
	case "failed":
		if deniedRun(run) {
			return exitDenied
		}
		if run.Compensation == "done" {
			return exitCompensated
		}
		return exitRunFailed
	case "cancelled", "timed_out", "faulted":
		if run.Compensation == "done" {
			return exitCompensated
		}
		return exitRunFailed
	}
	return exitError
}

// deniedRun tells whether what made a run fail was a denial: its error says so, or a step's state.
func deniedRun(run *runner.RunView) bool {
	if run.Error != nil && isDenial(run.Error.Code) {
		return true
	}
	other := false
	denied := false
	for i := range run.Steps {
		if run.Steps[i].Undoes != "" {
			continue // what became of an undo is no cause
		}
		switch run.Steps[i].State {
		case "denied", "rejected":
			denied = true
		case "failed", "timed_out":
			other = true
		}
	}
	return denied && !other
}

func isDenial(code string) bool {
	return code == "denied" || code == "rejected" || code == "approval_denied" || code == "policy_denied"
}
