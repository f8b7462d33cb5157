package steps_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

func TestJSONSchemaRefuses(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"no schema":       {`[]`, "no JSON Schema"},
		"text":            {`"order"`, "no JSON Schema"},
		"bad keyword":     {`{"type": "text"}`, "no JSON Schema"},
		"broken":          {`{"type": `, "cannot be read"},
		"a remote ref":    {`{"$ref": "https://example.com/a.json"}`, "outside itself"},
		"a file":          {`{"$ref": "file:///etc/passwd"}`, "outside itself"},
		"a foreign draft": {`{"$schema": "https://example.com/draft", "type": "object"}`, "outside itself"},
	} {
		if _, err := steps.NewJSONSchema([]byte(c.src)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestJSONSchemaSaysWhereAValueDoesNotFit(t *testing.T) {
	s, err := steps.NewJSONSchema([]byte("type: object\nrequired: [id]\nproperties:\n  id: {type: string}\n  'a/b': {items: {type: integer}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		`{"id": "x"}`:                       "",
		`{}`:                                " it misses id",
		`{"id": 3, "a/b": [1, "secret"]}`:   "/id /a~1b/1 ",
		`{"id": 3, "a/b": ["a", "b", "c"]}`: "",
	} {
		v, err := expr.DecodeJSON([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		got := s.Misfits(v, 2)
		if len(got) > 2 {
			t.Errorf("%s: %d misfits, at most 2 were asked for", value, len(got))
		}
		if (len(got) == 0) != (value == `{"id": "x"}`) {
			t.Errorf("%s: %v", value, got)
		}
		for _, m := range got {
			if strings.Contains(m.Message, "secret") || (want != "" && !strings.Contains(want, m.Pointer+" ")) {
				t.Errorf("%s: %+v", value, m)
			}
		}
	}
	if (*steps.JSONSchema)(nil).Misfits(1, 1) != nil {
		t.Error("no schema refuses")
	}
}

// TestJSONSchemaIdentity: the way a schema is written is no part of what it is.
func TestJSONSchemaIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SampledFrom([]string{"string", "integer", "boolean"})
		a, b := kinds.Draw(t, "a"), kinds.Draw(t, "b")
		one := `{"type":"object","properties":{"a":{"type":"` + a + `"},"b":{"type":"` + b + `"}}}`
		other := "properties:\n  b: {type: " + b + "}\n  a: {type: " + a + "}\ntype: object\n"
		x, err := steps.NewJSONSchema([]byte(one))
		if err != nil {
			t.Fatal(err)
		}
		y, err := steps.NewJSONSchema([]byte(other))
		if err != nil {
			t.Fatal(err)
		}
		again, err := steps.NewJSONSchema(x.Source)
		if err != nil || x.Digest != y.Digest || again.Digest != x.Digest {
			t.Fatalf("%s is not %s (%v)", x.Source, y.Source, err)
		}
	})
}
