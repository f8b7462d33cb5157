package yamlx

// Pos is a place in a file, both counted from 1.
type Pos struct{ Line, Col int }

// Kind is what a node is.
type Kind uint8

// The kinds of JSON, with integers told from other numbers.
const (
	Null Kind = iota
	Bool
	Int    // an integer literal within int64
	Float  // any other number
	String // also everything that YAML 1.1 would have coerced: no, 010, dates
	List
	Map
)

// Node is a value with its place, the same for YAML and JSON.
type Node struct {
	Kind   Kind
	Pos    Pos
	Bool   bool
	Int    int64
	Float  float64
	Str    string
	Items  []*Node // List
	Fields []Field // Map, in file order, keys unique
}

// Field is an entry of a mapping.
type Field struct {
	Key   string
	Pos   Pos // of the key
	Value *Node
}

// Get returns the value of a key, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			return n.Fields[i].Value
		}
	}
	return nil
}

// Value returns the node as JSON values: nil, bool, int64, float64, string, []any, map[string]any.
func (n *Node) Value() any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Bool:
		return n.Bool
	case Int:
		return n.Int
	case Float:
		return n.Float
	case String:
		return n.Str
	case List:
		out := make([]any, len(n.Items))
		for i, it := range n.Items {
			out[i] = it.Value()
		}
		return out
	case Map:
		out := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			out[f.Key] = f.Value.Value()
		}
		return out
	}
	return nil
}
