package scan

import (
	"bytes"
	"strings"
)

// Fields are fields whose values are removed, whatever they hold. A name without a dot is any field of that name, however
// deep; with dots it is a path from the top, in which lists are passed through and * stands for any one name:
// customers.card is the card of each customer.
type Fields []string

// hiddenMarker stands in the place of a value that was removed by its field's name.
const hiddenMarker = "[redacted]"

// names tells whether the last step of a path is one of the fields, and by which.
func (f Fields) names(path []segment) (string, bool) {
	last := path[len(path)-1].key
	for _, field := range f {
		if field == string(last) || (strings.Contains(field, ".") && fits(field, path)) {
			return field, true
		}
	}
	return "", false
}

// fits compares a dotted path with where the walker is.
func fits(field string, path []segment) bool {
	field = strings.ReplaceAll(strings.TrimPrefix(field, "$."), "[*]", "")
	for _, s := range path {
		if s.list {
			continue
		}
		if field == "" {
			return false
		}
		name, rest, _ := strings.Cut(field, ".")
		if name != "*" && name != string(s.key) {
			return false
		}
		field = rest
	}
	return field == ""
}

// remove takes the value that comes out of the document.
func (w *walker) remove(name string) {
	start := w.at
	w.skip()
	marker := quote(w.marker(""))
	if raw := w.doc[start:w.at]; !bytes.Equal(raw, marker) {
		w.add(Finding{Scanner: Named, Name: name, Path: w.where(false)})
		if w.redacts {
			w.replace(start, raw, marker)
		}
	}
}

// skip goes behind a value without looking at it.
func (w *walker) skip() {
	depth := 0
	for w.at < len(w.doc) {
		switch c := w.doc[w.at]; {
		case c == '"':
			for w.at++; w.doc[w.at] != '"'; w.at++ {
				if w.doc[w.at] == '\\' {
					w.at++
				}
			}
		case c == '{' || c == '[':
			depth++
		case (c == '}' || c == ']') && depth == 0, c == ',' && depth == 0:
			return
		case c == '}' || c == ']':
			depth--
		case c <= ' ' && depth == 0:
			return
		}
		w.at++
		if depth == 0 && w.at > 0 && bytes.IndexByte(closers, w.doc[w.at-1]) >= 0 {
			return
		}
	}
}

// closers end a value that is not a number or a word.
var closers = []byte(`"}]`)
