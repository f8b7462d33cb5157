package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/yamlx"
)

// What is printed as YAML reads back as what it was, whatever the strings look like.
func TestYAMLReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := genValue(3).Draw(t, "value")
		raw, err := json.Marshal(value)
		if err != nil {
			t.Skip("not JSON")
		}
		text, err := yamlOf(raw)
		if err != nil {
			t.Fatal(err)
		}
		node, err := yamlx.Parse([]byte(text), yamlx.YAML)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if got := node.Value(); !reflect.DeepEqual(got, value) {
			t.Fatalf("%#v came back as %#v:\n%s", value, got, text)
		}
	})
}

func genValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just(any(nil)), rapid.Bool().AsAny(), rapid.Int64().AsAny(),
		rapid.SampledFrom([]any{"no", "on", "010", "1e3", "2026-11-21", "- a", "a: b", "#", "", " x", "~", "null", "a\nb", "'", "\"", "{", "0x1F", "NaN", ".inf"}),
		rapid.StringMatching(`[ -~]{0,12}`).AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return rapid.SliceOfN(genValue(depth-1), 0, 4).Draw(t, "list")
		case 1:
			return rapid.MapOfN(rapid.StringMatching(`[ -~]{1,8}`), genValue(depth-1), 0, 4).Draw(t, "map")
		}
		return rapid.OneOf(scalars...).Draw(t, "scalar")
	})
}

func TestTableAlignsAndStaysOneLineARow(t *testing.T) {
	var out bytes.Buffer
	p := &printer{w: &out}
	rows := [][]cell{{text("ä"), state("running"), text("x")}, {text("long name"), state("failed"), text("evil\x1b[2J\nline\u202e")}}
	if err := p.table([]string{"A", "STATE", "C"}, rows); err != nil {
		t.Fatal(err)
	}
	want := "A          STATE    C\nä          running  x\nlong name  failed   evil·[2J·line·\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("an escape sequence got through without colours")
	}
	out.Reset()
	p.color = true
	if err := p.table([]string{"STATE"}, [][]cell{{state("failed")}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[31mfailed\x1b[0m") {
		t.Errorf("no colour: %q", out.String())
	}
}

func TestTimesForPeople(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		time.Second: "just now", 42 * time.Second: "42s ago", 3 * time.Minute: "3m ago", 5 * time.Hour: "5h ago",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0ms", 3 * time.Millisecond: "3ms", 1234 * time.Millisecond: "1.2s", 61 * time.Second: "1m1s",
	} {
		if got := took(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// Fields that this binary does not know are printed all the same.
func TestDocKeepsUnknownFields(t *testing.T) {
	var d doc[struct {
		ID string `json:"id"`
	}]
	if err := json.Unmarshal([]byte(`{"id":"x","newer":1}`), &d); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(page[struct {
		ID string `json:"id"`
	}]{Items: []doc[struct {
		ID string `json:"id"`
	}]{d}})
	if err != nil || d.V.ID != "x" || string(raw) != `{"items":[{"id":"x","newer":1}]}` {
		t.Errorf("%s, %v", raw, err)
	}
}
