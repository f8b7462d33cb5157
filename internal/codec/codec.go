package codec

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

// ErrCorrupt says that bytes are not what this encoding writes.
var ErrCorrupt = errors.New("codec: corrupt record")

// MaxElements bounds every list of a record: as many as the largest fan-out and then some.
const MaxElements = 1 << 20

// Fielder is a value that can be encoded and decoded: Fields visits its fields in their stored order.
type Fielder interface{ Fields(c *Codec) }

// Codec walks over the fields of one record, writing or reading them. Its zero value writes.
type Codec struct {
	buf     []byte
	pos     int
	reading bool
	inside  int // depth of lists: nothing in one may be missing
	err     error
}

// Append encodes v behind dst.
func Append(dst []byte, v Fielder) []byte {
	c := Codec{buf: dst}
	v.Fields(&c)
	return c.buf
}

// Decode fills v from exactly the bytes of b. Byte slices of v are copies.
func Decode(b []byte, v Fielder) error {
	c := Codec{buf: b, reading: true}
	v.Fields(&c)
	return c.err
}

// Reading tells whether the fields are being read. Fields methods use it to build what is derived.
func (c *Codec) Reading() bool { return c.reading }

// Fail ends reading with an error: a value that no writer of ours makes.
func (c *Codec) Fail() {
	if c.err == nil {
		c.err = ErrCorrupt
	}
}

// done tells whether nothing is left to read: an older writer did not know the field. The elements of a list were all
// known to whoever wrote its length: one that is missing was cut off.
func (c *Codec) done() bool {
	if c.err == nil && c.pos == len(c.buf) && c.inside > 0 {
		c.Fail()
	}
	return c.err != nil || c.pos == len(c.buf)
}

// Uint visits an unsigned number.
func (c *Codec) Uint(v *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	if c.done() {
		*v = 0
		return
	}
	n, w := binary.Uvarint(c.buf[c.pos:])
	if w <= 0 {
		c.Fail()
		return
	}
	*v, c.pos = n, c.pos+w
}

// Int visits a signed number.
func (c *Codec) Int(v *int64) {
	u := uint64(*v)<<1 ^ uint64(*v>>63)
	c.Uint(&u)
	if c.reading {
		*v = int64(u>>1) ^ -int64(u&1)
	}
}

// Int32 visits a signed number of 32 bits.
func (c *Codec) Int32(v *int32) {
	n := int64(*v)
	c.Int(&n)
	if c.reading {
		if n < math.MinInt32 || n > math.MaxInt32 {
			c.Fail()
			return
		}
		*v = int32(n)
	}
}

// Bool visits a truth value.
func (c *Codec) Bool(v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	c.Uint(&u)
	if c.reading {
		*v = u == 1
	}
}

// Bytes visits a byte slice; an empty one reads back as nil.
func (c *Codec) Bytes(v *[]byte) {
	n := uint64(len(*v))
	c.Uint(&n)
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	raw := c.take(n)
	*v = nil
	if len(raw) > 0 {
		*v = append([]byte(nil), raw...)
	}
}

// String visits a string.
func (c *Codec) String(v *string) {
	n := uint64(len(*v))
	c.Uint(&n)
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	*v = string(c.take(n))
}

func (c *Codec) take(n uint64) []byte {
	if c.err != nil || n > uint64(len(c.buf)-c.pos) {
		if n > 0 {
			c.Fail()
		}
		return nil
	}
	raw := c.buf[c.pos : c.pos+int(n)]
	c.pos += int(n)
	return raw
}

// Time visits an instant, to the nanosecond, in UTC; the zero time stays the zero time.
func (c *Codec) Time(v *time.Time) {
	var n int64
	if !v.IsZero() {
		n = v.UnixNano()
	}
	c.Int(&n)
	if c.reading {
		*v = time.Time{}
		if n != 0 {
			*v = time.Unix(0, n).UTC()
		}
	}
}

// Duration visits a span of time.
func (c *Codec) Duration(v *time.Duration) {
	n := int64(*v)
	c.Int(&n)
	if c.reading {
		*v = time.Duration(n)
	}
}

// Strings visits a map of strings, in key order so that equal maps are equal bytes.
func (c *Codec) Strings(v *map[string]string) {
	keys := sortedKeys(*v)
	n := c.Len(len(keys))
	if !c.reading {
		for _, k := range keys {
			val := (*v)[k]
			c.String(&k)
			c.String(&val)
		}
		return
	}
	*v = nil
	if n > 0 {
		*v = make(map[string]string, min(n, 64))
	}
	c.inside++
	defer func() { c.inside-- }()
	for i := 0; i < n && c.err == nil; i++ {
		var k, val string
		c.String(&k)
		c.String(&val)
		(*v)[k] = val
	}
}

// Len visits the length of a list and returns the one that counts.
func (c *Codec) Len(n int) int {
	u := uint64(n)
	c.Uint(&u)
	if c.reading && u > MaxElements {
		c.Fail()
		return 0
	}
	if c.reading && u > uint64(len(c.buf)-c.pos) {
		c.Fail() // every element takes a byte at least
		return 0
	}
	return int(u)
}

// Enum visits a small closed set kept as a number.
func Enum[T ~uint8](c *Codec, v *T) {
	u := uint64(*v)
	c.Uint(&u)
	if c.reading {
		if u > math.MaxUint8 {
			c.Fail()
			return
		}
		*v = T(u)
	}
}

// Raw visits bytes of a named slice type, json.RawMessage for one.
func Raw[T ~[]byte](c *Codec, v *T) {
	b := []byte(*v)
	c.Bytes(&b)
	*v = T(b)
}

// List visits a list element by element.
func List[T any](c *Codec, v *[]T, each func(*Codec, *T)) {
	n := c.Len(len(*v))
	if c.reading {
		*v = nil
		if n > 0 {
			*v = make([]T, 0, min(n, 4096))
		}
	}
	c.inside++
	defer func() { c.inside-- }()
	for i := 0; i < n && c.err == nil; i++ {
		if c.reading {
			var zero T
			if len(*v) == cap(*v) { // doubling: a long list is copied once a doubling, and a lie about its length costs little
				*v = slices.Grow(*v, min(len(*v), n-len(*v)))
			}
			*v = append(*v, zero)
		}
		each(c, &(*v)[i])
	}
}

// Array visits the elements of a list whose length both sides know.
func Array[T any](c *Codec, v []T, each func(*Codec, *T)) {
	c.inside++
	defer func() { c.inside-- }()
	for i := range v {
		if c.err != nil {
			return
		}
		each(c, &v[i])
	}
}
