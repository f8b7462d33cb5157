package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

const nobodyTakes = `
id: waits
steps:
  - {id: ship, topic: job.t.nobody, effect: none, queue_timeout: 100ms}
`

// Dead letters on the command line, against a real server that is restarted.
func TestDeadLettersOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	s := serveDev(t, dir)
	file := writeFile(t, "w.yaml", nobodyTakes)
	s.want(exitOK, "workflow", "create", "--file", file)
	for range 3 {
		s.want(exitRunFailed, "run", "start", "waits", "--wait")
	}
	ids := strings.Fields(s.want(exitOK, "dlq", "list", "--limit", "10", "-o", "name").out)
	if len(ids) != 3 {
		t.Fatalf("%q", ids)
	}
	if r := s.want(exitOK, "dlq", "list", "--limit", "1"); !strings.Contains(r.out, runner.DeadDispatchTimeout) || !strings.Contains(r.errOut, "--cursor") {
		t.Errorf("%s%s", r.out, r.errOut)
	}
	if r := s.want(exitOK, "dlq", "groups"); !strings.Contains(r.out, " 3 ") || strings.Count(r.out, "\n") != 2 {
		t.Errorf("groups:\n%s", r.out)
	}
	if r := s.want(exitOK, "dlq", "show", ids[0]); !strings.Contains(r.out, "job.t.nobody") || !strings.Contains(r.out, "ship") {
		t.Errorf("shown:\n%s", r.out)
	}
	for filter, want := range map[string]int{
		"reason=timeout": 3, "reason='" + runner.DeadDispatchTimeout + "' step=ship": 3, "workflow=other": 0, "state=retrying": 0,
	} {
		if got := strings.Fields(s.want(exitOK, "dlq", "list", "--filter", filter, "-o", "name").out); len(got) != want {
			t.Errorf("%s names %d, want %d", filter, len(got), want)
		}
	}
	if got := s.want(exitOK, "dlq", "list", "--since", "1h", "--until", "30m", "-o", "name").out; got != "" {
		t.Errorf("half an hour ago there was %q", got)
	}
	for _, wrong := range [][]string{
		{"list", "--filter", "pool=x"},
		{"list", "--filter", "step"},
		{"list", "--filter", "step='a"},
		{"list", "--since", "yesterday"},
		{"redrive"},
		{"redrive", "--filter", "state=dead"},
		{"delete"},
		{"delete", "--filter", "state=dead"},
		{"delete", "x", "--filter", "step=a"},
	} {
		s.want(exitUsage, append([]string{"dlq"}, wrong...)...)
	}

	if out := s.want(exitOK, "dlq", "retry", ids[2]).out; strings.TrimSpace(out) != ids[2] {
		t.Errorf("retried %q", out)
	}
	s.want(exitError, "dlq", "retry", "nothing")
	s.until("it has died again", func() bool { return s.deadLetter(ids[2]).Times == 2 })

	if out := s.want(exitOK, "dlq", "redrive", "--filter", "step=ship", "--dry-run", "-o", "json").out; !strings.Contains(out, `"matched": 3`) {
		t.Errorf("dry run: %s", out)
	}
	out := s.want(exitOK, "dlq", "redrive", "--filter", "step=ship", "--rate", "50", "--yes", "--wait", "-o", "json").out
	var done runner.Redrive
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.State != "done" || done.Retried != 3 {
		t.Errorf("redrive: %s %v", out, err)
	}
	s.want(exitOK, "dlq", "redrive", "show", done.ID)
	s.want(exitOK, "dlq", "redrive", "stop", done.ID)
	s.until("all have died again", func() bool {
		return !slices.ContainsFunc(ids, func(id string) bool { v := s.deadLetter(id); return v.State != "dead" || v.Times < 2 })
	})

	s.want(exitOK, "dlq", "delete", ids[0])
	s.want(exitError, "dlq", "delete", ids[0])
	s.end()
	s = serveDev(t, dir)
	if out := s.want(exitOK, "dlq", "delete", "--filter", "reason=timeout", "--dry-run", "-o", "name").out; strings.TrimSpace(out) != "0" {
		t.Errorf("a dry run deleted %s", out)
	}
	if out := s.want(exitOK, "dlq", "delete", "--filter", "reason=timeout", "--yes", "-o", "name").out; strings.TrimSpace(out) != "2" {
		t.Errorf("deleted %s", out)
	}
}

// deadLetter reads one.
func (s *running) deadLetter(job string) (v runner.DeadLetter) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.want(exitOK, "dlq", "show", job, "-o", "json").out), &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// until waits for a condition, with a deadline.
func (s *running) until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("timed out waiting until %s", what)
		}
	}
}
