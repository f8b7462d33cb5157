package expr

import (
	"regexp"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// meter counts what one evaluation costs. Functions that count get it as their first argument, under a name that no
// expression can write.
type meter struct {
	limits   *bounds // nil: ordinary
	extra    int     // granted for large outputs that the expression may read
	cost     int
	memory   int
	patterns map[string]*pattern
}

var (
	errCost   = errorf(CodeCost, "the expression takes more steps than an expression may")
	errMemory = errorf(CodeMemory, "the expression makes more bytes of text than an expression may")
)

func (m *meter) bounds() *bounds {
	if m.limits == nil {
		return &ordinary
	}
	return m.limits
}

func (m *meter) spend(units int) error {
	if m.cost += units; m.cost > m.bounds().cost+m.extra {
		return errCost
	}
	return nil
}

func (m *meter) grow(bytes int) error {
	if m.memory += bytes; m.memory > m.bounds().memory {
		return errMemory
	}
	return m.spend(bytes / bytesPerCost)
}

// touch spends what looking at a value costs, not deeper than its first level.
func (m *meter) touch(v any) error {
	switch v := v.(type) {
	case string:
		return m.spend(1 + len(v)/bytesPerCost)
	case []any:
		return m.spend(1 + len(v))
	case map[string]any:
		return m.spend(1 + len(v))
	case []int:
		return m.spend(1 + len(v))
	}
	return m.spend(1)
}

// walk spends what reading all of a value costs.
func (m *meter) walk(v any, depth int) error {
	if depth > MaxResultDepth {
		return errDepth
	}
	if err := m.touch(v); err != nil {
		return err
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := m.walk(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, item := range v {
			if err := m.walk(item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// metering puts the counting into a checked tree: a count into each predicate, and our functions in the place of those
// operators and builtins whose cost depends on data or whose answer would be wrong on overflow.
type metering struct{}

// Visit implements ast.Visitor.
func (metering) Visit(slot *ast.Node) {
	switch node := (*slot).(type) {
	case *ast.PredicateNode:
		tick := call(fnTick, node.Location())
		body := located(&ast.SequenceNode{Nodes: []ast.Node{tick, node.Node}}, node.Location())
		body.SetNature(*node.Node.Nature())
		node.Node = body
	case *ast.BinaryNode:
		meterOperator(slot, node)
	case *ast.UnaryNode:
		if _, literal := node.Node.(*ast.IntegerNode); node.Operator == "-" && !literal {
			substitute(slot, call(fnNegate, node.Location(), node.Node))
		}
	case *ast.MemberNode:
		if _, static := node.Property.(*ast.StringNode); !static {
			property := node.Property
			substitute(&node.Property, call(fnIndex, property.Location(), property))
		}
	case *ast.BuiltinNode:
		if fn, metered := meteredBuiltins[node.Name]; metered {
			substitute(slot, call(fn, node.Location(), node.Arguments...))
		}
	}
}

func meterOperator(slot *ast.Node, node *ast.BinaryNode) {
	fn, ok := operatorFunctions[node.Operator]
	if !ok {
		return
	}
	right := node.Right
	switch node.Operator {
	case "==", "!=", "<", "<=", ">", ">=":
		if isScalar(node.Left) || isScalar(node.Right) {
			return // no dearer than the literal is long
		}
	case "matches":
		if text, static := right.(*ast.StringNode); static {
			p, err := compilePattern(text.Value)
			if err != nil { // checkPatterns refused it before
				return
			}
			right = located(&ast.ConstantNode{Value: p}, right.Location())
		}
	}
	substitute(slot, call(fn, node.Location(), node.Left, right))
}

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.NilNode:
		return true
	}
	return false
}

// substitute replaces a node by one of the same type.
func substitute(slot *ast.Node, n ast.Node) {
	n.SetNature(*(*slot).Nature())
	*slot = n
}

// call makes the call of one of our functions, the meter first.
func call(fn string, loc file.Location, args ...ast.Node) ast.Node {
	all := make([]ast.Node, 0, len(args)+1)
	all = append(all, located(&ast.IdentifierNode{Value: meterName}, loc))
	return located(&ast.CallNode{Callee: located(&ast.IdentifierNode{Value: fn}, loc), Arguments: append(all, args...)}, loc)
}

// pattern is a compiled regular expression with what matching costs.
type pattern struct {
	re     *regexp.Regexp
	weight int // instructions, in effect: the matcher may look at each for each byte
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > MaxPattern {
		return nil, errorf(CodeTooLong, "the pattern has %d bytes, the limit is %d", len(text), MaxPattern)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errorf(CodeSyntax, "the pattern is no regular expression")
	}
	return &pattern{re: re, weight: instructions(text)}, nil
}

// patternCheck refuses patterns that are written out and wrong.
type patternCheck struct{ err error }

// Visit implements ast.Visitor.
func (c *patternCheck) Visit(slot *ast.Node) {
	node, ok := (*slot).(*ast.BinaryNode)
	if !ok || node.Operator != "matches" || c.err != nil {
		return
	}
	if text, static := node.Right.(*ast.StringNode); static {
		_, c.err = compilePattern(text.Value)
	}
}

func checkPatterns(root ast.Node) error {
	var c patternCheck
	ast.Walk(&root, &c)
	return c.err
}
