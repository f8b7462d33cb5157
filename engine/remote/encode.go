package remote

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// This file is how arguments and results are written on the bus: by the names of Go's exported fields, so that both sides may
// be of neighbouring versions. A field that one side does not know is left out there. Absent and empty stay different, and
// text stays as it is even where it is no UTF-8. The tags that a type has for the API's JSON have no effect here.

// errMalformed says that bytes are not what they should be.
var errMalformed = errors.New("malformed message between engine and gateway")

var timeType = reflect.TypeFor[time.Time]()

// appendValue writes a value of a type that both sides know. It panics for a kind of value that no call has: a programmer's
// mistake which the test over all calls finds.
func appendValue(b []byte, v reflect.Value) []byte {
	if v.Type() == timeType {
		return appendTime(b, v.Interface().(time.Time))
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.Float32, reflect.Float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float()))
	case reflect.String:
		return appendText(b, v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Slice, reflect.Array:
		return appendList(b, v)
	case reflect.Map:
		return appendMap(b, v)
	case reflect.Struct:
		return appendStruct(b, v)
	case reflect.Interface:
		return appendAny(b, v)
	default:
		panic(fmt.Sprintf("remote: %s cannot be sent", v.Type()))
	}
}

func appendTime(b []byte, t time.Time) []byte {
	raw, err := t.MarshalBinary()
	if err != nil { // an offset of no whole minute has no such form
		raw, _ = t.UTC().MarshalBinary()
	}
	return appendText(b, string(raw))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendList writes the length and one, or 0 for nil, and the items.
func appendList(b []byte, v reflect.Value) []byte {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(v.Len())+1)
	if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
		return append(b, v.Bytes()...)
	}
	for i := range v.Len() {
		b = appendValue(b, v.Index(i))
	}
	return b
}

func appendMap(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(v.Len())+1)
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return cmp.Compare(x.String(), y.String()) }) // all are strings
	for _, k := range keys {
		b = appendValue(appendValue(b, k), v.MapIndex(k))
	}
	return b
}

// appendStruct writes the name and the value of each exported field that is not zero, then an empty name.
func appendStruct(b []byte, v reflect.Value) []byte {
	for i, t := 0, v.Type(); i < t.NumField(); i++ {
		field := v.Field(i)
		if !t.Field(i).IsExported() || field.IsZero() {
			continue
		}
		b = appendText(b, t.Field(i).Name)
		b = appendText(b, string(appendValue(nil, field)))
	}
	return append(b, 0)
}

// Kinds of what an interface holds.
const (
	anyNil byte = iota
	anyBool
	anyInt
	anyFloat
	anyText
	anyJSON
	anyList
	anyMap
)

// appendAny writes what is in an interface: plain values as they are, everything else as its JSON, which is all that anybody
// does with it.
func appendAny(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, anyNil)
	}
	in := v.Elem()
	switch x := v.Interface().(type) {
	case bool, string, int, int64, float64:
		kind := map[reflect.Kind]byte{
			reflect.Bool: anyBool, reflect.String: anyText, reflect.Int: anyInt, reflect.Int64: anyInt, reflect.Float64: anyFloat,
		}[in.Kind()]
		return appendValue(append(b, kind), in)
	case []any:
		return appendList(append(b, anyList), in)
	case map[string]any:
		return appendMap(append(b, anyMap), in)
	default:
		raw, err := json.Marshal(x)
		if err != nil {
			raw = []byte("null") // what cannot be shown as JSON is not shown by the API either
		}
		return appendText(append(b, anyJSON), string(raw))
	}
}
