package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/store"
)

// ErrCorrupt says that bytes are not what this package writes.
var ErrCorrupt = errors.New("audit: corrupt record")

// Hash is a SHA-256. Its zero value stands for none.
type Hash [sha256.Size]byte

// IsZero tells whether there is none.
func (h Hash) IsZero() bool { return h == Hash{} }

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes it as hexadecimal; none is empty.
func (h Hash) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return nil, nil
	}
	return hex.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	*h = Hash{}
	if len(text) == 0 {
		return nil
	}
	if len(text) != 2*len(h) || strings.ToLower(string(text)) != string(text) {
		return fmt.Errorf("%w: a hash has %d hexadecimal digits", ErrCorrupt, 2*len(h))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Chain names a chain: the records of one tenant in one partition.
type Chain struct {
	Partition store.Partition `json:"partition"`
	Tenant    string          `json:"tenant,omitempty"`
}

func (c Chain) String() string { return fmt.Sprintf("chain %d of tenant %s", c.Partition, c.Tenant) }

// compare orders chains by partition, then tenant.
func (c Chain) compare(d Chain) int {
	if c.Partition != d.Partition {
		return int(c.Partition) - int(d.Partition)
	}
	return strings.Compare(c.Tenant, d.Tenant)
}

// Genesis is what the first record of a chain follows.
func (c Chain) Genesis() Hash {
	b := append(make([]byte, 0, 64), "cordum.audit.genesis.v1\x00"...)
	return sha256.Sum256(c.append(b))
}

func (c Chain) append(b []byte) []byte {
	return appendString(binary.AppendUvarint(b, uint64(c.Partition)), c.Tenant)
}

// Record is one act in its chain. Who makes one fills in what the act is, from At to FactHash; [Page.Add] gives it its place.
type Record struct {
	Chain
	Seq      uint64    `json:"seq"` // from 1, without gaps
	At       time.Time `json:"ts"`  // the owner's wall clock, as of the fact
	Act      Act       `json:"act"`
	Actor    string    `json:"actor" doc:"user:ann, key:ci, system"`
	Run      string    `json:"run,omitempty"`
	Subject  string    `json:"subject,omitempty" doc:"What it was done to: a job, a step, a policy, a key"`
	Detail   string    `json:"detail,omitempty" doc:"What came of it, in a few words"`
	FactSeq  uint64    `json:"fact_seq,omitempty" doc:"Number of the fact in the run's log"`
	FactHash Hash      `json:"fact_hash,omitzero" doc:"SHA-256 of the fact's bytes, or of what was written"`
	Prev     Hash      `json:"prev" doc:"Hash of the record before it"`
	Hash     Hash      `json:"hash"`
}

// digest is the hash of what a record says; it needs no other record. buf is scratch that is given back, grown.
func (r *Record) digest(buf []byte) (Hash, []byte) {
	b := append(buf[:0], "cordum.audit.record.v1\x00"...)
	b = r.Chain.append(b)
	b = binary.AppendUvarint(b, r.Seq)
	b = binary.AppendVarint(b, r.At.UnixNano())
	for _, s := range [...]string{string(r.Act), r.Actor, r.Run, r.Subject, r.Detail} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, r.FactSeq)
	b = append(b, r.FactHash[:]...)
	return sha256.Sum256(b), b
}

// Digest is the hash of what a record says, its place included; it needs no other record.
func (r *Record) Digest() Hash {
	d, _ := r.digest(nil)
	return d
}

const linkTag = "cordum.audit.link.v1\x00"

// Link is the hash of a record with a digest that follows one with the hash prev.
func Link(prev, digest Hash) Hash {
	var b [len(linkTag) + 2*sha256.Size]byte
	n := copy(b[:], linkTag)
	n += copy(b[n:], prev[:])
	copy(b[n:], digest[:])
	return sha256.Sum256(b[:])
}

// clean keeps a record's texts short and valid, so that every form of it (JSON, syslog) has the same bytes.
func (r *Record) clean() {
	r.At = r.At.UTC().Round(0)
	for _, s := range [...]*string{&r.Actor, &r.Run, &r.Subject, &r.Detail} {
		if len(*s) > MaxText {
			*s = (*s)[:MaxText]
		}
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
