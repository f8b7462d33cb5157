package yamlx

import (
	"bytes"
	"unicode/utf8"
)

// Parse reads one document. The error is an *Error. The tree shares nothing with src; a subtree that an alias repeats
// is shared by the places that repeat it, so nobody may change it.
func Parse(src []byte, format Format) (*Node, error) {
	if len(src) > MaxBytes {
		return nil, fail(RuleSize, Pos{}, "the document has %d bytes, the limit is %d", len(src), MaxBytes)
	}
	text := bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, fail(RuleEmpty, Pos{}, "the document is empty")
	}
	if format.detect(text) == JSON {
		return parseJSON(text)
	}
	return parseYAML(text)
}

// checkEncoding refuses what is not UTF-8, and NUL, which no text has and UTF-16 is full of.
func checkEncoding(text []byte) error {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return fail(RuleUTF8, Pos{1, 1}, "the document is UTF-16: save it as UTF-8")
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return fail(RuleUTF8, posOf(text, i), "NUL is not allowed")
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return fail(RuleUTF8, posOf(text, i), "the byte 0x%02x is not UTF-8", text[i])
		}
		i += n
	}
	return nil
}

// posOf counts the place of a byte; columns count characters.
func posOf(text []byte, offset int) Pos {
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	start := bytes.LastIndexByte(before, '\n') + 1
	return Pos{Line: line, Col: utf8.RuneCount(before[start:]) + 1}
}
