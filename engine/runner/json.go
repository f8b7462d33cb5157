package runner

import (
	"encoding/json"
	"unicode/utf8"

	"cordum.dev/cordum/steps/expr"
)

// safeDigits is of how many digits a number is always within range where it has no exponent: a float64 reaches to 1e308.
const safeDigits = 300

// validJSON tells whether a text is JSON that can be kept: expr.DecodeJSON reads it. Nearly all that workers say is plain, and of that
// no value is made to find out.
func validJSON(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	if len(b) > 0 && plainJSON(b) {
		return json.Valid(b)
	}
	_, err := expr.DecodeJSON(b)
	return err == nil
}

// plainJSON tells whether a text, if it is JSON, has nothing that is refused beyond its form: it does not nest too deep, and has no
// number that may be out of range. It looks into strings as well, so that it says no to some that are harmless.
func plainJSON(b []byte) bool {
	brackets, digits := 0, 0
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			if digits++; digits > safeDigits {
				return false
			}
			continue
		case c == '{' || c == '[':
			if brackets++; brackets > expr.MaxResultDepth {
				return false
			}
		case (c == 'e' || c == 'E') && digits > 0: // an exponent
			return false
		}
		digits = 0
	}
	return true
}
