package dag

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Rules of the diagnostics about fields; those about steps and the graph stand beside what they check, those about the
// file are package yamlx's.
const (
	RuleUnknownField     = "unknown_field"
	RuleMissingField     = "missing_field"
	RuleConflicting      = "conflicting_fields"
	RuleWrongType        = "wrong_type"
	RuleBadValue         = "bad_value"
	RuleOutOfRange       = "out_of_range"
	RuleInvalidDuration  = "invalid_duration"
	RuleTemplate         = "template_not_allowed"
	RuleDocumentTooLarge = yamlx.RuleSize
)

// Object reads the fields of one mapping, and reports what does not fit. A field that is absent, or was reported,
// reads as the zero value, so a reader goes on and everything wrong is reported at once.
type Object struct {
	node   *yamlx.Node
	at     Place
	report *Report
}

// NewObject begins to read a node. What is not a mapping is reported and reads as an empty one.
func NewObject(n *yamlx.Node, at Place, report *Report) *Object {
	if n == nil || n.Kind != yamlx.Map {
		report.Errorf(RuleWrongType, at, "an object is needed here, not %s", kindName(n))
		n = &yamlx.Node{Kind: yamlx.Map, Pos: at.Pos}
	}
	return &Object{node: n, at: at, report: report}
}

// Get is the value of a field, nil when it is absent.
func (o *Object) Get(name string) *yamlx.Node { return o.node.Get(name) }

// At is the place of the object itself.
func (o *Object) At() Place { return o.at }

// Place is where a field's value stands; the object's own when it is absent.
func (o *Object) Place(name string) Place {
	for _, f := range o.node.Fields {
		if f.Key == name {
			pos := f.Value.Pos
			if f.Value.Kind == yamlx.Null {
				pos = f.Pos
			}
			return o.at.Below(name, pos)
		}
	}
	return o.at
}

// keyPlace is where a field's name stands: for what is wrong with saying it at all.
func (o *Object) keyPlace(name string) Place {
	for _, f := range o.node.Fields {
		if f.Key == name {
			return o.at.Below(name, f.Pos)
		}
	}
	return o.at
}

// Only reports every field that is not known. also, when not nil, knows further ones, which are never offered as what was
// probably meant.
func (o *Object) Only(known []string, also func(field string) bool) {
	for _, f := range o.node.Fields {
		if !slices.Contains(known, f.Key) && (also == nil || !also(f.Key)) {
			o.report.Unknown(RuleUnknownField, o.at.Below(f.Key, f.Pos), f.Key, known, "the field %q is unknown here", yamlx.Clip(f.Key))
		}
	}
}

// Need reports a field that is absent.
func (o *Object) Need(name string) {
	if o.Get(name) == nil {
		o.report.Errorf(RuleMissingField, o.at, "the field %s is needed", name)
	}
}

// Either answers which of a field's two names is used, and reports when both are.
func (o *Object) Either(name, alias string) string {
	if o.Get(alias) == nil {
		return name
	}
	if o.Get(name) != nil {
		o.report.Errorf(RuleConflicting, o.Place(alias), "%s is another name of %s: keep one", alias, name)
	}
	return alias
}

func (o *Object) wrongType(name, want string) {
	o.report.Errorf(RuleWrongType, o.Place(name), "%s takes %s, not %s", name, want, kindName(o.Get(name)))
}

func kindName(n *yamlx.Node) string {
	if n == nil {
		return "nothing"
	}
	switch n.Kind {
	case yamlx.Null:
		return "null"
	case yamlx.Bool:
		return "a boolean"
	case yamlx.Int, yamlx.Float:
		return "a number"
	case yamlx.String:
		return "text"
	case yamlx.List:
		return "a list"
	}
	return "an object"
}

// Text reads a text that holds no ${…}.
func (o *Object) Text(name string) string {
	n := o.Get(name)
	if n == nil {
		return ""
	}
	if n.Kind != yamlx.String {
		if n.Kind == yamlx.Int || n.Kind == yamlx.Float || n.Kind == yamlx.Bool {
			o.wrongType(name, "text (write it in quotes)")
		} else {
			o.wrongType(name, "text")
		}
		return ""
	}
	if !o.static(name, n.Str) {
		return ""
	}
	return n.Str
}

// Description reads a text nobody renders, so that ${ means nothing in it.
func (o *Object) Description(name string) string {
	n := o.Get(name)
	if n == nil {
		return ""
	}
	if n.Kind != yamlx.String {
		o.wrongType(name, "text")
		return ""
	}
	return n.Str
}

func (o *Object) static(name, s string) bool {
	if HasTemplate(s) {
		o.report.Errorf(RuleTemplate, o.Place(name), "%s is fixed when the workflow is saved: no ${…} here", name)
		return false
	}
	if len(s) > MaxTextLength {
		o.report.Errorf(RuleOutOfRange, o.Place(name), "%s has %d bytes, the limit is %d", name, len(s), MaxTextLength)
		return false
	}
	return true
}

// HasTemplate says whether a text holds what templates render. ($${, their way to write ${ itself, counts as well:
// where nothing is rendered it would not mean what it says.)
func HasTemplate(s string) bool { return strings.Contains(s, "${") }

// Template reads a text that may hold ${…}; nil when it is absent or no text.
func (o *Object) Template(name string) *yamlx.Node {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.String {
		o.wrongType(name, "text")
		return nil
	}
	return n
}

// Expression reads an expression: text, or a boolean. Nil when it is absent or neither.
func (o *Object) Expression(name string) *yamlx.Node {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.String && n.Kind != yamlx.Bool {
		o.wrongType(name, "an expression or a boolean")
		return nil
	}
	if n.Kind == yamlx.String && strings.HasPrefix(strings.TrimSpace(n.Str), "${") {
		o.report.Errorf(RuleTemplate, o.Place(name), "%s is an expression: write it without ${…}", name)
		return nil
	}
	return n
}

// Bool reads a boolean; nil when it is absent.
func (o *Object) Bool(name string) *bool {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.Bool {
		if n.Kind == yamlx.String && !o.static(name, n.Str) {
			return nil
		}
		o.wrongType(name, "true or false")
		return nil
	}
	return &n.Bool
}

// Int reads an integer within limits; 0 when it is absent.
func (o *Object) Int(name string, least, most int) int {
	f := o.Number(name, float64(least), float64(most))
	if f != math.Trunc(f) {
		o.wrongType(name, "an integer")
		return 0
	}
	return int(f)
}

// Number reads a number within limits; 0 when it is absent.
func (o *Object) Number(name string, least, most float64) float64 {
	n := o.Get(name)
	if n == nil {
		return 0
	}
	var f float64
	switch n.Kind {
	case yamlx.Int:
		f = float64(n.Int)
	case yamlx.Float:
		f = n.Float
	default:
		if n.Kind != yamlx.String || o.static(name, n.Str) {
			o.wrongType(name, "a number")
		}
		return 0
	}
	if f < least || f > most {
		o.report.Errorf(RuleOutOfRange, o.Place(name), "%s is between %s and %s", name, plain(least), plain(most))
		return 0
	}
	return f
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// OneOf reads one of a few words; "" when it is absent.
func (o *Object) OneOf(name string, words ...string) string {
	return o.oneOf(RuleBadValue, name, words)
}

func (o *Object) oneOf(rule, name string, words []string) string {
	word := o.Text(name)
	if n := o.Get(name); n == nil || n.Kind != yamlx.String || (word == "" && n.Str != "") || slices.Contains(words, word) {
		return word
	}
	o.report.Unknown(rule, o.Place(name), word, words, "%s is %s, not %q", name, orList(words), yamlx.Clip(word))
	return ""
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Texts reads a list of texts without ${…}, none of them empty.
func (o *Object) Texts(name string) []string {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.List {
		if n.Kind != yamlx.String || o.static(name, n.Str) {
			o.wrongType(name, "a list of texts")
		}
		return nil
	}
	if len(n.Items) > MaxListLength {
		o.report.Errorf(RuleOutOfRange, o.Place(name), "%s has %d entries, the limit is %d", name, len(n.Items), MaxListLength)
		return nil
	}
	var out []string
	for i, item := range n.Items {
		entry, key := o.item(name, n, i), strconv.Itoa(i)
		text := entry.Text(key)
		if item.Kind == yamlx.String && strings.TrimSpace(item.Str) == "" {
			o.report.Errorf(RuleBadValue, entry.Place(key), "%s holds an empty text", name)
		}
		out = append(out, text)
	}
	return out
}

// item is an entry of a list as an object whose one field is named by the index: a list may be long, so that an object
// of all its entries would be slow to search.
func (o *Object) item(name string, list *yamlx.Node, i int) *Object {
	it := list.Items[i]
	one := &yamlx.Node{Kind: yamlx.Map, Pos: list.Pos, Fields: []yamlx.Field{{Key: strconv.Itoa(i), Pos: it.Pos, Value: it}}}
	return &Object{node: one, at: o.Place(name), report: o.report}
}

// Duration reads a duration; 0 when it is absent. alias, when not "", is its other name, which takes whole seconds.
func (o *Object) Duration(name, alias string) time.Duration {
	if alias != "" && o.Either(name, alias) == alias {
		return o.seconds(alias)
	}
	n := o.Get(name)
	if n == nil {
		return 0
	}
	switch n.Kind {
	case yamlx.String:
		if !o.static(name, n.Str) {
			return 0
		}
		d, err := ParseDuration(n.Str)
		if err != nil {
			o.report.Errorf(RuleInvalidDuration, o.Place(name), "%s: %v", name, err)
		}
		return d
	case yamlx.Int, yamlx.Float:
		o.report.Errorf(RuleInvalidDuration, o.Place(name), "%s needs a unit, as in 30s or 5m", name)
	default:
		o.wrongType(name, "a duration, as in 30s")
	}
	return 0
}

func (o *Object) seconds(alias string) time.Duration {
	n := o.Get(alias)
	switch n.Kind {
	case yamlx.Int:
		if n.Int >= 1 && n.Int <= int64(MaxDuration/time.Second) {
			return time.Duration(n.Int) * time.Second
		}
		o.report.Errorf(RuleInvalidDuration, o.Place(alias), "%s takes whole seconds, from 1 to %d", alias, MaxDuration/time.Second)
	case yamlx.Float:
		o.report.Errorf(RuleInvalidDuration, o.Place(alias), "%s takes whole seconds", alias)
	default:
		if n.Kind != yamlx.String || o.static(alias, n.Str) {
			o.wrongType(alias, "whole seconds, as a number")
		}
	}
	return 0
}
