package builtin

import (
	"cordum.dev/cordum/steps/expr"
)

// defaultSuccess is the language's.
const defaultSuccess = "status < 400"

var successScope = expr.Scope{Names: map[string]*expr.Schema{"status": nil, "headers": nil, "body": nil}, Bool: true}

// succeeded evaluates what a step calls success. The error is an *expr.Error, which holds no value of the answer.
func succeeded(source string, status int, headers map[string]string, body any) (bool, error) {
	if source == "" {
		source = defaultSuccess
	}
	program, err := expr.Compile(source, successScope)
	if err != nil {
		return false, err
	}
	fields := make(map[string]any, len(headers))
	for name, value := range headers {
		fields[name] = value
	}
	return program.EvalBool(&expr.Env{Names: map[string]any{"status": int64(status), "headers": fields, "body": body}})
}
