package expr

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm/runtime"

	"cordum.dev/cordum/internal/yamlx"
)

// allowed are the functions of the language: all are deterministic. Those about time, and those that read or walk
// what JSON does not have, are missing.
var allowed = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`all none any one filter map find findIndex findLast findLastIndex count sum
		groupBy sortBy reduce len type abs ceil floor round int float string trim trimPrefix trimSuffix upper lower split
		splitAfter replace repeat join indexOf lastIndexOf hasPrefix hasSuffix max min mean median toJSON fromJSON toBase64
		fromBase64 first last get take keys values toPairs fromPairs reverse uniq concat flatten sort`) {
		m[name] = true
	}
	return m
}()

// Names of our functions in the tree. No expression can write one: they begin with what readNames refuses.
const (
	meterName = "__meter"
	namesName = "__names"
	fnTick    = "__tick"
	fnStep    = "__step"
	fnNegate  = "__negate"
	fnIndex   = "__index"
)

var operatorFunctions = map[string]string{
	"+": "__add", "-": "__subtract", "*": "__multiply", "/": "__divide", "%": "__modulo", "**": "__power", "^": "__power",
	"==": "__equal", "!=": "__unequal", "<": "__less", "<=": "__lessEqual", ">": "__more", ">=": "__moreEqual",
	"in": "__in", "matches": "__matches", "contains": "__contains", "startsWith": "__startsWith", "endsWith": "__endsWith",
}

// metered is one of our functions: the arguments come without the meter.
type metered func(m *meter, args []any) (any, error)

// functions are all of them, under the names of the tree; meteredBuiltins tells which one stands for a builtin.
var functions, meteredBuiltins = func() (conf.FunctionsTable, map[string]string) {
	table, names := conf.FunctionsTable{}, map[string]string{}
	add := func(name string, fn metered) {
		table[name] = &builtin.Function{Name: name, Func: func(args ...any) (any, error) {
			return fn(args[0].(*meter), args[1:])
		}}
	}
	for name, fn := range operators {
		add(name, fn)
	}
	for _, b := range builtin.Builtins {
		if !allowed[b.Name] || b.Predicate {
			continue
		}
		names[b.Name] = "__" + b.Name
		if own, ok := ownBuiltins[b.Name]; ok {
			add("__"+b.Name, own)
		} else {
			add("__"+b.Name, wrapBuiltin(b))
		}
	}
	table[fnStep].Types = []reflect.Type{reflect.TypeFor[func(*meter, *step) map[string]any]()}
	return table, names
}()

// wrapBuiltin counts what a builtin reads and what it makes.
func wrapBuiltin(b *builtin.Function) metered {
	return func(m *meter, args []any) (any, error) {
		for _, a := range args {
			if err := m.walk(a, 0); err != nil {
				return nil, err
			}
		}
		out, err := runBuiltin(b, args)
		if err != nil {
			return nil, err
		}
		if f, ok := out.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return nil, errNumber
		}
		return out, m.grow(madeBytes(out))
	}
}

func runBuiltin(b *builtin.Function, args []any) (any, error) {
	switch {
	case b.Fast != nil && len(args) == 1:
		return b.Fast(args[0]), nil
	case b.Safe != nil:
		out, _, err := b.Safe(args...)
		return out, err
	case b.Func != nil:
		return b.Func(args...)
	}
	return nil, errorf(CodeRuntime, "%s takes another number of arguments", b.Name)
}

// madeBytes is what a builtin's result took; strings in a list of strings are mostly slices of the argument.
func madeBytes(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return 16 * len(v)
	case []string:
		return 16 * len(v)
	case map[string]any:
		return 64 * len(v)
	}
	return 0
}

var (
	errNumber   = errorf(CodeRuntime, "the result is no number: it is too large, or not defined")
	errOverflow = errorf(CodeRuntime, "the result is larger than an integer holds")
	errZero     = errorf(CodeRuntime, "division by zero")
)

// ownBuiltins are those that the library would answer in the random order of maps, or in a form that JSON does not
// have, or without a limit.
var ownBuiltins = map[string]metered{
	"repeat": func(m *meter, args []any) (any, error) {
		s, n := args[0].(string), runtime.ToInt(args[1])
		if n < 0 {
			return nil, errorf(CodeRuntime, "repeat takes no negative number")
		}
		if len(s) > 0 && n > m.bounds().memory/len(s) {
			return nil, errMemory
		}
		return strings.Repeat(s, n), m.grow(len(s) * n)
	},
	"replace":    replaceText,
	"join":       joinText,
	"keys":       onMap(func(k string, _ any) any { return k }),
	"values":     onMap(func(_ string, v any) any { return v }),
	"toPairs":    onMap(func(k string, v any) any { return []any{k, v} }),
	"string":     func(m *meter, args []any) (any, error) { return m.text(args[0]) },
	"toJSON":     func(m *meter, args []any) (any, error) { return m.json(args[0]) },
	"fromJSON":   fromJSON,
	"fromBase64": fromBase64,
	"int":        toInteger,
	"float":      toFloat,
	"abs":        absolute,
	"uniq":       unique,
}

func replaceText(m *meter, args []any) (any, error) {
	s, from, to := args[0].(string), args[1].(string), args[2].(string)
	limit := -1
	if len(args) == 4 {
		limit = runtime.ToInt(args[3])
	}
	n := strings.Count(s, from)
	if limit >= 0 {
		n = min(n, limit)
	}
	if err := m.grow(len(s) + n*max(len(to)-len(from), 0)); err != nil {
		return nil, err
	}
	return strings.Replace(s, from, to, n), nil
}

func joinText(m *meter, args []any) (any, error) {
	glue := ""
	if len(args) == 2 {
		glue = args[1].(string)
	}
	var words []string
	switch list := args[0].(type) {
	case []string:
		words = list
	case []any:
		for _, item := range list {
			words = append(words, item.(string))
		}
	default:
		return nil, errorf(CodeRuntime, "join takes a list of text")
	}
	size := len(glue) * len(words)
	for _, w := range words {
		size += len(w)
	}
	if err := m.grow(size); err != nil {
		return nil, err
	}
	return strings.Join(words, glue), nil
}

func onMap(of func(k string, v any) any) metered {
	return func(m *meter, args []any) (any, error) {
		if err := m.touch(args[0]); err != nil {
			return nil, err
		}
		object, err := m.plain(args[0])
		if err != nil {
			return nil, err
		}
		fields, ok := object.(map[string]any)
		if !ok {
			return nil, errorf(CodeRuntime, "an object is needed")
		}
		out := make([]any, 0, len(fields))
		for _, k := range yamlx.SortedKeys(fields) {
			out = append(out, of(k, fields[k]))
		}
		return out, m.grow(madeBytes(out))
	}
}

// plain makes a value of the machine one of JSON, within this evaluation's budget.
func (m *meter) plain(v any) (any, error) {
	c := collector{}
	out, err := c.collect(v, 0)
	if err != nil {
		return nil, err
	}
	return out, m.spend(c.size / bytesPerCost)
}

// text is what a value reads as inside a longer text: text as it is, null as nothing, the rest as JSON.
func (m *meter) text(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	}
	return m.json(v)
}

func (m *meter) json(v any) (any, error) {
	plain, err := m.plain(v)
	if err != nil {
		return nil, err
	}
	out, err := yamlx.AppendCanonical(nil, plain)
	if err != nil {
		return nil, errNumber
	}
	return string(out), m.grow(len(out))
}

func fromJSON(m *meter, args []any) (any, error) {
	s := args[0].(string)
	if err := m.grow(4 * len(s)); err != nil {
		return nil, err
	}
	v, err := DecodeJSON([]byte(s))
	if err != nil {
		return nil, errorf(CodeRuntime, "the text is no JSON")
	}
	return v, nil
}

func fromBase64(m *meter, args []any) (any, error) {
	out, err := base64.StdEncoding.DecodeString(args[0].(string))
	if err != nil {
		return nil, errorf(CodeRuntime, "the text is no base64")
	}
	return string(out), m.grow(len(out))
}

func toInteger(m *meter, args []any) (any, error) {
	switch v := args[0].(type) {
	case float64:
		if v < -1<<63 || v >= 1<<63 || math.IsNaN(v) {
			return nil, errOverflow
		}
		return int(v), nil
	case string:
		i, err := strconv.Atoi(v)
		if err != nil {
			return nil, errorf(CodeRuntime, "the text is no integer")
		}
		return i, m.touch(v)
	}
	return builtin.Int(args[0]), nil
}

func toFloat(m *meter, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errorf(CodeRuntime, "the text is no number")
		}
		return f, m.touch(s)
	}
	return builtin.Float(args[0]), nil
}

func absolute(_ *meter, args []any) (any, error) {
	if i, ok := integer(args[0]); ok {
		if i == math.MinInt64 {
			return nil, errOverflow
		}
		return max(int(i), -int(i)), nil
	}
	return builtin.Abs(args[0]), nil
}

// unique keeps the first of equal values.
func unique(m *meter, args []any) (any, error) {
	plain, err := m.plain(args[0])
	if err != nil {
		return nil, err
	}
	list, ok := plain.([]any)
	if !ok {
		return nil, errorf(CodeRuntime, "uniq takes a list")
	}
	seen, out := make(map[string]bool, len(list)), make([]any, 0, len(list))
	for _, item := range list {
		text, err := m.json(item)
		if err != nil {
			return nil, err
		}
		if !seen[text.(string)] {
			seen[text.(string)] = true
			out = append(out, item)
		}
	}
	return out, nil
}

// instructions is how long the program of a pattern is, which bounds what the matcher does for each byte.
func instructions(text string) int {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return MaxPattern
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return MaxPattern
	}
	return len(prog.Inst)
}

func wholeStep(_ *meter, args []any) (any, error) {
	s, ok := args[0].(*step)
	if !ok || s == nil {
		return nil, fmt.Errorf("no step")
	}
	return s.object(), nil
}
