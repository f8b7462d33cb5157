package yamlx

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The numbers of RFC 8785, appendix B, and strings of its section 3.2.
func TestAppendCanonical(t *testing.T) {
	t.Parallel()
	tests := []struct {
		v    any
		want string
	}{
		{0.0, "0"},
		{math.Copysign(0, -1), "0"},
		{5e-324, "5e-324"},
		{-5e-324, "-5e-324"},
		{math.MaxFloat64, "1.7976931348623157e+308"},
		{9007199254740992.0, "9007199254740992"},
		{295147905179352830000.0, "295147905179352830000"},
		{9.999999999999997e22, "9.999999999999997e+22"},
		{1e21, "1e+21"},
		{999999999999999900000.0, "999999999999999900000"},
		{0.000001, "0.000001"},
		{1e-7, "1e-7"},
		{333333333.3333332, "333333333.3333332"},
		{-0.0000033333333333333333, "-0.0000033333333333333333"},
		{int64(math.MaxInt64), "9223372036854775807"},
		{"€$\u000f\nA'B\"\\\"/<>&\u2028", "\"€$\\u000f\\nA'B\\\"\\\\\\\"/<>&\u2028\""},
		{map[string]any{"\u20ac": 1, "\r": 2, "1": 3, "\U0001f600": 4, "\ufb33": 5, "\u0080": 6}, "{\"\\r\":2,\"1\":3,\"\u0080\":6,\"€\":1,\"😀\":4,\"\ufb33\":5}"},
		{[]any{nil, true, false, []any{}, map[string]any{}}, "[null,true,false,[],{}]"},
		{json.RawMessage(`{"raw":1}`), `{"raw":1}`},
	}
	for _, tt := range tests {
		got, err := AppendCanonical(nil, tt.v)
		if err != nil || string(got) != tt.want {
			t.Errorf("AppendCanonical(%#v) = %s, %v; want %s", tt.v, got, err, tt.want)
		}
	}
	for _, v := range []any{math.NaN(), math.Inf(-1), struct{}{}, []any{uint8(1)}} {
		if got, err := AppendCanonical(nil, v); err == nil {
			t.Errorf("AppendCanonical(%v) = %s, want an error", v, got)
		}
	}
}

func jsonValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(),
		rapid.Float64().Filter(func(f float64) bool { return f != math.Trunc(f) }).AsAny(),
		rapid.String().Filter(func(s string) bool { return !containsNUL(s) }).AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.SliceOfN(jsonValue(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(rapid.String().Filter(func(s string) bool { return !containsNUL(s) }), jsonValue(depth-1), 0, 4).AsAny(),
	)...)
}

func containsNUL(s string) bool {
	for _, c := range s {
		if c == 0 {
			return true
		}
	}
	return false
}

// What is written canonically is read back the same, as JSON and as YAML, which JSON is a part of.
func TestCanonicalRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := jsonValue(3).Draw(t, "value")
		text, err := AppendCanonical(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Parse(text, JSON)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(n.Value(), v) {
			t.Fatalf("%s: read %#v, wrote %#v", text, n.Value(), v)
		}
		again, err := AppendCanonical(nil, n)
		if err != nil || string(again) != string(text) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
	})
}
