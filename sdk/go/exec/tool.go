//go:build unix

package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	cordum "cordum.dev/cordum/sdk/go"
)

// Codes of failures, besides the library's and those that exit codes are given.
const (
	CodeEffectMismatch = "effect_mismatch"  // the job's step claims less than the tool does; nothing was run
	CodeUnsafeProgram  = "unsafe_program"   // the program is not what was configured, or others can change it; nothing was run
	CodeNotStarted     = "not_started"      // the program could not be started
	CodeTimeout        = cordum.CodeTimeout // the tool's own timeout passed
	CodeKilled         = "killed"           // it was stopped: whether it had its effect is unknown
	CodeOutputTooLarge = cordum.CodeOutputTooLarge
	CodeInvalidOutput  = cordum.CodeInvalidOutput
)

// tool is a Tool that was checked against the machine.
type tool struct {
	Tool
	program  *program
	args     []template
	stdin    template
	env      map[string]template
	patterns map[string]*regexp.Regexp
	passed   []string // NAME=value
	secrets  []string
	places   chan struct{} // a token for each job that runs
}

// errOwnTimeout is the cause of a context that ends because the tool's timeout passed.
var errOwnTimeout = errors.New("the tool's timeout passed")

// textOutput is the output of a tool whose stdout is text.
type textOutput struct {
	Stdout   string `json:"stdout"`
	ExitCode int    `json:"exit_code"`
}

// call does one job.
func (t *tool) call(ctx context.Context, job cordum.Job, input json.RawMessage) (any, error) {
	job.Redact(t.secrets...)
	if err := t.admits(job); err != nil {
		return nil, err
	}
	r, err := t.prepare(job, input)
	if err != nil {
		return nil, err
	}
	select {
	case t.places <- struct{}{}:
		defer func() { <-t.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := t.program.check(); err != nil {
		return nil, cordum.Fatal(CodeUnsafeProgram, err)
	}
	if r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "cordum-exec-"); err != nil {
			return nil, cordum.Retryable(CodeNotStarted, err)
		}
		defer os.RemoveAll(r.dir)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(t.Timeout), errOwnTimeout)
	defer cancel()
	e := r.do(ctx)
	return t.outcome(ctx, job, e)
}

// effects from the mildest on.
var effects = map[string]int{"none": 1, "read": 2, "write": 3, "irreversible": 4}

// admits refuses a job whose step claims less than the tool does.
func (t *tool) admits(job cordum.Job) error {
	if effects[job.Effect] < effects[t.Effect] {
		return cordum.Fatal(CodeEffectMismatch, fmt.Errorf("the step claims the effect %q, the tool's is %q: say effect: %s",
			orWord(job.Effect, "nothing"), t.Effect, t.Effect))
	}
	if job.MayRepeat && !t.Idempotent && effects[t.Effect] > effects["read"] {
		return cordum.Fatal(CodeEffectMismatch, errors.New("the step says that it is idempotent, the tool is not: say idempotent: false"))
	}
	return nil
}

// prepare makes of a job what is run.
func (t *tool) prepare(job cordum.Job, input json.RawMessage) (*run, error) {
	values, err := t.readInput(job, input)
	if err != nil {
		return nil, err
	}
	r := &run{
		path: t.program.path, dir: t.Dir, most: t.MaxOutput, grace: time.Duration(t.Grace), limits: t.Limits, env: t.passed,
		stderr: job.Stderr(),
	}
	if t.Output == "log" {
		r.stdout = job.Stdout()
	}
	if r.args, err = t.arguments(values); err != nil {
		return nil, cordum.Fatal(codeInvalidInput, err)
	}
	if err := t.fillEnv(r, values); err != nil {
		return nil, cordum.Fatal(codeInvalidInput, err)
	}
	if t.Stdin == "input" {
		r.stdin = input
	} else if text, ok := t.stdin.fill(values); ok {
		r.stdin = []byte(text)
	}
	return r, nil
}

// arguments fills in the templates. What a job says is no option, unless that is meant.
func (t *tool) arguments(values map[string]value) (args []string, err error) {
	dash, size := t.AllowDash, 0
	add := func(arg string, foreign bool) {
		size += len(arg) + 1
		switch {
		case err != nil:
		case foreign && !dash && strings.HasPrefix(arg, "-"):
			err = errors.New("a value begins with \"-\": the program would take it for an option")
		case len(arg) > maxArg || size > maxArgs:
			err = fmt.Errorf("the arguments are too long: one has at most %d bytes, all together %d", maxArg, maxArgs)
		}
		args = append(args, arg)
	}
	for _, a := range t.args {
		if a.spread {
			for _, entry := range values[a.pieces[0].name].list {
				add(entry, true)
			}
			continue
		}
		text, ok := a.fill(values)
		if !ok {
			continue
		}
		add(text, a.foreign())
		dash = dash || (text == "--" && len(a.names()) == 0)
	}
	return args, err
}

func (t *tool) fillEnv(r *run, values map[string]value) error {
	r.env = append([]string{}, t.passed...)
	size := 0
	for name, tpl := range t.env {
		text, ok := tpl.fill(values)
		if !ok {
			continue
		}
		if size += len(name) + len(text) + 2; len(text) > maxArg || size > maxArgs {
			return errors.New("the environment is too large")
		}
		r.env = append(r.env, name+"="+text)
	}
	return nil
}

// outcome says what an end means.
func (t *tool) outcome(ctx context.Context, job cordum.Job, e ended) (any, error) {
	switch {
	case e.err != nil:
		return nil, cordum.Retryable(CodeNotStarted, e.err)
	case e.stopped != nil:
		return nil, t.stopped(ctx, e)
	}
	kind, code := t.meaning(e)
	if kind != "ok" {
		err := fmt.Errorf("%s%s", howEnded(e), t.hush(said(e)))
		if kind == "retryable" {
			return nil, cordum.Retryable(code, err)
		}
		return nil, cordum.Fatal(code, err)
	}
	switch t.Output {
	case "json":
		if out := t.hush(string(e.stdout)); json.Valid([]byte(out)) && utf8.ValidString(out) {
			return json.RawMessage(out), nil
		}
		return nil, cordum.Fatal(CodeInvalidOutput, errors.New("what it wrote is no JSON"))
	case "log":
		return map[string]int{"exit_code": e.code}, nil
	}
	return textOutput{Stdout: t.hush(strings.ToValidUTF8(string(e.stdout), "\uFFFD")), ExitCode: e.code}, nil
}

// stopped is the failure of a program that was stopped. Unless it only reads, nobody knows how far it came.
func (t *tool) stopped(ctx context.Context, e ended) error {
	harmless := effects[t.Effect] <= effects["read"]
	var details any
	if !harmless {
		details = map[string]string{"outcome": "unknown"}
	}
	kind := cordum.KindFatal
	if harmless || t.Idempotent {
		kind = cordum.KindRetryable
	}
	switch {
	case errors.Is(e.stopped, errFlood):
		return &cordum.Error{Kind: cordum.KindFatal, Code: CodeOutputTooLarge, Err: fmt.Errorf("it was stopped: it wrote more than %d bytes", t.MaxOutput), Details: details}
	case errors.Is(e.stopped, errOwnTimeout):
		return &cordum.Error{Kind: kind, Code: CodeTimeout, Err: fmt.Errorf("it was stopped after %s%s", time.Duration(t.Timeout), t.hush(said(e))), Details: details}
	case harmless:
		return ctx.Err()
	}
	return &cordum.Error{Kind: kind, Code: CodeKilled, Err: fmt.Errorf("it was stopped: %w%s", hidden{e.stopped}, t.hush(said(e))), Details: details}
}

// hidden is an error whose text alone is told: that a context ended would say that nothing was left behind.
type hidden struct{ err error }

func (h hidden) Error() string { return h.err.Error() }

// meaning is what an exit code means.
func (t *tool) meaning(e ended) (kind, code string) {
	code = "exit_" + strconv.Itoa(e.code)
	if e.signal != "" {
		return t.OnExit, "signal"
	}
	said, known := t.ExitCodes[strconv.Itoa(e.code)]
	switch {
	case known:
		kind, word, named := strings.Cut(said, ":")
		if named {
			code = word
		}
		return kind, code
	case e.code == 0:
		return "ok", ""
	}
	return t.OnExit, code
}

func howEnded(e ended) string {
	if e.signal != "" {
		return "it was ended by a signal: " + e.signal
	}
	return "it ended with code " + strconv.Itoa(e.code)
}

// said is the end of what it wrote as errors.
func said(e ended) string {
	if text := strings.TrimSpace(strings.ToValidUTF8(string(e.said), "\uFFFD")); text != "" {
		return ": " + text
	}
	return ""
}

// hush hides the worker's secrets in a text.
func (t *tool) hush(s string) string {
	for _, secret := range t.secrets {
		s = strings.ReplaceAll(s, secret, "[redacted]")
	}
	return s
}
