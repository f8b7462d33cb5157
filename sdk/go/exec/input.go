package exec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	cordum "cordum.dev/cordum/sdk/go"
)

// value is what a name in a template stands for: a text, or several.
type value struct {
	text string
	list []string
}

// codeInvalidInput is the library's word for an input that is not what the tool takes.
const codeInvalidInput = cordum.CodeInvalidInput

// readInput checks a job's input against what the tool declares. An error is final and repeats no value.
func (t *tool) readInput(job cordum.Job, input json.RawMessage) (map[string]value, error) {
	var raw map[string]json.RawMessage
	if len(bytes.TrimSpace(input)) > 0 && json.Unmarshal(input, &raw) != nil {
		return nil, cordum.Fatal(codeInvalidInput, errors.New("the input is no object"))
	}
	for name := range raw {
		if _, declared := t.Input[name]; !declared {
			return nil, cordum.Fatal(codeInvalidInput, fmt.Errorf("input field %q is not one that the tool takes", clip(name)))
		}
	}
	values := map[string]value{
		"job.id": {text: job.ID}, "job.key": {text: job.Key}, "job.run_id": {text: job.RunID}, "job.step_id": {text: job.StepID},
		"job.attempt": {text: strconv.Itoa(job.Attempt)},
	}
	for name, f := range t.Input {
		part, given := raw[name]
		if !given || string(part) == "null" {
			if !f.Optional {
				return nil, cordum.Fatal(codeInvalidInput, fmt.Errorf("input field %q is missing", name))
			}
			continue
		}
		v, err := t.readField(name, f, part)
		if err != nil {
			return nil, cordum.Fatal(codeInvalidInput, fmt.Errorf("input field %q %w", name, err))
		}
		values[name] = v
	}
	return values, nil
}

// readField reads one value; the error goes on from the field's name.
func (t *tool) readField(name string, f Field, raw json.RawMessage) (v value, err error) {
	switch f.Type {
	case "integer":
		var n int64
		err = json.Unmarshal(raw, &n)
		v.text = strconv.FormatInt(n, 10)
	case "number":
		var n json.Number
		if raw[0] == '"' {
			return v, errors.New("is no number")
		}
		err = json.Unmarshal(raw, &n)
		v.text = n.String()
	case "boolean":
		var b bool
		err = json.Unmarshal(raw, &b)
		v.text = strconv.FormatBool(b)
	case "list":
		if err = json.Unmarshal(raw, &v.list); err == nil {
			for i := range v.list {
				if v.list[i], err = t.readText(name, f, v.list[i]); err != nil {
					return v, err
				}
			}
		}
	default:
		if err = json.Unmarshal(raw, &v.text); err == nil {
			v.text, err = t.readText(name, f, v.text)
			return v, err
		}
	}
	if err != nil {
		return v, fmt.Errorf("is no %s", orWord(f.Type, "string"))
	}
	return v, nil
}

// readText checks a text. A path is answered as it is with its links followed.
func (t *tool) readText(name string, f Field, s string) (string, error) {
	most := f.MaxBytes
	if most == 0 {
		most = maxField
	}
	switch {
	case len(s) > most:
		return s, fmt.Errorf("has %d bytes, at most %d are taken", len(s), most)
	case strings.IndexByte(s, 0) >= 0:
		return s, errors.New("has a NUL in it")
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, s):
		return s, errors.New("is none of what it can be")
	case f.Pattern != "" && !t.patterns[name].MatchString(s):
		return s, errors.New("does not match its pattern")
	case f.Under != "":
		return below(f.Under, s)
	}
	return s, nil
}

// wholly makes of an expression one that matches whole texts.
func wholly(expr string) *regexp.Regexp { return regexp.MustCompile(`\A(?:` + expr + `)\z`) }

// below answers where a path leads, if that is below a folder. Of a file that is not there yet, its folder has to be.
func below(root, path string) (string, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", errors.New("cannot be looked up: the folder it has to be in is not there")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		dir, dirErr := filepath.EvalSymlinks(filepath.Dir(path))
		if dirErr != nil || !isNew(path) {
			return "", errors.New("is no path that can be looked up")
		}
		real = filepath.Join(dir, filepath.Base(path))
	}
	rest, err := filepath.Rel(root, real)
	if err != nil || rest == ".." || strings.HasPrefix(rest, ".."+string(filepath.Separator)) {
		return "", errors.New("leads out of the folder that it has to be in")
	}
	return real, nil
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func clip(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.ToValidUTF8(s, "?")
}
