package builtin

import (
	"errors"

	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// errNoExpression says that success does not compile. Why would repeat parts of it, and it may hold what should not be
// shown; a definition's was checked when it was saved.
var errNoExpression = errors.New("success is no expression over status, headers and body that gives true or false")

// compileSuccess makes a program of what a step calls success.
func compileSuccess(source string) (*expr.Program, error) {
	if source == "" {
		source = steps.DefaultSuccess
	}
	program, err := expr.Compile(source, steps.SuccessScope())
	if err != nil {
		return nil, errNoExpression
	}
	return program, nil
}

// succeeded evaluates it for an answer. The error is an *expr.Error, which holds no value of the answer.
func succeeded(program *expr.Program, got *answer) (bool, error) {
	headers := make(map[string]any, len(got.Headers))
	for name, value := range got.Headers {
		headers[name] = value
	}
	return program.EvalBool(&expr.Env{Names: map[string]any{"status": int64(got.Status), "headers": headers, "body": got.value}})
}
