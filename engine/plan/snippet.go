package plan

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a snippet, in characters: files may have lines of megabytes.
const (
	snippetWidth  = 120
	snippetBefore = 60 // of the place, when the line is cut
)

// lineBreak is what ends a line of a file for the YAML reader, whose places are shown (YAML 1.1, §4.2: CR LF, CR, LF, NEL, LS, PS).
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func splitLines(src []byte) []string {
	return lineBreak.Split(strings.TrimPrefix(string(src), "\ufeff"), -1)
}

// snippet shows a line of a file with a caret below the place; "" when there is no such line.
func snippet(lines []string, line, col int) string {
	if line < 1 || line > len(lines) {
		return ""
	}
	shown, caret := cut(lines[line-1], col)
	number := fmt.Sprint(line)
	out := number + " | " + shown
	if caret > 0 {
		out += "\n" + strings.Repeat(" ", len(number)) + " | " + strings.Repeat(" ", caret-1) + "^"
	}
	return strings.TrimRight(out, " ")
}

// cut answers what fits of a line around a column, without characters that a terminal would act on, and the column there.
func cut(line string, col int) (shown string, caret int) {
	if !utf8.ValidString(line) {
		line = strings.ToValidUTF8(line, "\ufffd")
	}
	chars := []rune(line)
	caret = min(max(col, 0), len(chars)+1)
	if from := caret - snippetBefore; len(chars) > snippetWidth && from > 0 {
		chars = append([]rune{'…'}, chars[from:]...)
		caret -= from - 1
	}
	if len(chars) > snippetWidth {
		chars = append(chars[:snippetWidth:snippetWidth], '…')
	}
	for i, c := range chars {
		switch {
		case c == '\t':
			chars[i] = ' '
		case !unicode.IsPrint(c):
			chars[i] = '\ufffd'
		}
	}
	return string(chars), caret
}
