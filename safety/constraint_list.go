package safety

import (
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/internal/yamlx"
)

// ReadConstraints reads a list of constraints as it is written in JSON, {type, value, prove} each, as strictly as a
// bundle is read: the inverse of marshalling a []Constraint. Nothing, null and an empty list are no constraints. The error
// is ErrInvalidPolicy or of the JSON; what cannot be read must not be taken for "none".
func ReadConstraints(raw json.RawMessage) ([]Constraint, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	n, err := yamlx.Parse(raw, yamlx.JSON)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidPolicy, err)
	}
	switch {
	case n.Kind == yamlx.Null:
		return nil, nil
	case n.Kind != yamlx.List || len(n.Items) > MaxEntries:
		return nil, fmt.Errorf("%w: constraints are a list of at most %d {type, value, prove}", ErrInvalidPolicy, MaxEntries)
	}
	var r reader
	var out []Constraint
	for i, item := range n.Items {
		if c, ok := r.constraint(item, place{}.below(itoa(i), item.Pos)); ok {
			out = append(out, c)
		}
	}
	if r.refused {
		return nil, fmt.Errorf("%w: %s", ErrInvalidPolicy, r.problems()[0].Message)
	}
	return out, nil
}
