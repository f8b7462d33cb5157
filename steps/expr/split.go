package expr

import "strings"

// span is a stretch of a template's text: literal text, or the source of an expression.
type span struct {
	text   string
	isExpr bool
}

// split finds the ${…} of a text. It is linear and recurses nowhere: braces and quotes of the expression are counted,
// nothing is parsed.
func split(s string) ([]span, error) {
	var out []span
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, span{text: text.String()})
			text.Reset()
		}
	}
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			text.WriteString(s)
			flush()
			return out, nil
		}
		if i > 0 && s[i-1] == '$' { // $${ is the text ${
			text.WriteString(s[:i-1])
			text.WriteString("${")
			s = s[i+2:]
			continue
		}
		text.WriteString(s[:i])
		flush()
		end := closing(s, i+2)
		if end < 0 {
			return nil, errorf(CodeSyntax, "a ${ is not closed; the text ${ is written $${")
		}
		out = append(out, span{text: s[i+2 : end], isExpr: true})
		s = s[end+1:]
	}
}

// closing answers where the } stands that closes what began before i, or -1.
func closing(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"', '\'', '`':
			i = skipString(s, i)
			continue
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
		i++
	}
	return -1
}
