package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	cordum "cordum.dev/cordum/sdk/go"
)

// TestEffectsAreNotUnderstated: a job that claims less than the tool does is refused before anything runs.
func TestEffectsAreNotUnderstated(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	for _, c := range []struct {
		tool       string
		idempotent bool
		claimed    string
		repeats    bool
		ok         bool
	}{
		{"write", false, "write", false, true},
		{"write", false, "irreversible", false, true},
		{"write", false, "read", false, false},
		{"write", false, "", false, false},
		{"write", false, "write", true, false},
		{"write", true, "write", true, true},
		{"read", false, "read", true, true},
		{"none", false, "none", true, true},
		{"none", false, "", false, false},
		{"irreversible", false, "write", false, false},
	} {
		_ = os.Remove(ran)
		tool := made(t, Tool{Command: script(t, "touch "+ran), Effect: c.tool, Idempotent: c.idempotent})
		_, err := tool.call(t.Context(), cordum.Job{Effect: c.claimed, MayRepeat: c.repeats}, nil)
		_, statErr := os.Stat(ran)
		if (err == nil) != c.ok || (statErr == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && codeOf(t, err).Code != CodeEffectMismatch {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestProgramsAreChecked: at the start and before each run.
func TestProgramsAreChecked(t *testing.T) {
	good := script(t, "echo hello")
	p, err := findProgram(good, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := findProgram(good, strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("another digest: %v", err)
	}
	if err := os.Chmod(good, 0o757); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	if err := p.check(); err == nil || !strings.Contains(err.Error(), "everybody") {
		t.Errorf("a file that everybody can change: %v", err)
	}
	if err := os.Chmod(good, 0o755); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(good), 0o777); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	if err := p.check(); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder that everybody can change: %v", err)
	}
	for _, command := range []string{"no-such-program-anywhere", "./relative", "/", "/no/such/file", "/etc/passwd"} {
		if _, err := findProgram(command, ""); err == nil {
			t.Errorf("%s was taken", command)
		}
	}
	if _, err := findProgram("ls", ""); err != nil {
		t.Errorf("a name in PATH: %v", err)
	}
}

// TestDigestIsCheckedAgain: a program that was changed is not run.
func TestDigestIsCheckedAgain(t *testing.T) {
	path := script(t, "echo one")
	_, err := findProgram(path, strings.Repeat("0", 64))
	_, digest, _ := strings.Cut(err.Error(), "has the digest ")
	tool := made(t, Tool{Command: path, SHA256: digest[:64]})
	if _, err := tool.call(t.Context(), writes, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho another\n"), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	_, err = tool.call(t.Context(), writes, nil)
	if e := codeOf(t, err); e.Code != CodeUnsafeProgram {
		t.Errorf("a changed program: %v", err)
	}
}

// TestConfigurations: what a configuration must not say.
func TestConfigurations(t *testing.T) {
	good := `{"tools": [{"pack": "p", "tool": "t", "command": "ls", "args": ["{a}"], "input": {"a": {}}}]}`
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{}`:                            "0 tools",
		`{"tools": [{"topic": "a"}]}`:   "command is missing",
		`{"tools": [{"command": "a"}]}`: "pack and tool",
		`{"tools": [], "shell": true}`:  "shell",
		`tools: [{topic: job.a, command: ls, args: ["{b}"]}]`:                               "no field of input",
		`tools: [{topic: job.a, command: ls, args: ["{b"]}]`:                                "not closed",
		`tools: [{topic: job.a, command: ls, args: ["{b.c}"]}]`:                             "names no field",
		`tools: [{topic: job.a, command: ls, args: ["{l}"], input: {l: {type: list}}}]`:     "{l...}",
		`tools: [{topic: job.a, command: ls, args: ["x{l...}"], input: {l: {type: list}}}]`: "alone",
		`tools: [{topic: job.a, command: /bin/sh, args: [-c, "echo {a}"], input: {a: {}}}]`: "as a program",
		`tools: [{topic: job.a, command: python3, args: [-c, "{a}"], input: {a: {}}}]`:      "as a program",
		`tools: [{topic: job.a, command: ls, env: {LD_PRELOAD: "{a}"}, input: {a: {}}}]`:    "what code runs",
		`tools: [{topic: job.a, command: ls, env: {"A=B": x}}]`:                             "no name",
		`tools: [{topic: job.a, command: ls, effect: harmless}]`:                            "effect",
		`tools: [{topic: job.a, command: ls, timeout: 10}]`:                                 "duration",
		`tools: [{topic: job.a, command: ls, timeout: 10000h}]`:                             "at most",
		`tools: [{topic: job.a, command: ls, exit_codes: {"x": ok}}]`:                       "no exit code",
		`tools: [{topic: job.a, command: ls, exit_codes: {"1": maybe}}]`:                    "want ok",
		`tools: [{topic: job.a, command: ls, dir: relative}]`:                               "absolute",
		`tools: [{topic: job.a, command: ls, max_output: 100000000}]`:                       "max_output",
		`tools: [{topic: job.a, command: ls, input: {a: {pattern: "("}}}]`:                  "pattern",
		`tools: [{topic: job.a, command: ls, input: {a: {type: integer, pattern: "a"}}}]`:   "for texts",
		`tools: [{topic: job.a, command: ls, input: {"a b": {}}}]`:                          "letters",
		`pass_env: ["A B"]` + "\n" + `tools: [{topic: job.a, command: ls}]`:                 "no name",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	c, err := Parse([]byte("tools: [{topic: job.a, command: ls}, {topic: job.a, command: ls}]"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "same topic") {
		t.Errorf("two tools of one topic: %v", err)
	}
}
