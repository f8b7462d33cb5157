package runner

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/steps/expr"
)

// TestValidJSON: what is taken without making its values is what would be read.
func TestValidJSON(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "{}": true, ` {"a": [1, -2.5, "x", null, true]} `: true, `{"a":1}{}`: false, `{"a":}`: false, `"a`: false, "\xff": false, "\"\xff\"": false,
		"1e308": true, "1e309": false, "-1E+309": false, `{"a":[1e400]}`: false, `"1e400"`: true, `{"1e":2}`: true, "1.5e2": true, "01": false,
		strings.Repeat("9", 308): true, strings.Repeat("9", 310): false, "0." + strings.Repeat("9", 400): true,
		strings.Repeat("[", 64) + strings.Repeat("]", 64): true, strings.Repeat("[", 65) + strings.Repeat("]", 65): false,
		"[" + strings.Repeat("[],", 99) + "[]]": true, `"` + strings.Repeat("[", 99) + `"`: true,
	} {
		if got := validJSON([]byte(text)); got != want {
			t.Errorf("%.60q is valid: %t", text, got)
		}
	}
}

// TestValidJSONIsWhatIsRead asks the same of texts that are nearly JSON.
func TestValidJSONIsWhatIsRead(t *testing.T) {
	token := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ",", ":", `"`, `"a"`, `"1e9"`, "1", "-1", "0", "2.5", "1e5", "1E999", "-", ".", "e", "E", "+", "true", "null", " ", `\`, "ä",
		strings.Repeat("8", 299), strings.Repeat("[", 40), strings.Repeat("]", 40),
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(token, 0, 8).Draw(t, "text"), "")
		_, err := expr.DecodeJSON([]byte(text))
		if got := validJSON([]byte(text)); got != (err == nil) {
			t.Fatalf("%.200q is valid: %t; it reads: %v", text, got, err)
		}
	})
}
