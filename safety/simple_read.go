package safety

import (
	"slices"
	"strconv"
	"strings"
)

// newSimple reads a condition that the language accepts; nil when it is more than comparisons.
func newSimple(source string) *simple {
	p := simpleReader{rest: source}
	out := &simple{}
	for joined := ""; ; {
		t, ok := p.term()
		if !ok {
			return nil
		}
		out.terms = append(out.terms, t)
		word, more := p.joint()
		switch {
		case word == "" && more, joined != "" && word != "" && word != joined:
			return nil
		case word == "":
			return out
		}
		joined, out.any = word, word == "or"
	}
}

// simpleReader reads terms from what is left of a source.
type simpleReader struct{ rest string }

func (p *simpleReader) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take takes a text that stands in front.
func (p *simpleReader) take(text string) bool {
	p.space()
	rest, found := strings.CutPrefix(p.rest, text)
	if found {
		p.rest = rest
	}
	return found
}

// joint reads the word between two terms; more tells that something else stands there.
func (p *simpleReader) joint() (word string, more bool) {
	p.space()
	switch {
	case p.rest == "":
		return "", false
	case p.take("&&"), p.word("and"):
		return "and", false
	case p.take("||"), p.word("or"):
		return "or", false
	}
	return "", true
}

// word takes a whole word.
func (p *simpleReader) word(w string) bool {
	rest, found := strings.CutPrefix(p.rest, w)
	if !found || rest == "" || isWord(rest[0]) {
		return false
	}
	p.rest = rest
	return true
}

func (p *simpleReader) term() (t term, ok bool) {
	p.space()
	if p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"') {
		return p.role()
	}
	t.root = p.name()
	for p.rest != "" && p.rest[0] == '.' {
		p.rest = p.rest[1:]
		t.path = append(t.path, p.name())
	}
	fields := len(t.path)
	switch t.root {
	case "cost", "effect", "principal", "tenant":
		ok = fields == 0
	case "tags":
		ok = fields == 1
	case "input":
		ok = true
	}
	if !ok || slices.Contains(t.path, "") {
		return t, false
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">"} {
		if p.take(op) {
			t.op = op
			t.value, ok = p.literal()
			return t, ok
		}
	}
	return t, false
}

// role reads 'NAME' in roles.
func (p *simpleReader) role() (t term, ok bool) {
	if t.value, ok = p.literal(); !ok {
		return t, false
	}
	p.space()
	if t.op = "in"; !p.word(t.op) {
		return t, false
	}
	p.space()
	t.root = p.name()
	return t, t.root == "roles" && !strings.HasPrefix(p.rest, ".")
}

// name takes a plain name; "" when none stands there.
func (p *simpleReader) name() string {
	end := 0
	for end < len(p.rest) && p.rest[end] < 0x80 && p.rest[end] != '$' && isWord(p.rest[end]) {
		end++
	}
	name := p.rest[:end]
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		return ""
	}
	p.rest = p.rest[end:]
	return name
}

// maxDigits keeps numbers exact, as whole numbers and as others.
const maxDigits = 15

// literal takes a text without escapes, a plain decimal number, true or false.
func (p *simpleReader) literal() (any, bool) {
	p.space()
	if p.rest == "" {
		return nil, false
	}
	if quote := p.rest[0]; quote == '\'' || quote == '"' {
		end := strings.IndexByte(p.rest[1:], quote) + 1
		text := p.rest[1:max(end, 1)]
		if end == 0 || strings.ContainsFunc(text, func(c rune) bool { return c == '\\' || c < ' ' || c >= 0x7f }) {
			return nil, false
		}
		p.rest = p.rest[end+1:]
		return text, true
	}
	end := 0
	for end < len(p.rest) && (isWord(p.rest[end]) || p.rest[end] == '.') {
		end++
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return plainLiteral(word)
}

func plainLiteral(word string) (any, bool) {
	switch word {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	whole, part, decimal := strings.Cut(word, ".")
	if !digits(whole) || (decimal && !digits(part)) || len(word) > maxDigits || (len(whole) > 1 && whole[0] == '0') {
		return nil, false
	}
	if decimal {
		f, err := strconv.ParseFloat(word, 64)
		return f, err == nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}
