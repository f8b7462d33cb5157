package expr

import "strings"

// guard refuses source that is too long or too deep for the parser, which recurses once for each bracket and each
// unary operator. It reads the text from left to right and recurses nowhere.
func guard(src string) error {
	if len(src) > MaxSource {
		return errorf(CodeTooLong, "the expression has %d bytes, the limit is %d", len(src), MaxSource)
	}
	if strings.TrimSpace(src) == "" {
		return errorf(CodeSyntax, "the expression is empty")
	}
	depth, unary := 0, 0
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '"' || c == '\'' || c == '`':
			i, unary = skipString(src, i), 0
			continue
		case strings.IndexByte("([{", c) >= 0:
			depth++
			unary = 0
		case strings.IndexByte(")]}", c) >= 0:
			depth--
			unary = 0
		case strings.IndexByte("-+!", c) >= 0:
			unary++
		case strings.HasPrefix(src[i:], "not") && !wordAt(src, i+len("not")) && !wordAt(src, i-1):
			unary++
			i += len("not")
			continue
		case strings.IndexByte(" \t\r\n", c) >= 0:
		default:
			unary = 0
		}
		if depth > MaxNesting || unary > MaxNesting {
			return errorf(CodeTooDeep, "the expression nests deeper than %d", MaxNesting)
		}
		i++
	}
	return nil
}

// skipString answers the index behind the string literal that begins at i, or the end when it is not closed.
func skipString(src string, i int) int {
	quote := src[i]
	for i++; i < len(src); i++ {
		switch {
		case src[i] == '\\' && quote != '`':
			i++
		case src[i] == quote:
			return i + 1
		}
	}
	return len(src)
}

func wordAt(src string, i int) bool {
	if i < 0 || i >= len(src) {
		return false
	}
	c := src[i]
	return c == '_' || c == '$' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}
