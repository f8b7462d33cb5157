package steps

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	schemakind "github.com/santhosh-tekuri/jsonschema/v6/kind"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// schema is a compiled JSON Schema: of a run's input, of a job's input or output. One that is only named has to be
// resolved before anything fits it (Workflow.WithSchemas).
type schema struct {
	compiled *jsonschema.Schema
	id       string // of a registered one; "" for one that is written out
}

// schemaURL names a definition's own schema. Nothing is ever fetched from it.
const schemaURL = "cordum:///input"

var errRemoteRef = errors.New("a schema refers to nothing outside itself")

// noLoader refuses every reference to another document: the library's own would read files.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(string) (any, error) { return nil, errRemoteRef }

func compileSchema(n *yamlx.Node) (*schema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource(schemaURL, n.Value()); err != nil {
		return nil, errors.New("this is no JSON Schema")
	}
	compiled, err := c.Compile(schemaURL)
	if err != nil {
		var load *jsonschema.LoadURLError
		if errors.As(err, &load) {
			return nil, errRemoteRef // noLoader refuses all, and nothing else is loaded
		}
		return nil, schemaError(err)
	}
	return &schema{compiled: compiled}, nil
}

// schema compiles a schema that stands in a step, or keeps the name of a registered one.
func (r *reading) schema(name string) *schema {
	n := r.Get(name)
	switch {
	case n == nil:
		return nil
	case n.Kind == yamlx.String:
		return &schema{id: n.Str}
	case n.Kind != yamlx.Map && n.Kind != yamlx.Bool: // reported when the definition was read
		return nil
	}
	s, err := compileSchema(n)
	if err != nil {
		r.report.Errorf(dag.RuleBadValue, r.Place(name), "%s: %v", name, err)
	}
	return s
}

func schemaError(err error) error {
	var invalid *jsonschema.SchemaValidationError
	var where *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &where) {
		return fmt.Errorf("this is no JSON Schema: %s", firstCause(where))
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("this is no JSON Schema: %s", yamlx.Clip(text))
}

// CheckInput says whether a run's input, made of JSON values, fits the definition's schema; without a schema everything
// does. The error says where and which keyword of the schema, and never repeats a value.
func (w *Workflow) CheckInput(input any) error { return w.input.check("input", "workflow", input) }

// check says whether a value fits; a nil schema takes everything.
func (s *schema) check(what, whose string, value any) error {
	if s == nil {
		return nil
	}
	if s.compiled == nil {
		return fmt.Errorf("the %s cannot be checked: there is no registered schema %q", what, yamlx.Clip(s.id))
	}
	err := s.compiled.Validate(value)
	if err == nil {
		return nil
	}
	var where *jsonschema.ValidationError
	if !errors.As(err, &where) {
		return fmt.Errorf("the %s does not fit the %s's schema", what, whose)
	}
	return fmt.Errorf("the %s does not fit the %s's schema: %s", what, whose, firstCause(where))
}

// firstCause is the innermost of the first causes, in words.
func firstCause(e *jsonschema.ValidationError) string {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	return cause(e)
}

// cause is an innermost cause in words.
func cause(e *jsonschema.ValidationError) string {
	at := "at the top"
	if len(e.InstanceLocation) > 0 {
		at = "at /" + yamlx.Clip(strings.Join(e.InstanceLocation, "/"))
	}
	switch k := e.ErrorKind.(type) {
	case *schemakind.Type:
		return fmt.Sprintf("%s it is %s, not %s", at, k.Got, strings.Join(k.Want, " or "))
	case *schemakind.Required:
		return fmt.Sprintf("%s it misses %s", at, yamlx.Clip(strings.Join(k.Missing, ", ")))
	case *schemakind.AdditionalProperties:
		return fmt.Sprintf("%s it has the unknown field %s", at, yamlx.Clip(strings.Join(k.Properties, ", ")))
	case *schemakind.FalseSchema:
		return at + " nothing is allowed"
	}
	return fmt.Sprintf("%s it breaks %q", at, strings.Join(e.ErrorKind.KeywordPath(), "/"))
}
