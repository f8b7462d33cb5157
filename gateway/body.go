package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// checkJSON refuses what encoding/json would let pass: text that is not UTF-8, nesting deeper than MaxJSONDepth, and
// a key twice in one object, where two readers may take different ones. It never repeats the text.
func checkJSON(raw []byte) *Problem {
	switch {
	case !utf8.Valid(raw):
		return newProblem("invalid_utf8", "Send the body as UTF-8.")
	case len(bytes.TrimSpace(raw)) == 0:
		return newProblem("empty_body", "")
	}
	if at, deep := tooDeep(raw); deep {
		return jsonProblem("json_too_deep", raw, int64(at), fmt.Sprintf("nested deeper than %d", MaxJSONDepth))
	}
	if !json.Valid(raw) {
		return syntaxProblem(raw)
	}
	if at, twice := duplicateKey(raw); twice {
		return jsonProblem("duplicate_key", raw, int64(at), "an object has the same key twice")
	}
	return nil
}

// tooDeep finds the bracket that opens one level too many, before anything recursive reads the text.
func tooDeep(raw []byte) (at int, deep bool) {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
		case '{', '[':
			if depth++; depth > MaxJSONDepth {
				return i + 1, true
			}
		case '}', ']':
			depth--
		}
	}
	return 0, false
}

// stringEnd is the place of the quote that ends the string beginning at i, or the text's end.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw) && raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return min(i, len(raw)-1)
}

// object is an open object of the text being looked through; an array is one without keys.
type object struct {
	keys [][]byte
	many map[string]struct{} // instead of keys once there are manyKeys
}

// manyKeys is how many keys are compared one by one; a bigger object gets a map.
const manyKeys = 16

// duplicateKey finds a key that its object has already, in valid JSON.
func duplicateKey(raw []byte) (at int, twice bool) {
	open := make([]object, 0, 8)
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			open = append(open, object{})
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			begin := i
			i = stringEnd(raw, i)
			if isKey(raw[i+1:]) && !open[len(open)-1].add(raw[begin:i+1]) {
				return begin + 1, true
			}
		}
	}
	return 0, false
}

// isKey tells by what follows it whether a string is a key.
func isKey(behind []byte) bool {
	behind = bytes.TrimLeft(behind, " \t\r\n")
	return len(behind) > 0 && behind[0] == ':'
}

// add notes a key, quotes and all; false says that it was there.
func (o *object) add(key []byte) bool {
	if bytes.IndexByte(key, '\\') >= 0 { // one key can be written in several ways
		var text string
		if json.Unmarshal(key, &text) == nil {
			key = append(append([]byte{'"'}, text...), '"')
		}
	}
	if o.many == nil {
		for _, k := range o.keys {
			if bytes.Equal(k, key) {
				return false
			}
		}
		if o.keys = append(o.keys, key); len(o.keys) < manyKeys {
			return true
		}
		o.many = make(map[string]struct{}, 2*manyKeys)
		for _, k := range o.keys {
			o.many[string(k)] = struct{}{}
		}
		return true
	}
	before := len(o.many)
	o.many[string(key)] = struct{}{}
	return len(o.many) > before
}

// syntaxProblem finds the place of an error. The token reader's own offset is that within its buffer, so the text is
// read once more.
func syntaxProblem(raw []byte) *Problem {
	var syntax *json.SyntaxError
	err := json.Unmarshal(raw, new(json.RawMessage))
	if !errors.As(err, &syntax) || syntax.Error() == "unexpected end of JSON input" {
		return jsonProblem("invalid_json", raw, int64(len(raw)), "the text ends before the value does")
	}
	return jsonProblem("invalid_json", raw, syntax.Offset, syntax.Error())
}

func jsonProblem(code string, raw []byte, offset int64, message string) *Problem {
	before := raw[:min(max(offset-1, 0), int64(len(raw)))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	p := newProblem(code, fmt.Sprintf("line %d, column %d: %s", line, column, message))
	p.Errors = []ProblemItem{{Message: message, Rule: code, Line: line, Column: column}}
	return p
}

// unmarshalJSON is the reader of every body that huma decodes. huma decodes a body twice, into any to validate it and
// into the struct; the check is made the first time.
func unmarshalJSON(data []byte, v any) error {
	if _, first := v.(*any); first {
		if p := checkJSON(data); p != nil {
			return fmt.Errorf("%s: %s", p.Code, p.Detail)
		}
	}
	return json.Unmarshal(data, v)
}

// copyJSON checks a body that is passed on as it is and takes it out of huma's buffer, which is used again. Nothing
// sent is an empty object.
func copyJSON(raw []byte) (json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("{}"), nil
	}
	if p := checkJSON(raw); p != nil {
		return nil, p
	}
	return bytes.Clone(raw), nil
}
