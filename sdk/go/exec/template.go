package exec

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	envName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	codeWord  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// jobWords are what a template can say of the job.
var jobWords = []string{"job.id", "job.key", "job.run_id", "job.step_id", "job.attempt"}

// reserved are variables that say which code a program runs: no job fills them in.
var reserved = regexp.MustCompile(`^(LD_.*|DYLD_.*|PATH|IFS|ENV|BASH_.*|SHELLOPTS|PS4|PYTHON.*|PERL.*|RUBY.*|NODE_.*|GIT_.*|JAVA_TOOL_OPTIONS|HOME|TMPDIR)$`)

// piece is a part of a template: a literal text, or a name that stands for a value.
type piece struct {
	text string
	name string
}

// template is a text with names in it.
type template struct {
	pieces []piece
	spread bool // {name...}: each entry of a list by itself
}

// parseTemplate reads {name}, {name...} and {{.
func parseTemplate(s string) (template, error) {
	var t template
	var text strings.Builder
	whole := s
	for s != "" {
		switch {
		case strings.HasPrefix(s, "{{"):
			text.WriteByte('{')
			s = s[2:]
		case s[0] == '{':
			name, rest, ok := strings.Cut(s[1:], "}")
			if !ok {
				return t, fmt.Errorf("%q: a brace is not closed; write {{ for a brace", whole)
			}
			name, spread := strings.CutSuffix(name, "...")
			if spread && (s != whole || rest != "") {
				return t, fmt.Errorf("%q: {%s...} stands alone", whole, name)
			}
			if !fieldName.MatchString(name) && !slices.Contains(jobWords, name) {
				return t, fmt.Errorf("%q: {%s} names no field; write {{ for a brace", whole, name)
			}
			if text.Len() > 0 {
				t.pieces = append(t.pieces, piece{text: text.String()})
				text.Reset()
			}
			t.pieces, t.spread, s = append(t.pieces, piece{name: name}), spread, rest
		default:
			text.WriteByte(s[0])
			s = s[1:]
		}
	}
	if text.Len() > 0 || len(t.pieces) == 0 {
		t.pieces = append(t.pieces, piece{text: text.String()})
	}
	return t, nil
}

// names are the fields that a template stands for.
func (t template) names() (out []string) {
	for _, p := range t.pieces {
		if p.name != "" {
			out = append(out, p.name)
		}
	}
	return out
}

// foreign tells whether the text begins with what a job says.
func (t template) foreign() bool {
	return t.pieces[0].name != "" || t.pieces[0].text == "" && len(t.pieces) > 1
}

// fill puts values into a template; ok is false when one is not there.
func (t template) fill(values map[string]value) (text string, ok bool) {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		v, has := values[p.name]
		if !has {
			return "", false
		}
		b.WriteString(v.text)
	}
	return b.String(), true
}

// interpreters run what stands behind one of these options as a program.
var (
	interpreters = regexp.MustCompile(`^(sh|ash|bash|dash|zsh|ksh|fish|busybox|env|xargs|python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node|nodejs|php[0-9.]*|lua[0-9.]*|awk|gawk|mawk|sudo|su|ssh|eval)$`)
	codeOptions  = []string{"-c", "-e", "-E", "-r", "-S", "--eval", "--command", "-p", "--print"}
)

// checkTexts says what is wrong with a tool's templates and fields.
func (t *Tool) checkTexts() (problems []error) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	used := func(where, text string) template {
		parsed, err := parseTemplate(text)
		if err != nil {
			say("%s: %w", where, err)
			return template{pieces: []piece{{}}}
		}
		for _, name := range parsed.names() {
			f, declared := t.Input[name]
			switch {
			case slices.Contains(jobWords, name):
			case !declared:
				say("%s: {%s} is no field of input", where, name)
			case parsed.spread != (f.Type == "list"):
				say("%s: a list, and nothing else, is written {%s...}", where, name)
			}
		}
		return parsed
	}
	for i, arg := range t.Args {
		parsed := used(fmt.Sprintf("args[%d]", i), arg)
		if i > 0 && len(parsed.names()) > 0 && interpreters.MatchString(filepath.Base(t.Command)) && slices.Contains(codeOptions, t.Args[i-1]) {
			say("args[%d]: %s would run what a job sends as a program: give it as an argument of its own, or on stdin", i, t.Command)
		}
	}
	if t.Stdin != "input" && used("stdin", t.Stdin).spread {
		say("stdin: a list cannot be written there")
	}
	for name, text := range t.Env {
		parsed := used("env."+name, text)
		switch {
		case !envName.MatchString(name):
			say("env: %q is no name of a variable", name)
		case parsed.spread:
			say("env.%s: a list cannot be written there", name)
		case len(parsed.names()) > 0 && reserved.MatchString(name):
			say("env.%s: it says what code runs: no job fills it in", name)
		}
	}
	for _, name := range t.PassEnv {
		if !envName.MatchString(name) {
			say("pass_env: %q is no name of a variable", name)
		}
	}
	for name, f := range t.Input {
		if err := f.check(name); err != nil {
			say("input.%s: %w", name, err)
		}
	}
	return problems
}

func (f Field) check(name string) error {
	textual := f.Type == "" || f.Type == "string" || f.Type == "list"
	switch {
	case !fieldName.MatchString(name):
		return errors.New("a field's name is letters, digits and _, and begins with no digit")
	case !textual && !slices.Contains([]string{"integer", "number", "boolean"}, f.Type):
		return fmt.Errorf("type is %q, it can be string, integer, number, boolean or list", f.Type)
	case !textual && (f.Pattern != "" || len(f.Enum) > 0 || f.Under != "" || f.MaxBytes != 0):
		return errors.New("pattern, enum, under and max_bytes are for texts")
	case f.MaxBytes < 0 || f.MaxBytes > maxStdin:
		return fmt.Errorf("max_bytes is %d, 1 to %d can be", f.MaxBytes, maxStdin)
	case f.Under != "" && !filepath.IsAbs(f.Under):
		return fmt.Errorf("under %q is no absolute path", f.Under)
	}
	if _, err := regexp.Compile(f.Pattern); err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	return nil
}
