package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/engine/runner"
)

// What is accepted is JSON, and of what is JSON only the stricter rules refuse any.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,"x",{"b":null}]}`, `[1,]`, `{"a" 1}`, `1 2`, `"\ud800"`, `{"a":1,"a":2}`, " ", `{"a":{}}x`, `[[[]]`, `-`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := checkJSON(raw)
		if p == nil && !json.Valid(raw) {
			t.Fatalf("accepted: %q", raw)
		}
		if p != nil && (p.Code == "invalid_json" || p.Code == "empty_body") && json.Valid(raw) {
			t.Fatalf("refused as %s: %q", p.Detail, raw)
		}
		if p != nil && p.Status != 400 {
			t.Fatalf("status %d", p.Status)
		}
	})
}

func TestDuplicateKeys(t *testing.T) {
	many := func(last string) string {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i)
		}
		return "{" + b.String() + last + ":0}"
	}
	for body, twice := range map[string]bool{
		`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}`: false,
		`{"a":"b","b":"a"}`:                         false,
		`{"a":1,"\u0061":2}`:                        true,
		`{"a\"":1,"a":2}`:                           false,
		`{"x":[1,{"y":{"z":1,"z":2}}]}`:             true,
		`["a","a"]`:                                 false,
		`{"a" : 1, "a" : 1}`:                        true,
		many(`"other"`):                             false,
		many(`"k3"`):                                true,
		many(`"k98"`):                               true,
	} {
		p := checkJSON([]byte(body))
		if got := p != nil && p.Code == "duplicate_key"; got != twice || (p != nil && !twice) {
			t.Errorf("%s: %v", clip(body), p)
		}
	}
}

func TestTakeRun(t *testing.T) {
	tests := []struct {
		source string
		format runner.Format
		run    bool
		rest   string
	}{
		{`{"run":true}`, runner.FormatJSON, true, `{          }`},
		{`{"run":true,"id":"x"}`, runner.FormatJSON, true, `{           "id":"x"}`},
		{`{"id":"x" , "run" : true }`, runner.FormatJSON, true, `{"id":"x"                }`},
		{`{"id":"x","run":false,"y":1}`, runner.FormatJSON, false, `{"id":"x"            ,"y":1}`},
		{`{"run":"true"}`, runner.FormatJSON, false, `{"run":"true"}`},
		{`{"a":{"run":true}}`, runner.FormatJSON, false, `{"a":{"run":true}}`},
		{`{"run":true`, runner.FormatJSON, true, `{          `},
		{`[{"run":true}]`, runner.FormatJSON, false, `[{"run":true}]`},
		{"\xef\xbb\xbf{\"run\":true}", runner.FormatJSON, true, "\xef\xbb\xbf{          }"},
		{"id: x\nrun: true # now\nsteps: []", runner.FormatYAML, true, "id: x\n               \nsteps: []"},
		{"id: x\na:\n  run: true\n", runner.FormatYAML, false, "id: x\na:\n  run: true\n"},
		{`{"run":true}`, runner.FormatAuto, true, `{          }`},
		{"run: false\n", runner.FormatAuto, false, "          \n"},
	}
	for _, tt := range tests {
		rest, run := takeRun([]byte(tt.source), tt.format)
		if run != tt.run || string(rest) != tt.rest {
			t.Errorf("%q: %v, %q", tt.source, run, rest)
		}
	}
}

func TestOneShot(t *testing.T) {
	for source, want := range map[string]bool{
		`{"steps":[]}`: true, `{"id":"x","steps":[]}`: false, `{"name":"x","steps":[]}`: false, `{"steps":[{"id":"a"}]}`: true,
		`{`: false, ``: false, `[]`: false, `{"id":null}`: false,
	} {
		if got := oneShot([]byte(source), runner.FormatJSON); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
	for source, want := range map[string]bool{"steps:\n  - id: a\n": true, "{steps: []}": true, "{id: x}": false, "id: x\nsteps: []\n": false, "\"name\": x\n": false} {
		if got := oneShot([]byte(source), runner.FormatYAML); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}

// Taking "run" out leaves valid JSON with everything else where it was.
func TestTakeRunKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
			`"id": "x"`, `"name":"run"`, `"a" : {"run": true}`, "\"s\":[\n1]", `"run" : true`, `"n":-1e5`,
		}), 1, 6, rapid.ID[string]).Draw(t, "fields")
		source := "{" + strings.Join(fields, rapid.SampledFrom([]string{",", " ,\n "}).Draw(t, "comma")) + "}"
		rest, run := takeRun([]byte(source), runner.FormatJSON)
		if !json.Valid(rest) {
			t.Fatalf("%s became %s", source, rest)
		}
		if len(rest) != len(source) || bytes.Count(rest, []byte("\n")) != strings.Count(source, "\n") {
			t.Fatalf("places moved: %s became %s", source, rest)
		}
		var before, after map[string]any
		_ = json.Unmarshal([]byte(source), &before)
		_ = json.Unmarshal(rest, &after)
		if _, had := before["run"]; had != run {
			t.Fatalf("run is %v in %s", run, source)
		}
		delete(before, "run")
		if len(before) != len(after) {
			t.Fatalf("%s became %s", source, rest)
		}
	})
}
