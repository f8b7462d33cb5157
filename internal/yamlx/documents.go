package yamlx

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// MaxDocuments bounds how many documents a file may hold where it may hold several.
const MaxDocuments = 10_000

// ParseAll reads a file of any number of documents, each as Parse does; places count from the beginning of the file. A
// JSON file holds one. YAML documents without content ("---" twice) are left out; a file of nothing else is refused as
// empty.
func ParseAll(src []byte, format Format) ([]*Node, error) {
	text := bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if format.detect(text) == JSON {
		n, err := Parse(src, JSON)
		if err != nil {
			return nil, err
		}
		return []*Node{n}, nil
	}
	if len(src) > MaxBytes {
		return nil, fail(RuleSize, Pos{}, "the file has %d bytes, the limit is %d", len(src), MaxBytes)
	}
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	if separators(text) > maxSeparators {
		return nil, fail(RuleSize, Pos{}, "the file has more than %d values", MaxValues)
	}
	roots, err := loadAll(text)
	if err != nil {
		return nil, err
	}
	return buildAll(roots)
}

// loadAll runs the library over all documents: syntax only.
func loadAll(text []byte) (roots []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics for what it calls its own errors
			roots, err = nil, fail(RuleYAML, Pos{}, "the file cannot be read: %s", Clip(fmt.Sprint(p)))
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return roots, nil
		case err != nil:
			return nil, yamlError(err, text)
		case len(roots) == MaxDocuments:
			return nil, fail(RuleSize, Pos{doc.Line, doc.Column}, "the file has more than %d documents", MaxDocuments)
		}
		if len(doc.Content) == 1 && !blank(doc.Content[0]) {
			roots = append(roots, doc.Content[0])
		}
	}
}

// blank tells whether a document holds nothing: the library reads it as a null that nobody wrote.
func blank(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 }

func buildAll(roots []*yaml.Node) ([]*Node, error) {
	if len(roots) == 0 {
		return nil, fail(RuleEmpty, Pos{}, "the file is empty")
	}
	out := make([]*Node, len(roots))
	values := 0
	for i, root := range roots {
		b := builder{built: map[*yaml.Node]*subtree{}, values: values}
		top, err := b.build(root, 0)
		if err != nil {
			return nil, err
		}
		out[i], values = top.node, b.values
	}
	return out, nil
}
