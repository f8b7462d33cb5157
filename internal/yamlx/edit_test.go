package yamlx

import (
	"slices"
	"strings"
	"testing"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	d, err := Open([]byte("# top\n\nb: 1 # one\n\n# two\na: '2'\nlist:\n  # first\n  - {x: 1}\n  # behind\n\n  - y: [1, 2]\nrest: ~\n"), YAML)
	if err != nil {
		t.Fatal(err)
	}
	root := d.Root()
	if d.Repeats() || !root.Has("rest") || root.Has("no") || root.Scalar("a") != "2" || root.Scalar("list") != "" || root.Child("a") != nil || len(root.Children("list")) != 2 {
		t.Error("the fields are not those of the text")
	}
	if got := strings.Join(d.Comments(), " "); got != "# behind # first # one # top # two" {
		t.Error(got)
	}
	root.SetInt("a", 3)
	root.SetText("b", "1")
	root.SetText("list", "ignored")
	root.Rename("rest", "more")
	root.Rename("no", "yes")
	root.Order([]string{"a", "(gap)", "list"}, "(gap)")
	got, err := d.Bytes()
	const want = "# top\n\n# two\na: 3\nb: \"1\" # one\nmore: ~\nlist:\n  # first\n  - {x: 1}\n  # behind\n\n  - y: [1, 2]\n"
	if err != nil || string(got) != want {
		t.Errorf("%v got\n%s\nwant\n%s", err, got, want)
	}
}

func TestDocumentAsJSON(t *testing.T) {
	t.Parallel()
	const src = "{\n  \"a\": [1, -0.50, \"x\\n\", true, null],\n  \"b\": {},\n  \"c\": [\n    {\n      \"d\": \"\"\n    }\n  ]\n}\n"
	d, err := Open([]byte(src), Auto)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Bytes(); err != nil || string(got) != src {
		t.Errorf("%v got\n%s\nwant\n%s", err, got, src)
	}
}

func TestDocumentRepeats(t *testing.T) {
	t.Parallel()
	const src = "a: &x {b: 1}\nc:\n  <<: *x\n"
	d, err := Open([]byte(src), YAML)
	if err != nil || !d.Repeats() {
		t.Fatal(err)
	}
	if got, err := d.Bytes(); err != nil || string(got) != src {
		t.Errorf("%v got\n%s", err, got)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"", "# only a comment\n", "a: [", "a: *x\n", "a:\n\t- b\n"} {
		if d, err := Open([]byte(src), YAML); err == nil {
			t.Errorf("%q: %v", src, d)
		}
	}
	d, err := Open([]byte("- a\n"), YAML)
	if err != nil || d.Root() != nil {
		t.Error(d, err)
	}
	if !slices.Equal(d.Comments(), nil) {
		t.Error(d.Comments())
	}
}
