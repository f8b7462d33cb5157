package expr

import (
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
)

var (
	errDepth  = errorf(CodeMemory, "a value nests deeper than %d", MaxResultDepth)
	errList   = errorf(CodeMemory, "a list has more entries than a result may (%d)", MaxResultList)
	errString = errorf(CodeMemory, "a text has more than %d bytes", MaxResultString)
	errSize   = errorf(CodeMemory, "the result has more bytes than a result may (%d)", MaxResult)
	errText   = errorf(CodeRuntime, "the result is no text: a character was cut in two")
)

// collector turns values of the machine into values of JSON and weighs them.
type collector struct {
	limits *bounds // of results; nil: none
	size   int     // bytes as JSON, roughly
}

// Fits tells why a value of JSON is too large to be an expression's result, as [Program.Eval] would; nil when it is not. The error is
// an *Error, CodeMemory.
func Fits(v any) error {
	_, err := (&collector{limits: &ordinary}).collect(v, 0)
	return err
}

func (c *collector) weigh(bytes int) error {
	if c.size += bytes; c.limits != nil && c.size > c.limits.size {
		return errSize
	}
	return nil
}

func (c *collector) collect(v any, depth int) (any, error) {
	if depth > MaxResultDepth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case nil, bool:
		return v, c.weigh(4)
	case int:
		return int64(v), c.weigh(8)
	case int64:
		return v, c.weigh(8)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errNumber
		}
		return v, c.weigh(8)
	case string:
		return c.text(v)
	case []any:
		return c.list(v, depth)
	case map[string]any:
		return c.object(v, depth)
	case *step:
		return c.object(v.object(), depth)
	}
	return c.other(v, depth)
}

func (c *collector) text(s string) (any, error) {
	if c.limits != nil && len(s) > MaxResultString {
		return nil, errString
	}
	if !utf8.ValidString(s) {
		return nil, errText
	}
	return s, c.weigh(len(s) + 2)
}

// list answers the same list when all its entries are values of JSON already.
func (c *collector) list(list []any, depth int) (any, error) {
	if c.limits != nil && len(list) > c.limits.list {
		return nil, errList
	}
	if err := c.weigh(2); err != nil {
		return nil, err
	}
	out, copied := list, false
	for i, item := range list {
		v, err := c.collect(item, depth+1)
		if err != nil {
			return nil, err
		}
		if !copied && changed(item) {
			out, copied = append(make([]any, 0, len(list)), list...), true
		}
		if copied {
			out[i] = v
		}
	}
	return out, nil
}

// object answers a new map only where an entry may have changed.
func (c *collector) object(object map[string]any, depth int) (any, error) {
	if err := c.weigh(2); err != nil {
		return nil, err
	}
	out, copied := object, false
	for key, item := range object {
		if err := c.weigh(len(key) + 4); err != nil {
			return nil, err
		}
		v, err := c.collect(item, depth+1)
		if err != nil {
			return nil, err
		}
		if !copied && changed(item) {
			out, copied = make(map[string]any, len(object)), true
			for k, w := range object {
				out[k] = w
			}
		}
		if copied {
			out[key] = v
		}
	}
	return out, nil
}

// changed says whether collecting may answer another value: containers are told by their own entries, and are copied
// to be safe.
func changed(v any) bool {
	switch v.(type) {
	case nil, bool, int64, float64, string:
		return false
	}
	return true
}

// other collects what only the machine makes.
func (c *collector) other(v any, depth int) (any, error) {
	switch v := v.(type) {
	case []int:
		return c.list(anys(v), depth)
	case []string:
		return c.list(anys(v), depth)
	case []float64:
		return c.list(anys(v), depth)
	case *runtime.SortBy:
		return c.list(v.Array, depth)
	case uint8:
		return nil, errorf(CodeRuntime, "a text is no list: it has no entries, only parts, as in text[0:1]")
	case []byte:
		return nil, errorf(CodeRuntime, "bytes are no JSON value")
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice:
		list := make([]any, rv.Len())
		for i := range list {
			list[i] = rv.Index(i).Interface()
		}
		return c.list(list, depth)
	case reflect.Map:
		return c.anyMap(rv, depth)
	}
	return nil, errorf(CodeRuntime, "the result is no JSON value")
}

// anyMap collects a map with keys of any scalar kind, as groupBy makes.
func (c *collector) anyMap(rv reflect.Value, depth int) (any, error) {
	object := make(map[string]any, rv.Len())
	for it := rv.MapRange(); it.Next(); {
		key, ok := keyText(it.Key().Interface())
		if _, twice := object[key]; !ok || twice {
			return nil, errorf(CodeRuntime, "the keys of an object must be text")
		}
		object[key] = it.Value().Interface()
	}
	return c.object(object, depth)
}

func keyText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	}
	i, ok := integer(v)
	return strconv.FormatInt(i, 10), ok
}
