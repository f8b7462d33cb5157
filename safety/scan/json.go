package scan

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Errors of a scan.
var (
	ErrNoJSON   = errors.New("the document is no JSON")
	ErrTooLarge = errors.New("the document is larger than 16 MiB")
)

// Finding says what was found where, and how often. It never holds the value.
type Finding struct {
	Scanner string `json:"scanner"`
	Name    string `json:"name"`
	// Path is where: $.customers[*].card; .(key) behind it says that it was a field's name. It is empty for what was found
	// in more places than are told apart. Names of fields that could tell something are shown as *.
	Path  string `json:"path"`
	Count int    `json:"count"`
}

// Report is what was found in a document.
type Report struct {
	// Findings are sorted by scanner, name and path; at most MaxFindings and one for each name.
	Findings []Finding

	builtin uint64
	custom  []*Pattern
}

// Has tells whether something was found that a set looks for.
func (r *Report) Has(s Set) bool {
	return r.builtin&s.builtin != 0 || slices.ContainsFunc(s.custom, func(p *Pattern) bool { return slices.Contains(r.custom, p) })
}

// Find looks for a set in a JSON document. An empty one is null. The error is ErrNoJSON or ErrTooLarge.
func (s Set) Find(doc []byte) (Report, error) {
	w, err := s.walk(doc, nil, false)
	if err != nil {
		return Report{}, err
	}
	return w.report(), nil
}

// walk goes through a document once.
func (s Set) walk(doc []byte, fields Fields, redact bool) (*walker, error) {
	w := &walker{set: s, find: finder{set: s}, doc: doc, redacts: redact, hidden: fields, counts: map[Finding]int{}}
	switch {
	case len(doc) > MaxText:
		return nil, ErrTooLarge
	case len(doc) == 0:
		return w, nil
	case !json.Valid(doc):
		return nil, ErrNoJSON
	}
	w.space()
	w.value()
	return w, nil
}

// walker goes through valid JSON.
type walker struct {
	set     Set
	find    finder
	doc     []byte
	at      int // place in doc
	redacts bool
	hidden  Fields
	path    []segment
	secret  bool // the value that comes belongs to a field whose name says that it is a secret
	room    []byte

	out    []byte // what was written of a document that changes
	copied int    // how much of doc is in out

	markers map[string]string // by name of a pattern
	counts  map[Finding]int
	builtin uint64
	custom  []*Pattern
}

// segment is a step of a path: an entry of a list (key is nil), or a field.
type segment struct {
	key  []byte
	list bool
}

func (w *walker) space() {
	for w.at < len(w.doc) && w.doc[w.at] <= ' ' {
		w.at++
	}
}

func (w *walker) value() {
	switch w.doc[w.at] {
	case '{':
		w.object()
	case '[':
		w.list()
	case '"':
		w.text(false)
	case 't', 'n':
		w.at += len("true")
	case 'f':
		w.at += len("false")
	default:
		w.number()
	}
}

func (w *walker) list() {
	w.path = append(w.path, segment{list: true})
	w.secret = false
	for w.at++; ; w.at++ {
		if w.space(); w.doc[w.at] == ']' {
			break
		}
		w.value()
		if w.space(); w.doc[w.at] == ']' {
			break
		}
	}
	w.at++
	w.path = w.path[:len(w.path)-1]
}

func (w *walker) object() {
	w.secret = false
	for w.at++; ; w.at++ {
		if w.space(); w.doc[w.at] == '}' {
			break
		}
		w.field()
		if w.space(); w.doc[w.at] == '}' {
			break
		}
	}
	w.at++
}

func (w *walker) field() {
	key := slices.Clone(w.text(true))
	w.space()
	w.at++ // the colon
	w.space()
	w.path = append(w.path, segment{key: key})
	if name, hidden := w.hidden.names(w.path); hidden {
		w.remove(name)
	} else {
		w.secret = w.set.builtin&namedSecret != 0 && secretName(key)
		w.value()
		w.secret = false
	}
	w.path = w.path[:len(w.path)-1]
}

// text takes a string and answers what it means; the slice is good until the next one.
func (w *walker) text(key bool) []byte {
	start := w.at + 1
	end, escaped := start, false
	for ; w.doc[end] != '"'; end++ {
		if w.doc[end] == '\\' {
			end++
			escaped = true
		}
	}
	w.at = end + 1
	raw := w.doc[start:end]
	plain := raw
	if escaped {
		w.room = appendUnescaped(w.room[:0], raw)
		plain = w.room
	}
	w.look(plain, raw, start, key)
	return plain
}

// look finds in a text of the document. raw is how it is written, from an index of doc on.
func (w *walker) look(plain, raw []byte, start int, key bool) {
	matches := w.find.text(plain)
	if w.secret && !key && value(plain, len(plain)) > 0 {
		w.secret = false
		matches = append(matches, Match{Scanner: Secret, Name: "password", Start: 0, End: len(plain), bit: namedSecret})
	}
	if len(matches) == 0 {
		return
	}
	w.count(matches, key)
	if w.redacts {
		w.replace(start, raw, w.redacted(plain, raw, matches))
	}
}

// number takes a number: account numbers come as such, too.
func (w *walker) number() {
	start := w.at
	for w.at < len(w.doc) && numberBytes.has(w.doc[w.at]) {
		w.at++
	}
	raw := w.doc[start:w.at]
	matches := w.find.text(raw)
	if w.secret {
		matches = append(matches, Match{Scanner: Secret, Name: "password", Start: 0, End: len(raw), bit: namedSecret})
	}
	if len(matches) == 0 {
		return
	}
	w.count(matches, false)
	if w.redacts {
		w.replace(start, raw, quote(w.marker(matches[0].Name)))
	}
}

var numberBytes = bytesOf("0-9.eE+-")

// count notes matches under the path of what is looked at.
func (w *walker) count(matches []Match, key bool) {
	path := w.where(key)
	for _, m := range matches {
		w.builtin |= m.bit
		if m.custom != nil && !slices.Contains(w.custom, m.custom) {
			w.custom = append(w.custom, m.custom)
		}
		w.add(Finding{Scanner: m.Scanner, Name: m.Name, Path: path})
	}
}

func (w *walker) add(f Finding) {
	if _, known := w.counts[f]; !known && len(w.counts) >= MaxFindings {
		f.Path = ""
	}
	w.counts[f]++
}

// where is the path for people. A field's own name is not in the path of what its name holds.
func (w *walker) where(key bool) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range w.path {
		switch {
		case s.list:
			b.WriteString("[*]")
		case shows(s.key):
			b.WriteString("." + string(s.key))
		default:
			b.WriteString(".*")
		}
	}
	if key {
		b.WriteString(".(key)")
	}
	return b.String()
}

// everything is all that is built in: a name that holds any of it is not shown.
var everything = Of(Scanners...)

// shows tells whether a field's name may stand in a path: a plain name that looks like nothing else.
func shows(key []byte) bool {
	if len(key) == 0 || len(key) > maxSegment || slices.ContainsFunc(key, func(b byte) bool { return !word.has(b) && b != '-' }) {
		return false
	}
	if len(key) >= 20 && slices.ContainsFunc(key, digits.has) {
		return false // an id, or a key of a kind that nobody knows
	}
	return len(everything.Text(key)) == 0
}

func (w *walker) report() Report {
	r := Report{builtin: w.builtin, custom: w.custom}
	for f, n := range w.counts {
		f.Count = n
		r.Findings = append(r.Findings, f)
	}
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		if c := compare(a.Scanner, b.Scanner); c != 0 {
			return c
		}
		if c := compare(a.Name, b.Name); c != 0 {
			return c
		}
		return compare(a.Path, b.Path)
	})
	return r
}

// namedSecret is the bit of what is a secret because its field's name says so: that of the pattern password.
var namedSecret = func() uint64 {
	k := slices.IndexFunc(builtin, func(p *pattern) bool { return p.name == "password" })
	return 1 << k
}()

// secretNames are endings of names whose value is a secret, in lower case, without _ and -.
var secretNames = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "apikey", "secretkey", "accesskey", "secretaccesskey", "privatekey",
	"accesstoken", "refreshtoken", "authtoken", "clientsecret",
}

func secretName(key []byte) bool {
	return len(key) <= maxSegment && slices.ContainsFunc(secretNames, func(end string) bool { return endsIn(key, end) })
}

// endsIn tells whether a name ends in another one, whatever its case and what joins its words.
func endsIn(key []byte, end string) bool {
	at := len(key) - 1
	for i := len(end) - 1; i >= 0; at-- {
		switch {
		case at < 0:
			return false
		case key[at]|0x20 == end[i]:
			i--
		case !joiners.has(key[at]):
			return false
		}
	}
	return true
}

var joiners = bytesOf("_. -")

// appendUnescaped appends what a valid JSON string's inside means.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		n, out := unit(raw[i:])
		if out == nil {
			dst = append(dst, raw[i:i+n]...)
		} else {
			dst = append(dst, out...)
		}
		i += n
	}
	return dst
}

// unit is how many bytes of raw belong together: one byte, or an escape and then what it means.
func unit(raw []byte) (n int, out []byte) {
	if raw[0] != '\\' {
		return 1, nil
	}
	if raw[1] != 'u' {
		return 2, plainEscapes[raw[1]]
	}
	r := hexRune(raw[2:6])
	if utf16.IsSurrogate(r) {
		if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
			if both := utf16.DecodeRune(r, hexRune(raw[8:12])); both != utf8.RuneError {
				return 12, utf8.AppendRune(nil, both)
			}
		}
		r = utf8.RuneError
	}
	return 6, utf8.AppendRune(nil, r)
}

func hexRune(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits), 16, 16) // valid JSON
	return rune(n)
}

var plainEscapes = map[byte][]byte{
	'"': {'"'}, '\\': {'\\'}, '/': {'/'}, 'b': {'\b'}, 'f': {'\f'}, 'n': {'\n'}, 'r': {'\r'}, 't': {'\t'},
}
