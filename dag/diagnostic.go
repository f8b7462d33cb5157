package dag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Diagnostic is one thing that is wrong with a definition, or worth a warning.
type Diagnostic struct {
	Rule     string // stable name, lower case with underscores: "unknown_field", "cycle", "invalid_id", …
	Severity Severity
	Message  string // says what is wrong and what to do; never echoes more than 64 characters of one input
	Hint     string // the name probably meant, or ""
	Pointer  string // JSON pointer of the field, e.g. "/steps/2/depends_on/0"
	Line     int    // from 1; 0 when unknown
	Col      int
}

// String reads as compilers write: line:col: rule: message.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%d:%d: %s: %s", d.Line, d.Col, d.Rule, d.Message)
}

// Severity tells refused from accepted.
type Severity uint8

// The severities. Error is the zero value: what nobody thought about is refused.
const (
	Error Severity = iota
	Warning
)

// String is the word people see.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Place is where in a definition something stands.
type Place struct {
	Pointer string
	Pos     yamlx.Pos
}

// Below is the place of an entry of a map or list that stands at p.
func (p Place) Below(key string, pos yamlx.Pos) Place {
	return Place{Pointer: p.Pointer + "/" + pointerKey.Replace(key), Pos: pos}
}

// pointerKey writes a key as JSON pointers do (RFC 6901). It is made once: making one costs more memory than a step.
var pointerKey = strings.NewReplacer("~", "~0", "/", "~1")

// Report collects diagnostics. The zero value is ready.
type Report struct {
	list     []Diagnostic
	failed   bool
	dropped  int
	compared int // names that were compared for hints
}

// maxCompared is how many names a report compares to find out what was meant: enough for every diagnostic that is shown
// of an honest file, and little time for one with thousands of unknown names and thousands of known ones.
const maxCompared = 100_000

// Errorf adds an error.
func (r *Report) Errorf(rule string, at Place, format string, args ...any) {
	r.Add(Diagnostic{Rule: rule, Message: fmt.Sprintf(format, args...), Pointer: at.Pointer, Line: at.Pos.Line, Col: at.Pos.Col})
}

// Unknown adds an error about a name that is none of the known ones; the message ends with the one probably meant.
func (r *Report) Unknown(rule string, at Place, name string, known []string, format string, args ...any) {
	d := Diagnostic{Rule: rule, Message: fmt.Sprintf(format, args...), Pointer: at.Pointer, Line: at.Pos.Line, Col: at.Pos.Col}
	if r.compared += len(known); r.compared <= maxCompared {
		d.Hint = yamlx.Nearest(name, known)
	}
	if d.Hint != "" {
		d.Message += "; did you mean " + d.Hint + "?"
	}
	r.Add(d)
}

// Add adds a diagnostic, once. Beyond MaxDiagnostics they are only counted.
func (r *Report) Add(d Diagnostic) {
	r.failed = r.failed || d.Severity == Error
	if slices.Contains(r.list, d) {
		return
	}
	if r.Full() {
		r.dropped++
		return
	}
	r.list = append(r.list, d)
}

// Full says that what is added from now on is only counted: looking for more is of no use to anybody.
func (r *Report) Full() bool { return len(r.list) >= MaxDiagnostics }

// Failed says whether there is an error among them.
func (r *Report) Failed() bool { return r.failed }

// Diagnostics answers all of them, by position.
func (r *Report) Diagnostics() []Diagnostic {
	out := slices.Clone(r.list)
	SortDiagnostics(out)
	if r.dropped > 0 {
		out[len(out)-1].Message += fmt.Sprintf(" (and at least %d more diagnostics, not shown)", r.dropped)
	}
	return out
}

// SortDiagnostics puts them in the order of the file.
func SortDiagnostics(list []Diagnostic) {
	slices.SortStableFunc(list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Rule, b.Rule))
	})
}

// HasErrors says whether one of them is an error.
func HasErrors(list []Diagnostic) bool {
	return slices.ContainsFunc(list, func(d Diagnostic) bool { return d.Severity == Error })
}

// comparePos puts places in the order of the file.
func comparePos(a, b yamlx.Pos) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}
