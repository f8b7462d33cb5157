package scan

import (
	"regexp"
	"regexp/syntax"
	"sync"
	"unicode"
	"unicode/utf8"
)

// The scanners: named groups of built-in patterns.
const (
	Secret    = "secret"    // keys, tokens, passwords
	PII       = "pii"       // what identifies a person
	Injection = "injection" // what is written to steer a model
	// Custom is the scanner of findings by a rule's own patterns, Named that of fields that are removed by name.
	Custom = "pattern"
	Named  = "field"
)

// Scanners are the names of the groups that a rule may ask for, sorted.
var Scanners = []string{Injection, PII, Secret}

// pattern is one built-in pattern. A match begins where the expression's first four bytes stand (or up to back bytes before
// it), is confirmed by the check, and may not have a neighbour that would make it part of something longer.
type pattern struct {
	scanner, name string
	// expr is tried exactly where its lead stands. It matches at least four bytes, in the first of which nothing is optional.
	expr string
	// lead is what every match begins with, where expr does not say it in ASCII.
	lead string
	// run extends a match through bytes of a class: tokens without an upper length.
	run class
	// back takes the bytes of a class before the lead into the match, at least one of them, at most maxBack.
	back class
	// hide is the group of expr that is the secret; 0: the whole match.
	hide int
	// check confirms a match and answers its length, at most len(text); 0: it is none. text is what stands from the lead on,
	// n how many bytes of it match. nil: every match counts.
	check func(text []byte, n int) int
	// left and right are the neighbours that a match may not have.
	left, right class

	compiled func() expression
}

// expression is a pattern's, compiled when it is first looked for: most servers never do.
type expression struct {
	re    *regexp.Regexp
	reach int // how many bytes re looks at
}

// class is a set of bytes.
type class [4]uint64

func (c *class) has(b byte) bool { return c[b>>6]>>(b&63)&1 == 1 }

func (c *class) add(b byte) { c[b>>6] |= 1 << (b & 63) }

func (c *class) empty() bool { return *c == class{} }

// bytesOf is the class of some bytes; "a-z" stands for a range.
func bytesOf(spec string) (c class) {
	for i := 0; i < len(spec); i++ {
		low, high := spec[i], spec[i]
		if i+2 < len(spec) && spec[i+1] == '-' {
			high = spec[i+2]
			i += 2
		}
		for b := int(low); b <= int(high); b++ {
			c.add(byte(b))
		}
	}
	return c
}

var (
	alnum  = bytesOf("0-9A-Za-z")
	digits = bytesOf("0-9")
	word   = bytesOf("0-9A-Za-z_")
	base64 = bytesOf("0-9A-Za-z+/=")
	urlish = bytesOf("0-9A-Za-z_-") // the dash stands last
)

// builtin are all patterns; a pattern's place is its bit in a Set.
var builtin = func() []*pattern {
	var all []*pattern
	for _, group := range [][]pattern{secrets, personal, phrases} {
		for i := range group {
			p := &group[i]
			p.compiled = sync.OnceValue(func() expression {
				return expression{regexp.MustCompile(`\A(?:` + p.expr + `)`), reachOf(p.expr)}
			})
			all = append(all, p)
		}
	}
	return all
}()

// at looks for a match whose lead stands at index i of text; ok is false when there is none. from is where the last match
// of this pattern ended: matches of one pattern do not overlap.
func (p *pattern) at(text []byte, i, from int) (start, end int, ok bool) {
	start = i
	if !p.back.empty() {
		for start > from && i-start < maxBack && p.back.has(text[start-1]) {
			start--
		}
		if start == i {
			return 0, 0, false
		}
	}
	if i < from || (start > 0 && p.left.has(text[start-1])) {
		return 0, 0, false
	}
	rest := text[i:min(len(text), i+maxReach)]
	low, high := p.match(rest)
	if high == 0 {
		return 0, 0, false
	}
	if i+high < len(text) && p.right.has(text[i+high]) {
		return 0, 0, false
	}
	if p.hide > 0 {
		start = i + low
	}
	return start, i + high, true
}

// match tries the expression at the beginning of a text; high is 0 when it does not match.
func (p *pattern) match(rest []byte) (low, high int) {
	e := p.compiled()
	loc := e.re.FindSubmatchIndex(rest[:min(len(rest), e.reach)])
	if loc == nil {
		return 0, 0
	}
	low, high = loc[2*p.hide], loc[2*p.hide+1]
	for high < len(rest) && p.run.has(rest[high]) {
		high++
	}
	if p.check == nil {
		return low, high
	}
	n := p.check(rest[low:], high-low)
	if n == 0 {
		return 0, 0
	}
	return low, low + n
}

// reachOf is how many bytes a built-in expression can look at: its longest match and one character behind it.
func reachOf(expr string) int {
	tree, err := syntax.Parse(expr, syntax.Perl)
	n := -1
	if err == nil {
		n = longest(tree)
	}
	if n < 0 || n > maxReach/2 {
		panic("scan: the expression has no bound: " + expr)
	}
	return n + utf8.UTFMax
}

// longest is how many bytes an expression can match at most; -1 when there is no bound.
func longest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(string(re.Rune))
	case syntax.OpCharClass:
		return widest(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpStar, syntax.OpPlus:
		return -1
	case syntax.OpRepeat:
		if n := longest(re.Sub[0]); n >= 0 && re.Max >= 0 {
			return n * re.Max
		}
		return -1
	}
	sum, most := 0, 0
	for _, sub := range re.Sub {
		n := longest(sub)
		if n < 0 {
			return -1
		}
		sum, most = sum+n, max(most, n)
	}
	if re.Op == syntax.OpAlternate {
		return most
	}
	return sum
}

// widest is how many bytes a character of a class has at most. The third case of K and S, which only a letter's own class
// has beside ASCII, is not counted: where such a match is cut off, it is none.
func widest(ranges []rune) int {
	most := 1
	for i := 1; i < len(ranges); i += 2 {
		if low, high := ranges[i-1], ranges[i]; high > unicode.MaxASCII && (low != high || !thirdCase(low)) {
			most = max(most, utf8.RuneLen(high))
		}
	}
	return most
}

// thirdCase tells whether a character is K or S in a case beyond ASCII: the Kelvin sign, the long s.
func thirdCase(r rune) bool { return r == '\u212a' || r == '\u017f' }
