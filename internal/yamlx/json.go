package yamlx

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads JSON (RFC 8259) by recursive descent, at most MaxDepth deep. Its text is valid UTF-8 without NUL.
type jsonReader struct {
	text   []byte
	off    int
	values int

	// The place of markOff, counted on from there: places are asked for in rising order only.
	markOff, line, col int
}

func parseJSON(text []byte) (*Node, error) {
	r := &jsonReader{text: text, line: 1, col: 1}
	r.space()
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.off < len(r.text) {
		return nil, r.unexpected("the end of the document")
	}
	return n, nil
}

// pos is the place of the next byte.
func (r *jsonReader) pos() Pos {
	for ; r.markOff < r.off && r.markOff < len(r.text); r.markOff++ {
		switch b := r.text[r.markOff]; {
		case b == '\n':
			r.line++
			r.col = 1
		case b&0xC0 != 0x80:
			r.col++
		}
	}
	return Pos{Line: r.line, Col: r.col}
}

func (r *jsonReader) peek() byte {
	if r.off < len(r.text) {
		return r.text[r.off]
	}
	return 0
}

func (r *jsonReader) space() {
	for r.off < len(r.text) {
		switch r.text[r.off] {
		case ' ', '\t', '\r', '\n':
			r.off++
		default:
			return
		}
	}
}

// unexpected says what stands where something else should.
func (r *jsonReader) unexpected(want string) *Error {
	pos := r.pos()
	if r.off >= len(r.text) {
		return fail(RuleJSON, pos, "the document ends where %s should be", want)
	}
	switch r.peek() {
	case '/', '#':
		return fail(RuleJSON, pos, "JSON has no comments: remove it, or write the document as YAML, where they begin with #")
	case '\'':
		return fail(RuleJSON, pos, "JSON strings stand in double quotes")
	}
	c, _ := utf8.DecodeRune(r.text[r.off:])
	return fail(RuleJSON, pos, "%q where %s should be", c, want)
}

func (r *jsonReader) value(depth int) (*Node, error) {
	pos := r.pos()
	if r.values++; r.values > MaxValues {
		return nil, fail(RuleSize, pos, "the document has more than %d values", MaxValues)
	}
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return nil, fail(RuleDepth, pos, "nested deeper than %d levels", MaxDepth)
		}
		if c == '{' {
			return r.object(pos, depth)
		}
		return r.array(pos, depth)
	case c == '"':
		s, err := r.string()
		if err != nil {
			return nil, err
		}
		return &Node{Kind: String, Pos: pos, Str: s}, nil
	case c == '-' || (c >= '0' && c <= '9'):
		return r.number(pos)
	}
	return r.literal(pos)
}

func (r *jsonReader) literal(pos Pos) (*Node, error) {
	rest := r.text[r.off:]
	switch {
	case bytes.HasPrefix(rest, []byte("null")):
		r.off += len("null")
		return &Node{Kind: Null, Pos: pos}, nil
	case bytes.HasPrefix(rest, []byte("true")):
		r.off += len("true")
		return &Node{Kind: Bool, Pos: pos, Bool: true}, nil
	case bytes.HasPrefix(rest, []byte("false")):
		r.off += len("false")
		return &Node{Kind: Bool, Pos: pos}, nil
	}
	return nil, r.unexpected("a value")
}

func (r *jsonReader) object(pos Pos, depth int) (*Node, error) {
	n := &Node{Kind: Map, Pos: pos}
	seen := map[string]struct{}{}
	r.off++
	r.space()
	if r.peek() == '}' {
		r.off++
		return n, nil
	}
	for {
		r.space()
		f := Field{Pos: r.pos()}
		if r.peek() != '"' {
			return nil, r.unexpected("a key in double quotes")
		}
		var err error
		if f.Key, err = r.string(); err != nil {
			return nil, err
		}
		if _, dup := seen[f.Key]; dup {
			return nil, fail(RuleDuplicate, f.Pos, "the key %q stands here a second time", Clip(f.Key))
		}
		seen[f.Key] = struct{}{}
		r.space()
		if r.peek() != ':' {
			return nil, r.unexpected("a colon")
		}
		r.off++
		r.space()
		if f.Value, err = r.value(depth + 1); err != nil {
			return nil, err
		}
		n.Fields = append(n.Fields, f)
		if done, err := r.next('}'); done || err != nil {
			return n, err
		}
	}
}

func (r *jsonReader) array(pos Pos, depth int) (*Node, error) {
	n := &Node{Kind: List, Pos: pos}
	r.off++
	r.space()
	if r.peek() == ']' {
		r.off++
		return n, nil
	}
	for {
		r.space()
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
		if done, err := r.next(']'); done || err != nil {
			return n, err
		}
	}
}

// next reads the comma before another element, or the end.
func (r *jsonReader) next(end byte) (done bool, err error) {
	r.space()
	switch r.peek() {
	case end:
		r.off++
		return true, nil
	case ',':
		r.off++
		return false, nil
	}
	return false, r.unexpected("a comma or " + strconv.QuoteRune(rune(end)))
}

func (r *jsonReader) number(pos Pos) (*Node, error) {
	start, integral := r.off, true
	if r.peek() == '-' {
		r.off++
	}
	switch c := r.peek(); {
	case c == '0':
		r.off++
	case c >= '1' && c <= '9':
		r.digits()
	default:
		return nil, r.unexpected("a digit")
	}
	if r.peek() == '.' {
		integral = false
		r.off++
		if !r.digits() {
			return nil, r.unexpected("a digit")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		integral = false
		r.off++
		if c := r.peek(); c == '+' || c == '-' {
			r.off++
		}
		if !r.digits() {
			return nil, r.unexpected("a digit")
		}
	}
	n := numberNode(string(r.text[start:r.off]), integral, pos)
	if n == nil {
		return nil, fail(RuleJSON, pos, "the number is larger than a float64 holds")
	}
	return n, nil
}

func (r *jsonReader) digits() bool {
	start := r.off
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.off++
	}
	return r.off > start
}

// numberNode makes the node of a decimal literal: an integer within int64 stays one, everything else is a float64.
// It is nil when a float64 cannot hold it.
func numberNode(text string, integral bool, pos Pos) *Node {
	if integral {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return &Node{Kind: Int, Pos: pos, Int: i}
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil
	}
	return &Node{Kind: Float, Pos: pos, Float: f}
}

func (r *jsonReader) string() (string, error) {
	r.off++
	start := r.off
	var out []byte // nil until the first escape
	for {
		switch c := r.peek(); {
		case r.off >= len(r.text):
			return "", r.unexpected("the end of a string")
		case c == '"':
			s := string(append(out, r.text[start:r.off]...))
			r.off++
			return s, nil
		case c < 0x20:
			return "", fail(RuleJSON, r.pos(), "the control character 0x%02x in a string: write it as an escape", c)
		case c == '\\':
			out = append(out, r.text[start:r.off]...)
			c, err := r.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, c)
			start = r.off
		default:
			r.off++
		}
	}
}

var jsonEscapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (r *jsonReader) escape() (rune, error) {
	pos := r.pos()
	r.off++
	c := r.peek()
	if out, ok := jsonEscapes[c]; ok {
		r.off++
		return out, nil
	}
	if c != 'u' {
		return 0, r.unexpected("an escape of JSON")
	}
	first, err := r.hex4()
	if err != nil {
		return 0, err
	}
	switch {
	case first == 0:
		return 0, fail(RuleUTF8, pos, "NUL is not allowed")
	case !utf16.IsSurrogate(first):
		return first, nil
	case r.off+1 < len(r.text) && r.text[r.off] == '\\' && r.text[r.off+1] == 'u':
		r.off++
		second, err := r.hex4()
		if err != nil {
			return 0, err
		}
		if c := utf16.DecodeRune(first, second); c != utf8.RuneError {
			return c, nil
		}
	}
	return 0, fail(RuleUTF8, pos, "half of a surrogate pair stands alone")
}

// hex4 reads the four digits behind the u at r.off.
func (r *jsonReader) hex4() (rune, error) {
	r.off++
	end := r.off + 4
	if end > len(r.text) {
		r.off = len(r.text)
		return 0, r.unexpected("four hexadecimal digits")
	}
	v, err := strconv.ParseUint(string(r.text[r.off:end]), 16, 32)
	if err != nil {
		return 0, r.unexpected("four hexadecimal digits")
	}
	r.off = end
	return rune(v), nil
}
