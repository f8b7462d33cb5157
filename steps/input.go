package steps

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	schemakind "github.com/santhosh-tekuri/jsonschema/v6/kind"

	"cordum.dev/cordum/internal/yamlx"
)

// inputSchema is the compiled JSON Schema of a run's input.
type inputSchema struct{ schema *jsonschema.Schema }

// schemaURL names a definition's own schema. Nothing is ever fetched from it.
const schemaURL = "cordum:///input"

var errRemoteRef = errors.New("a schema refers to nothing outside itself")

// noLoader refuses every reference to another document: the library's own would read files.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(string) (any, error) { return nil, errRemoteRef }

func compileInput(n *yamlx.Node) (*inputSchema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource(schemaURL, n.Value()); err != nil {
		return nil, errors.New("this is no JSON Schema")
	}
	schema, err := c.Compile(schemaURL)
	if err != nil {
		if errors.Is(err, errRemoteRef) {
			return nil, errRemoteRef
		}
		return nil, schemaError(err)
	}
	return &inputSchema{schema}, nil
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
func (w *Workflow) CheckInput(input any) error {
	if w.input == nil {
		return nil
	}
	err := w.input.schema.Validate(input)
	if err == nil {
		return nil
	}
	var where *jsonschema.ValidationError
	if !errors.As(err, &where) {
		return errors.New("the input does not fit the workflow's schema")
	}
	return fmt.Errorf("the input does not fit the workflow's schema: %s", firstCause(where))
}

// firstCause is the innermost of the first causes, in words.
func firstCause(e *jsonschema.ValidationError) string {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
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
