package expr

import "github.com/expr-lang/expr/ast"

func (t *typing) unary(node *ast.UnaryNode) *Schema {
	value := t.of(node.Node)
	if node.Operator == "!" || node.Operator == "not" {
		t.need(node.Node, value, isBool, "a boolean")
		return aBool
	}
	t.need(node.Node, value, isNumber, "a number")
	if node.Operator == "+" {
		return value // it does nothing, to what is no number either
	}
	return numeric(value)
}

// numeric is what stays of a value once it has been used as a number.
func numeric(s *Schema) *Schema {
	if s.kinds()&isNumber == isInteger {
		return anInt
	}
	return aNumber
}

func (t *typing) binary(node *ast.BinaryNode) *Schema {
	left, right := t.of(node.Left), t.of(node.Right)
	switch node.Operator {
	case "??":
		return coalesced(left, right)
	case "and", "&&", "or", "||":
		t.need(node.Left, left, isBool, "a boolean")
		t.need(node.Right, right, isBool, "a boolean")
		return aBool
	case "==", "!=":
		return t.equality(node, left, right)
	case "<", "<=", ">", ">=":
		t.fits(node, left, right, isNumber, isText)
		return aBool
	case "+":
		return t.plus(node, left, right)
	case "-", "*", "/", "%", "**", "^":
		return t.arithmetic(node, left, right)
	case "..":
		t.need(node.Left, left, isInteger, "an integer")
		t.need(node.Right, right, isInteger, "an integer")
		return integers
	case "in":
		t.need(node.Right, right, isList|isObject, "a list or an object")
		return aBool
	case "contains", "startsWith", "endsWith", "matches":
		t.need(node.Left, left, isText|isNull, "text")
		t.need(node.Right, right, isText|isNull, "text")
		return aBool
	}
	return nil
}

// coalesced is what a ?? b gives: a where it is not null.
func coalesced(a, b *Schema) *Schema {
	if a == nil || a.kinds() == isNull {
		return b
	}
	return either(a, b)
}

// fits reports operands of which no pair is of one of the groups.
func (t *typing) fits(node *ast.BinaryNode, left, right *Schema, groups ...kinds) kinds {
	var fit kinds
	for _, g := range groups {
		if left.kinds()&g != 0 && right.kinds()&g != 0 {
			fit |= g
		}
	}
	if fit == 0 {
		t.fail(node, CodeType, "", "%s %s %s is not defined", left.words(), node.Operator, right.words())
	}
	return fit
}

// equality is always defined; that two kinds can never be equal is a mistake all the same.
func (t *typing) equality(node *ast.BinaryNode, left, right *Schema) *Schema {
	l, r := left.kinds(), right.kinds()
	if l == isNull || r == isNull {
		return aBool
	}
	t.fits(node, left, right, isBool, isNumber, isText, isList, isObject)
	return aBool
}

func (t *typing) plus(node *ast.BinaryNode, left, right *Schema) *Schema {
	switch t.fits(node, left, right, isNumber, isText) {
	case isText:
		return aText
	case isNumber:
		return sum(left, right)
	}
	return nil
}

func (t *typing) arithmetic(node *ast.BinaryNode, left, right *Schema) *Schema {
	t.fits(node, left, right, isNumber)
	switch node.Operator {
	case "/", "**", "^":
		return aNumber
	case "%":
		return anInt
	}
	return sum(left, right)
}

func sum(left, right *Schema) *Schema {
	if left.kinds()&isNumber == isInteger && right.kinds()&isNumber == isInteger {
		return anInt
	}
	return aNumber
}

// results are what functions give whose answer does not depend on the type of their arguments.
var results = map[string]*Schema{
	"all": aBool, "none": aBool, "any": aBool, "one": aBool, "hasPrefix": aBool, "hasSuffix": aBool,
	"findIndex": anInt, "findLastIndex": anInt, "count": anInt, "len": anInt, "int": anInt, "indexOf": anInt, "lastIndexOf": anInt,
	"type": aText, "string": aText, "trim": aText, "trimPrefix": aText, "trimSuffix": aText, "upper": aText, "lower": aText,
	"replace": aText, "repeat": aText, "join": aText, "toJSON": aText, "toBase64": aText, "fromBase64": aText,
	"abs": aNumber, "ceil": aNumber, "floor": aNumber, "round": aNumber, "float": aNumber, "sum": aNumber, "mean": aNumber, "median": aNumber,
	"split": texts, "splitAfter": texts, "keys": texts, "values": aList, "toPairs": aList, "concat": aList, "flatten": aList,
	"fromPairs": anObject, "groupBy": anObject,
}

// firstNeeds is what functions need as their first argument; those that are not named take anything, or more than one kind.
var firstNeeds = map[string]kinds{
	"all": isList, "none": isList, "any": isList, "one": isList, "filter": isList, "map": isList, "find": isList, "findIndex": isList,
	"findLast": isList, "findLastIndex": isList, "count": isList, "sum": isList, "groupBy": isList, "sortBy": isList, "reduce": isList,
	"join": isList, "first": isList, "last": isList, "take": isList, "reverse": isList, "uniq": isList, "flatten": isList, "sort": isList,
	"fromPairs": isList, "toPairs": isObject, "keys": isObject, "values": isObject,
	"trim": isText, "trimPrefix": isText, "trimSuffix": isText, "upper": isText, "lower": isText, "split": isText, "splitAfter": isText,
	"replace": isText, "repeat": isText, "hasPrefix": isText, "hasSuffix": isText, "indexOf": isText, "lastIndexOf": isText, "fromJSON": isText,
	"toBase64": isText, "fromBase64": isText, "abs": isNumber, "ceil": isNumber, "floor": isNumber, "round": isNumber,
	"len": isList | isObject | isText,
}

func (t *typing) builtin(node *ast.BuiltinNode) *Schema {
	if len(node.Arguments) == 0 {
		return results[node.Name]
	}
	first := t.of(node.Arguments[0])
	if want, ok := firstNeeds[node.Name]; ok {
		need := Schema{}
		for _, word := range []string{"array", "object", "string", "number"} {
			if want&kindWords[word] != 0 {
				need.Types = append(need.Types, word)
			}
		}
		t.need(node.Arguments[0], first, want, need.words())
	}
	t.entries = append(t.entries, items(first))
	second := t.last(node.Arguments[1:])
	t.entries = t.entries[:len(t.entries)-1]
	switch node.Name {
	case "map":
		return &Schema{Types: aList.Types, Items: second}
	case "filter", "reverse", "uniq", "sort", "sortBy":
		return &Schema{Types: aList.Types, Items: items(first)}
	}
	return results[node.Name]
}

// items are what the entries of a list are; nil: anything.
func items(s *Schema) *Schema {
	if s == nil || s.kinds()&^isNull != isList {
		return nil
	}
	return s.Items
}

// lengthOf is how long a list is that is written out, as a range or entry by entry, -1 when that is not known. Nothing is
// evaluated for it: whoever saves a workflow cannot make it cost anything.
func lengthOf(node ast.Node) int {
	switch node := node.(type) {
	case *ast.ArrayNode:
		return len(node.Nodes)
	case *ast.BinaryNode:
		from, fromLiteral := node.Left.(*ast.IntegerNode)
		to, toLiteral := node.Right.(*ast.IntegerNode)
		if node.Operator == ".." && fromLiteral && toLiteral {
			return max(min(to.Value-from.Value, MaxItems)+1, 0)
		}
	case *ast.BuiltinNode:
		sameLength := node.Name == "map" || node.Name == "sort" || node.Name == "sortBy" || node.Name == "reverse"
		if sameLength && len(node.Arguments) > 0 {
			return lengthOf(node.Arguments[0])
		}
	}
	return -1
}
