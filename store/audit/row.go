package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"cordum.dev/cordum/store"
)

// rowVersion is the first byte of a row; another framing needs another number.
const rowVersion = 1

// What a record of a row has in common with the one before it, and what it has at all.
const (
	sameTime = 1 << iota
	sameActor
	sameRun
	sameSubject
	hasFact
)

// RowKey is where the records of one commit lie: by the number of the first of them.
func RowKey(tenant string, first uint64) store.Key {
	return store.Key{Table: store.TableAudit, Tenant: tenant, ID: rowID(first)}
}

// rowDigits is how many decimal digits the id of a row has: byte order is the order of the numbers.
const rowDigits = 16

func rowID(first uint64) string {
	var b [rowDigits]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(first%10)
		first /= 10
	}
	return string(b[:])
}

// Row is the records that one commit added to a chain.
type Row struct {
	Chain
	First   uint64
	Prev    Hash // of the record before the first
	Records []Record
	// Last is the beginning of the last record's hash, as it is stored: it shows damage. What proves is the Prev of the row after
	// it, and a head.
	Last Sum
}

// Sum is the beginning of a hash.
type Sum [8]byte

func (h Hash) sum() Sum { return Sum(h[:8]) }

// append encodes the row. Places and hashes of its records follow from the first and from what they say.
//
//	version, partition, tenant, first, count, prev, records, last
//	record: flags, [time,] act, [actor,] [run,] [subject,] detail, [fact's number, fact's hash]
func (r *Row) append(b []byte) []byte {
	b = r.Chain.append(append(b, rowVersion))
	b = binary.AppendUvarint(b, r.First)
	b = binary.AppendUvarint(b, uint64(len(r.Records)))
	b = append(b, r.Prev[:]...)
	var before Record
	for i := range r.Records {
		b = r.Records[i].append(b, &before)
		before = r.Records[i]
	}
	return append(b, r.Last[:]...)
}

func (r *Record) append(b []byte, before *Record) []byte {
	var flags byte
	for _, same := range [...]struct {
		flag byte
		is   bool
	}{
		{sameTime, r.At.Equal(before.At)},
		{sameActor, r.Actor == before.Actor},
		{sameRun, r.Run == before.Run},
		{sameSubject, r.Subject == before.Subject},
		{hasFact, r.FactSeq > 0 || !r.FactHash.IsZero()},
	} {
		if same.is {
			flags |= same.flag
		}
	}
	b = append(b, flags)
	if flags&sameTime == 0 {
		b = binary.AppendVarint(b, r.At.UnixNano())
	}
	b = appendAct(b, r.Act)
	if flags&sameActor == 0 {
		b = appendString(b, r.Actor)
	}
	if flags&sameRun == 0 {
		b = appendString(b, r.Run)
	}
	if flags&sameSubject == 0 {
		b = appendString(b, r.Subject)
	}
	b = appendString(b, r.Detail)
	if flags&hasFact != 0 {
		b = binary.AppendUvarint(b, r.FactSeq)
		b = append(b, r.FactHash[:]...)
	}
	return b
}

// weight is a little more than what the row takes.
func (r *Row) weight() int {
	n := 4*binary.MaxVarintLen64 + len(r.Tenant) + 2*len(Hash{})
	for i := range r.Records {
		rec := &r.Records[i]
		n += len(rec.Act) + len(rec.Detail) + len(Hash{}) + 20
		if i == 0 || rec.Run != r.Records[i-1].Run {
			n += len(rec.Actor) + len(rec.Run) + len(rec.Subject)
		}
	}
	return n
}

// ReadRow decodes a row. That it decodes says nothing of its hashes: see [Row.check]. Only what [Page] writes is taken, byte
// for byte.
func ReadRow(b []byte) (Row, error) {
	in := reader{b: b}
	if in.byte() != rowVersion {
		return Row{}, fmt.Errorf("%w: unknown version of a row", ErrCorrupt)
	}
	row := Row{Chain: Chain{Partition: store.Partition(in.uvarint()), Tenant: in.str()}, First: in.uvarint()}
	n := in.uvarint()
	row.Prev = in.hash()
	if n == 0 || n > uint64(len(in.b)) { // each takes a byte at least
		return Row{}, fmt.Errorf("%w: a row of %d records", ErrCorrupt, n)
	}
	var before Record
	for i := range n {
		rec := in.record(before)
		rec.Chain, rec.Seq = row.Chain, row.First+i
		row.Records = append(row.Records, rec)
		before = rec
	}
	copy(row.Last[:], in.take(uint64(len(row.Last))))
	if in.bad || len(in.b) > 0 || !bytes.Equal(row.append(nil), b) {
		return Row{}, fmt.Errorf("%w: a row that no version of ours wrote", ErrCorrupt)
	}
	row.link()
	return row, nil
}

// link fills in the hashes of the records, as they follow from the first one's predecessor.
func (r *Row) link() {
	prev := r.Prev
	var buf []byte
	for i := range r.Records {
		rec := &r.Records[i]
		var digest Hash
		digest, buf = rec.digest(buf)
		rec.Prev, rec.Hash = prev, Link(prev, digest)
		prev = rec.Hash
	}
}

// sound tells whether the row's records are those that were written: their hashes lead to the stored one.
func (r *Row) sound() bool { return r.last().sum() == r.Last }

// last is the hash of the last record, as it follows from what the row says.
func (r *Row) last() Hash { return r.Records[len(r.Records)-1].Hash }

// end is the number of the row's last record.
func (r *Row) end() uint64 { return r.First + uint64(len(r.Records)) - 1 }

// reader decodes; after the first thing that does not fit it is bad.
type reader struct {
	b   []byte
	bad bool
}

func (in *reader) take(n uint64) []byte {
	if n > uint64(len(in.b)) {
		in.bad, in.b = true, nil
		return nil
	}
	out := in.b[:n]
	in.b = in.b[n:]
	return out
}

func (in *reader) byte() byte {
	b := in.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (in *reader) uvarint() uint64 {
	v, n := binary.Uvarint(in.b)
	in.skip(n)
	return v
}

func (in *reader) varint() int64 {
	v, n := binary.Varint(in.b)
	in.skip(n)
	return v
}

func (in *reader) skip(n int) {
	if n <= 0 {
		in.bad, in.b = true, nil
		return
	}
	in.b = in.b[n:]
}

func (in *reader) str() string { return string(in.take(in.uvarint())) }

// act reads what appendAct writes.
func (in *reader) act() Act {
	code := in.byte()
	if code == 0 {
		return Act(in.str())
	}
	if int(code) > len(actCodes) {
		in.bad = true
		return ""
	}
	return actCodes[code-1]
}

func (in *reader) hash() (h Hash) {
	copy(h[:], in.take(uint64(len(h))))
	return h
}

func (in *reader) record(before Record) Record {
	flags := in.byte()
	r := Record{At: before.At, Actor: before.Actor, Run: before.Run, Subject: before.Subject}
	if flags&sameTime == 0 {
		r.At = time.Unix(0, in.varint()).UTC()
	}
	r.Act = in.act()
	if flags&sameActor == 0 {
		r.Actor = in.str()
	}
	if flags&sameRun == 0 {
		r.Run = in.str()
	}
	if flags&sameSubject == 0 {
		r.Subject = in.str()
	}
	r.Detail = in.str()
	if flags&hasFact != 0 {
		r.FactSeq, r.FactHash = in.uvarint(), in.hash()
	}
	return r
}
