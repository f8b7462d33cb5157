package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// ErrJSONDepth says that a JSON text nests deeper than MaxResultDepth.
var ErrJSONDepth = errors.New("JSON nested too deeply")

// DecodeJSON reads one JSON value for an Env: integers within int64 stay integers (int64), all other numbers are
// float64. An empty text is null. The errors are encoding/json's, or ErrJSONDepth; they hold no value of the text
// beyond one character or number.
func DecodeJSON(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if err := checkDepth(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the JSON value")
	}
	return numbers(v)
}

// checkDepth counts brackets outside strings; what is wrong otherwise is for the decoder to say.
func checkDepth(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > MaxResultDepth {
				return ErrJSONDepth
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// numbers puts real numbers in the place of literals; it changes lists and maps in place.
func numbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = numbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
