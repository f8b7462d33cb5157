package scan

import (
	"cmp"
	"math/bits"
	"slices"
)

// Match is a place in a text: the bytes from Start to End.
type Match struct {
	Scanner, Name string
	Start, End    int

	bit    uint64   // of a built-in pattern
	custom *Pattern // of a rule's
}

// Text finds in one text. The matches are sorted by place; those of different patterns may overlap.
func (s Set) Text(text []byte) []Match {
	f := finder{set: s}
	return f.text(text)
}

// Stream finds in a text that comes in pieces: whatever the pieces, the matches are those of the whole text. It keeps a
// window of it; with patterns of a rule it keeps all, for nobody knows how far those reach.
type Stream struct {
	f    finder
	buf  []byte
	base int // place in the text of buf[0]
	next int // place of the first lead not looked at
}

// NewStream begins a text.
func NewStream(s Set) *Stream { return &Stream{f: finder{set: s}} }

// Write adds a piece. The slice is not kept. It never fails.
func (s *Stream) Write(piece []byte) (int, error) {
	s.buf = append(s.buf, piece...)
	if len(s.buf) >= window+maxReach && len(s.f.set.custom) == 0 {
		s.look(len(s.buf)-maxReach-1, false)
	}
	return len(piece), nil
}

// look examines the leads before an index of buf, and forgets what no match can need any more.
func (s *Stream) look(until int, last bool) {
	s.f.base = s.base
	s.f.scan(s.buf, s.next-s.base, until, last)
	s.next = s.base + until
	if drop := until - maxBack - 1; drop > 0 {
		s.buf = append(s.buf[:0], s.buf[drop:]...)
		s.base += drop
	}
}

// Close ends the text and answers its matches, sorted by place.
func (s *Stream) Close() []Match {
	s.look(len(s.buf), true)
	return s.f.sorted()
}

// finder gathers the matches of one text.
type finder struct {
	set   Set
	base  int     // place in the text of the first byte that scan is given
	ended uint64  // the built-in patterns that have matched, and
	ends  [64]int // where their last match ended
	found []Match
}

// text finds in one text. The matches are good until the next one.
func (f *finder) text(text []byte) []Match {
	f.base, f.ended, f.found = 0, 0, f.found[:0]
	f.scan(text, 0, len(text), true)
	return f.sorted()
}

// scan looks at the leads of text from one index to another. last says that nothing follows; otherwise maxReach bytes and
// one do behind until.
func (f *finder) scan(text []byte, from, until int, last bool) {
	if f.set.builtin != 0 {
		f.leads(text, from, min(until, len(text)-leadBytes+1))
	}
	if !last {
		return
	}
	for _, p := range f.set.custom {
		for _, loc := range p.re.FindAllIndex(text, -1) {
			f.found = append(f.found, Match{Scanner: Custom, Name: p.name, Start: loc[0], End: loc[1], custom: p})
		}
	}
}

// leads is the one pass: four loads a byte, and a closer look where all four agree.
func (f *finder) leads(text []byte, from, until int) {
	want, leads := f.set.builtin, leads()
	for i := max(from, 0); i < until; i++ {
		four := text[i : i+leadBytes : i+leadBytes]
		could := leads[0][four[0]] & leads[1][four[1]] & want
		if could == 0 {
			continue
		}
		could &= leads[2][four[2]] & leads[3][four[3]]
		for ; could != 0; could &= could - 1 {
			f.try(text, i, bits.TrailingZeros64(could))
		}
	}
}

func (f *finder) try(text []byte, i, k int) {
	p := builtin[k]
	from := 0
	if f.ended>>k&1 == 1 {
		from = max(0, f.ends[k]-f.base)
	}
	start, end, ok := p.at(text, i, from)
	if !ok {
		return
	}
	f.ended, f.ends[k] = f.ended|1<<k, f.base+end
	f.found = append(f.found, Match{Scanner: p.scanner, Name: p.name, Start: f.base + start, End: f.base + end, bit: 1 << k})
}

// sorted are the matches by place; each once, also where two patterns of one name find the same.
func (f *finder) sorted() []Match {
	if len(f.found) < 2 {
		return f.found
	}
	slices.SortStableFunc(f.found, func(a, b Match) int {
		switch {
		case a.Start != b.Start:
			return a.Start - b.Start
		case a.End != b.End:
			return b.End - a.End
		}
		return cmp.Or(compare(a.Scanner, b.Scanner), compare(a.Name, b.Name))
	})
	return slices.CompactFunc(f.found, func(a, b Match) bool {
		return a.Start == b.Start && a.End == b.End && a.Name == b.Name && a.custom == b.custom
	})
}
