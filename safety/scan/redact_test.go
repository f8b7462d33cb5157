package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
)

func TestRedact(t *testing.T) {
	for _, c := range []struct {
		doc, want string
		fields    Fields
		findings  []Finding
	}{
		{doc: ` { "a" : [1, "x"] } `, want: ` { "a" : [1, "x"] } `},
		{doc: ``, want: ``},
		{
			doc: `{"mail": "to ann@example.com!", "n":1e3}`, want: `{"mail": "to [redacted:email]!", "n":1e3}`,
			findings: []Finding{{PII, "email", "$.mail", 1}},
		},
		{ // written with escapes
			doc: `["\u0041KIAIOSFODNN7\u0045XAMPLE \u00e9\ud83d\ude00 \"x\""]`, want: `["[redacted:aws_access_key] \u00e9\ud83d\ude00 \"x\""]`,
			findings: []Finding{{Secret, "aws_access_key", "$[*]", 1}},
		},
		{ // in a name, which no path shows
			doc: `{"AKIAIOSFODNN7EXAMPLE": {"AKIAIOSFODNN7EXAMPLF": 1}}`, want: `{"[redacted:aws_access_key]": {"[redacted:aws_access_key]": 1}}`,
			findings: []Finding{{Secret, "aws_access_key", "$.(key)", 1}, {Secret, "aws_access_key", "$.*.(key)", 1}},
		},
		{ // a number
			doc: `{"card":4111111111111111,"id":1763719200000}`, want: `{"card":"[redacted:card]","id":1763719200000}`,
			findings: []Finding{{PII, "card", "$.card", 1}},
		},
		{ // a secret by its field's name
			doc:      `{"password":"hunter2","db_secret":123456,"api_key":null,"token":"next","password_hint":"mother","secret":{"a":"b"},"passwords":["x"]}`,
			want:     `{"password":"[redacted:password]","db_secret":"[redacted:password]","api_key":null,"token":"next","password_hint":"mother","secret":{"a":"b"},"passwords":["x"]}`,
			findings: []Finding{{Secret, "password", "$.db_secret", 1}, {Secret, "password", "$.password", 1}},
		},
		{ // two that overlap
			doc: `["password=ann@example.com"]`, want: `["password=[redacted:email]"]`,
			findings: []Finding{{PII, "email", "$[*]", 1}, {Secret, "password", "$[*]", 1}},
		},
		{
			doc:    `{"a":{"ssn":"x","b":[{"card":{"n":1}},{"card":[1,2]}]},"card":2, "ssn" : true}`,
			want:   `{"a":{"ssn":"[redacted]","b":[{"card":"[redacted]"},{"card":"[redacted]"}]},"card":2, "ssn" : "[redacted]"}`,
			fields: Fields{"ssn", "a.b.card"},
			findings: []Finding{
				{Named, "a.b.card", "$.a.b[*].card", 2}, {Named, "ssn", "$.a.ssn", 1}, {Named, "ssn", "$.ssn", 1},
			},
		},
		{doc: `{"a":{"x":1},"b":{"x":"}"},"x":3}`, want: `{"a":{"x":"[redacted]"},"b":{"x":"[redacted]"},"x":3}`, fields: Fields{"$.*.x"}, findings: []Finding{
			{Named, "$.*.x", "$.a.x", 1}, {Named, "$.*.x", "$.b.x", 1},
		}},
	} {
		got, report, err := Of(Secret, PII).Redact([]byte(c.doc), c.fields)
		if err != nil || string(got) != c.want || !reflect.DeepEqual(report.Findings, c.findings) {
			t.Errorf("%s\n got %s %v %v\nwant %s %v", c.doc, got, report.Findings, err, c.want, c.findings)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, doc := range []string{"x", `{"a":}`, `["a"`, `{"a":1}{}`} {
		if _, err := Of(Secret).Find([]byte(doc)); !errors.Is(err, ErrNoJSON) {
			t.Errorf("%s: %v", doc, err)
		}
	}
	if _, err := Of(Secret).Find(bytes.Repeat([]byte(" "), MaxText+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// Places are counted, and no document makes a report long.
func TestFindingsAreBounded(t *testing.T) {
	doc := map[string]any{}
	for i := range 3 * MaxFindings {
		doc[fmt.Sprintf("f%d", i)] = "ann@example.com"
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Of(PII).Find(raw)
	if err != nil || len(report.Findings) != MaxFindings+1 {
		t.Fatalf("%d findings, %v", len(report.Findings), err)
	}
	if first := report.Findings[0]; first.Path != "" || first.Count != 2*MaxFindings {
		t.Errorf("%+v", first)
	}
}

// A pattern that fits the marker, or everything, leaves nothing of itself all the same.
func TestMarkers(t *testing.T) {
	for _, expr := range []string{`[a-z]+`, `.`, `\]`, `(?s).*x`, `\*`, `\d`, `[^"]`} {
		p, err := NewPattern("p1", expr)
		if err != nil {
			t.Fatal(err)
		}
		set := Set{}.With(p)
		out, _, err := set.Redact([]byte(`{"k":["some x text]*", 12, "", "***"]}`), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkRedacted(t.Fatalf, set, nil, out)
	}
}

func checkRedacted(fatalf func(string, ...any), set Set, fields Fields, out []byte) {
	if len(out) > 0 && !json.Valid(out) {
		fatalf("%s is no JSON", out)
	}
	again, report, err := set.Redact(out, fields)
	if err != nil || len(report.Findings) > 0 || !bytes.Equal(again, out) {
		fatalf("%s holds %v, %v", out, report.Findings, err)
	}
}

// drawDoc is a document whose texts are made of what is found, written with more escapes than needed.
func drawDoc(t *rapid.T, depth int) string {
	switch n := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case n == 0 || depth == 0:
		return rapid.SampledFrom([]string{"null", "true", "-1.5e3", "4111111111111111", "0", "5105105105105100"}).Draw(t, "plain")
	case n <= 3:
		return drawString(t)
	case n <= 5:
		parts := []string{}
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			parts = append(parts, drawDoc(t, depth-1))
		}
		return "[ " + strings.Join(parts, " , ") + "]"
	}
	parts := []string{}
	for range rapid.IntRange(0, 3).Draw(t, "fields") {
		key := rapid.SampledFrom([]string{`"a"`, `"password"`, `"pass\u0077ord"`, `"ssn"`, `"AKIAIOSFODNN7EXAMPLE"`, `"b"`}).Draw(t, "key")
		parts = append(parts, key+": "+drawDoc(t, depth-1))
	}
	return "{" + strings.Join(parts, ",") + " }"
}

func drawString(t *rapid.T) string {
	text := strings.ToValidUTF8(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "text"), ""), "?")
	quoted := string(yamlx.AppendString(nil, text))
	if rapid.Bool().Draw(t, "escaped") {
		var b strings.Builder
		for _, r := range text {
			if r < 0x10000 && rapid.IntRange(0, 3).Draw(t, "escape") == 0 {
				fmt.Fprintf(&b, `\u%04x`, r)
				continue
			}
			q := yamlx.AppendString(nil, string(r))
			b.Write(q[1 : len(q)-1])
		}
		quoted = `"` + b.String() + `"`
	}
	return quoted
}

// Whatever is hidden: the result is JSON, nothing is found in it, and doing it again changes nothing; a document without a
// finding stays as it is, byte for byte.
func TestRedactProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := []byte(drawDoc(t, 4))
		set := Of(rapid.SliceOfNDistinct(rapid.SampledFrom(Scanners), 0, 3, rapid.ID[string]).Draw(t, "scanners")...)
		if rapid.Bool().Draw(t, "custom") {
			set = set.With(acme)
		}
		fields := Fields(rapid.SampledFrom([][]string{nil, {"ssn"}, {"a.b", "ssn"}}).Draw(t, "fields"))
		out, report, err := set.Redact(doc, fields)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if len(report.Findings) == 0 && !bytes.Equal(out, doc) {
			t.Fatalf("%s became %s", doc, out)
		}
		checkRedacted(t.Fatalf, set, fields, out)
		found, err := set.Find(doc)
		if err != nil || (len(fields) == 0 && !reflect.DeepEqual(found.Findings, report.Findings)) {
			t.Fatalf("%v and %v", found.Findings, report.Findings)
		}
	})
}

// FuzzRedact: no document makes it fail, and a canary that is found never stays.
func FuzzRedact(f *testing.F) {
	const canary = "AKIAIOSFODNN7EXAMPLE"
	for _, doc := range []string{`{"a":["CANARY"]}`, `"\u0041KIA CANARY \ud83d"`, `{"CANARY":4111111111111111,"password":"x9"}`, `[1,"ann@example.com CANARY"]`} {
		f.Add([]byte(doc), "ACME-[0-9]+")
	}
	f.Fuzz(func(t *testing.T, doc []byte, expr string) {
		if len(doc) > 16<<10 {
			return
		}
		doc = bytes.ReplaceAll(doc, []byte("CANARY"), []byte(" "+canary+" "))
		set := Of(Scanners...)
		if p, err := NewPattern("p", expr); err == nil {
			set = set.With(p)
		}
		out, _, err := set.Redact(doc, Fields{"ssn"})
		if (err == nil) != (json.Valid(doc) || len(doc) == 0) {
			t.Fatalf("%q: %v", doc, err)
		}
		if err != nil {
			return
		}
		checkRedacted(t.Fatalf, set, Fields{"ssn"}, out)
		if bytes.Contains(out, []byte(" "+canary+" ")) {
			t.Fatalf("%s still holds the canary", out)
		}
	})
}
