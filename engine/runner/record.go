package runner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// entryVersion is the first byte of every log entry. Fields of facts are added at their end; only another framing of
// entries needs another number.
const entryVersion = 1

// outsourcedVersion is the first byte of an entry that only names the blobs which hold it, in order.
const outsourcedVersion = 2

// errUnknownFact says that a log holds a fact of a newer version: its run is faulted, never guessed at.
var errUnknownFact = errors.New("fact of an unknown kind")

// stamped is one fact with its place in the log of its run.
type stamped struct {
	seq  uint64
	at   engine.Stamp
	fact codec.Fielder

	override commandAct // not stored: the command of a person that it begins to carry out
	body     []byte     // its encoded form, of one that was read; a part of its entry
}

// kindOf is the stored number of a fact of any machine; 0 for what is no fact.
func kindOf(f codec.Fielder) uint64 {
	switch f := f.(type) {
	case engine.Fact:
		return uint64(f.Kind())
	case scheduler.Fact:
		return uint64(f.Kind())
	case safety.ApprovalFact:
		return uint64(f.Kind())
	}
	return 0
}

// newFact makes an empty fact for decoding.
func newFact(kind uint64) codec.Fielder {
	if kind > 255 {
		return nil
	}
	if f := engine.NewFact(engine.FactKind(kind)); f != nil {
		return f
	}
	if f := scheduler.NewFact(scheduler.FactKind(kind)); f != nil {
		return f
	}
	if f := safety.NewApprovalFact(safety.ApprovalFactKind(kind)); f != nil {
		return f
	}
	return nil
}

// appendEntry encodes the facts of one commit, and shows each to the audit side. A fact says its stamp only where it differs
// from the one before.
//
//	version, then per fact: uvarint kind<<1|stamped, [varint time, string actor, string reason,] uvarint length, body
func appendEntry(dst []byte, facts []stamped, scratch *[]byte, t *trail) []byte {
	dst = append(dst, entryVersion)
	var last engine.Stamp
	for i, f := range facts {
		kind := kindOf(f.fact) << 1
		if i == 0 || f.at != last {
			dst = binary.AppendUvarint(dst, kind|1)
			dst = binary.AppendVarint(dst, f.at.At.UnixNano())
			dst = appendString(dst, f.at.Actor)
			dst = appendString(dst, f.at.Reason)
			last = f.at
		} else {
			dst = binary.AppendUvarint(dst, kind)
		}
		*scratch = codec.Append((*scratch)[:0], f.fact)
		dst = binary.AppendUvarint(dst, uint64(len(*scratch)))
		dst = append(dst, *scratch...)
		t.fact(f, *scratch)
	}
	return dst
}

// readEntry decodes an entry whose first fact has number first, and hands each fact to visit.
func readEntry(first uint64, b []byte, visit func(stamped) error) error {
	if len(b) == 0 || b[0] != entryVersion {
		return fmt.Errorf("%w: unknown entry version", codec.ErrCorrupt)
	}
	in := cursor{b: b[1:]}
	var at engine.Stamp
	for seq := first; len(in.b) > 0; seq++ {
		kind := in.uvarint()
		if kind&1 == 1 {
			at = engine.Stamp{At: unixNano(in.varint()), Actor: in.str(), Reason: in.str()}
		}
		body := in.bytes()
		if in.bad {
			return fmt.Errorf("%w: entry at fact %d", codec.ErrCorrupt, seq)
		}
		fact := newFact(kind >> 1)
		if fact == nil {
			return fmt.Errorf("%w %d at fact %d", errUnknownFact, kind>>1, seq)
		}
		if err := codec.Decode(body, fact); err != nil {
			return fmt.Errorf("fact %d of kind %d: %w", seq, kind>>1, err)
		}
		if err := visit(stamped{seq: seq, at: at, fact: fact, body: body}); err != nil {
			return err
		}
	}
	return nil
}

// appendOutsourced encodes the entry that names the blobs of a large one.
func appendOutsourced(dst []byte, digests []string) []byte {
	dst = append(dst, outsourcedVersion)
	for _, d := range digests {
		dst = appendString(dst, d)
	}
	return dst
}

// outsourced answers the blobs that hold an entry; nil when it holds itself.
func outsourced(b []byte) ([]string, error) {
	if len(b) == 0 || b[0] != outsourcedVersion {
		return nil, nil
	}
	in := cursor{b: b[1:]}
	var digests []string
	for len(in.b) > 0 {
		digests = append(digests, in.str())
	}
	if in.bad || len(digests) == 0 {
		return nil, fmt.Errorf("%w: entry that names no blobs", codec.ErrCorrupt)
	}
	return digests, nil
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// cursor reads an entry's frame; after the first thing that does not fit it is bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	return uint64(c.step(n, int64(v)))
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	return c.step(n, v)
}

func (c *cursor) step(n int, v int64) int64 {
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) str() string { return string(c.bytes()) }

func unixNano(ns int64) time.Time { return time.Unix(0, ns).UTC() }
