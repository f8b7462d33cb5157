package exec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Config says who the worker is and which commands it runs. It is read from YAML or JSON by [Parse].
type Config struct {
	// ID, Pool, Capacity, Capabilities and Labels are those of cordum.WorkerConfig.
	ID           string            `json:"id"`
	Pool         string            `json:"pool"`
	Capacity     int               `json:"capacity"`
	Capabilities []string          `json:"capabilities"`
	Labels       map[string]string `json:"labels"`
	// PassEnv are names of the worker's own environment that every program sees. Nothing else of it is handed on.
	PassEnv []string `json:"pass_env"`
	// SecretEnv are names of it, passed or not, whose values no log and no output shows.
	SecretEnv []string `json:"secret_env"`
	Tools     []Tool   `json:"tools"`
}

// Tool is a command and what a job may say to it.
type Tool struct {
	// Pack and Tool, or Topic, say which jobs it serves.
	Pack  string `json:"pack"`
	Tool  string `json:"tool"`
	Topic string `json:"topic"`
	// Command is a program: an absolute path, or a name that is looked up in PATH once, at the start. It and the folder it is in
	// must not be writable by everybody. SHA256, in hexadecimal, is what it must be; empty: anything.
	Command string `json:"command"`
	SHA256  string `json:"sha256"`
	// Args are templates: {name} stands for a field of Input, {name...} alone for each entry of a list as an argument of its
	// own, {job.id}, {job.key}, {job.run_id}, {job.step_id} and {job.attempt} for what the job is, {{ for a brace. An argument
	// with a field that is not there is left out, one whose value begins with "-" refused, unless it follows "--" or AllowDash
	// says that it is meant.
	Args      []string `json:"args"`
	AllowDash bool     `json:"allow_dash"`
	// Stdin is a template too, or "input" for the whole input as JSON. Default: nothing.
	Stdin string `json:"stdin"`
	// Env is what the program sees besides PassEnv: templates by name.
	Env     map[string]string `json:"env"`
	PassEnv []string          `json:"pass_env"`
	// Input are the fields that a job may send; others are refused.
	Input map[string]Field `json:"input"`
	// Dir is an absolute path. Default: an empty folder that is removed afterwards.
	Dir string `json:"dir"`
	// Timeout is how long the program may run; the job's own limit holds, too. Default 10m. Grace is what it has to end by
	// itself before it is killed with all of its process group; default 5s.
	Timeout Duration `json:"timeout"`
	Grace   Duration `json:"grace"`
	// Output says what becomes of stdout: "text" (default; {"stdout": …, "exit_code": …}), "json" (it is the output) or "log"
	// (it goes to the job's log). A program that writes more than MaxOutput bytes that are kept is
	// stopped; default 1 MiB.
	Output    string `json:"output"`
	MaxOutput int    `json:"max_output"`
	// ExitCodes says what codes mean: "ok", "retryable" or "fatal", with a word for the error's code behind a colon:
	// "retryable:busy". Default: 0 is ok, and others fail as OnExit says: "retryable" or "fatal" (default).
	ExitCodes map[string]string `json:"exit_codes"`
	OnExit    string            `json:"on_exit"`
	// Effect is what the command does to the world: none, read, write (default) or irreversible. A job whose step claims less
	// is refused as effect_mismatch, and so is one that may be run twice where Idempotent does not say that this is harmless;
	// of none and read it is.
	Effect     string `json:"effect"`
	Idempotent bool   `json:"idempotent"`
	// RiskTags are told to people with the worker's labels.
	RiskTags []string `json:"risk_tags"`
	// Concurrency is how many of its jobs run together; default: the worker's capacity.
	Concurrency int    `json:"concurrency"`
	Limits      Limits `json:"limits"`
}

// Field is what one field of the input may be.
type Field struct {
	// Type is string (default), integer, number, boolean or list (of strings).
	Type     string `json:"type"`
	Optional bool   `json:"optional"`
	// Pattern is an expression of RE2 that the whole text must match; Enum lists what it may be.
	Pattern string   `json:"pattern"`
	Enum    []string `json:"enum"`
	// MaxBytes bounds a text; default 64 KiB.
	MaxBytes int `json:"max_bytes"`
	// Under is a folder: the text is a path that, links followed, stays below it.
	Under string `json:"under"`
}

// Limits are what the kernel allows a program, on Linux; 0 leaves a limit as it is.
type Limits struct {
	CPUSeconds  uint64 `json:"cpu_seconds"`
	MemoryBytes uint64 `json:"memory_bytes"` // of address space
	FileBytes   uint64 `json:"file_bytes"`   // of a file that it writes
	OpenFiles   uint64 `json:"open_files"`   // at once
	Processes   uint64 `json:"processes"`    // of the worker's user, all together
}

// Duration is a time as people write it: "90s", "10m".
type Duration time.Duration

// UnmarshalJSON reads a text such as "90s".
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New(`a duration is a text such as "90s"`)
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no duration: write it like 90s or 10m", text)
	}
	*d = Duration(v)
	return nil
}

// Parse reads a configuration, YAML or JSON. What it does not know is an error. Whether programs are there is for [New] to see.
func Parse(src []byte) (*Config, error) {
	if len(src) > maxConfig {
		return nil, fmt.Errorf("the configuration has %d bytes, at most %d are read", len(src), maxConfig)
	}
	node, err := yamlx.Parse(src, yamlx.Auto)
	if err != nil {
		return nil, err
	}
	text, err := yamlx.AppendCanonical(nil, node.Value())
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	c := new(Config)
	if err := dec.Decode(c); err != nil {
		return nil, fmt.Errorf("the configuration: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the configuration is one document")
	}
	return c, c.check()
}

func (c *Config) check() error {
	if len(c.Tools) == 0 || len(c.Tools) > maxTools {
		return fmt.Errorf("the configuration lists %d tools, 1 to %d can be", len(c.Tools), maxTools)
	}
	var problems []error
	for _, name := range append(append([]string{}, c.PassEnv...), c.SecretEnv...) {
		if !envName.MatchString(name) {
			problems = append(problems, fmt.Errorf("pass_env, secret_env: %q is no name of a variable", name))
		}
	}
	for i := range c.Tools {
		t := &c.Tools[i]
		for _, err := range t.check() {
			problems = append(problems, fmt.Errorf("tools[%d] (%s): %w", i, t.topic(), err))
		}
	}
	return errors.Join(problems...)
}

// Topics lists what the tools serve, in the order of the configuration.
func (c *Config) Topics() []string {
	out := make([]string, len(c.Tools))
	for i := range c.Tools {
		out[i] = c.Tools[i].topic()
	}
	return out
}

func (t *Tool) topic() string {
	if t.Topic != "" {
		return t.Topic
	}
	return "job." + t.Pack + "." + t.Tool
}

// check fills in defaults and says what is wrong.
func (t *Tool) check() (problems []error) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if (t.Topic == "") == (t.Pack == "" || t.Tool == "") {
		say("say pack and tool, or topic")
	}
	if t.Command == "" {
		say("command is missing")
	}
	within := func(name string, d *Duration, usual, most time.Duration) {
		if *d == 0 {
			*d = Duration(usual)
		}
		if time.Duration(*d) > most {
			say("%s is %s, at most %s can be", name, time.Duration(*d), most)
		}
	}
	within("timeout", &t.Timeout, defaultTimeout, maxTimeout)
	within("grace", &t.Grace, defaultGrace, maxGrace)
	one := func(name string, v *string, usual string, others ...string) {
		if *v == "" {
			*v = usual
		}
		if *v != usual && !slices.Contains(others, *v) {
			say("%s is %q, it can be %s or %s", name, *v, usual, strings.Join(others, ", "))
		}
	}
	one("output", &t.Output, "text", "json", "log")
	one("on_exit", &t.OnExit, "fatal", "retryable")
	one("effect", &t.Effect, "write", "none", "read", "irreversible")
	if t.MaxOutput == 0 {
		t.MaxOutput = defaultOutput
	}
	if t.MaxOutput < 0 || t.MaxOutput > maxOutput {
		say("max_output is %d bytes, 1 to %d can be", t.MaxOutput, maxOutput)
	}
	if t.Concurrency < 0 {
		say("concurrency is negative")
	}
	if t.Dir != "" && !strings.HasPrefix(t.Dir, "/") {
		say("dir %q is no absolute path", t.Dir)
	}
	for code, meaning := range t.ExitCodes {
		if n, err := strconv.Atoi(code); err != nil || n < 0 || n > 255 {
			say("exit_codes: %q is no exit code", code)
		}
		if kind, word, named := strings.Cut(meaning, ":"); !slices.Contains([]string{"ok", "retryable", "fatal"}, kind) || (named && !codeWord.MatchString(word)) {
			say("exit_codes: %q means %q, want ok, retryable or fatal, and behind a colon a word", code, meaning)
		}
	}
	return append(problems, t.checkTexts()...)
}
