package expr

import (
	"math"
	"math/bits"
	"strings"

	"github.com/expr-lang/expr/vm/runtime"
)

// operators are ours in place of the library's: integers that overflow and divisions by zero are errors, equality
// compares numbers by value at any depth, and all of them count what they touch.
var operators = map[string]metered{
	fnTick:   func(m *meter, _ []any) (any, error) { return nil, m.spend(1) },
	fnStep:   wholeStep,
	fnNegate: func(_ *meter, args []any) (any, error) { return negate(args[0]) },
	fnIndex:  func(_ *meter, args []any) (any, error) { return index(args[0]) },

	"__add":      add,
	"__subtract": arithmetic(runtime.Subtract, func(a, b int64) (int64, bool) { return a - b, (a >= b) == (a-b >= 0) }),
	"__multiply": arithmetic(runtime.Multiply, multiply),
	"__divide":   divide,
	"__modulo":   modulo,
	"__power": func(_ *meter, args []any) (any, error) {
		return finite(runtime.Exponent(args[0], args[1]))
	},
	"__equal":   func(m *meter, args []any) (any, error) { return m.equal(args[0], args[1], 0) },
	"__unequal": unequal,
	"__less":    comparison(runtime.Less), "__lessEqual": comparison(runtime.LessOrEqual),
	"__more": comparison(runtime.More), "__moreEqual": comparison(runtime.MoreOrEqual),
	"__in":       in,
	"__matches":  matches,
	"__contains": textTest(strings.Contains), "__startsWith": textTest(strings.HasPrefix), "__endsWith": textTest(strings.HasSuffix),
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

func finite(v any) (any, error) {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil, errNumber
	}
	return v, nil
}

func arithmetic(float func(a, b any) any, exact func(a, b int64) (int64, bool)) metered {
	return func(_ *meter, args []any) (any, error) {
		a, aInt := integer(args[0])
		b, bInt := integer(args[1])
		if aInt && bInt {
			c, ok := exact(a, b)
			if !ok {
				return nil, errOverflow
			}
			return int(c), nil
		}
		return finite(float(args[0], args[1]))
	}
}

var addNumbers = arithmetic(runtime.Add, func(a, b int64) (int64, bool) { return a + b, (a+b >= a) == (b >= 0) })

func add(m *meter, args []any) (any, error) {
	a, aText := args[0].(string)
	b, bText := args[1].(string)
	if aText && bText {
		if err := m.grow(len(a) + len(b)); err != nil {
			return nil, err
		}
		return a + b, nil
	}
	return addNumbers(m, args)
}

func multiply(a, b int64) (int64, bool) {
	negative := (a < 0) != (b < 0)
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if negative {
		return -int64(low), high == 0 && low <= 1<<63
	}
	return int64(low), high == 0 && low < 1<<63
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func negate(v any) (any, error) {
	if i, ok := integer(v); ok {
		if i == math.MinInt64 {
			return nil, errOverflow
		}
		return int(-i), nil
	}
	return runtime.Negate(v), nil
}

// index refuses what the library takes for "from the end": a negative index is a mistake in a count far more often.
func index(v any) (any, error) {
	switch i := v.(type) {
	case int, int64:
		if n, _ := integer(v); n < 0 {
			return nil, errorf(CodeRuntime, "an index is negative; last(list) is the last one")
		}
	case float64:
		if i != math.Trunc(i) || i < 0 {
			return nil, errorf(CodeRuntime, "an index is no positive integer")
		}
	}
	return v, nil
}

func divide(_ *meter, args []any) (any, error) {
	if isZero(args[1]) {
		return nil, errZero
	}
	return finite(runtime.Divide(args[0], args[1]))
}

func modulo(_ *meter, args []any) (any, error) {
	if isZero(args[1]) {
		return nil, errZero
	}
	if b, ok := integer(args[1]); ok && b == -1 {
		args[1] = 1 // the smallest integer divided by -1 overflows; the remainder is 0 in any case
	}
	return runtime.Modulo(args[0], args[1]), nil
}

func isZero(v any) bool {
	switch v := v.(type) {
	case int:
		return v == 0
	case int64:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}

func comparison(of func(a, b any) bool) metered {
	return func(m *meter, args []any) (any, error) {
		if err := m.touch(args[0]); err != nil {
			return nil, err
		}
		return of(args[0], args[1]), nil
	}
}

func unequal(m *meter, args []any) (any, error) {
	same, err := m.equal(args[0], args[1], 0)
	return !same, err
}

func (m *meter) equal(a, b any, depth int) (bool, error) {
	if depth > MaxResultDepth {
		return false, errDepth
	}
	if err := m.touch(a); err != nil {
		return false, err
	}
	switch a := a.(type) {
	case []any:
		return m.equalLists(a, b, depth)
	case map[string]any:
		return m.equalMaps(a, b, depth)
	case *step:
		return a == b, nil
	}
	switch b.(type) {
	case []any:
		if list, ok := a.([]int); ok {
			return m.equalLists(anys(list), b, depth)
		}
		if list, ok := a.([]string); ok {
			return m.equalLists(anys(list), b, depth)
		}
		return false, nil
	case map[string]any:
		return false, nil
	}
	return runtime.Equal(a, b), nil
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, item := range list {
		out[i] = item
	}
	return out
}

func (m *meter) equalLists(a []any, b any, depth int) (bool, error) {
	var other []any
	switch b := b.(type) {
	case []any:
		other = b
	case []int:
		other = anys(b)
	case []string:
		other = anys(b)
	default:
		return false, nil
	}
	if len(a) != len(other) {
		return false, nil
	}
	for i := range a {
		if same, err := m.equal(a[i], other[i], depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *meter) equalMaps(a map[string]any, b any, depth int) (bool, error) {
	other, ok := b.(map[string]any)
	if !ok || len(a) != len(other) {
		return false, nil
	}
	for k, v := range a {
		w, ok := other[k]
		if !ok {
			return false, nil
		}
		if same, err := m.equal(v, w, depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func in(m *meter, args []any) (any, error) {
	list, ok := args[1].([]any)
	if !ok {
		if err := m.touch(args[1]); err != nil {
			return nil, err
		}
		if _, text := args[1].(string); text {
			return nil, errorf(CodeRuntime, "in looks into a list or an object; for text write contains")
		}
		if o, isMap := args[1].(map[string]any); isMap {
			key, isText := args[0].(string)
			_, found := o[key]
			return isText && found, nil
		}
		return runtime.In(args[0], args[1]), nil
	}
	for _, item := range list {
		if same, err := m.equal(args[0], item, 0); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func textTest(of func(s, part string) bool) metered {
	return func(m *meter, args []any) (any, error) {
		if args[0] == nil || args[1] == nil {
			return false, nil
		}
		if err := m.touch(args[0]); err != nil {
			return nil, err
		}
		return of(args[0].(string), args[1].(string)), nil
	}
}

func matches(m *meter, args []any) (any, error) {
	if args[0] == nil || args[1] == nil {
		return false, nil
	}
	subject := args[0].(string)
	if len(subject) > MaxSubject {
		return nil, errorf(CodeCost, "the text to match has more than %d bytes", MaxSubject)
	}
	p, err := m.pattern(args[1])
	if err != nil {
		return nil, err
	}
	if err := m.spend(1 + len(subject)*p.weight/bytesPerCost); err != nil {
		return nil, err
	}
	return p.re.MatchString(subject), nil
}

// pattern compiles what is known only at run time, once for each evaluation.
func (m *meter) pattern(v any) (*pattern, error) {
	if p, ok := v.(*pattern); ok {
		return p, nil
	}
	text := v.(string)
	if p := m.patterns[text]; p != nil {
		return p, nil
	}
	if err := m.spend(patternCost); err != nil {
		return nil, err
	}
	p, err := compilePattern(text)
	if err != nil {
		return nil, err
	}
	if m.patterns == nil {
		m.patterns = map[string]*pattern{}
	}
	m.patterns[text] = p
	return p, nil
}
