package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"cordum.dev/cordum/internal/yamlx"
)

// JSONSchema is a JSON Schema (2020-12) that stands by itself, such as a registered one: compiled as those that stand in a
// definition, with nothing fetched from anywhere. It is safe for concurrent use.
type JSONSchema struct {
	// Source is the schema as canonical JSON: keys sorted, no white space. Not to be changed.
	Source json.RawMessage
	// Digest is the SHA-256 of Source, in hex: the identity of the schema.
	Digest string

	schema *schema
}

// Misfit is a place of a value that does not fit a schema.
type Misfit struct {
	Pointer string // JSON pointer into the value; "" is all of it
	Message string // which keyword of the schema it breaks; never a value
}

// NewJSONSchema reads and compiles a schema, in JSON or YAML. The error says what is wrong with it: text that cannot be read,
// no schema, or one that refers to something outside itself.
func NewJSONSchema(src []byte) (*JSONSchema, error) {
	n, err := yamlx.Parse(src, yamlx.Auto)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if n.Kind != yamlx.Map && n.Kind != yamlx.Bool {
		return nil, errors.New("this is no JSON Schema: it is an object, true or false")
	}
	s, err := compileSchema(n)
	if err != nil {
		return nil, err
	}
	canonical, err := json.Marshal(n.Value())
	if err != nil {
		return nil, errors.New("this is no JSON Schema: it has a number that JSON cannot write")
	}
	sum := sha256.Sum256(canonical)
	return &JSONSchema{Source: canonical, Digest: hex.EncodeToString(sum[:]), schema: s}, nil
}

// Node is the schema as [Workflow.WithSchemas] takes it.
func (s *JSONSchema) Node() *yamlx.Node {
	n, err := yamlx.Parse(s.Source, yamlx.JSON)
	if err != nil {
		return nil // it was written by json.Marshal
	}
	return n
}

// Misfits answers where a value made of JSON values does not fit, at most limit places; nil when it does. A nil schema takes
// everything.
func (s *JSONSchema) Misfits(value any, limit int) []Misfit {
	if s == nil {
		return nil
	}
	err := s.schema.compiled.Validate(value)
	var where *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &where):
		return []Misfit{{Message: "it does not fit the schema"}}
	}
	var found []Misfit
	collect(where, &found, limit)
	return found
}

// collect notes the innermost causes, each once.
func collect(e *jsonschema.ValidationError, found *[]Misfit, limit int) {
	for _, inner := range e.Causes {
		collect(inner, found, limit)
	}
	if len(e.Causes) > 0 || len(*found) >= limit {
		return
	}
	m := Misfit{Pointer: pointer(e.InstanceLocation), Message: cause(e)}
	for _, have := range *found {
		if have == m {
			return
		}
	}
	*found = append(*found, m)
}

var escapeToken = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(tokens []string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteByte('/')
		b.WriteString(escapeToken.Replace(yamlx.Clip(token)))
	}
	return b.String()
}
