package steps_test

import (
	"strings"
	"testing"

	"cordum.dev/cordum/steps"
)

// TestCheckForm: every problem is told, where it is and without its value; what cannot be read fits nothing.
func TestCheckForm(t *testing.T) {
	const form = `{"type": "object", "required": ["window", "count"], "additionalProperties": false,
		"properties": {"window": {"enum": ["day", "night"]}, "count": {"type": "integer", "maximum": 9007199254740993}}}`
	many := `{"type": "object", "required": ["a"], "properties": {"list": {"items": {"type": "string"}}}}`
	for _, c := range []struct {
		name, form, values string
		want               []string // of each problem; none: they fit
	}{
		{"fits", form, `{"window": "day", "count": 9007199254740993}`, nil},
		{"anything", `true`, `null`, nil},
		{"nothing", `false`, `null`, []string{"nothing is allowed"}},
		{"no values", form, `null`, []string{"at the top it is null, not object"}},
		{"a number one too large", form, `{"window": "day", "count": 9007199254740994}`, []string{"at /count"}},
		{"two problems", form, `{"window": "hunter2", "count": "x"}`, []string{"at /count it is string, not integer", "at /window"}},
		{"an unknown field", form, `{"window": "day", "count": 1, "more": 1}`, []string{"unknown field"}},
		{"values that are no JSON", form, `{`, []string{"no JSON"}},
		{"a form that is no JSON", `{`, `{}`, []string{"the form cannot be read"}},
		{"a form that is no schema", `{"type": "strange"}`, `{}`, []string{"the form cannot be read"}},
		{"a form that refers elsewhere", `{"$ref": "file:///etc/passwd"}`, `{}`, []string{"the form cannot be read"}},
		{"more problems than are told", many, `{"list": [` + strings.Repeat("1,", 99) + `1]}`, make([]string, steps.MaxFormProblems)},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := steps.CheckForm([]byte(c.form), []byte(c.values))
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				return
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("%d problems: %v", len(lines), err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a value is repeated: %v", err)
			}
		})
	}
}
