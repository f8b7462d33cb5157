package plan

import (
	"cmp"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// Finding is one thing that lint reports. Its JSON is stable.
type Finding struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"` // from 1; absent when no place can be named
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // error: refused; warning: accepted
	Code     string `json:"code"`
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`     // the name probably meant
	Location string `json:"location,omitempty"` // JSON pointer into the definition
	Snippet  string `json:"snippet,omitempty"`  // the line with a caret below it
	Docs     string `json:"docs,omitempty"`     // page of the rule, relative to the documentation's repository
}

// Options say what else lint needs to know.
type Options struct {
	// File is the name that findings carry; "" for none.
	File string
	// OneShot: the definition may have neither id nor name, as for steps.Load.
	OneShot bool
	// Lookup answers another workflow by its id, for what leads from one to the next; nil, or a nil answer, when it is
	// not known: nothing is said of it then.
	Lookup func(id string) *steps.Workflow
}

// Lint checks a definition: all errors of the language, which refuse it, and warnings, which do not; in the order of the
// file. Warnings are made only of a definition without errors, and a comment may ignore them: see the rule bad_ignore.
func Lint(src []byte, format yamlx.Format, o Options) []Finding {
	_, list := Check(src, format, o)
	return Findings(src, list, o.File)
}

// Check is Lint for whoever saves or runs the definition: it answers the workflow, which is nil when a diagnostic is an
// error, with the diagnostics that Findings shows.
func Check(src []byte, format yamlx.Format, o Options) (*steps.Workflow, []dag.Diagnostic) {
	w, list := steps.Load(src, format, o.OneShot)
	if w == nil {
		return nil, list
	}
	if circular := subflowCycles(w, o.Lookup); len(circular) > 0 {
		list = append(list, circular...)
		dag.SortDiagnostics(list)
		return nil, list
	}
	list = append(list, ignoring(src, format, Warnings(w))...)
	dag.SortDiagnostics(list)
	return w, list
}

// Findings are diagnostics as people see them: with the rule's code and page, and the line they are about.
func Findings(src []byte, list []dag.Diagnostic, file string) []Finding {
	out := make([]Finding, 0, len(list))
	lines := splitLines(src)
	for _, d := range list {
		f := Finding{
			File: file, Line: d.Line, Column: d.Col, Severity: d.Severity.String(), Rule: d.Rule,
			Message: strings.Replace(d.Message, "; did you mean "+d.Hint+"?", "", 1), Hint: d.Hint, Location: d.Pointer,
			Snippet: snippet(lines, d.Line, d.Col),
		}
		if r := ruleByName[d.Rule]; r != nil {
			f.Code, f.Docs = r.Code, r.Docs()
		}
		out = append(out, f)
	}
	return out
}

// Count counts findings that are errors, and warnings.
func Count(list []Finding) (errors, warnings int) {
	for _, f := range list {
		if f.Severity == dag.Warning.String() {
			warnings++
		} else {
			errors++
		}
	}
	return errors, warnings
}

// warn makes a warning about a place.
func warn(rule string, at dag.Place, message string) dag.Diagnostic {
	return dag.Diagnostic{Rule: rule, Severity: dag.Warning, Message: message, Pointer: at.Pointer, Line: at.Pos.Line, Col: at.Pos.Col}
}

// placeOf is where a step's field stands, or the step when it has none.
func placeOf(s *dag.Step, field string) dag.Place {
	at := dag.Place{Pointer: s.Pointer, Pos: s.Pos}
	for _, f := range s.Own.Fields {
		if f.Key == field {
			return at.Below(field, f.Value.Pos)
		}
	}
	return at
}

// byPlace orders warnings as they stand in the file, so that a list cut short keeps the first.
func byPlace(a, b dag.Diagnostic) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Message, b.Message))
}

// capped keeps as many diagnostics as a definition shows, once each.
func capped(list []dag.Diagnostic) []dag.Diagnostic {
	slices.SortFunc(list, byPlace)
	var report dag.Report
	for _, d := range list {
		report.Add(d)
	}
	if len(list) == 0 {
		return nil
	}
	return report.Diagnostics()
}
