package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// Reader is what is read of a store. [store.Store] is one.
type Reader interface {
	Partitions() int
	Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error)
	Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error)
}

// State is where a chain stands: its last record, and where it begins since retention took what was before.
type State struct {
	Seq  uint64 // of the last record; 0: none yet
	Hash Hash   // of the last record, or what the first one is to follow
	Cut  Cut
	// Known: the chain has its row in the table of chains. It gets one with its first record.
	Known bool
}

// Cut says where a chain begins after segments were removed. Its zero value: nothing was.
type Cut struct {
	First     uint64    `json:"first"` // number of the first record that is left, or that comes next
	Prev      Hash      `json:"prev"`  // of the record before it
	At        time.Time `json:"at"`
	Key       string    `json:"key,omitempty"`       // fingerprint of the key that signed; "" when nobody did
	Signature []byte    `json:"signature,omitempty"` // Ed25519 over the chain and the fields above
}

// None tells whether nothing was cut.
func (c *Cut) None() bool { return c.First == 0 }

// Fields describes the stored form; fields are only added at the end.
func (c *Cut) Fields(e *codec.Codec) {
	e.Uint(&c.First)
	prev := c.Prev[:]
	e.Bytes(&prev)
	if e.Reading() && copy(c.Prev[:], prev) != len(c.Prev) {
		e.Fail()
	}
	e.Time(&c.At)
	e.String(&c.Key)
	e.Bytes(&c.Signature)
}

// cutID is the id of the one row per tenant that says that it has a chain, and where that begins.
const cutID = "head"

// CutKey is where a partition keeps where the chain of a tenant begins.
func CutKey(tenant string) store.Key {
	return store.Key{Table: store.TableAuditHead, Tenant: tenant, ID: cutID}
}

// Encode is the stored form of a cut.
func (c *Cut) Encode() []byte { return codec.Append(nil, c) }

// ReadCut decodes what Encode wrote.
func ReadCut(b []byte) (Cut, error) {
	var c Cut
	if err := codec.Decode(b, &c); err != nil {
		return c, fmt.Errorf("%w: where a chain begins", errors.Join(ErrCorrupt, err))
	}
	return c, nil
}

// begins is the number of the first record there should be, and what it follows.
func (c *Cut) begins(of Chain) (first uint64, prev Hash) {
	if c.None() {
		return 1, of.Genesis()
	}
	return c.First, c.Prev
}

// Load reads where a chain stands; one that has no records yet begins. An error that matches ErrCorrupt comes with a state
// all the same, behind what cannot be read: the chain is broken there for ever, and goes on.
func Load(ctx context.Context, s Reader, c Chain) (State, error) {
	var st State
	var damage error
	rec, err := s.Get(ctx, c.Partition, CutKey(c.Tenant))
	switch {
	case err == nil:
		st.Known = true
		st.Cut, damage = ReadCut(rec.Value)
	case !errors.Is(err, store.ErrNotFound):
		return st, fmt.Errorf("read where %s begins: %w", c, err)
	}
	first, prev := st.Cut.begins(c)
	st.Seq, st.Hash = first-1, prev
	page, err := s.Scan(ctx, c.Partition, store.Range{Table: store.TableAudit, Tenant: c.Tenant, Reverse: true, Limit: 1})
	if err != nil {
		return st, fmt.Errorf("read where %s stands: %w", c, err)
	}
	if len(page.Records) == 0 {
		return st, damage
	}
	row, err := ReadRow(page.Records[0].Value)
	if err == nil && (row.Chain != c || rowID(row.First) != page.Records[0].Key.ID || row.end() < st.Seq) {
		err = fmt.Errorf("%w: the last row is not where it was written", ErrCorrupt)
	}
	if err != nil {
		st.Seq, st.Hash = behind(page.Records[0])
		return st, fmt.Errorf("%s: %w", c, errors.Join(damage, err))
	}
	st.Seq, st.Hash = row.end(), row.last()
	return st, damage
}

// behind is a place that no record has, behind a last row that cannot be read.
func behind(rec store.Record) (uint64, Hash) {
	first, err := strconv.ParseUint(rec.Key.ID, 10, 64)
	if err != nil {
		first = 0
	}
	return first + maxRowRecords, sha256.Sum256(rec.Value)
}
