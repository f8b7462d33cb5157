package remote

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// reader takes values off a message. After the first fault everything is zero, and err says so.
type reader struct {
	data []byte
	err  error
}

func (r *reader) fail() {
	r.data, r.err = nil, errMalformed
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

// bytes takes n bytes; they are the message's own.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) text() []byte { return r.bytes(r.uvarint()) }

// decodeValue reads what appendValue wrote, all of data.
func decodeValue(data []byte, v reflect.Value) error {
	r := &reader{data: data}
	r.value(v)
	if r.err == nil && len(r.data) > 0 {
		r.fail()
	}
	if r.err != nil {
		return fmt.Errorf("%s: %w", v.Type(), r.err)
	}
	return nil
}

// value reads into v, which is zero and can be set.
func (r *reader) value(v reflect.Value) {
	if v.Type() == timeType {
		r.time(v)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.byte() == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := r.varint()
		if v.OverflowInt(n) {
			r.fail()
			return
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := r.uvarint()
		if v.OverflowUint(n) {
			r.fail()
			return
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		if b := r.bytes(8); len(b) == 8 {
			v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case reflect.String:
		v.SetString(string(r.text()))
	case reflect.Pointer:
		if r.byte() == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			r.value(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		r.list(v)
	case reflect.Map:
		r.mapped(v)
	case reflect.Struct:
		r.fields(v)
	case reflect.Interface:
		r.anything(v)
	default:
		r.fail()
	}
}

func (r *reader) time(v reflect.Value) {
	var t time.Time
	if raw := r.text(); r.err == nil && t.UnmarshalBinary(raw) != nil {
		r.fail()
		return
	}
	v.Set(reflect.ValueOf(t))
}

// count reads a length and one. An item has at least a byte, so a length beyond the message is a fault.
func (r *reader) count() (n int, present bool) {
	c := r.uvarint()
	if c == 0 {
		return 0, false
	}
	if c-1 > uint64(len(r.data)) {
		r.fail()
		return 0, false
	}
	return int(c - 1), true
}

func (r *reader) list(v reflect.Value) {
	n, present := r.count()
	if !present {
		return
	}
	if v.Kind() == reflect.Array {
		if n != v.Len() {
			r.fail()
			return
		}
	} else {
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(append(make([]byte, 0, n), r.bytes(uint64(n))...))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
	}
	for i := 0; i < n && r.err == nil; i++ {
		r.value(v.Index(i))
	}
}

func (r *reader) mapped(v reflect.Value) {
	n, present := r.count()
	if !present {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), n))
	for i := 0; i < n && r.err == nil; i++ {
		key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		r.value(key)
		r.value(item)
		v.SetMapIndex(key, item)
	}
}

// fields reads a struct. A field that this version does not know is passed over.
func (r *reader) fields(v reflect.Value) {
	for r.err == nil {
		name := r.text()
		if len(name) == 0 {
			return
		}
		raw := r.text()
		f, known := v.Type().FieldByName(string(name))
		if !known || !f.IsExported() || len(f.Index) != 1 {
			continue
		}
		inner := &reader{data: raw}
		if inner.value(v.Field(f.Index[0])); inner.err != nil || len(inner.data) > 0 {
			r.fail()
		}
	}
}

// anything reads what an interface holds.
func (r *reader) anything(v reflect.Value) {
	var x any
	switch kind := r.byte(); kind {
	case anyNil:
		return
	case anyBool:
		x = r.byte() == 1
	case anyInt:
		x = r.varint()
	case anyFloat:
		var f float64
		r.value(reflect.ValueOf(&f).Elem())
		x = f
	case anyText:
		x = string(r.text())
	case anyJSON:
		x = json.RawMessage(append([]byte(nil), r.text()...))
	case anyList:
		var list []any
		r.list(reflect.ValueOf(&list).Elem())
		x = list
	case anyMap:
		var m map[string]any
		r.mapped(reflect.ValueOf(&m).Elem())
		x = m
	default:
		r.fail()
	}
	if r.err != nil {
		return
	}
	if got := reflect.ValueOf(x); got.Type().AssignableTo(v.Type()) {
		v.Set(got)
		return
	}
	r.fail()
}
