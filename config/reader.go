package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cordum.dev/cordum/internal/yamlx"
)

// maxSeconds is the longest time that means something: 366 days, as in workflows.
const maxSeconds = 366 * 24 * 60 * 60

// maxProblems is how many problems of one text are told.
const maxProblems = 20

// Problem is one thing that is wrong with a text.
type Problem struct {
	File    string    `json:"file"`
	Pos     yamlx.Pos `json:"-"`
	Message string    `json:"message"`
}

func (p Problem) String() string {
	if p.Pos.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Pos.Line, p.Pos.Col, p.Message)
}

// Problems are all that is wrong with a text, in the order of the file.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// reader reads one text and gathers what is wrong with it.
type reader struct {
	file     string
	problems Problems
}

// open parses a text. An empty one is an empty mapping.
func open(src []byte, file string) (*reader, *yamlx.Node) {
	r := &reader{file: file}
	empty := &yamlx.Node{Kind: yamlx.Map}
	if len(src) > MaxBytes {
		r.fail(yamlx.Pos{}, "it has %d bytes, at most %d are read", len(src), MaxBytes)
		return r, empty
	}
	if len(strings.TrimSpace(string(src))) == 0 {
		return r, empty
	}
	root, err := yamlx.Parse(src, yamlx.Auto)
	if err != nil {
		var at *yamlx.Error
		if errors.As(err, &at) {
			r.fail(at.Pos, "%s", at.Message)
		} else {
			r.fail(yamlx.Pos{}, "%v", err)
		}
		return r, empty
	}
	if root.Kind == yamlx.Null {
		return r, empty
	}
	if root.Kind != yamlx.Map {
		r.fail(root.Pos, "expected KEY: VALUE")
		return r, empty
	}
	return r, root
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems
}

func (r *reader) fail(at yamlx.Pos, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{r.file, at, fmt.Sprintf(format, args...)})
	}
}

// known refuses everything that is no mapping, and keys that are not among names.
func (r *reader) known(n *yamlx.Node, names ...string) bool {
	if n.Kind != yamlx.Map {
		r.fail(n.Pos, "expected an object with %s", strings.Join(names, ", "))
		return false
	}
	for _, f := range n.Fields {
		if slices.Contains(names, f.Key) {
			continue
		}
		hint := "known are " + strings.Join(names, ", ")
		if near := yamlx.Nearest(f.Key, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.fail(f.Pos, "unknown key %q (%s)", yamlx.Clip(f.Key), hint)
	}
	return true
}

// entries reads a mapping of names, which may be absent or empty.
func (r *reader) entries(n *yamlx.Node, name string, read func(yamlx.Field)) {
	switch {
	case n == nil, n.Kind == yamlx.Null:
		return
	case n.Kind != yamlx.Map:
		r.fail(n.Pos, "%s: expected NAME: VALUE", name)
		return
	case len(n.Fields) > MaxEntries:
		r.fail(n.Pos, "%s has %d entries, at most %d are read", name, len(n.Fields), MaxEntries)
		return
	}
	for _, f := range n.Fields {
		read(f)
	}
}

// checkName refuses what no subject, label or id can carry.
func (r *reader) checkName(e yamlx.Field, what string) {
	if !plain(e.Key) {
		r.fail(e.Pos, "%q is no name of a %s: up to %d printable characters without spaces", yamlx.Clip(e.Key), what, maxName)
	}
}

func plain(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) &&
		strings.IndexFunc(s, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) }) < 0
}

// checkTopic refuses what is no topic and no pattern of topics.
func (r *reader) checkTopic(e yamlx.Field) {
	tokens := strings.Split(e.Key, ".")
	good := plain(e.Key) && tokens[0] == "job" && len(tokens) > 1
	for i, token := range tokens {
		if token == "" || (strings.ContainsAny(token, "*>") && (len(token) > 1 || token == ">" && i < len(tokens)-1)) {
			good = false
		}
	}
	if !good {
		r.fail(e.Pos, "%q is no topic: want job.NAME, with * for one part or a last > for all the rest", yamlx.Clip(e.Key))
	}
}

// names reads a name or a list of names.
func (r *reader) names(n *yamlx.Node, what string) (out []string) {
	switch {
	case n == nil || n.Kind == yamlx.Null:
		return nil
	case n.Kind == yamlx.String:
		n = &yamlx.Node{Kind: yamlx.List, Pos: n.Pos, Items: []*yamlx.Node{n}}
	case n.Kind != yamlx.List:
		r.fail(n.Pos, "%s: expected a list of names", what)
		return nil
	}
	for _, item := range n.Items {
		if item.Kind != yamlx.String || !plain(item.Str) {
			r.fail(item.Pos, "%s: expected a name", what)
			continue
		}
		if !slices.Contains(out, item.Str) {
			out = append(out, item.Str)
		}
	}
	return out
}

// whole reads a positive number; 0 when it is absent.
func (r *reader) whole(n *yamlx.Node, what string, most int) int {
	if n == nil || n.Kind == yamlx.Null {
		return 0
	}
	return r.count(n, what, 1, most)
}

func (r *reader) count(n *yamlx.Node, what string, least, most int) int {
	if n.Kind != yamlx.Int || n.Int < int64(least) || n.Int > int64(most) {
		r.fail(n.Pos, "%s: expected a whole number from %d to %d", what, least, most)
		return 0
	}
	return int(n.Int)
}

func (r *reader) boolean(n *yamlx.Node, what string) bool {
	if n == nil || n.Kind == yamlx.Null {
		return false
	}
	if n.Kind != yamlx.Bool {
		r.fail(n.Pos, "%s: expected true or false", what)
	}
	return n.Bool
}

// rate reads COUNT/TIME, such as 100/1m.
func (r *reader) rate(n *yamlx.Node) (out Rate) {
	if n == nil || n.Kind == yamlx.Null {
		return out
	}
	count, per, ok := strings.Cut(n.Str, "/")
	if n.Kind == yamlx.String && ok {
		if per != "" && (per[0] < '0' || per[0] > '9') {
			per = "1" + per // 100/s
		}
		c, err := strconv.Atoi(count)
		d, good := parseDuration(per)
		if err == nil && good && c > 0 && c <= MaxJobs {
			return Rate{Count: c, Per: d}
		}
	}
	r.fail(n.Pos, "rate: expected COUNT/TIME, such as 100/1m")
	return out
}

// either reads a time by one of two names: as a duration, or in whole seconds.
func (r *reader) either(n *yamlx.Node, name, seconds string) time.Duration {
	a, b := n.Get(name), n.Get(seconds)
	switch {
	case a != nil && b != nil:
		r.fail(b.Pos, "%s and %s say the same: leave one of them out", name, seconds)
	case b != nil:
		return time.Duration(r.whole(b, seconds, maxSeconds)) * time.Second
	case a != nil:
		return r.duration(a, name)
	}
	return 0
}

func (r *reader) duration(n *yamlx.Node, what string) time.Duration {
	if n.Kind == yamlx.String {
		if d, ok := parseDuration(n.Str); ok {
			return d
		}
	}
	r.fail(n.Pos, "%s: expected a time such as 30s, 5m or 1h30m, at most 366 days", what)
	return 0
}

// parseDuration reads a time as workflows write it: whole numbers with units down to milliseconds, days as well.
func parseDuration(s string) (time.Duration, bool) {
	var days time.Duration
	if d, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(d, 10, 16)
		if err != nil {
			return 0, false
		}
		days, s = time.Duration(n)*24*time.Hour, rest
	}
	total := days
	if s != "" {
		rest, err := time.ParseDuration(s)
		if err != nil || strings.ContainsAny(s, ".+-") || rest%time.Millisecond != 0 {
			return 0, false
		}
		total += rest
	}
	return total, total > 0 && total <= maxSeconds*time.Second
}
