package expr

import "encoding/json"

// Foreseen says whether a result is of a kind that was foreseen for it.
func Foreseen(s *Schema, v any) bool {
	var k kinds
	switch v.(type) {
	case nil:
		return true // everything may be absent
	case bool:
		k = isBool
	case int64:
		k = isInteger
	case float64:
		k = isFloat
	case string:
		k = isText
	case []any:
		k = isList
	case map[string]any:
		k = isObject
	}
	// An integer is a number.
	return s.kinds()&k != 0 || (k == isInteger && s.kinds()&isFloat != 0)
}

// Explain writes down what is known of a result.
func Explain(s *Schema) string {
	out, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(out)
}
