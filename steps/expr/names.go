package expr

import (
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"

	"cordum.dev/cordum/internal/yamlx"
)

// names is one reading of a syntax tree: which names it uses and whether they may be used here.
type names struct {
	src   string
	scope *Scope

	identifiers []*ast.IdentifierNode
	declared    map[string]bool
	calls       map[*ast.IdentifierNode]bool
	roots       map[*ast.IdentifierNode]bool // "steps" of steps.<id>
	inner       map[ast.Node]bool            // nodes of which a field is read
	steps       []stepRead
	inputs      []string    // steps of which the input is read
	own         []*ast.Node // where a name of the scope's own stands
	slots       map[*ast.IdentifierNode]*ast.Node
	err         *Error
}

// stepRead is one steps.<id>.
type stepRead struct {
	id   string
	slot *ast.Node
}

var (
	runFields  = []string{"id", "started_at", "attempt"}
	loopFields = []string{"index", "previous"}
	// stepFields: the last of them only for a compensation, of its own step.
	stepFields = []string{"status", "output", "error", "attempt", "input"}
)

// readNames checks all names of a tree. What it answers about steps is checked against the scope by the caller,
// because trees are cached without one.
func readNames(root *ast.Node, src string, scope *Scope) (*names, error) {
	n := &names{
		src: src, scope: scope, declared: map[string]bool{}, calls: map[*ast.IdentifierNode]bool{},
		roots: map[*ast.IdentifierNode]bool{}, inner: map[ast.Node]bool{}, slots: map[*ast.IdentifierNode]*ast.Node{},
	}
	ast.Walk(root, n)
	for _, id := range n.identifiers {
		if n.err == nil {
			n.identifier(id)
		}
	}
	if n.err != nil {
		return nil, n.err
	}
	return n, nil
}

// Visit implements ast.Visitor; children come before their parents.
func (n *names) Visit(slot *ast.Node) {
	switch node := (*slot).(type) {
	case *ast.IdentifierNode:
		n.identifiers = append(n.identifiers, node)
		n.slots[node] = slot
	case *ast.VariableDeclaratorNode:
		n.declare(node)
	case *ast.BytesNode:
		n.fail(node, CodeType, "", "bytes are no JSON value; write text")
	case *ast.CallNode:
		n.call(node)
	case *ast.BuiltinNode:
		if !allowed[node.Name] {
			n.unknownFunction(node, node.Name)
		}
	case *ast.MemberNode:
		n.member(node, slot)
	}
}

func (n *names) fail(node ast.Node, code, hint, format string, args ...any) {
	if n.err == nil {
		n.err = errorf(code, format+" (character %d of the expression)", append(args, node.Location().From+1)...)
		n.err.Hint = hint
	}
}

func (n *names) declare(node *ast.VariableDeclaratorNode) {
	if strings.HasPrefix(node.Name, "_") || strings.HasPrefix(node.Name, "$") {
		n.fail(node, CodeUnknownName, "", "a variable's name begins with a letter")
	}
	if _, known := n.scope.Names[node.Name]; known {
		n.fail(node, CodeType, "", "a variable cannot have the name %s, which has a meaning already", node.Name)
	}
	n.declared[node.Name] = true
}

func (n *names) call(node *ast.CallNode) {
	callee, ok := node.Callee.(*ast.IdentifierNode)
	if !ok {
		n.fail(node, CodeUnknownName, "", "values have no functions")
		return
	}
	n.calls[callee] = true
	n.unknownFunction(node, callee.Value)
}

func (n *names) unknownFunction(node ast.Node, name string) {
	if _, exists := builtin.Index[name]; exists {
		n.fail(node, CodeUnknownName, "", "the function %s is not available: an expression gives the same value whenever it is evaluated", name)
		return
	}
	hint := yamlx.Nearest(name, yamlx.SortedKeys(allowed))
	n.fail(node, CodeUnknownName, hint, "the function %s is unknown%s", yamlx.Clip(name), didYouMean(hint))
}

func didYouMean(hint string) string {
	if hint == "" {
		return ""
	}
	return "; did you mean " + hint + "?"
}

// member checks what is read of steps, of one step and of run, whose fields are known before a run.
func (n *names) member(node *ast.MemberNode, slot *ast.Node) {
	base := node.Node
	if chain, ok := base.(*ast.ChainNode); ok {
		base = chain.Node
	}
	n.inner[base] = true
	property, static := node.Property.(*ast.StringNode)
	if root, ok := base.(*ast.IdentifierNode); ok && root.Value == "steps" && n.scope.Names == nil {
		n.roots[root] = true
		if !static {
			n.fail(node, CodeType, "", "the step must be written out, as in steps.build or steps['build']")
			return
		}
		n.steps = append(n.steps, stepRead{property.Value, slot})
		return
	}
	fields := n.fieldsOf(base)
	if fields == nil {
		return
	}
	if !static {
		n.fail(node, CodeType, "", "the field must be written out: one of %s", strings.Join(fields, ", "))
		return
	}
	if !slices.Contains(fields, property.Value) {
		hint := yamlx.Nearest(property.Value, fields)
		n.fail(node.Property, CodeUnknownName, hint, "the field %s is unknown here%s", yamlx.Clip(property.Value), didYouMean(hint))
	}
	if id, ok := stepOf(base); ok && property.Value == "input" {
		n.inputs = append(n.inputs, id)
	}
}

// stepOf answers the id of steps.<id>.
func stepOf(node ast.Node) (string, bool) {
	member, ok := node.(*ast.MemberNode)
	if !ok {
		return "", false
	}
	base := member.Node
	if chain, ok := base.(*ast.ChainNode); ok {
		base = chain.Node
	}
	root, ok := base.(*ast.IdentifierNode)
	if !ok || root.Value != "steps" {
		return "", false
	}
	id, ok := member.Property.(*ast.StringNode)
	if !ok {
		return "", false
	}
	return id.Value, true
}

func (n *names) fieldsOf(base ast.Node) []string {
	if n.scope.Names != nil {
		return nil
	}
	if root, ok := base.(*ast.IdentifierNode); ok {
		switch root.Value {
		case "run":
			return runFields
		case "loop":
			return loopFields
		}
	}
	if _, ok := stepOf(base); ok {
		return stepFields
	}
	return nil
}

func (n *names) identifier(id *ast.IdentifierNode) {
	name := id.Value
	switch {
	case n.calls[id], n.declared[name]:
	case n.scope.Names != nil:
		if _, known := n.scope.Names[name]; !known {
			n.unknownName(id)
			return
		}
		n.own = append(n.own, n.slots[id])
	case slices.Contains(n.scope.Hidden, name):
		n.fail(id, CodeUnknownName, "", "%s is not known yet where this stands", name)
	case name == "steps":
		if !n.roots[id] {
			n.fail(id, CodeType, "", "steps is read one step at a time, as in steps.build.output")
		}
	case name == "secrets" && !n.scope.Secrets:
		n.fail(id, CodeSecret, "", "secrets may be named only in what a worker or a notification gets")
	case name == "secrets":
		n.fail(id, CodeSecret, "", "a secret stands for itself: write ${secrets.NAME}, with text before and behind it where that is needed")
	case slices.Contains(n.known(), name):
	default:
		n.unknownName(id)
	}
}

// known are the names in scope.
func (n *names) known() []string {
	if n.scope.Names != nil {
		return yamlx.SortedKeys(n.scope.Names)
	}
	known := []string{"ctx", "input", "labels", "run", "steps"}
	if n.scope.Item {
		known = append(known, "item", "index")
	}
	if n.scope.Payload {
		known = append(known, "payload")
	}
	if n.scope.Loop {
		known = append(known, "loop")
	}
	return known
}

var notHere = map[string]string{
	"item": "in a fan-out", "index": "in a fan-out", "payload": "in the match of a wait", "loop": "inside a loop",
	"null": "", "None": "", "undefined": "", "True": "", "False": "",
}

var literals = map[string]string{"null": "nil", "None": "nil", "undefined": "nil", "True": "true", "False": "false"}

func (n *names) unknownName(id *ast.IdentifierNode) {
	if step := n.hyphenated(id); step != "" {
		hint := "steps['" + step + "']"
		n.fail(id, CodeUnknownName, hint, "the name %s is unknown; a step whose id has a hyphen is written %s", yamlx.Clip(id.Value), hint)
		return
	}
	if where := notHere[id.Value]; where != "" && n.scope.Names == nil {
		n.fail(id, CodeUnknownName, "", "%s is known only %s", id.Value, where)
		return
	}
	hint := literals[id.Value]
	if hint == "" {
		hint = yamlx.Nearest(id.Value, n.known())
	}
	n.fail(id, CodeUnknownName, hint, "the name %s is unknown%s", yamlx.Clip(id.Value), didYouMean(hint))
}

var dottedStep = regexp.MustCompile(`steps\s*\??\.\s*([A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)+)`)

// hyphenated answers the step that was meant where steps.a-b was read as a subtraction of b.
func (n *names) hyphenated(id *ast.IdentifierNode) string {
	from := len(string([]rune(n.src)[:id.Location().From]))
	for _, m := range dottedStep.FindAllStringSubmatchIndex(n.src, -1) {
		if m[2] <= from && from < m[3] {
			word := n.src[m[2]:m[3]]
			for ; word != ""; word = word[:max(strings.LastIndexByte(word, '-'), 0)] {
				if strings.Contains(word, "-") && n.scope.Steps[word] {
					return word
				}
			}
		}
	}
	return ""
}
