package steps

import (
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// declared is what a JSON Schema says of a value as far as expressions are checked against it: types, fields, entries.
// Whatever else it says only narrows that down, so leaving it out never refuses what is right. Nil: it says nothing.
func declared(n *yamlx.Node) *expr.Schema {
	if n == nil || n.Kind != yamlx.Map {
		return nil
	}
	out := &expr.Schema{Types: typesOf(n.Get("type")), Items: declared(n.Get("items"))}
	if fields := n.Get("properties"); fields != nil && fields.Kind == yamlx.Map {
		out.Fields = make(map[string]*expr.Schema, len(fields.Fields))
		for _, f := range fields.Fields {
			out.Fields[f.Key] = declared(f.Value)
		}
	}
	more := n.Get("additionalProperties")
	out.Closed = more != nil && more.Kind == yamlx.Bool && !more.Bool && n.Get("patternProperties") == nil
	if out.Types == nil && out.Items == nil && out.Fields == nil && !out.Closed {
		return nil
	}
	return out
}

func typesOf(n *yamlx.Node) []string {
	switch {
	case n == nil:
		return nil
	case n.Kind == yamlx.String:
		return []string{n.Str}
	}
	var out []string
	for _, item := range n.Items {
		out = append(out, item.Str)
	}
	return out
}
