package yamlx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

func parseYAML(text []byte) (*Node, error) {
	if n := separators(text); n > maxSeparators {
		return nil, fail(RuleSize, Pos{}, "the document has more than %d values", MaxValues)
	}
	root, err := loadYAML(text)
	if err != nil {
		return nil, err
	}
	b := builder{built: map[*yaml.Node]*subtree{}}
	top, err := b.build(root, 0)
	if err != nil {
		return nil, err
	}
	return top.node, nil
}

// separators counts what values stand between, without reading the text: the library takes some 400 bytes for each
// value, before anybody could count them. (It limits nesting by itself, to 10,000 levels, which cost little.)
func separators(text []byte) int {
	n := 0
	for _, c := range text {
		switch c {
		case ',', '\n', '[', '{':
			n++
		}
	}
	return n
}

// loadYAML runs the library over the text: syntax only, aliases not followed.
func loadYAML(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics for what it calls its own errors
			root, err = nil, fail(RuleYAML, Pos{}, "the document cannot be read: %s", Clip(fmt.Sprint(p)))
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, fail(RuleEmpty, Pos{}, "the document is empty")
	} else if err != nil {
		return nil, yamlError(err, text)
	}
	switch err := dec.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, yamlError(err, text)
	default:
		return nil, fail(RuleMultiple, Pos{max(more.Line, 1), max(more.Column, 1)}, "a second document begins here: one file holds one")
	}
	if len(doc.Content) != 1 {
		return nil, fail(RuleEmpty, Pos{}, "the document is empty")
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// yamlError turns the library's text into ours.
func yamlError(err error, text []byte) *Error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	pos := Pos{Line: 1, Col: 1}
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		pos.Line, _ = strconv.Atoi(m[1])
		msg = msg[len(m[0]):]
	}
	rule := RuleYAML
	switch {
	case strings.Contains(msg, "exceeded max depth"):
		return fail(RuleDepth, pos, "nested deeper than %d levels", MaxDepth)
	case strings.Contains(msg, "Unicode character escape"):
		rule = RuleUTF8
	case strings.Contains(msg, "unknown anchor"):
		rule = RuleAlias
	}
	if rule == RuleYAML && bytes.Contains(text, []byte("\n\t")) {
		pos.Line = tabLine(text, pos.Line)
		return fail(rule, pos, "%s (YAML is not indented with tabs)", msg)
	}
	return fail(rule, pos, "%s", msg)
}

// tabLine is the first line at or behind the given one that begins with a tab: the library names the one before.
func tabLine(text []byte, line int) int {
	lines := bytes.Split(text, []byte("\n"))
	for i := max(line-1, 0); i < len(lines) && i <= line; i++ {
		if bytes.HasPrefix(lines[i], []byte("\t")) {
			return i + 1
		}
	}
	return line
}

// subtree is what one node of the file became, with what it weighs when written out.
type subtree struct {
	node   *Node
	height int // levels of lists and maps
	nodes  int
	bytes  int
}

func (s *subtree) add(child *subtree) {
	s.height = max(s.height, child.height+1)
	s.nodes += child.nodes
	s.bytes += child.bytes
}

// builder makes our nodes of the library's. What an anchor names is built once and shared, so an alias costs nothing
// to follow; what it would weigh written out is counted, because readers of the tree walk it as if it were.
type builder struct {
	built      map[*yaml.Node]*subtree // anchored nodes; nil while one is being built
	values     int
	aliasNodes int
	aliasBytes int
}

func (b *builder) build(y *yaml.Node, depth int) (*subtree, error) {
	pos := Pos{Line: y.Line, Col: y.Column}
	if y.Style&yaml.TaggedStyle != 0 {
		return nil, fail(RuleTag, pos, "the tag %q: tags are not used here, a value's type shows in how it is written", Clip(y.Tag))
	}
	if y.Kind == yaml.AliasNode {
		return b.alias(y, pos, depth)
	}
	if depth > MaxDepth || (depth == MaxDepth && y.Kind != yaml.ScalarNode) {
		return nil, fail(RuleDepth, pos, "nested deeper than %d levels", MaxDepth)
	}
	if b.values++; b.values > MaxValues {
		return nil, fail(RuleSize, pos, "the document has more than %d values", MaxValues)
	}
	if y.Anchor != "" {
		b.built[y] = nil
	}
	t, err := b.fresh(y, pos, depth)
	if err != nil {
		return nil, err
	}
	if y.Anchor != "" {
		b.built[y] = t
	}
	return t, nil
}

func (b *builder) fresh(y *yaml.Node, pos Pos, depth int) (*subtree, error) {
	switch y.Kind {
	case yaml.SequenceNode:
		return b.list(y, pos, depth)
	case yaml.MappingNode:
		return b.mapping(y, pos, depth)
	}
	n, err := scalarNode(y, pos)
	if err != nil {
		return nil, err
	}
	return &subtree{node: n, nodes: 1, bytes: len(y.Value)}, nil
}

func scalarNode(y *yaml.Node, pos Pos) (*Node, error) {
	if strings.IndexByte(y.Value, 0) >= 0 {
		return nil, fail(RuleUTF8, pos, "NUL is not allowed")
	}
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if y.Style&quoted != 0 {
		return &Node{Kind: String, Pos: pos, Str: y.Value}, nil
	}
	return plainScalar(y.Value, pos)
}

func (b *builder) alias(y *yaml.Node, pos Pos, depth int) (*subtree, error) {
	t, known := b.built[y.Alias]
	if known && t == nil {
		return nil, fail(RuleAlias, pos, "the alias *%s stands inside what it names", Clip(y.Value))
	}
	if !known { // the library resolves aliases to anchors before them only
		return nil, fail(RuleAlias, pos, "the alias *%s names nothing", Clip(y.Value))
	}
	b.aliasNodes += t.nodes
	b.aliasBytes += t.bytes
	if b.aliasNodes > MaxAliasNodes || b.aliasBytes > MaxAliasBytes {
		return nil, fail(RuleAlias, pos, "aliases repeat more than %d values or %d bytes", MaxAliasNodes, MaxAliasBytes)
	}
	if depth+t.height > MaxDepth {
		return nil, fail(RuleDepth, pos, "nested deeper than %d levels", MaxDepth)
	}
	return t, nil
}

func (b *builder) list(y *yaml.Node, pos Pos, depth int) (*subtree, error) {
	t := &subtree{node: &Node{Kind: List, Pos: pos, Items: make([]*Node, 0, len(y.Content))}, height: 1, nodes: 1}
	for _, c := range y.Content {
		child, err := b.build(c, depth+1)
		if err != nil {
			return nil, err
		}
		t.add(child)
		t.node.Items = append(t.node.Items, child.node)
	}
	return t, nil
}

func (b *builder) mapping(y *yaml.Node, pos Pos, depth int) (*subtree, error) {
	t := &subtree{node: &Node{Kind: Map, Pos: pos, Fields: make([]Field, 0, len(y.Content)/2)}, height: 1, nodes: 1}
	at := make(map[string]bool, len(y.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if isMergeKey(k) {
			merges = append(merges, v)
			continue
		}
		f, err := b.field(k, v, depth, t)
		if err != nil {
			return nil, err
		}
		if at[f.Key] {
			return nil, fail(RuleDuplicate, f.Pos, "the key %q stands here a second time", Clip(f.Key))
		}
		at[f.Key] = true
		t.node.Fields = append(t.node.Fields, f)
	}
	for _, m := range merges {
		if err := b.merge(m, depth, t, at); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (b *builder) field(k, v *yaml.Node, depth int, into *subtree) (Field, error) {
	key, err := b.key(k)
	if err != nil {
		return Field{}, err
	}
	child, err := b.build(v, depth+1)
	if err != nil {
		return Field{}, err
	}
	into.add(child)
	into.bytes += len(key)
	return Field{Key: key, Pos: Pos{Line: k.Line, Col: k.Column}, Value: child.node}, nil
}

// key answers a mapping's key, which must be text: a number that became one would lose how it was written.
func (b *builder) key(k *yaml.Node) (string, error) {
	pos := Pos{Line: k.Line, Col: k.Column}
	t, err := b.build(k, 0)
	if err != nil {
		return "", err
	}
	if t.node.Kind != String {
		return "", fail(RuleYAML, pos, "a key must be text; write %q in quotes", Clip(k.Value))
	}
	return t.node.Str, nil
}

func isMergeKey(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Tag == "!!merge"
}

// merge adds what "<<" names: a map, or a list of maps of which an earlier one wins. What the mapping says itself wins
// over both.
func (b *builder) merge(m *yaml.Node, depth int, into *subtree, at map[string]bool) error {
	pos := Pos{Line: m.Line, Col: m.Column}
	source, err := b.build(m, depth)
	if err != nil {
		return err
	}
	maps := []*Node{source.node}
	if source.node.Kind == List {
		maps = source.node.Items
	}
	for _, from := range maps {
		if from.Kind != Map {
			return fail(RuleYAML, pos, "<< takes a map or a list of maps")
		}
		for _, f := range from.Fields {
			if !at[f.Key] {
				at[f.Key] = true
				into.node.Fields = append(into.node.Fields, f)
			}
		}
	}
	into.height = max(into.height, source.height)
	into.nodes += source.nodes
	into.bytes += source.bytes
	return nil
}
