package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
)

// yamlOf writes JSON as YAML with the same order of keys. Every string is quoted as JSON quotes it, which YAML reads the
// same, unless it is a plain word that no YAML reader takes for anything else.
func yamlOf(raw []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	y := yamlWriter{dec: dec}
	if err := y.value(0, true); err != nil {
		return "", err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("more than one value")
	}
	return y.b.String(), nil
}

type yamlWriter struct {
	dec *json.Decoder
	b   strings.Builder
}

// value writes the next value. A block value begins on its own line unless it opens the document or a list item, where
// fresh says that the line has been begun for it.
func (y *yamlWriter) value(depth int, fresh bool) error {
	tok, err := y.dec.Token()
	if err != nil {
		return err
	}
	delim, isDelim := tok.(json.Delim)
	if !isDelim {
		y.scalar(tok, depth, fresh)
		return nil
	}
	if !y.dec.More() {
		if !fresh {
			y.b.WriteByte(' ')
		}
		y.b.WriteString(map[json.Delim]string{'{': "{}\n", '[': "[]\n"}[delim])
		_, err := y.dec.Token()
		return err
	}
	if !fresh {
		y.b.WriteByte('\n')
	}
	if delim == '{' {
		return y.object(depth, fresh)
	}
	return y.array(depth, fresh)
}

func (y *yamlWriter) object(depth int, fresh bool) error {
	for first := true; y.dec.More(); first = false {
		key, err := y.dec.Token()
		if err != nil {
			return err
		}
		if !first || !fresh {
			y.indent(depth)
		}
		name, _ := key.(string)
		y.b.WriteString(yamlString(name) + ":")
		if err := y.value(depth+1, false); err != nil {
			return err
		}
	}
	_, err := y.dec.Token()
	return err
}

func (y *yamlWriter) array(depth int, fresh bool) error {
	for first := true; y.dec.More(); first = false {
		if !first || !fresh {
			y.indent(depth)
		}
		y.b.WriteString("- ")
		if err := y.value(depth+1, true); err != nil {
			return err
		}
	}
	_, err := y.dec.Token()
	return err
}

func (y *yamlWriter) scalar(tok json.Token, _ int, fresh bool) {
	if !fresh {
		y.b.WriteByte(' ')
	}
	switch v := tok.(type) {
	case string:
		y.b.WriteString(yamlString(v))
	case json.Number:
		y.b.WriteString(v.String())
	case bool:
		y.b.WriteString(map[bool]string{true: "true", false: "false"}[v])
	case nil:
		y.b.WriteString("null")
	}
	y.b.WriteByte('\n')
}

func (y *yamlWriter) indent(depth int) {
	for range depth {
		y.b.WriteString("  ")
	}
}

// plainWord needs no quotes in YAML 1.1 or 1.2: it begins with a letter, so it is no number or date, and yamlWords are
// left out.
var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_/-]*$`)

var yamlWords = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true, "true": true, "false": true, "null": true,
}

func yamlString(s string) string {
	if plainWord.MatchString(s) && !yamlWords[strings.ToLower(s)] {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
