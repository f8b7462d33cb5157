package yamlx

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bytes writes the document: an indent of two, one blank line where there were some, a line end at the end.
func (d *Document) Bytes() (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // as in openYAML
			out, err = nil, fail(RuleYAML, Pos{}, "the document cannot be written: %s", Clip(fmt.Sprint(p)))
		}
	}()
	if d.json {
		var b bytes.Buffer
		writeJSON(&b, d.root.Content[0], "\n")
		b.WriteByte('\n')
		return b.Bytes(), nil
	}
	walk(d.root, liftComments)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(d.root); err != nil {
		return nil, fail(RuleYAML, Pos{}, "the document cannot be written: %s", Clip(err.Error()))
	}
	if err := enc.Close(); err != nil {
		return nil, fail(RuleYAML, Pos{}, "the document cannot be written: %s", Clip(err.Error()))
	}
	return d.layOut(b.Bytes())
}

// liftComments moves a comment above the first field of a list's entry above the entry: between the dash and the field
// nobody looks for it.
func liftComments(y *yaml.Node) {
	if y.Kind != yaml.SequenceNode || y.Style&yaml.FlowStyle != 0 {
		return
	}
	for _, item := range y.Content {
		if item.Kind != yaml.MappingNode || item.Style&yaml.FlowStyle != 0 || len(item.Content) == 0 {
			continue
		}
		first := item.Content[0]
		item.HeadComment = strings.Trim(item.HeadComment+"\n"+first.HeadComment, "\n")
		first.HeadComment = ""
	}
}

// entries visits what may have a blank line before it: the entries of mappings and lists in block style, but the first.
func entries(y *yaml.Node, visit func(entry *yaml.Node)) {
	step := 1
	if y.Kind == yaml.MappingNode {
		step = 2
	}
	block := (y.Kind == yaml.MappingNode || y.Kind == yaml.SequenceNode) && y.Style&yaml.FlowStyle == 0
	for i, c := range y.Content {
		if block && i > 0 && i%step == 0 {
			visit(c)
		}
		entries(c, visit)
	}
}

// noteSpaces notes the entries with a blank line before them, or before the comment above them.
func (d *Document) noteSpaces(lines []string) {
	entries(d.root, func(entry *yaml.Node) {
		if at := topOfComment(lines, entry.Line-1); at > 0 && at < len(lines) && strings.TrimSpace(lines[at-1]) == "" {
			d.spaced[entry] = true
		}
	})
}

// topOfComment is the first of the lines of a comment directly above a line; the line itself when there is none.
func topOfComment(lines []string, at int) int {
	for at > 0 && at <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[at-1]), "#") {
		at--
	}
	return at
}

// layOut puts the blank lines back, which the library does not keep, and takes out a comma that it adds. The text is read
// once more: its nodes are those of the document, one by one, with the lines at which they stand now.
func (d *Document) layOut(text []byte) ([]byte, error) {
	written, err := openYAML(text)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	spaced := make([]bool, len(lines))
	now := flat(written)
	for i, y := range flat(d.root) {
		if i >= len(now) || now[i].Line < 1 || now[i].Line > len(lines) {
			continue
		}
		at := now[i].Line - 1
		if d.spaced[y] {
			spaced[topOfComment(lines, at)] = true
		}
		if y.Style&yaml.FlowStyle != 0 && y.FootComment != "" {
			lines[at] = withoutComma(lines[at])
		}
	}
	var out strings.Builder
	for i, line := range lines {
		if spaced[i] && i > 0 && strings.TrimSpace(lines[i-1]) != "" {
			out.WriteByte('\n')
		}
		out.WriteString(line)
		if i < len(lines)-1 {
			out.WriteByte('\n')
		}
	}
	return []byte(out.String()), nil
}

// flat are a node and all below it, in the order of the text.
func flat(y *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	walk(y, func(n *yaml.Node) { out = append(out, n) })
	return out
}

// withoutComma undoes the comma that the library writes behind the last entry of a flow collection with a comment below.
func withoutComma(line string) string {
	for _, end := range []string{"}", "]"} {
		if before, found := strings.CutSuffix(line, ","+end); found {
			return before + end
		}
	}
	return line
}

// writeJSON writes a node as JSON with an entry per line; short lists of scalars stay on one. newline is a line end and
// the indent.
func writeJSON(b *bytes.Buffer, y *yaml.Node, newline string) {
	switch y.Kind {
	case yaml.MappingNode:
		if len(y.Content) == 0 {
			b.WriteString("{}")
			return
		}
		b.WriteByte('{')
		for i := 0; i+1 < len(y.Content); i += 2 {
			writeSeparator(b, i > 0, newline+"  ")
			b.Write(AppendString(nil, y.Content[i].Value))
			b.WriteString(": ")
			writeJSON(b, y.Content[i+1], newline+"  ")
		}
		b.WriteString(newline + "}")
	case yaml.SequenceNode:
		inner := newline + "  "
		if short(y) {
			inner = ""
		}
		b.WriteByte('[')
		for i, c := range y.Content {
			writeSeparator(b, i > 0, inner)
			writeJSON(b, c, inner)
		}
		if inner != "" {
			b.WriteString(newline)
		}
		b.WriteByte(']')
	default:
		if y.ShortTag() == "!!str" {
			b.Write(AppendString(nil, y.Value))
		} else {
			b.WriteString(y.Value)
		}
	}
}

func writeSeparator(b *bytes.Buffer, comma bool, newline string) {
	switch {
	case comma && newline == "":
		b.WriteString(", ")
	case comma:
		b.WriteByte(',')
	}
	b.WriteString(newline)
}

// shortList is how many bytes of scalars stand on one line.
const shortList = 80

func short(y *yaml.Node) bool {
	size := 0
	for _, c := range y.Content {
		if c.Kind != yaml.ScalarNode {
			return false
		}
		size += len(c.Value) + 4
	}
	return size <= shortList
}
