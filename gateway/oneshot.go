package gateway

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/yamlx"
)

// A definition that is posted may say two things that are no part of the language: that it is to be run, by the field
// "run", and that it is meant once, by having neither id nor name.

// yamlRun finds the field at the outermost level, where YAML of block style has no indentation.
var yamlRun = regexp.MustCompile(`(?m)^["']?run["']?[ \t]*:[ \t]*(true|false)[ \t]*(#[^\n]*)?\r?$`)

// takeRun cuts the field run out of a definition. It is overwritten with blanks, so that every other place keeps its
// line and column.
func takeRun(source []byte, f runner.Format) (rest []byte, run bool) {
	if isJSON(source, f) {
		fields, _ := topFields(source)
		for _, field := range fields {
			if field.key != "run" || (field.value != "true" && field.value != "false") {
				continue
			}
			return blank(source, field.from, field.to), field.value == "true"
		}
		return source, false
	}
	if at := yamlRun.FindSubmatchIndex(source); at != nil {
		return blank(source, at[0], at[1]), string(source[at[2]:at[3]]) == "true"
	}
	return source, false
}

// oneShot tells whether a definition has neither an id nor a name. One that cannot be read is none: storing it says
// what is wrong. JSON is not made into nodes for this, which would take the most memory of all that is done with it.
func oneShot(source []byte, f runner.Format) bool {
	if isJSON(source, f) {
		fields, ok := topFields(source)
		return ok && !slices.ContainsFunc(fields, func(f topField) bool { return f.key == "id" || f.key == "name" })
	}
	root, err := yamlx.Parse(source, languageFormat(f))
	return err == nil && root.Kind == yamlx.Map && root.Get("id") == nil && root.Get("name") == nil
}

// oneShotPrefix begins the ids of definitions that have none of their own.
const oneShotPrefix = "oneshot-"

func languageFormat(f runner.Format) yamlx.Format {
	switch f {
	case runner.FormatJSON:
		return yamlx.JSON
	case runner.FormatYAML:
		return yamlx.YAML
	}
	return yamlx.Auto
}

func isJSON(source []byte, f runner.Format) bool {
	if f == runner.FormatAuto {
		return bytes.HasPrefix(bytes.TrimSpace(source), []byte("{"))
	}
	return f == runner.FormatJSON
}

// topField is a field of the outermost object. from and to span it with one of the commas beside it, so that cutting
// it leaves valid JSON.
type topField struct {
	key, value string // value is text only for a boolean
	from, to   int
}

// topFields reads the outermost object; ok is false for what is not one, or breaks off.
func topFields(source []byte) (fields []topField, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))))
	bom := len(source) - len(bytes.TrimPrefix(source, []byte("\xef\xbb\xbf")))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, false
	}
	for dec.More() {
		from := int(dec.InputOffset()) + bom // behind the brace or the value before
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, false
		}
		to := int(dec.InputOffset()) + bom
		name, _ := key.(string)
		fields = append(fields, topField{name, string(value), from, to})
	}
	if len(fields) > 0 { // the first has no comma before it, so its own is the one behind it
		first := &fields[0]
		if behind := bytes.TrimLeft(source[first.to:], " \t\r\n"); len(behind) > 0 && behind[0] == ',' {
			first.to = len(source) - len(behind) + 1
		}
	}
	_, err := dec.Token() // the closing brace
	return fields, err == nil
}

// blank overwrites a span with spaces and keeps its line breaks.
func blank(source []byte, from, to int) []byte {
	out := bytes.Clone(source)
	for i := from; i < to; i++ {
		if out[i] != '\n' && out[i] != '\r' {
			out[i] = ' '
		}
	}
	return out
}
