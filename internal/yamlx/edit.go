package yamlx

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Document is a document that is changed and written again. Unlike the tree of Parse it keeps comments, quotes and the
// blank lines between entries; JSON stays JSON.
type Document struct {
	root   *yaml.Node // the document node, which has the comments at the top and the end
	json   bool
	spaced map[*yaml.Node]bool // entries with a blank line before them
}

// Open reads a document that Parse accepts; what it refuses may be refused here with less to say.
func Open(src []byte, format Format) (*Document, error) {
	text := bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	root, err := openYAML(text)
	if err != nil {
		return nil, err
	}
	d := &Document{root: root, json: format.detect(text) == JSON, spaced: map[*yaml.Node]bool{}}
	walk(root, tidy)
	d.noteSpaces(strings.Split(string(text), "\n"))
	return d, nil
}

func openYAML(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics for what it calls its own errors
			root, err = nil, fail(RuleYAML, Pos{}, "the document cannot be read: %s", Clip(fmt.Sprint(p)))
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, yamlError(err, text)
	}
	if len(doc.Content) != 1 {
		return nil, fail(RuleEmpty, Pos{}, "the document is empty")
	}
	return &doc, nil
}

// tidy changes what the library would write otherwise than people do: "!!merge <<" for a merge key.
func tidy(y *yaml.Node) {
	if isMergeKey(y) {
		y.Tag = ""
	}
}

// Root is the mapping at the top; nil when there is something else.
func (d *Document) Root() *Branch { return branch(d.root.Content[0]) }

// Repeats says whether there are anchors or aliases. A value that stands in several places should be left
// as it is: what is right in one of them may not be in another.
func (d *Document) Repeats() bool {
	found := false
	walk(d.root, func(y *yaml.Node) {
		found = found || y.Anchor != "" || y.Kind == yaml.AliasNode
	})
	return found
}

// Comments are all lines of comments, sorted.
func (d *Document) Comments() []string {
	var lines []string
	walk(d.root, func(y *yaml.Node) {
		for _, c := range []string{y.HeadComment, y.LineComment, y.FootComment} {
			for line := range strings.SplitSeq(c, "\n") {
				if line = strings.TrimSpace(line); line != "" {
					lines = append(lines, line)
				}
			}
		}
	})
	slices.Sort(lines)
	return lines
}

func walk(y *yaml.Node, visit func(*yaml.Node)) {
	visit(y)
	for _, c := range y.Content {
		walk(c, visit)
	}
}

// Branch is a mapping of a Document.
type Branch struct{ y *yaml.Node }

func branch(y *yaml.Node) *Branch {
	if y.Kind != yaml.MappingNode {
		return nil
	}
	return &Branch{y}
}

// value is a field's value, nil when it is absent.
func (b *Branch) value(key string) (k, v *yaml.Node) {
	for i := 0; i+1 < len(b.y.Content); i += 2 {
		if b.y.Content[i].Value == key {
			return b.y.Content[i], b.y.Content[i+1]
		}
	}
	return nil, nil
}

// Has says whether there is such a field.
func (b *Branch) Has(key string) bool {
	k, _ := b.value(key)
	return k != nil
}

// Child is a field that is a mapping; nil when it is something else or absent.
func (b *Branch) Child(key string) *Branch {
	if _, v := b.value(key); v != nil {
		return branch(v)
	}
	return nil
}

// Children are the mappings in a field that is a list or a mapping of them.
func (b *Branch) Children(key string) []*Branch {
	_, v := b.value(key)
	if v == nil {
		return nil
	}
	first, step := 0, 1
	if v.Kind == yaml.MappingNode {
		first, step = 1, 2
	}
	var out []*Branch
	for i := first; i < len(v.Content); i += step {
		if c := branch(v.Content[i]); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// Scalar is the text of a field that is a scalar, "" when it is something else or absent.
func (b *Branch) Scalar(key string) string {
	if _, v := b.value(key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// Rename gives a field another name; there must be none of that name.
func (b *Branch) Rename(from, to string) {
	if k, _ := b.value(from); k != nil {
		k.Value = to
	}
}

// SetText makes a field that is a scalar a text, with the quotes it had or needs.
func (b *Branch) SetText(key, text string) {
	if _, v := b.value(key); v != nil && v.Kind == yaml.ScalarNode {
		v.Value, v.Tag = text, "!!str"
	}
}

// SetInt makes a field that is a scalar an integer.
func (b *Branch) SetInt(key string, n int64) {
	if _, v := b.value(key); v != nil && v.Kind == yaml.ScalarNode {
		v.Value, v.Tag, v.Style = strconv.FormatInt(n, 10), "!!int", 0
	}
}

// Order sorts the fields: those named come in that order, the others in theirs where gap stands among the names, or at
// the end.
func (b *Branch) Order(names []string, gap string) {
	rank := make(map[string]int, len(names))
	for i, name := range names {
		rank[name] = i
	}
	rest, found := rank[gap]
	if !found {
		rest = len(names)
	}
	of := func(key string) int {
		if r, named := rank[key]; named {
			return r
		}
		return rest
	}
	pairs := make([][2]*yaml.Node, 0, len(b.y.Content)/2)
	for i := 0; i+1 < len(b.y.Content); i += 2 {
		pairs = append(pairs, [2]*yaml.Node{b.y.Content[i], b.y.Content[i+1]})
	}
	slices.SortStableFunc(pairs, func(p, q [2]*yaml.Node) int { return of(p[0].Value) - of(q[0].Value) })
	for i, p := range pairs {
		b.y.Content[2*i], b.y.Content[2*i+1] = p[0], p[1]
	}
}
