package plan

import (
	"bytes"
	"regexp"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// ignored is one comment that ignores warnings.
type ignored struct {
	at    yamlx.Pos
	codes []string
	bad   string // what is wrong with it; "" when it counts
	used  map[string]bool
}

// ignoreComment is the comment with what follows it: codes, separated by commas, then the reason.
var ignoreComment = regexp.MustCompile(`(?:^|\s)(#\s*cordum:ignore)\b[ \t]*([A-Za-z0-9,]*)[ \t]*(.*)$`)

// ignoring drops the warnings that comments of the file ignore, and adds one for each comment that does not do what its
// author thinks. JSON has no comments.
func ignoring(src []byte, format yamlx.Format, list []dag.Diagnostic) []dag.Diagnostic {
	comments := ignores(src, format)
	if len(comments) == 0 {
		return capped(list)
	}
	var kept []dag.Diagnostic
	for _, d := range list {
		if !comments.cover(d) {
			kept = append(kept, d)
		}
	}
	return capped(append(kept, comments.complaints()...))
}

// ignoreLines are comments by the line whose warnings they ignore.
type ignoreLines map[int][]*ignored

func ignores(src []byte, format yamlx.Format) ignoreLines {
	if isJSON(src, format) || !bytes.Contains(src, []byte("cordum:ignore")) {
		return nil
	}
	lines := ignoreLines{}
	var above []*ignored // comments on lines of their own, waiting for the next line that is none
	for i, line := range splitLines(src) {
		number := i + 1
		trimmed := strings.TrimSpace(line)
		alone := strings.HasPrefix(trimmed, "#")
		if trimmed != "" && !alone {
			lines[number] = append(lines[number], above...)
			above = nil
		}
		m := ignoreComment.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		c := readIgnore(line[m[4]:m[5]], line[m[6]:m[7]])
		c.at = yamlx.Pos{Line: number, Col: len([]rune(line[:m[2]])) + 1}
		if alone {
			above = append(above, c)
		} else {
			lines[number] = append(lines[number], c)
		}
	}
	lines[0] = above // nothing follows
	return lines
}

// isJSON tells as yamlx does how a file is written.
func isJSON(src []byte, format yamlx.Format) bool {
	if format != yamlx.Auto {
		return format == yamlx.JSON
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

func readIgnore(codes, reason string) *ignored {
	c := &ignored{used: map[string]bool{}}
	for _, code := range strings.FieldsFunc(codes, func(r rune) bool { return r == ',' }) {
		code = strings.ToUpper(code)
		r := ruleByCode[code]
		switch {
		case r == nil:
			c.bad = "there is no rule " + yamlx.Clip(code)
		case r.Severity != dag.Warning:
			c.bad = code + " is an error: it cannot be ignored"
		case code == ruleByName[RuleBadIgnore].Code:
			c.bad = code + " is about these comments"
		}
		c.codes = append(c.codes, code)
	}
	switch {
	case len(c.codes) == 0:
		c.bad = "it names no code, as in # cordum:ignore CW082 reason"
	case c.bad == "" && strings.TrimSpace(reason) == "":
		c.bad = "it gives no reason: write why behind " + strings.Join(c.codes, ",")
	}
	return c
}

// cover says whether a comment ignores the warning, and notes that it did.
func (l ignoreLines) cover(d dag.Diagnostic) bool {
	r := ruleByName[d.Rule]
	if r == nil || d.Line == 0 {
		return false
	}
	covered := false
	for _, c := range l[d.Line] {
		for _, code := range c.codes {
			if code == r.Code && c.bad == "" {
				c.used[code], covered = true, true
			}
		}
	}
	return covered
}

func (l ignoreLines) complaints() (out []dag.Diagnostic) {
	for _, comments := range l {
		for _, c := range comments {
			if why := c.complaint(); why != "" {
				out = append(out, warn(RuleBadIgnore, dag.Place{Pos: c.at}, "this comment ignores nothing: "+why))
			}
		}
	}
	return out
}

func (c *ignored) complaint() string {
	if c.bad != "" {
		return c.bad
	}
	for _, code := range c.codes {
		if !c.used[code] {
			return "there is no " + code + " here"
		}
	}
	return ""
}
