package dag

import (
	"math"

	"cordum.dev/cordum/internal/yamlx"
)

// settle answers a value in which a float that is an integer is one, as canonical JSON will say it: 1.0 and 1 are one
// spelling of the same number there. It copies what it changes.
func settle(n *yamlx.Node) *yamlx.Node {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yamlx.Float:
		if n.Float == math.Trunc(n.Float) && math.Abs(n.Float) < 1<<63 {
			return &yamlx.Node{Kind: yamlx.Int, Pos: n.Pos, Int: int64(n.Float)}
		}
	case yamlx.List:
		return settleList(n)
	case yamlx.Map:
		return settleMap(n)
	}
	return n
}

func settleList(n *yamlx.Node) *yamlx.Node {
	out := n
	for i, item := range n.Items {
		s := settle(item)
		if s != item && out == n {
			out = &yamlx.Node{Kind: n.Kind, Pos: n.Pos, Items: append([]*yamlx.Node(nil), n.Items...)}
		}
		if s != item {
			out.Items[i] = s
		}
	}
	return out
}

func settleMap(n *yamlx.Node) *yamlx.Node {
	out := n
	for i, f := range n.Fields {
		s := settle(f.Value)
		if s != f.Value && out == n {
			out = &yamlx.Node{Kind: n.Kind, Pos: n.Pos, Fields: append([]yamlx.Field(nil), n.Fields...)}
		}
		if s != f.Value {
			out.Fields[i].Value = s
		}
	}
	return out
}
