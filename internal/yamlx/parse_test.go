package yamlx

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/cputime"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		prev := "*" + string(c-1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat(prev+",", 9) + prev + "]\n"
	}
	tests := []struct {
		name, src string
		format    Format
		rule      string
		line      int
	}{
		{"nothing", "", Auto, RuleEmpty, 0},
		{"white space", " \n\t\n", Auto, RuleEmpty, 0},
		{"only a byte order mark", "\xef\xbb\xbf", Auto, RuleEmpty, 0},
		{"only comments", "# a\n# b\n", Auto, RuleEmpty, 0},
		{"truncated JSON", "{\n", Auto, RuleJSON, 2},
		{"JSON that ends in a string", `{"a": "b`, Auto, RuleJSON, 1},
		{"JSON with something behind it", `{"a": 1} x`, Auto, RuleJSON, 1},
		{"JSON with two values", "{}\n{}", Auto, RuleJSON, 2},
		{"JSON comment", "{\n  \"a\": 1, // why\n  \"b\": 2}", Auto, RuleJSON, 2},
		{"JSON comma at the end", `{"a": [1, ]}`, Auto, RuleJSON, 1},
		{"JSON number with a zero before", `{"a": 010}`, Auto, RuleJSON, 1},
		{"JSON plus", `{"a": +1}`, Auto, RuleJSON, 1},
		{"JSON NaN", `{"a": NaN}`, Auto, RuleJSON, 1},
		{"JSON huge number", `{"a": 1e999}`, Auto, RuleJSON, 1},
		{"JSON bad escape", `{"a": "\x41"}`, Auto, RuleJSON, 1},
		{"JSON line end in a string", "{\"a\": \"b\nc\"}", Auto, RuleJSON, 1},
		{"JSON single quotes", `{'a': 1}`, Auto, RuleJSON, 1},
		{"YAML where JSON is said", "a: 1", JSON, RuleJSON, 1},
		{"100,000 lists in JSON", strings.Repeat("[", 100_000), JSON, RuleDepth, 1},
		{"100,000 maps in JSON", strings.Repeat(`{"a":`, 100_000), JSON, RuleDepth, 1},
		{"100,000 lists in YAML", strings.Repeat("[", 100_000), YAML, RuleDepth, 1},
		{"100,000 dashes in YAML", strings.Repeat("- ", 100_000), YAML, RuleDepth, 1},
		{"65 levels in YAML", strings.Repeat("[", 65) + strings.Repeat("]", 65), YAML, RuleDepth, 1},
		{"JSON duplicate key", "{\"a\": 1,\n\"a\": 2}", Auto, RuleDuplicate, 2},
		{"JSON duplicate key by escape", `{"a": 1, "\u0061": 2}`, Auto, RuleDuplicate, 1},
		{"YAML duplicate key", "a: 1\nb: 2\na: 3\n", Auto, RuleDuplicate, 3},
		{"YAML duplicate key, quoted", "a: 1\n\"a\": 3\n", Auto, RuleDuplicate, 2},
		{"billion laughs", bomb, Auto, RuleAlias, 6},
		{"anchor inside itself", "a: &a [*a]", Auto, RuleAlias, 1},
		{"merge of itself", "a: &a\n  <<: *a\n  b: 1\n", Auto, RuleAlias, 2},
		{"alias of nothing", "a: *b", Auto, RuleAlias, 1},
		{"alias that makes it too deep", "a: &a " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\nb: [[[[[*a]]]]]\n", Auto, RuleDepth, 2},
		{"merge of text", "a:\n  <<: b\n", Auto, RuleYAML, 2},
		{"python tag", "a: !!python/object:os.system x", Auto, RuleTag, 1},
		{"binary tag", "a: !!binary aGk=", Auto, RuleTag, 1},
		{"string tag", "a: !!str 1", Auto, RuleTag, 1},
		{"own tag on a map", "a: 1\nb: !own {c: 1}", Auto, RuleTag, 2},
		{"two documents", "a: 1\n---\nb: 2\n", Auto, RuleMultiple, 2},
		{"second document is broken", "a: 1\n---\nb: [\n", Auto, RuleYAML, 3},
		{"tab", "id: wf\nsteps:\n\t- id: a\n", Auto, RuleYAML, 3},
		{"number as key", "1: a", Auto, RuleYAML, 1},
		{"null as key", "~: a", Auto, RuleYAML, 1},
		{"list as key", "? [a]\n: b", Auto, RuleYAML, 1},
		{"infinity", "a: .inf", Auto, RuleYAML, 1},
		{"not a number", "a: .NaN", Auto, RuleYAML, 1},
		{"UTF-16", "\xff\xfe{\x00}\x00", Auto, RuleUTF8, 1},
		{"UTF-16 without a mark", "{\x00}\x00", Auto, RuleUTF8, 1},
		{"not UTF-8", "a: b\nc: \xc3\x28", Auto, RuleUTF8, 2},
		{"encoded surrogate", "a: \xed\xa0\x80", Auto, RuleUTF8, 1},
		{"NUL", "a: b\x00", Auto, RuleUTF8, 1},
		{"NUL in JSON", `{"a": "\u0000"}`, Auto, RuleUTF8, 1},
		{"NUL in YAML", `a: "\0"`, Auto, RuleUTF8, 1},
		{"half a pair in JSON", `{"a": "\ud800"}`, Auto, RuleUTF8, 1},
		{"two first halves in JSON", `{"a": "\ud800\ud800"}`, Auto, RuleUTF8, 1},
		{"half a pair in YAML", `a: "\ud800"`, Auto, RuleUTF8, 1},
		{"too long", strings.Repeat("#", MaxBytes+1), Auto, RuleSize, 0},
		{"too many values in JSON", "[" + strings.Repeat("1,", MaxValues) + "1]", JSON, RuleSize, 1},
		{"too many values in YAML", "[" + strings.Repeat("1,", 1_900_000) + "1]", YAML, RuleSize, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var n *Node
			var err error
			if took := cputime.Of(func() { n, err = Parse([]byte(tt.src), tt.format) }); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("Parse = %v, %v; want rule %s", n, err, tt.rule)
			}
			if e.Rule != tt.rule || (tt.line > 0 && e.Pos.Line != tt.line) {
				t.Errorf("got %v, want rule %s in line %d", err, tt.rule, tt.line)
			}
			if len(e.Message) > 300 {
				t.Errorf("message has %d bytes", len(e.Message))
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	tests := []struct {
		name, src string
		want      any
	}{
		{"JSON", `{"a": [1, -2.5, 1e3, true, null, "x\u00e9\ud83d\ude00"]}`, m{"a": []any{int64(1), -2.5, 1000.0, true, nil, "xé😀"}}},
		{"byte order mark", "\xef\xbb\xbf{\"a\": 1}", m{"a": int64(1)}},
		{"largest integers", `{"a": 9223372036854775807, "b": -9223372036854775808, "c": 9223372036854775808}`, m{"a": int64(1<<63 - 1), "b": int64(-1 << 63), "c": 9223372036854775808.0}},
		{"64 levels", strings.Repeat("[", 64) + strings.Repeat("]", 64), nested(64)},
		{"booleans of YAML 1.1 are text", "[no, yes, on, off, y, n, No, ON]", nil},
		{"booleans", "a: true\nb: false\nc: no\nd: on", m{"a": true, "b": false, "c": "no", "d": "on"}},
		{"old octal is text", "a: 010\nb: 0o10\nc: 0x1F\nd: -07", m{"a": "010", "b": int64(8), "c": int64(31), "d": "-07"}},
		{"dates and times are text", "a: 2026-01-02\nb: 12:30:45\nc: 1_000", m{"a": "2026-01-02", "b": "12:30:45", "c": "1_000"}},
		{"numbers", "a: 1e3\nb: 1.5\nc: .5\nd: -3\ne: +4\nf: 1.", m{"a": 1000.0, "b": 1.5, "c": .5, "d": int64(-3), "e": int64(4), "f": 1.0}},
		{"nulls", "a:\nb: ~\nc: null\nd: ''", m{"a": nil, "b": nil, "c": nil, "d": ""}},
		{"quotes make text", "a: '1'\nb: \"true\"\nc: |\n  no\n", m{"a": "1", "b": "true", "c": "no\n"}},
		{"anchor", "a: &x {b: 1}\nc: *x", m{"a": m{"b": int64(1)}, "c": m{"b": int64(1)}}},
		{"merge", "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", m{"a": m{"b": int64(1), "c": int64(2)}, "d": m{"b": int64(1), "c": int64(3)}}},
		{"merge of several", "a: &x {b: 1}\nc: &y {b: 2, e: 3}\nd:\n  <<: [*x, *y]", m{"a": m{"b": int64(1)}, "c": m{"b": int64(2), "e": int64(3)}, "d": m{"b": int64(1), "e": int64(3)}}},
		{"quoted << is a key", "'<<': 1", m{"<<": int64(1)}},
		{"document marks", "---\na: 1\n...\n", m{"a": int64(1)}},
		{"comments", "# x\na: 1 # y\n", m{"a": int64(1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			format := Auto
			if tt.want == nil {
				format, tt.want = YAML, []any{"no", "yes", "on", "off", "y", "n", "No", "ON"}
			}
			n, err := Parse([]byte(tt.src), format)
			if err != nil {
				t.Fatal(err)
			}
			if got := n.Value(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
		})
	}
}

func nested(depth int) any {
	var v any = []any{}
	for range depth - 1 {
		v = []any{v}
	}
	return v
}

func TestPlacesCountCharacters(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"{\"é\": {\n  \"ü\": 1, \"x\": 2}}", "é:\n  {\"ü\": 1, \"x\": 2}"} {
		n, err := Parse([]byte(src), Auto)
		if err != nil {
			t.Fatal(err)
		}
		x := n.Get("é").Fields[1]
		want := Pos{2, strings.Index(strings.ReplaceAll(strings.Split(src, "\n")[1], "ü", "u"), `"x"`) + 1}
		if x.Pos != want {
			t.Errorf("%q: x stands at %v, want %v", src, x.Pos, want)
		}
	}
}
