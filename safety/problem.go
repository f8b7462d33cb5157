package safety

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules by which a set of bundles is refused, or warned about. The names are stable.
const (
	RuleEmptyMatch        = "empty_match"        // an empty match, list or value: it never means "matches all"
	RuleMissingField      = "missing_field"      // a field that is needed is not there
	RuleUnknownField      = "unknown_field"      // a field that nobody knows, in any object of a bundle
	RuleConflicting       = "conflicting_fields" // two fields that cannot stand together: a field and its alias, DENY and constraints
	RuleUnknownDecision   = "unknown_decision"
	RuleUnknownConstraint = "unknown_constraint"
	RuleBadValue          = "bad_value" // a value of another type, or none of the known ones
	RuleOutOfRange        = "out_of_range"
	RuleDuplicateID       = "duplicate_id" // of a rule in its bundle, of a bundle in the set
	RuleExpression        = "expr_syntax"  // a when that does not compile, whatever the reason

	RuleUnapprovable = "unapprovable" // warning: more people are asked for than are named
	RuleNoRate       = "no_rate"      // warning: THROTTLE without a RateLimit
)

// Problem is one thing that is wrong with a set of bundles, or worth a warning.
type Problem struct {
	Rule    string // one of the Rule constants
	Warning bool   // the set is usable all the same
	Message string // what is wrong and what to do; repeats at most 64 characters of one input
	Hint    string // the name probably meant, or ""
	File    string // Document.File of the bundle
	Pointer string // JSON pointer in it, e.g. "/rules/2/match/pack"
	Line    int    // from 1; 0 when unknown
	Col     int
}

// String reads as compilers write: file:line:col: rule: message.
func (p Problem) String() string {
	file := p.File
	if file != "" {
		file += ":"
	}
	return fmt.Sprintf("%s%d:%d: %s: %s", file, p.Line, p.Col, p.Rule, p.Message)
}

// Refused tells whether problems keep a set from being used: one of them is no warning.
func Refused(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

// place is where in a bundle something stands.
type place struct {
	file, pointer string
	pos           yamlx.Pos
}

func (p place) below(key string, pos yamlx.Pos) place {
	return place{file: p.file, pointer: p.pointer + "/" + pointerKey.Replace(key), pos: pos}
}

// pointerKey writes a key as JSON pointers do (RFC 6901).
var pointerKey = strings.NewReplacer("~", "~0", "/", "~1")

// report collects problems. The zero value is ready.
type report struct {
	list     []Problem
	refused  bool
	dropped  int
	compared int
}

func (r *report) errorf(rule string, at place, format string, args ...any) {
	r.add(Problem{Rule: rule, Message: fmt.Sprintf(format, args...)}, at)
}

func (r *report) warnf(rule string, at place, format string, args ...any) {
	r.add(Problem{Rule: rule, Warning: true, Message: fmt.Sprintf(format, args...)}, at)
}

// unknown adds a problem about a name that is none of the known ones.
func (r *report) unknown(rule string, at place, name string, known []string, what string) {
	p := Problem{Rule: rule, Message: fmt.Sprintf("the %s %q is unknown", what, yamlx.Clip(name))}
	if r.compared += len(known); r.compared <= maxCompared {
		p.Hint = yamlx.Nearest(name, known)
	}
	if p.Hint != "" {
		p.Message += "; did you mean " + p.Hint + "?"
	} else {
		p.Message += "; known: " + strings.Join(known, ", ")
	}
	r.add(p, at)
}

func (r *report) add(p Problem, at place) {
	r.refused = r.refused || !p.Warning
	if len(r.list) >= MaxProblems {
		r.dropped++
		return
	}
	p.File, p.Pointer, p.Line, p.Col = at.file, at.pointer, at.pos.Line, at.pos.Col
	r.list = append(r.list, p)
}

// problems answers all of them, by file and position.
func (r *report) problems() []Problem {
	slices.SortStableFunc(r.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Rule, b.Rule))
	})
	if r.dropped > 0 {
		r.list[len(r.list)-1].Message += fmt.Sprintf(" (and %d more problems, not shown)", r.dropped)
	}
	return r.list
}
