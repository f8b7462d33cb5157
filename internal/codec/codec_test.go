package codec

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type color uint8

// record has a field of every kind; newer is the same with one more at the end.
type record struct {
	u       uint64
	i       int64
	n       int32
	b       bool
	raw     []byte
	s       string
	at      time.Time
	span    time.Duration
	m       map[string]string
	c       color
	list    []int32
	pair    [2]int32
	comment string // only newer ones write it
}

func (r *record) Fields(c *Codec) {
	c.Uint(&r.u)
	c.Int(&r.i)
	c.Int32(&r.n)
	c.Bool(&r.b)
	c.Bytes(&r.raw)
	c.String(&r.s)
	c.Time(&r.at)
	c.Duration(&r.span)
	c.Strings(&r.m)
	Enum(c, &r.c)
	List(c, &r.list, (*Codec).Int32)
	Array(c, r.pair[:], (*Codec).Int32)
}

type newer struct{ record }

func (r *newer) Fields(c *Codec) {
	r.record.Fields(c)
	c.String(&r.comment)
}

func draw(t *rapid.T) *record {
	r := &record{
		u: rapid.Uint64().Draw(t, "u"), i: rapid.Int64().Draw(t, "i"), n: rapid.Int32().Draw(t, "n"), b: rapid.Bool().Draw(t, "b"),
		s: rapid.String().Draw(t, "s"), span: time.Duration(rapid.Int64().Draw(t, "span")), c: color(rapid.Byte().Draw(t, "c")),
		pair: [2]int32{rapid.Int32().Draw(t, "first"), rapid.Int32().Draw(t, "second")},
	}
	if raw := rapid.SliceOf(rapid.Byte()).Draw(t, "raw"); len(raw) > 0 {
		r.raw = raw
	}
	if m := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "m"); len(m) > 0 {
		r.m = m
	}
	if list := rapid.SliceOf(rapid.Int32()).Draw(t, "list"); len(list) > 0 {
		r.list = list
	}
	if ns := rapid.Int64Range(1, math.MaxInt64).Draw(t, "at"); rapid.Bool().Draw(t, "has a time") {
		r.at = time.Unix(0, ns).UTC()
	}
	return r
}

// TestRoundTrip: what was written reads back equal, equal values are equal bytes, and an older record reads with new
// fields at zero.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		raw := Append([]byte("head"), r)
		if !bytes.HasPrefix(raw, []byte("head")) {
			t.Fatalf("what was there is gone")
		}
		raw = raw[4:]
		var back record
		if err := Decode(raw, &back); err != nil || !reflect.DeepEqual(*r, back) {
			t.Fatalf("%+v reads back as %+v, %v", *r, back, err)
		}
		if !bytes.Equal(Append(nil, &back), raw) {
			t.Fatalf("equal values, other bytes")
		}
		var late newer
		late.comment = "left over"
		if err := Decode(raw, &late); err != nil || late.comment != "" {
			t.Fatalf("an older record: %q, %v", late.comment, err)
		}
	})
}

// TestCutRecords: a record cut inside a field is an error, or reads as an older one: never as other values.
func TestCutRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		raw := Append(nil, r)
		cut := rapid.IntRange(0, len(raw)-1).Draw(t, "cut")
		var back record
		if err := Decode(raw[:cut], &back); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if again := Append(nil, &back); len(again) < cut || !bytes.Equal(again[:cut], raw[:cut]) {
			t.Fatalf("cut at %d of %d reads as another value", cut, len(raw))
		}
	})
}

// TestRefused are bytes that no writer of ours makes.
func TestRefused(t *testing.T) {
	huge := func(c *Codec) { n := uint64(math.MaxUint64); c.Uint(&n) }
	for name, c := range map[string]struct {
		write func(*Codec)
		read  func(*Codec)
	}{
		"a number of 11 bytes":            {func(c *Codec) { c.buf = bytes.Repeat([]byte{0xff}, 11) }, func(c *Codec) { c.Uint(new(uint64)) }},
		"a number that is too large":      {huge, func(c *Codec) { c.Int32(new(int32)) }},
		"a set's member that is no byte":  {huge, func(c *Codec) { Enum(c, new(color)) }},
		"a string longer than its record": {huge, func(c *Codec) { c.String(new(string)) }},
		"a list longer than its record":   {huge, func(c *Codec) { List(c, new([]int32), (*Codec).Int32) }},
		"a map longer than its record":    {huge, func(c *Codec) { c.Strings(new(map[string]string)) }},
		"a list beyond the bound": {
			func(c *Codec) {
				n := uint64(MaxElements + 1)
				c.Uint(&n)
				c.buf = append(c.buf, make([]byte, MaxElements+1)...)
			},
			func(c *Codec) { List(c, new([]int32), (*Codec).Int32) },
		},
	} {
		w := Codec{}
		c.write(&w)
		r := Codec{buf: w.buf, reading: true}
		c.read(&r)
		if !errors.Is(r.err, ErrCorrupt) {
			t.Errorf("%s: %v", name, r.err)
		}
	}
}

// TestDecodedBytesAreCopies: a decoded value does not keep the buffer it came from.
func TestDecodedBytesAreCopies(t *testing.T) {
	raw := Append(nil, &record{raw: []byte("keep"), s: "me"})
	var back record
	if err := Decode(raw, &back); err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if string(back.raw) != "keep" || back.s != "me" {
		t.Errorf("reads %q, %q after its buffer was used again", back.raw, back.s)
	}
}

// FuzzDecode: no bytes make the decoder panic or use more memory than a record may.
func FuzzDecode(f *testing.F) {
	f.Add(Append(nil, &record{s: "x", list: []int32{1}, m: map[string]string{"a": "b"}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r record
		if Decode(raw, &r) != nil {
			return
		}
		var again record
		if err := Decode(Append(nil, &r), &again); err != nil || !bytes.Equal(Append(nil, &again), Append(nil, &r)) {
			t.Fatalf("what was read does not read back: %v", err)
		}
	})
}
