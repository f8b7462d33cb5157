package steps

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// MaxFormProblems is how many problems of one answer's values are told.
const MaxFormProblems = 20

// CheckForm says whether the values of an answer fit an approval's form. The error joins one error for each problem, up to
// MaxFormProblems: each says where and what is wrong, and repeats no value. A form that cannot be read takes nothing.
func CheckForm(form, values json.RawMessage) error {
	n, err := yamlx.Parse(form, yamlx.JSON)
	if err != nil {
		return fmt.Errorf("the form cannot be read: %w", err)
	}
	s, err := compileSchema(n)
	if err != nil {
		return fmt.Errorf("the form cannot be read: %w", err)
	}
	v, err := expr.DecodeJSON(values)
	if err != nil {
		return errors.New("they are no JSON that can be read")
	}
	err = s.compiled.Validate(v)
	var where *jsonschema.ValidationError
	if err == nil || !errors.As(err, &where) {
		return err
	}
	return errors.Join(causes(nil, where)...)
}

// causes are the innermost causes, each in words.
func causes(out []error, e *jsonschema.ValidationError) []error {
	if len(e.Causes) == 0 && len(out) < MaxFormProblems {
		return append(out, errors.New(cause(e)))
	}
	for _, c := range e.Causes {
		out = causes(out, c)
	}
	return out
}
