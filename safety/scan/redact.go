package scan

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Redact puts a marker in the place of all that a set finds in a JSON document, and in the place of the values of some
// fields (see [Fields]). The result is valid JSON, in which nothing is found any more and every other byte is as it was;
// it is doc itself when nothing changed. Where a number is hidden, a text stands. The errors are those of Find.
func (s Set) Redact(doc []byte, fields Fields) ([]byte, Report, error) {
	w, err := s.walk(doc, fields, true)
	if err != nil {
		return nil, Report{}, err
	}
	if w.out == nil {
		return doc, w.report(), nil
	}
	return append(w.out, doc[w.copied:]...), w.report(), nil
}

// RedactText does the same in a text that is no document.
func (s Set) RedactText(text string) string {
	matches := s.Text([]byte(text))
	if len(matches) == 0 {
		return text
	}
	w := walker{set: s}
	plain := []byte(text)
	spans, ok := w.spans(plain, matches)
	if !ok {
		return w.marker("")
	}
	return string(spans.write(plain))
}

// replace puts something in the place of what stands in doc from start on.
func (w *walker) replace(start int, raw, with []byte) {
	w.out = append(append(w.out, w.doc[w.copied:start]...), with...)
	w.copied = start + len(raw)
}

// redacted is the inside of a string without its matches. What is kept is kept as it is written.
func (w *walker) redacted(plain, raw []byte, matches []Match) []byte {
	spans, ok := w.spans(plain, matches)
	if !ok {
		return inside(w.marker(""))
	}
	if len(plain) == len(raw) { // nothing is escaped
		return spans.write(raw)
	}
	return spans.writeRaw(raw)
}

// span is a stretch of a text in whose place a marker stands.
type span struct {
	start, end int
	name       string
	marker     string
}

// spans do not overlap and are in order.
type spans []span

// spans are what must go of a text so that nothing is found in what is left; ok is false when only all of it will do. What
// is left and the markers may make a new match together, so the result is looked at again.
func (w *walker) spans(plain []byte, matches []Match) (_ spans, ok bool) {
	var all spans
	for range maxRounds {
		before := len(all)
		covered := all.covered()
		for _, m := range matches {
			all = append(all, span{m.Start, m.End, m.Name, w.marker(m.Name)})
		}
		all = all.merged()
		if len(all) == before && all.covered() == covered {
			return nil, false // a match that markers alone make
		}
		left := w.set.Text(all.write(plain))
		if len(left) == 0 {
			return all, true
		}
		matches = all.places(left)
	}
	return nil, false
}

func (s spans) covered() (n int) {
	for _, x := range s {
		n += x.end - x.start
	}
	return n
}

// merged joins what overlaps, under the name of what begins first.
func (s spans) merged() spans {
	slices.SortStableFunc(s, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	var out spans
	for _, x := range s {
		if n := len(out); n > 0 && x.start < out[n-1].end {
			out[n-1].end = max(out[n-1].end, x.end)
			continue
		}
		out = append(out, x)
	}
	return out
}

// write is the text with the markers in it.
func (s spans) write(text []byte) []byte {
	out := make([]byte, 0, len(text))
	at := 0
	for _, x := range s {
		out = append(append(out, text[at:x.start]...), x.marker...)
		at = x.end
	}
	return append(out, text[at:]...)
}

// writeRaw does so in the inside of a JSON string, of which the spans count what it means. An escape that a span begins or
// ends within goes with it.
func (s spans) writeRaw(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	place, k := 0, 0 // in what raw means; the span that comes next
	for i := 0; i < len(raw); {
		n, meant := unit(raw[i:])
		length := max(1, len(meant))
		for k < len(s) && s[k].end <= place {
			k++
		}
		switch {
		case k == len(s) || s[k].start >= place+length:
			out = append(out, raw[i:i+n]...)
		case s[k].start >= place: // it begins here
			out = append(out, inside(s[k].marker)...)
		}
		place += length
		i += n
	}
	return out
}

// places says where matches of the written text stand in the text it was written of. A match that touches a marker takes
// what the marker stands for.
func (s spans) places(matches []Match) []Match {
	out := slices.Clone(matches)
	for i := range out {
		out[i].Start, out[i].End = s.origin(out[i].Start, false), s.origin(out[i].End, true)
	}
	return out
}

// origin is where a place of the written text stands in the other; within a marker, where that begins or ends.
func (s spans) origin(place int, end bool) int {
	moved := 0 // how far the written text is ahead
	for _, x := range s {
		at := x.start + moved
		if place <= at {
			break
		}
		if place < at+len(x.marker) {
			if end {
				return x.end
			}
			return x.start
		}
		moved += len(x.marker) - (x.end - x.start)
	}
	return place - moved
}

// marker stands in the place of what was hidden. Where a rule's own pattern matches it, a shorter one does, at last none.
func (w *walker) marker(name string) string {
	if m, known := w.markers[name]; known {
		return m
	}
	candidates := []string{"[redacted:" + name + "]", hiddenMarker, "***", ""}
	if name == "" {
		candidates = candidates[1:]
	}
	i := slices.IndexFunc(candidates, func(m string) bool { return len(w.set.Text([]byte(m))) == 0 })
	if w.markers == nil {
		w.markers = map[string]string{}
	}
	w.markers[name] = candidates[i]
	return candidates[i]
}

// quote is a text as a JSON string, inside without its quotes.
func quote(s string) []byte { return yamlx.AppendString(nil, s) }

func inside(s string) []byte {
	q := quote(s)
	return q[1 : len(q)-1]
}
