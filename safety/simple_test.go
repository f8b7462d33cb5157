package safety

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

var simpleSources = []string{
	"cost > 1", "cost<=2.5", "tenant == 'acme'", `principal != "user:ann"`, "'sre' in roles", "tags.env == 'production' and input.n > 2",
	"tags.env == 'production' or input.n == 1.5", "input == 3", "input.a.b == 'x'", "input.a.b != true && effect == 'write'", "effect >= 'read'",
	"input.n < 3 || input.n > 7", "tags.none != 'x'", "input.in == 1", "input.a == false", "input.n == 900719925474099",
}

// TestWhatIsSimple: comparisons are seen as such, and what is more than that, or only looks like it, is not.
func TestWhatIsSimple(t *testing.T) {
	for _, src := range simpleSources {
		if c, err := newCondition(src); err != nil || c.simple == nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	for _, src := range []string{
		"true", "not (cost > 1)", "cost > 1 and (tenant == 'a')", "cost > 1 and tenant == 'a' or cost > 3", "tags['env'] == 'x'", "input?.a == 1",
		"tenant == 'it\\'s'", "cost > 1 + 1", "input.n > -1", "input.n", "'a' in tags", "cost > 0x10", "cost > 1_000", "1 < cost", "tenant == `a`",
		"tenant == 'ü'", "input.n == 9007199254740993", "cost > 1 // and more", "tags.a.b == 'x'", "input.ü == 1", "'a' in roles[0:]", "cost > 1e3",
		"cost == nil", "cost > 1 == true",
	} {
		if c, err := newCondition(src); err == nil && c.simple != nil {
			t.Errorf("%s is taken for a comparison", src)
		}
	}
}

// TestSimpleMeansTheSame: where comparisons answer, the language answers the same.
func TestSimpleMeansTheSame(t *testing.T) { rapid.Check(t, checkSimple) }

// FuzzSimpleCondition is TestSimpleMeansTheSame driven by the fuzzer.
func FuzzSimpleCondition(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkSimple)) }

func checkSimple(t *rapid.T) {
	names := []string{"cost", "effect", "principal", "tenant", "tags.env", "tags.x", "input", "input.n", "input.a.b", "input.s"}
	literals := []string{"0", "1", "2", "2.5", "'a'", "'b'", `"production"`, "true", "false", "'write'", "100000000000000"}
	one := func() string {
		if rapid.IntRange(0, 5).Draw(t, "role") == 0 {
			return rapid.SampledFrom([]string{"'dev'", "'sre'"}).Draw(t, "role name") + " in roles"
		}
		return rapid.SampledFrom(names).Draw(t, "name") + rapid.SampledFrom([]string{"==", " != ", "<", " <= ", ">", ">="}).Draw(t, "op") +
			rapid.SampledFrom(literals).Draw(t, "literal")
	}
	src, joint := one(), rapid.SampledFrom([]string{" and ", "&&", " or ", "||"}).Draw(t, "joint")
	for range rapid.IntRange(0, 2).Draw(t, "more") {
		src += joint + one()
	}
	c, err := newCondition(src)
	if err != nil {
		return // as a number compared with text
	}
	if c.simple == nil {
		t.Fatalf("%s is not taken for comparisons", src)
	}
	value := rapid.SampledFrom([]string{"null", "0", "1", "2.0", "2.5", `"a"`, `"b"`, "true", "false", "[1]", "{}", "1e400", "100000000000000", "9223372036854775807"})
	r := Request{
		Cost: rapid.SampledFrom([]float64{0, 1, 2, 2.5}).Draw(t, "cost"), Effect: rapid.SampledFrom([]string{"", "read", "write"}).Draw(t, "effect"),
		Principal: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "principal"), Tenant: rapid.SampledFrom([]string{"", "a"}).Draw(t, "tenant"),
		Roles: rapid.SliceOfN(rapid.SampledFrom([]string{"dev", "sre"}), 0, 2).Draw(t, "roles"),
	}
	if rapid.Bool().Draw(t, "labelled") {
		r.Labels = map[string]string{"env": rapid.SampledFrom([]string{"production", "a"}).Draw(t, "env")}
	}
	if rapid.Bool().Draw(t, "derived") {
		r.Derived = map[string]string{"x": "b", "env": "b"}
	}
	r.Input = json.RawMessage(value.Draw(t, "input"))
	if rapid.Bool().Draw(t, "object") {
		r.Input = json.RawMessage(`{"n":` + value.Draw(t, "n") + `,"s":` + value.Draw(t, "s") + `,"a":{"b":` + value.Draw(t, "b") + `}}`)
	}
	s := look(r.Input)
	if s.inputErr != nil {
		return
	}
	s.env = newEnv(&r, s.input)
	fast := c.simple.holds(&r, s.input)
	slow, err := s.ask(c)
	if fast != unclear && (err != nil || slow != (fast == yes)) {
		t.Fatalf("%s of %+v: %d, the language says %t, %v", src, r, fast, slow, err)
	}
}
