package trial

import (
	"bytes"
	"strconv"

	"cordum.dev/cordum/internal/yamlx"
)

// placed writes a node as JSON whose every value stands in the line it stands in in its file, and in its column as far as
// the signs of JSON leave room: so what is said about a workflow inside a test file is said with the test file's places.
func placed(n *yamlx.Node) []byte {
	w := placer{line: 1, col: 1}
	w.value(n)
	return w.out.Bytes()
}

// placer knows where the next byte will stand. What an alias repeats stands earlier than where it is repeated: it is
// written where the writer is.
type placer struct {
	out       bytes.Buffer
	line, col int
}

// to moves to a place that has not been passed.
func (w *placer) to(at yamlx.Pos) {
	for ; w.line < at.Line; w.line++ {
		w.out.WriteByte('\n')
		w.col = 1
	}
	for ; w.line == at.Line && w.col < at.Col; w.col++ {
		w.out.WriteByte(' ')
	}
}

// text writes what has no line end.
func (w *placer) text(s []byte) {
	w.out.Write(s)
	w.col += len(bytes.Runes(s))
}

func (w *placer) value(n *yamlx.Node) {
	switch n.Kind {
	case yamlx.List:
		w.to(n.Pos)
		w.text([]byte{'['})
		for i, item := range n.Items {
			if i > 0 {
				w.text([]byte{','})
			}
			w.value(item)
		}
		w.text([]byte{']'})
	case yamlx.Map:
		w.fields(n)
	default:
		w.to(n.Pos)
		raw, err := yamlx.AppendCanonical(nil, n)
		if err != nil {
			raw = strconv.AppendQuote(nil, err.Error()) // a number that no JSON holds: no document of ours has one
		}
		w.text(raw)
	}
}

// fields writes a mapping. In YAML it begins where its first key does, and only the key's place is told.
func (w *placer) fields(n *yamlx.Node) {
	at := n.Pos
	if len(n.Fields) > 0 && n.Fields[0].Pos == at {
		at.Col = max(at.Col-1, 1)
	}
	w.to(at)
	w.text([]byte{'{'})
	for i, f := range n.Fields {
		if i > 0 {
			w.text([]byte{','})
		}
		w.to(f.Pos)
		w.text(yamlx.AppendString(nil, f.Key))
		w.text([]byte{':'})
		w.value(f.Value)
	}
	w.text([]byte{'}'})
}
