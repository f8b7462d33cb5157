package yamlx

import (
	"errors"
	"testing"
)

func TestParseAll(t *testing.T) {
	src := "a: 1\n---\n# nothing\n---\nb: &x [2]\nc: *x\n"
	docs, err := ParseAll([]byte(src), Auto)
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 2 || docs[0].Get("a").Int != 1 || docs[1].Get("c").Items[0].Int != 2 {
		t.Fatalf("documents: %v", docs)
	}
	if at := docs[1].Get("b").Pos; at.Line != 5 {
		t.Errorf("the second document's place counts from the file's beginning: line %d, want 5", at.Line)
	}
	one, err := ParseAll([]byte(`{"a": [1, 2]}`), Auto)
	if err != nil || len(one) != 1 {
		t.Errorf("JSON: %v, %v", one, err)
	}
}

func TestParseAllRefuses(t *testing.T) {
	for src, rule := range map[string]string{
		"":                      RuleEmpty,
		"---\n---\n":            RuleEmpty,
		"a: 1\n---\na: 1\na: 2": RuleDuplicate,
		"a: 1\n---\na: !x 2":    RuleTag,
		"a: 1\n---\nb: [":       RuleYAML,
		"a: &x 1\n---\nb: *x":   RuleAlias,
		"{} {}":                 RuleJSON,
		"a: \xff":               RuleUTF8,
	} {
		_, err := ParseAll([]byte(src), Auto)
		var e *Error
		if !errors.As(err, &e) || e.Rule != rule {
			t.Errorf("%q: %v, want %s", src, err, rule)
		}
	}
}
