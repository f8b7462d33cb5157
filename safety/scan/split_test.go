package scan

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pieces are what texts of the tests are made of: all that is found, and what looks like it.
var pieces = func() []string {
	out := []string{" ", "\n", "a", "=", ".", "-", "4", "@", "é", "日", "\xff", "password=", "bearer ", "AKIA", "-----BEGIN ", "eyJ", "://", "[redacted:x]", strings.Repeat("x", 300)}
	for _, s := range samples {
		out = append(append(out, s.found...), s.not...)
	}
	slices.Sort(out)
	return out
}()

func drawText(t *rapid.T) []byte {
	return []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "pieces"), ""))
}

var acme = func() *Pattern {
	p, err := NewPattern("acme", `ACME-\d+|(?i)x{2,}y?$`)
	if err != nil {
		panic(err)
	}
	return p
}()

// naive tries every built-in pattern at every place.
func naive(s Set, text []byte) []Match {
	f := finder{set: s}
	for k, p := range builtin {
		if s.builtin>>k&1 == 0 {
			continue
		}
		for i, from := 0, 0; i < len(text); i++ {
			if start, end, ok := p.at(text, i, from); ok {
				f.found = append(f.found, Match{Scanner: p.scanner, Name: p.name, Start: start, End: end, bit: 1 << k})
				from = end
			}
		}
	}
	return f.sorted()
}

// The one pass finds what trying everything everywhere finds.
func TestLeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		got, want := Of(Scanners...).Text(text), naive(Of(Scanners...), text)
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}

// However a text comes, what is found in it is the same.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := Of(Scanners...)
		if rapid.Bool().Draw(t, "custom") {
			set = set.With(acme)
		}
		text := drawText(t)
		if rapid.Bool().Draw(t, "long") { // so that windows end within what is found
			pad := rapid.IntRange(0, 2*window+maxReach).Draw(t, "pad")
			text = slices.Concat(text, []byte(strings.Repeat("lorem ipsum, ", pad/13+1)[:pad]), text)
		}
		splits(t.Fatalf, set, text, func(left int) int { return rapid.IntRange(1, left).Draw(t, "piece") })
	})
}

func splits(fatalf func(string, ...any), set Set, text []byte, piece func(left int) int) {
	want := set.Text(text)
	s := NewStream(set)
	for rest := text; len(rest) > 0; {
		n := piece(len(rest))
		if _, err := s.Write(rest[:n]); err != nil {
			fatalf("%v", err)
		}
		rest = rest[n:]
	}
	if got := s.Close(); !slices.Equal(got, want) {
		fatalf("%d bytes in pieces: %v, want %v", len(text), got, want)
	}
}

// FuzzScanSplit cuts any text anywhere, in the middle of what is long enough for several windows.
func FuzzScanSplit(f *testing.F) {
	f.Add([]byte("key AKIAIOSFODNN7EXAMPLE, mail ann@example.com"), uint16(7), uint32(0))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMIIEow"), uint16(5), uint32(window+maxReach-20))
	f.Add([]byte("password=hunter2 eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x"), uint16(3000), uint32(window))
	f.Fuzz(func(t *testing.T, text []byte, size uint16, pad uint32) {
		if len(text) > 4<<10 || pad > 3*window {
			return
		}
		long := slices.Concat([]byte(strings.Repeat(" ", int(pad))), text)
		cut := int(size) + 1
		if pad > 0 {
			cut += 1000 // small pieces of a long text only take long
		}
		splits(t.Fatalf, Of(Scanners...), long, func(left int) int { return min(left, cut) })
	})
}
