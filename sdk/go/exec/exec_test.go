//go:build unix

package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	cordum "cordum.dev/cordum/sdk/go"
)

// script writes a program and answers its path.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return path
}

// made makes a tool of what a configuration would say.
func made(t *testing.T, said Tool) *tool {
	t.Helper()
	said.Pack, said.Tool = "p", "t"
	if problems := said.check(); len(problems) > 0 {
		t.Fatal(problems)
	}
	tool, err := newTool(said, said.PassEnv, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return tool
}

var writes = cordum.Job{ID: "run.a~0", Key: "key", Effect: "write"}

// lines are what a program printed, by line.
func lines(t *testing.T, out any) []string {
	t.Helper()
	text, ok := out.(textOutput)
	if !ok {
		t.Fatalf("the output is %#v", out)
	}
	return strings.Split(strings.TrimSuffix(text.Stdout, "\n"), "\n")
}

func codeOf(t *testing.T, err error) *cordum.Error {
	t.Helper()
	var e *cordum.Error
	if !errors.As(err, &e) {
		t.Fatalf("no coded failure: %v", err)
	}
	return e
}

// TestArgumentsStayWhatTheyAre: whatever a value is, it is one argument and no program of a shell.
func TestArgumentsStayWhatTheyAre(t *testing.T) {
	tool := made(t, Tool{
		Command: script(t, `for a in "$@"; do printf '%s|' "$a" | od -An -c | tr -d '\n '; echo; done`),
		Args:    []string{"first", "{v}", "x{v}"}, Input: map[string]Field{"v": {}},
	})
	trap := filepath.Join(t.TempDir(), "trap")
	for _, v := range []string{
		"plain", "two words", "$(touch " + trap + ")", "`touch " + trap + "`", "; touch " + trap, "| touch " + trap, "&& touch " + trap, "> " + trap,
		"*", "~", "$HOME", "a\nb", "'", `"`, "\\", "", "#", "\u202e", "é", strings.Repeat("x", maxField),
	} {
		input, _ := json.Marshal(map[string]string{"v": v})
		out, err := tool.call(t.Context(), writes, input)
		if err != nil {
			t.Fatalf("%.40q: %v", v, err)
		}
		if got := lines(t, out); len(got) != 3 {
			t.Errorf("%.40q came as %d arguments", v, len(got))
		}
		if _, err := os.Stat(trap); err == nil {
			t.Fatalf("%q was run by a shell", v)
		}
	}
}

// TestHostileInputs: what a tool does not take is refused, and its values are not repeated.
func TestHostileInputs(t *testing.T) {
	root := t.TempDir()
	for path, link := range map[string]string{"out": "/etc", "in": root} {
		if err := os.Symlink(link, filepath.Join(root, path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ran := filepath.Join(t.TempDir(), "ran")
	tool := made(t, Tool{
		Command: script(t, "touch "+ran+`; echo "$1"`), Args: []string{"{v}", "{n}", "{file}", "--", "{rest...}", "{word}"},
		Input: map[string]Field{
			"v": {Optional: true}, "n": {Type: "integer", Optional: true}, "file": {Under: root, Optional: true}, "rest": {Type: "list", Optional: true},
			"word": {Pattern: "[a-z]+", Optional: true}, "one": {Enum: []string{"a", "b"}, Optional: true}, "short": {MaxBytes: 3, Optional: true},
			"num": {Type: "number", Optional: true}, "yes": {Type: "boolean", Optional: true},
		},
	})
	for _, input := range []string{
		`{"v": "--option"}`, `{"v": "-"}`, `{"n": -5}`, `{"v": "a\u0000b"}`, `{"v": {"a": 1}}`, `{"v": ["a"]}`, `{"v": 5}`, `{"other": "x"}`, `[]`, `"x"`, `{`,
		`{"n": 1.5}`, `{"n": "5"}`, `{"n": 99999999999999999999}`, `{"num": "5"}`, `{"yes": "true"}`, `{"rest": "x"}`, `{"rest": ["a", 1]}`, `{"word": "a b"}`,
		`{"word": "a\n"}`, `{"word": ""}`, `{"one": "c"}`, `{"short": "long"}`,
		`{"file": "../etc/passwd"}`, `{"file": "/etc/passwd"}`, `{"file": "out/passwd"}`, `{"file": "in/../../x"}`, `{"file": "nowhere/x"}`, `{"file": ""}x`,
		`{"v": "` + strings.Repeat("x", maxField+1) + `"}`,
	} {
		_, err := tool.call(t.Context(), writes, json.RawMessage(input))
		e := codeOf(t, err)
		if e.Code != cordum.CodeInvalidInput || e.Kind != cordum.KindFatal {
			t.Errorf("%.60s: %v", input, err)
		}
		if strings.Contains(err.Error(), "passwd") {
			t.Errorf("%s is repeated: %v", input, err)
		}
		if _, statErr := os.Stat(ran); statErr == nil {
			t.Fatalf("%.60s: the program was run", input)
		}
	}
	for input, want := range map[string]string{
		`{"v": "x"}`: "x", `{"file": "file"}`: filepath.Join(root, "file"), `{"file": "in/file"}`: filepath.Join(root, "file"),
		`{"file": "new"}`: filepath.Join(root, "new"), `{"rest": ["--fine"]}`: "--", `{}`: "--", `{"v": null, "n": 7}`: "7",
	} {
		out, err := tool.call(t.Context(), writes, json.RawMessage(input))
		if err != nil {
			t.Errorf("%s: %v", input, err)
		} else if got := lines(t, out); got[0] != want {
			t.Errorf("%s gives %q, want %q", input, got[0], want)
		}
	}
}

// TestEnvironment: a program sees what it is given, and nothing else of the worker's.
func TestEnvironment(t *testing.T) {
	t.Setenv("CORDUM_TEST_PASSED", "passed")
	t.Setenv("CORDUM_TEST_SECRET", "s3cret-value")
	tool := made(t, Tool{
		Command: script(t, `env; cat; pwd`), PassEnv: []string{"CORDUM_TEST_PASSED"}, Stdin: "input",
		Env: map[string]string{"NAME": "is {name}", "ABSENT": "{absent}", "KEY": "{job.key}"}, Input: map[string]Field{"name": {}, "absent": {Optional: true}},
	})
	out, err := tool.call(t.Context(), writes, json.RawMessage(`{"name": "a\nb"}`))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines(t, out), "\n")
	for _, want := range []string{"CORDUM_TEST_PASSED=passed", "NAME=is a\nb", "KEY=key", `{"name": "a\nb"}`, "cordum-exec-"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, none := range []string{"CORDUM_TEST_SECRET", "ABSENT", "HOME="} {
		if strings.Contains(text, none) {
			t.Errorf("%q is in\n%s", none, text)
		}
	}
}

// TestSecretsAreHidden: not in an output, and not in an error.
func TestSecretsAreHidden(t *testing.T) {
	t.Setenv("CORDUM_TEST_SECRET", "s3cret-value")
	for _, text := range []string{`echo "$CORDUM_TEST_SECRET"`, `echo "$CORDUM_TEST_SECRET" >&2; exit 3`} {
		c := Config{PassEnv: []string{"CORDUM_TEST_SECRET"}, SecretEnv: []string{"CORDUM_TEST_SECRET"}, Tools: []Tool{{Pack: "p", Tool: "t", Command: script(t, text)}}}
		if err := c.check(); err != nil {
			t.Fatal(err)
		}
		tools, err := c.tools(os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tools[0].call(t.Context(), writes, nil)
		if all := fmt.Sprint(out, err); strings.Contains(all, "s3cret") || !strings.Contains(all, "[redacted]") {
			t.Errorf("%s gives %s", text, all)
		}
	}
}

// TestExitCodes: what a code means is for the configuration to say.
func TestExitCodes(t *testing.T) {
	tool := made(t, Tool{
		Command: script(t, `echo said >&2; [ "$1" = kill ] && kill -9 $$; exit "$1"`), Args: []string{"{code}"}, Input: map[string]Field{"code": {}},
		ExitCodes: map[string]string{"3": "ok", "75": "retryable:busy", "9": "retryable"},
	})
	for code, want := range map[string]struct {
		kind cordum.Kind
		code string
	}{
		"1": {cordum.KindFatal, "exit_1"}, "75": {cordum.KindRetryable, "busy"}, "9": {cordum.KindRetryable, "exit_9"}, "kill": {cordum.KindFatal, "signal"},
	} {
		_, err := tool.call(t.Context(), writes, json.RawMessage(`{"code": "`+code+`"}`))
		if e := codeOf(t, err); e.Kind != want.kind || e.Code != want.code || !strings.Contains(err.Error(), "said") {
			t.Errorf("%s: %v, kind %d", code, err, e.Kind)
		}
	}
	for _, code := range []string{"0", "3"} {
		if _, err := tool.call(t.Context(), writes, json.RawMessage(`{"code": "`+code+`"}`)); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// TestOutput: stdout is text, JSON or log, and a flood is stopped.
func TestOutput(t *testing.T) {
	asJSON := made(t, Tool{Command: script(t, `printf '%s' "$1"`), Args: []string{"{v}"}, Input: map[string]Field{"v": {}}, Output: "json"})
	out, err := asJSON.call(t.Context(), writes, json.RawMessage(`{"v": "{\"a\": [1]}"}`))
	if raw, ok := out.(json.RawMessage); err != nil || !ok || string(raw) != `{"a": [1]}` {
		t.Errorf("JSON: %v, %v", out, err)
	}
	_, err = asJSON.call(t.Context(), writes, json.RawMessage(`{"v": "nope"}`))
	if e := codeOf(t, err); e.Code != CodeInvalidOutput {
		t.Errorf("no JSON: %v", err)
	}
	flood := made(t, Tool{Command: script(t, `exec dd if=/dev/zero bs=1M count=1024`)})
	began := time.Now()
	_, err = flood.call(t.Context(), writes, nil)
	if e := codeOf(t, err); e.Code != CodeOutputTooLarge || time.Since(began) > 30*time.Second {
		t.Errorf("a flood of 1 GiB: %v after %s", err, time.Since(began))
	}
}

// alive tells whether a process runs. One that has ended and waits for init to notice does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// eventually waits for a condition, with a deadline.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// pidIn reads a process's id from a file that it wrote.
func pidIn(t *testing.T, path string) (pid int) {
	t.Helper()
	eventually(t, "the program has started", func() bool {
		raw, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(string(raw), "\n") {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(raw)))
		return err == nil
	})
	return pid
}

// TestStopEndsTheGroup: who is cancelled, and what it started, is gone; what it did is unknown unless it only reads.
func TestStopEndsTheGroup(t *testing.T) {
	for _, effect := range []string{"write", "read"} {
		for _, stubborn := range []bool{false, true} {
			t.Run(fmt.Sprint(effect, " stubborn ", stubborn), func(t *testing.T) {
				pids := filepath.Join(t.TempDir(), "pid")
				ignore := ""
				if stubborn {
					ignore = "trap '' TERM; "
				}
				tool := made(t, Tool{
					Command: script(t, ignore+"sleep 1000 & echo $! > "+pids+"; wait; wait; while :; do sleep 1; done"),
					Effect:  effect, Grace: Duration(100 * time.Millisecond),
				})
				ctx, cancel := context.WithCancel(t.Context())
				failed := make(chan error, 1)
				go func() { _, err := tool.call(ctx, cordum.Job{Effect: effect}, nil); failed <- err }()
				child := pidIn(t, pids)
				cancel()
				err := <-failed
				eventually(t, "the child is gone", func() bool { return !alive(child) })
				if effect == "read" {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("a reader that was stopped: %v", err)
					}
					return
				}
				if e := codeOf(t, err); e.Code != CodeKilled || e.Details == nil || errors.Is(err, context.Canceled) {
					t.Errorf("a writer that was stopped: %v", err)
				}
			})
		}
	}
}

// TestTimeout: a program that takes too long is stopped.
func TestTimeout(t *testing.T) {
	tool := made(t, Tool{Command: script(t, "exec sleep 1000"), Timeout: Duration(50 * time.Millisecond), Effect: "read"})
	_, err := tool.call(t.Context(), writes, nil)
	if e := codeOf(t, err); e.Code != CodeTimeout || e.Kind != cordum.KindRetryable {
		t.Errorf("%v", err)
	}
}

// TestForkBomb: processes that start processes end with their group, also when the first one has ended before.
func TestForkBomb(t *testing.T) {
	dir := t.TempDir()
	tool := made(t, Tool{Command: script(t, `for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 1000 & echo $! > `+dir+`/$i; sleep 1000) >/dev/null 2>&1 & done; while [ $(ls `+dir+` | wc -l) -lt 10 ]; do sleep 0.05; done`)})
	if _, err := tool.call(t.Context(), writes, nil); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 10; i++ {
		pid := pidIn(t, filepath.Join(dir, strconv.Itoa(i)))
		eventually(t, "what was left behind is gone", func() bool { return !alive(pid) })
	}
}
