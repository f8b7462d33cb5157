package builtin

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"slices"
	"strings"

	"cordum.dev/cordum/sdk/go"
)

// redactor hides the secrets of one job in everything that leaves it: outputs, errors, messages, logs. It knows a value
// as it is and as it looks in JSON, in addresses, in HTML, in base64 and in hex. The zero value hides nothing.
type redactor struct {
	hidden   []hidden
	replacer *strings.Replacer // made of hidden when it is first needed
}

type hidden struct{ looks, instead string }

// add makes a value one that is hidden.
func (r *redactor) add(name, value string) {
	instead := "[secrets." + name + "]"
	looks := spellings(value)
	if lines := strings.Split(value, "\n"); len(lines) > 1 {
		for _, line := range lines { // a key that is sent on is often broken into lines anew
			if line = strings.TrimSpace(line); len(line) >= minSecretLine {
				looks = append(looks, spellings(line)...)
			}
		}
	}
	for _, l := range looks {
		r.hidden = append(r.hidden, hidden{l, instead})
	}
	// The longest first: of two secrets one of which begins with the other, no rest is left.
	slices.SortStableFunc(r.hidden, func(a, b hidden) int { return len(b.looks) - len(a.looks) })
	r.replacer = nil
}

// spellings are the ways in which a value commonly comes back.
func spellings(value string) []string {
	looks := []string{value, quoted(value, true), quoted(value, false), url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value)}
	if len(value) >= minSecretLine {
		looks = append(looks, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))))
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			looks = append(looks, e.EncodeToString([]byte(value)))
		}
	}
	slices.Sort(looks)
	return slices.DeleteFunc(slices.Compact(looks), func(s string) bool { return s == "" })
}

// quoted is a value as it stands in a text of JSON, with or without < and the like escaped.
func quoted(value string, html bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	_ = enc.Encode(value) // a text always encodes
	return strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`)
}

// addPart hides a part of a secret that is about to be shown by itself: the host of a call whose address is a secret.
func (r *redactor) addPart(part string) {
	for _, h := range r.hidden {
		if part != "" && strings.Contains(strings.ToLower(h.looks), strings.ToLower(part)) {
			r.hidden = append(r.hidden, hidden{part, h.instead})
			r.replacer = nil
			return
		}
	}
}

// text hides in a text.
func (r *redactor) text(s string) string {
	if len(r.hidden) == 0 {
		return s
	}
	if r.replacer == nil {
		pairs := make([]string, 0, 2*len(r.hidden))
		for _, h := range r.hidden {
			pairs = append(pairs, h.looks, h.instead)
		}
		r.replacer = strings.NewReplacer(pairs...)
	}
	return r.replacer.Replace(s)
}

// bytes hides in what is no text.
func (r *redactor) bytes(b []byte) []byte {
	for _, h := range r.hidden {
		b = bytes.ReplaceAll(b, []byte(h.looks), []byte(h.instead))
	}
	return b
}

// json hides in JSON: in texts, in the names of fields and in numbers, however they are escaped.
func (r *redactor) json(data json.RawMessage) (json.RawMessage, error) {
	if len(r.hidden) == 0 {
		return data, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("the output is no JSON")
	}
	return json.Marshal(r.value(v))
}

func (r *redactor) value(v any) any {
	switch v := v.(type) {
	case string:
		return r.text(v)
	case json.Number:
		if text := r.text(v.String()); text != v.String() {
			return text
		}
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, field := range v {
			out[r.text(name)] = r.value(field)
		}
		return out
	}
	return v
}

// error hides in the text and the details of a failure. What its kind, code and cause say of it stays: the cause of an
// ended context tells the worker how the attempt ended.
func (r *redactor) error(err error) error {
	if err == nil || len(r.hidden) == 0 {
		return err
	}
	var coded *cordum.Error
	if !errors.As(err, &coded) {
		return hushed{r.text(err.Error()), err}
	}
	safe := &cordum.Error{Kind: coded.Kind, Code: r.text(coded.Code), Err: hushed{r.text(errorText(coded)), coded.Err}}
	if coded.Details != nil {
		safe.Details = r.details(coded.Details)
	}
	return safe
}

// details hides in the details of a failure; what is no JSON is left out.
func (r *redactor) details(v any) any {
	data, err := json.Marshal(v)
	if err == nil {
		data, err = r.json(data)
	}
	if err != nil {
		return nil
	}
	return json.RawMessage(data)
}

func errorText(e *cordum.Error) string {
	if e.Err == nil {
		return e.Code
	}
	return e.Err.Error()
}

// hushed is an error whose text is safe, and which is still what it was to errors.Is.
type hushed struct {
	text string
	err  error
}

func (h hushed) Error() string        { return h.text }
func (h hushed) Is(target error) bool { return errors.Is(h.err, target) }
