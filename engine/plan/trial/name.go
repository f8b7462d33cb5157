package trial

import (
	"strconv"
	"strings"
)

// undoPrefix marks the name of a step's compensation.
const undoPrefix = "undo:"

// normal moves "undo:" to the front of a name, wherever it was written: "sub/undo:ask" is "undo:sub/ask".
func normal(name string) string {
	if rest, found := strings.CutPrefix(name, undoPrefix); found {
		return undoPrefix + rest
	}
	if before, after, found := strings.Cut(name, "/"+undoPrefix); found {
		return undoPrefix + before + "/" + after
	}
	return name
}

// below is the name of a child's step under the step that started the child.
func below(prefix, name string) string {
	if rest, found := strings.CutPrefix(name, undoPrefix); found {
		return undoPrefix + prefix + rest
	}
	return prefix + name
}

// lookup finds what is said for a name: its own, else what is said for every iteration or round it belongs to, the one
// with the most indexes first.
func lookup[V any](of map[string]V, name string) (V, bool) {
	if v, ok := of[name]; ok || len(of) == 0 {
		return v, ok
	}
	for _, wider := range widened(name) {
		if v, ok := lookup(of, wider); ok {
			return v, true
		}
	}
	var none V
	return none, false
}

// widened are the names that a name has when one of its indexes is left out, the last one first.
func widened(name string) (out []string) {
	for end := len(name); ; {
		shut := strings.LastIndexByte(name[:end], ']')
		open := strings.LastIndexByte(name[:max(shut, 0)], '[')
		if shut < 0 || open < 0 {
			return out
		}
		out = append(out, name[:open]+name[shut+1:])
		end = open
	}
}

// part is one element of a name: a step's id and which iteration or round of it; -1 for none.
type part struct {
	id    string
	index int
}

// parts takes a name apart, "undo:" left out. It is nil when the name is none.
func parts(name string) []part {
	var out []part
	for _, text := range strings.Split(strings.TrimPrefix(name, undoPrefix), "/") {
		p := part{id: text, index: -1}
		if id, rest, indexed := strings.Cut(text, "["); indexed {
			digits, closed := strings.CutSuffix(rest, "]")
			if !closed {
				return nil
			}
			for _, text := range strings.Split(digits, "][") { // an iteration, and the round of a loop in it
				n, err := strconv.Atoi(text)
				if err != nil || n < 0 {
					return nil
				}
				p = part{id: id, index: n}
			}
		}
		if p.id == "" {
			return nil
		}
		out = append(out, p)
	}
	return out
}
