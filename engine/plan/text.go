package plan

import (
	"fmt"
	"strings"
	"unicode"
)

// String is a finding in the form that editors and build tools jump to:
//
//	flow.yaml:14:7 error CW036 there is no step "pak" to depend on (did you mean "pack"?)
func (f Finding) String() string {
	place := f.File
	if place == "" {
		place = "-"
	}
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", place, f.Line, f.Column)
	}
	name := f.Code
	if name == "" {
		name = f.Rule
	}
	line := fmt.Sprintf("%s %s %s %s", place, f.Severity, name, f.Message)
	if f.Hint != "" {
		line += fmt.Sprintf(" (did you mean %q?)", f.Hint)
	}
	return oneLine(line)
}

// Text is all findings for a terminal: each line with the place in the file below it.
func Text(list []Finding) string {
	var out strings.Builder
	for _, f := range list {
		out.WriteString(f.String())
		out.WriteByte('\n')
		for line := range strings.Lines(f.Snippet) {
			out.WriteString("  " + strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return out.String()
}

// oneLine takes out what a terminal would act on.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\ufffd'
		}
		return r
	}, s)
}
