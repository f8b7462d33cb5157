package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/file"

	"cordum.dev/cordum/internal/yamlx"
)

// Codes of errors: the first group when a definition is saved, the second when an expression runs (CodeType in both).
const (
	CodeSyntax       = "expr_syntax"
	CodeType         = "expr_type"
	CodeTooLong      = "expr_too_long"
	CodeTooDeep      = "expr_too_deep"
	CodeUnknownName  = "unknown_name"
	CodeUnknownStep  = "unknown_step"
	CodeNotUpstream  = "not_upstream"
	CodeSecret       = "secret_in_expression"
	CodeStaticPlace  = "template_not_allowed"
	CodeSchemaField  = "unknown_schema_field"
	CodeCompensation = "compensation_cycle"

	CodeRuntime = "expr_runtime"
	CodeCost    = "expr_cost"
	CodeMemory  = "expr_memory"
	CodeFanOut  = "fan_out_limit" // also when a definition is saved

	CodeSecretMissing = "secret_missing" // of ResolveSecrets
)

// Error is a coded failure to compile or to run. Code is one of the constants above; Message never holds values of
// the run.
type Error struct {
	Code    string
	Message string
	Hint    string // the name probably meant, or ""
	Line    int    // of the place in the file when compiled from a node; else 0
	Col     int
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// at says where in a file an error is, unless it says so already.
func at(err error, pos yamlx.Pos) error {
	var e *Error
	if errors.As(err, &e) && e.Line == 0 {
		placed := *e
		placed.Line, placed.Col = pos.Line, pos.Col
		return &placed
	}
	return err
}

// compileError turns the library's error into ours.
func compileError(code string, err error) *Error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return errorf(code, "%s", plainTypes(yamlx.Clip(text)))
	}
	if strings.Contains(fe.Message, "maximum allowed nodes") {
		return errorf(CodeTooLong, "the expression has more than %d parts", MaxNodes)
	}
	return errorf(code, "%s (character %d of the expression)", plainTypes(fe.Message), fe.Column+1)
}

var (
	typeName  = regexp.MustCompile(`map\[string\]interface \{\}|\[\]interface \{\}|interface \{\}|map\[string\]string|\b(float64|int64|int|bool|unknown)\b`)
	typeWords = map[string]string{
		"map[string]interface {}": "object", "map[string]string": "object", "[]interface {}": "list",
		"interface {}": "value", "unknown": "value", "float64": "number", "int64": "integer", "int": "integer",
		"bool": "boolean",
	}
)

// plainTypes says types in the words of JSON.
func plainTypes(msg string) string {
	return typeName.ReplaceAllStringFunc(msg, func(t string) string { return typeWords[t] })
}

var (
	operandTypes = regexp.MustCompile(`^invalid operation: (<nil>|[a-z0-9\[\]{} ]+) ([-+*/%<>=]+) (<nil>|[a-z0-9\[\]{} ]+)$`)
	wrongType    = regexp.MustCompile(`interface conversion: interface \{\} is ([^,]+), not ([a-z0-9]+)$`)
)

// runError turns what went wrong in the machine into one of ours. The library's texts hold values of the run, so only
// those parts are taken over that are types.
func runError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	msg, where := err.Error(), ""
	var fe *file.Error
	if errors.As(err, &fe) {
		msg, where = fe.Message, fmt.Sprintf(" (character %d of the expression)", fe.Column+1)
	}
	if strings.Contains(msg, "memory budget exceeded") {
		return errElements
	}
	return errorf(CodeRuntime, "%s%s", runText(msg), where)
}

var errElements = errorf(CodeMemory, "the expression makes more list and map entries than an expression may")

func runText(msg string) string {
	if m := operandTypes.FindStringSubmatch(msg); m != nil {
		return fmt.Sprintf("%s %s %s is not defined", plainTypes(null(m[1])), m[2], plainTypes(null(m[3])))
	}
	if m := wrongType.FindStringSubmatch(msg); m != nil {
		return fmt.Sprintf("the type is %s where %s is needed", plainTypes(null(m[1])), plainTypes(m[2]))
	}
	switch {
	case strings.HasPrefix(msg, "cannot fetch") && strings.HasSuffix(msg, "from <nil>"):
		return "a field of null is read; write ?. or ?? where a value may be absent"
	case strings.HasPrefix(msg, "cannot fetch"), strings.HasPrefix(msg, "cannot get"):
		return "a field is read of a value that has none"
	case strings.HasPrefix(msg, "index out of range"):
		return "an index is outside its list"
	case strings.Contains(msg, "interface conversion: interface {} is nil"):
		return "null stands where a value is needed"
	case strings.HasPrefix(msg, "invalid operation"), strings.HasPrefix(msg, "invalid argument"), strings.Contains(msg, "not defined on"):
		return "an operation does not fit the type of its value"
	}
	return "the expression cannot be evaluated with these values"
}

func null(typeName string) string {
	if typeName == "<nil>" {
		return "null"
	}
	return typeName
}
