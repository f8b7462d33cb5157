package expr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"cordum.dev/cordum/internal/yamlx"
)

// Read is one place where an expression reads a name: what it depends on, and what it does when that is absent.
type Read struct {
	Name string // the name at the root: input, ctx, labels, run, steps, item, index, loop, payload, secrets
	Step string // the id of the step, when Name is steps
	// Path are the fields below, as far as they are written out; of a step the first is status, output, error or attempt.
	Path []string
	// Absent is what happens when the step has no output: it did not succeed.
	Absent Absent
	Pos    yamlx.Pos // of the text in the file that holds the expression; zero when it was not read from a node
}

// Absent is what a read does with a value that is not there.
type Absent uint8

// What happens.
const (
	AbsentHandled Absent = iota // a default, an optional field (?.), or a test of the step before says what then
	AbsentNull                  // null goes on as if it were the value
	AbsentFails                 // a field of null is read: the expression fails
)

// String writes the read as an author would: steps.build.output.id.
func (r Read) String() string {
	var out strings.Builder
	out.WriteString(r.Name)
	if r.Name == "steps" && r.Step != "" {
		writeField(&out, r.Step)
	}
	for _, f := range r.Path {
		writeField(&out, f)
	}
	return out.String()
}

func writeField(out *strings.Builder, name string) {
	switch {
	case isWord(name):
		out.WriteString("." + name)
	case strings.HasPrefix(name, "["):
		out.WriteString(name)
	default:
		out.WriteString("['" + name + "']")
	}
}

func isWord(s string) bool {
	for i := range len(s) {
		if !wordAt(s, i) || (i == 0 && s[0] >= '0' && s[0] <= '9') {
			return false
		}
	}
	return s != ""
}

// Reads are the names that the program reads, in the order of its text, each written form once. They are found by
// reading the text again, so asking costs as much as compiling.
func (p *Program) Reads() []Read { return readsOf(p.code.Source().String(), yamlx.Pos{}) }

// ReadsOf are the names that a value of a definition reads: of an expression its own, of anything else those of the
// ${…} in its texts. What does not compile reads nothing: its errors are reported where it is compiled.
func ReadsOf(n *yamlx.Node, expression bool) []Read {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yamlx.String:
		if expression {
			return readsOf(n.Str, n.Pos)
		}
		return textReads(n)
	case yamlx.List:
		var out []Read
		for _, item := range n.Items {
			out = append(out, ReadsOf(item, expression)...)
		}
		return out
	case yamlx.Map:
		var out []Read
		for _, f := range n.Fields {
			out = append(out, ReadsOf(f.Value, expression)...)
		}
		return out
	}
	return nil
}

func textReads(n *yamlx.Node) (out []Read) {
	spans, err := split(n.Str)
	if err != nil {
		return nil
	}
	for _, s := range spans {
		if s.isExpr {
			out = append(out, readsOf(s.text, n.Pos)...)
		}
	}
	return out
}

func readsOf(src string, pos yamlx.Pos) []Read {
	if guard(src) != nil {
		return nil
	}
	tree, err := parser.ParseWithConfig(src, newConfig())
	if err != nil {
		return nil
	}
	r := reader{pos: pos, seen: map[string]bool{}}
	r.node(tree.Node, place{})
	return r.reads
}

// place is what is known where a part of an expression stands.
type place struct {
	defaulted bool     // null is dealt with: left of ??, or compared with nil
	tested    []string // steps that a condition around it looked at
}

// reader collects reads from a syntax tree, from the top down.
type reader struct {
	pos      yamlx.Pos
	declared []string // let variables
	seen     map[string]bool
	reads    []Read
}

func (r *reader) node(n ast.Node, at place) {
	inner := place{tested: at.tested}
	switch n := n.(type) {
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		r.chain(n, at)
	case *ast.UnaryNode:
		r.node(n.Node, inner)
	case *ast.BinaryNode:
		r.binary(n, inner)
	case *ast.ConditionalNode:
		r.node(n.Cond, inner)
		behind := place{defaulted: at.defaulted, tested: append(slices.Clip(at.tested), stepsIn(n.Cond)...)}
		r.node(n.Exp1, behind)
		r.node(n.Exp2, behind)
	case *ast.SliceNode:
		r.all(inner, n.Node, n.From, n.To)
	case *ast.CallNode:
		r.all(inner, n.Arguments...)
	case *ast.BuiltinNode:
		r.all(inner, n.Arguments...)
	case *ast.PredicateNode:
		r.node(n.Node, inner)
	case *ast.VariableDeclaratorNode:
		r.node(n.Value, inner)
		r.declared = append(r.declared, n.Name)
		r.node(n.Expr, at)
	case *ast.SequenceNode:
		r.all(inner, n.Nodes...)
	case *ast.ArrayNode:
		r.all(inner, n.Nodes...)
	case *ast.MapNode:
		r.all(inner, n.Pairs...)
	case *ast.PairNode:
		r.all(inner, n.Key, n.Value)
	}
}

func (r *reader) all(at place, nodes ...ast.Node) {
	for _, n := range nodes {
		if n != nil {
			r.node(n, at)
		}
	}
}

func (r *reader) binary(n *ast.BinaryNode, at place) {
	left, right := at, at
	switch n.Operator {
	case "??":
		left.defaulted = true
	case "==", "!=":
		_, left.defaulted = n.Right.(*ast.NilNode)
		_, right.defaulted = n.Left.(*ast.NilNode)
	case "&&", "||", "and", "or":
		right.tested = append(slices.Clip(at.tested), stepsIn(n.Left)...)
	}
	r.node(n.Left, left)
	r.node(n.Right, right)
}

// stepsIn are the steps of which a condition reads anything.
func stepsIn(n ast.Node) []string {
	r := reader{seen: map[string]bool{}}
	r.node(n, place{})
	var out []string
	for _, read := range r.reads {
		if read.Step != "" {
			out = append(out, read.Step)
		}
	}
	return out
}

// chain reads a name with the fields that follow it. A field that is computed ends what can be said; what computes it is
// read too.
func (r *reader) chain(n ast.Node, at place) {
	var fields []*ast.MemberNode
	for {
		switch node := n.(type) {
		case *ast.ChainNode:
			n = node.Node
			continue
		case *ast.MemberNode:
			fields = append(fields, node)
			n = node.Node
			continue
		}
		break
	}
	slices.Reverse(fields)
	for _, f := range fields {
		if _, fixed := fieldName(f.Property); !fixed {
			r.node(f.Property, place{tested: at.tested})
		}
	}
	root, named := n.(*ast.IdentifierNode)
	switch {
	case !named:
		r.node(n, place{tested: at.tested})
	case !slices.Contains(r.declared, root.Value):
		r.add(root.Value, fields, at)
	}
}

func (r *reader) add(name string, fields []*ast.MemberNode, at place) {
	read := Read{Name: name, Pos: r.pos}
	for _, f := range fields {
		field, fixed := fieldName(f.Property)
		if !fixed {
			break
		}
		read.Path = append(read.Path, field)
	}
	if name == "steps" && len(read.Path) > 0 {
		read.Step, read.Path = read.Path[0], read.Path[1:]
		read.Absent = absent(read.Step, fields, at)
	}
	key := read.String() + strconv.Itoa(int(read.Absent))
	if !r.seen[key] {
		r.seen[key] = true
		r.reads = append(r.reads, read)
	}
}

// absent says what reading these fields of steps (the id, then output, then what is below) does without an output.
func absent(step string, fields []*ast.MemberNode, at place) Absent {
	const output = 1 // place among the fields
	if len(fields) <= output || slices.Contains(at.tested, step) {
		return AbsentHandled
	}
	if name, _ := fieldName(fields[output].Property); name != "output" {
		return AbsentHandled // a step always has a status and attempts, and an error is absent from a good one
	}
	switch below := fields[output+1:]; {
	case len(below) > 0 && below[0].Optional, len(below) == 0 && at.defaulted:
		return AbsentHandled
	case len(below) == 0:
		return AbsentNull
	}
	return AbsentFails
}

func fieldName(property ast.Node) (string, bool) {
	switch p := property.(type) {
	case *ast.StringNode:
		return p.Value, true
	case *ast.IntegerNode:
		return "[" + strconv.Itoa(p.Value) + "]", true
	}
	return "", false
}
