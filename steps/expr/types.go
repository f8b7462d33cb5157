package expr

import (
	"math/bits"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"

	"cordum.dev/cordum/internal/yamlx"
)

// kinds is a set of the kinds of values that an expression may give.
type kinds uint8

const (
	isNull kinds = 1 << iota
	isBool
	isInteger
	isFloat
	isText
	isList
	isObject

	isNumber = isInteger | isFloat
	anything = isNull | isBool | isNumber | isText | isList | isObject
)

// kindWords are the words of JSON Schema.
var kindWords = map[string]kinds{
	"null": isNull, "boolean": isBool, "integer": isInteger, "number": isNumber, "string": isText, "array": isList, "object": isObject,
}

// Types of results, of which nothing more is known.
var (
	aNull    = &Schema{Types: []string{"null"}}
	aBool    = &Schema{Types: []string{"boolean"}}
	anInt    = &Schema{Types: []string{"integer"}}
	aNumber  = &Schema{Types: []string{"number"}}
	aText    = &Schema{Types: []string{"string"}}
	aList    = &Schema{Types: []string{"array"}}
	anObject = &Schema{Types: []string{"object"}}
	texts    = &Schema{Types: []string{"array"}, Items: aText}
	integers = &Schema{Types: []string{"array"}, Items: anInt}

	// What the language itself gives.
	anError = &Schema{Types: []string{"object", "null"}, ours: true, Closed: true, Fields: map[string]*Schema{
		"code": aText, "message": aText, "retryable": aBool, "attempt": anInt, "details": nil,
	}}
	aRun   = &Schema{Types: []string{"object"}, ours: true, Closed: true, Fields: map[string]*Schema{"id": aText, "started_at": aText, "attempt": anInt}}
	aRound = &Schema{Types: []string{"object"}, ours: true, Closed: true, Fields: map[string]*Schema{"index": anInt, "previous": nil}}
)

// kinds are what a value of the schema may be. A word that JSON Schema does not have says nothing.
func (s *Schema) kinds() kinds {
	if s == nil || len(s.Types) == 0 {
		return anything
	}
	var k kinds
	for _, word := range s.Types {
		k |= kindWords[word]
	}
	if k == 0 {
		return anything
	}
	return k
}

// words say the kinds as a message does.
func (s *Schema) words() string {
	k := s.kinds()
	if k == anything {
		return "a value"
	}
	var out []string
	for _, w := range []struct {
		of   kinds
		word string
	}{
		{isBool, "a boolean"},
		{isNumber, "a number"},
		{isInteger, "an integer"},
		{isFloat, "a number"},
		{isText, "text"},
		{isList, "a list"},
		{isObject, "an object"},
		{isNull, "null"},
	} {
		if k&w.of == w.of {
			out = append(out, w.word)
			k &^= w.of
		}
	}
	return strings.Join(out, " or ")
}

// Entry is what the entries of a list are; nil: anything.
func (s *Schema) Entry() *Schema { return items(s) }

// List is a list of such values, null among them.
func (s *Schema) List() *Schema {
	return &Schema{Types: aList.Types, Items: either(s, aNull)}
}

// either is what a value is that is one or the other.
func either(a, b *Schema) *Schema {
	switch {
	case a == b:
		return a
	case a == nil || b == nil:
		return nil
	}
	both := a.kinds() | b.kinds()
	if both == anything {
		return nil
	}
	if a.kinds() == isNull { // what else is known of the other stays known
		return &Schema{Types: union(a.Types, b.Types), Fields: b.Fields, Closed: b.Closed, Items: b.Items}
	}
	if b.kinds() == isNull {
		return &Schema{Types: union(a.Types, b.Types), Fields: a.Fields, Closed: a.Closed, Items: a.Items}
	}
	return &Schema{Types: union(a.Types, b.Types)}
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// typed checks a program against what is declared where it stands, and answers it with what it then gives. Programs are
// cached without that, so it is a second reading of the source; where nothing is declared there is none.
func typed(p *Program, src string, scope *Scope) (*Program, error) {
	if !declares(scope, src, p.steps) {
		return p, nil
	}
	cfg := configs.Get().(*conf.Config)
	defer configs.Put(cfg)
	tree, err := parser.ParseWithConfig(src, cfg)
	if err != nil {
		return nil, compileError(CodeSyntax, err)
	}
	t := typing{scope: scope}
	gives := t.of(tree.Node)
	if t.err != nil {
		return nil, t.err
	}
	out := *p
	out.gives = gives
	return &out, nil
}

// mentions finds the names whose fields the language itself declares.
var mentions = regexp.MustCompile(`\b(run|loop|error)\b`)

func declares(scope *Scope, src string, steps []string) bool {
	if scope.Input != nil || scope.ItemType != nil || mentions.MatchString(src) {
		return true
	}
	for _, s := range scope.Names {
		if s != nil {
			return true
		}
	}
	return scope.Output != nil && slices.ContainsFunc(steps, func(id string) bool { return scope.Output(id) != nil })
}

// Gives is what is known of the program's result; nil: nothing.
func (p *Program) Gives() *Schema { return p.gives }

// typing finds out what the nodes of a tree give. It only refuses what cannot be right whatever the values are; null is
// never taken for what a value is, since everything may be absent.
type typing struct {
	scope     *Scope // nil: nothing is declared
	variables map[string]*Schema
	entries   []*Schema // what # is, the innermost last
	err       *Error
}

func (t *typing) fail(node ast.Node, code, hint, format string, args ...any) *Schema {
	if t.err == nil {
		t.err = errorf(code, format+" (character %d of the expression)", append(args, node.Location().From+1)...)
		t.err.Hint = hint
	}
	return nil
}

// need reports a node that can be none of the wanted kinds.
func (t *typing) need(node ast.Node, got *Schema, want kinds, what string) {
	if got.kinds()&want == 0 {
		t.fail(node, CodeType, "", "%s is needed here, not %s", what, got.words())
	}
}

// of answers what a node gives; nil: anything.
func (t *typing) of(node ast.Node) *Schema {
	switch node := node.(type) {
	case *ast.NilNode:
		return aNull
	case *ast.BoolNode:
		return aBool
	case *ast.IntegerNode:
		return anInt
	case *ast.FloatNode:
		return aNumber
	case *ast.StringNode:
		return aText
	case *ast.IdentifierNode:
		return t.identifier(node)
	case *ast.PointerNode:
		return t.pointer(node)
	case *ast.MemberNode:
		return t.member(node)
	case *ast.ChainNode:
		return t.chain(node)
	case *ast.SliceNode:
		return t.slice(node)
	case *ast.UnaryNode:
		return t.unary(node)
	case *ast.BinaryNode:
		return t.binary(node)
	case *ast.BuiltinNode:
		return t.builtin(node)
	case *ast.ConditionalNode:
		t.need(node.Cond, t.of(node.Cond), isBool, "a boolean")
		return either(t.of(node.Exp1), t.of(node.Exp2))
	case *ast.VariableDeclaratorNode:
		return t.variable(node)
	case *ast.SequenceNode:
		return t.last(node.Nodes)
	case *ast.ArrayNode:
		return t.list(node)
	case *ast.MapNode:
		return t.object(node)
	case *ast.PredicateNode:
		return t.of(node.Node)
	}
	return nil
}

func (t *typing) last(nodes []ast.Node) *Schema {
	var out *Schema
	for _, n := range nodes {
		out = t.of(n)
	}
	return out
}

func (t *typing) variable(node *ast.VariableDeclaratorNode) *Schema {
	value := t.of(node.Value)
	if t.variables == nil {
		t.variables = map[string]*Schema{}
	}
	before, shadowed := t.variables[node.Name]
	t.variables[node.Name] = value
	out := t.of(node.Expr)
	delete(t.variables, node.Name)
	if shadowed {
		t.variables[node.Name] = before
	}
	return out
}

func (t *typing) list(node *ast.ArrayNode) *Schema {
	if len(node.Nodes) == 0 {
		return aList
	}
	item := t.of(node.Nodes[0])
	for _, n := range node.Nodes[1:] {
		item = either(item, t.of(n))
	}
	return &Schema{Types: aList.Types, Items: item}
}

func (t *typing) object(node *ast.MapNode) *Schema {
	out := &Schema{Types: anObject.Types, Fields: map[string]*Schema{}}
	for _, n := range node.Pairs {
		pair, ok := n.(*ast.PairNode)
		if !ok {
			continue
		}
		value := t.of(pair.Value)
		if key, ok := pair.Key.(*ast.StringNode); ok {
			out.Fields[key.Value] = value
		} else {
			t.of(pair.Key)
		}
	}
	return out
}

func (t *typing) identifier(node *ast.IdentifierNode) *Schema {
	if v, ok := t.variables[node.Value]; ok {
		return v
	}
	if t.scope != nil && t.scope.Names != nil {
		return t.scope.Names[node.Value]
	}
	switch node.Value {
	case "index":
		return anInt
	case "run":
		return aRun
	case "loop":
		return aRound
	case "input":
		if t.scope != nil {
			return t.scope.Input
		}
	case "item":
		if t.scope != nil {
			return t.scope.ItemType
		}
	}
	return nil
}

func (t *typing) pointer(node *ast.PointerNode) *Schema {
	switch {
	case node.Name == "index":
		return anInt
	case node.Name != "" || len(t.entries) == 0: // #acc
		return nil
	}
	return t.entries[len(t.entries)-1]
}

// chain gives null where it was cut short.
func (t *typing) chain(node *ast.ChainNode) *Schema {
	out := t.of(node.Node)
	if out == nil {
		return nil
	}
	return either(out, aNull)
}

func (t *typing) slice(node *ast.SliceNode) *Schema {
	out := t.of(node.Node)
	t.need(node.Node, out, isList|isText, "a list or a text")
	for _, bound := range []ast.Node{node.From, node.To} {
		if bound != nil {
			t.need(bound, t.of(bound), isNumber, "a number")
		}
	}
	return out
}

func (t *typing) member(node *ast.MemberNode) *Schema {
	if t.scope == nil || t.scope.Names == nil {
		if id, ok := stepOf(node.Node); ok {
			return t.ofStep(id, node.Property)
		}
		if root, ok := node.Node.(*ast.IdentifierNode); ok && root.Value == "steps" {
			return anObject
		}
	}
	base := t.of(node.Node)
	property, static := node.Property.(*ast.StringNode)
	if !static {
		return t.entry(node, base)
	}
	t.need(node.Property, base, isObject|isNull, "an object")
	if base == nil {
		return nil
	}
	if field, ok := base.Fields[property.Value]; ok {
		return field
	}
	if base.Closed && base.kinds()&^isNull == isObject {
		known := yamlx.SortedKeys(base.Fields)
		hint := nearestField(property.Value, known)
		if base.ours {
			return t.fail(node.Property, CodeUnknownName, hint, "there is no field %s here%s", yamlx.Clip(property.Value), didYouMean(hint))
		}
		return t.fail(node.Property, CodeSchemaField, hint, "the schema declares no field %s%s", yamlx.Clip(property.Value), didYouMean(hint))
	}
	return nil
}

// nearestField is the field probably meant: of short names the one that the other begins with, or that begins with it.
func nearestField(name string, known []string) string {
	if hint := yamlx.Nearest(name, known); hint != "" {
		return hint
	}
	for _, k := range known {
		if d := len(name) - len(k); d >= -2 && d <= 2 && (strings.HasPrefix(name, k) || strings.HasPrefix(k, name)) {
			return k
		}
	}
	return ""
}

// entry is what is read by an index or a computed name.
func (t *typing) entry(node *ast.MemberNode, base *Schema) *Schema {
	by := t.of(node.Property)
	t.need(node.Node, base, isList|isObject|isNull, "a list or an object")
	if base == nil {
		return nil
	}
	if bits.OnesCount8(uint8(base.kinds()&^isNull)) == 1 {
		if base.kinds()&isList != 0 {
			t.need(node.Property, by, isNumber, "a number")
			return base.Items
		}
		t.need(node.Property, by, isText, "a text")
	}
	return nil
}

// ofStep is what is known of steps.<id>.<field>.
func (t *typing) ofStep(id string, field ast.Node) *Schema {
	name, ok := field.(*ast.StringNode)
	if !ok {
		return nil
	}
	switch name.Value {
	case "status":
		return aText
	case "attempt":
		return anInt
	case "error":
		return anError
	case "output":
		if t.scope != nil && t.scope.Output != nil {
			return t.scope.Output(id)
		}
	}
	return nil
}
