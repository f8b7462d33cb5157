package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"cordum.dev/cordum/store"
)

// Head says where every chain stood at one time. Kept elsewhere, it is what changes of the chains are found by: up to where it
// names them, nothing can be changed unnoticed. It is JSON; spaces in it mean nothing.
type Head struct {
	Version  int         `json:"version"`
	Store    string      `json:"store,omitempty" doc:"Random name that the store got when it was made"`
	Number   uint64      `json:"number" doc:"Rises by one with each head"`
	At       time.Time   `json:"at"`
	Previous Hash        `json:"previous" doc:"SHA-256 of the head before"`
	Chains   []ChainHead `json:"chains"`
	// Key is the fingerprint of the public key; empty when nobody signed.
	Key       string `json:"key,omitempty" doc:"Fingerprint of the public key; absent when nobody signed"`
	Signature []byte `json:"signature,omitempty" doc:"Ed25519, in base64"`
}

// headVersion is the first version of a head's form.
const headVersion = 1

// ChainHead is where one chain stood. Of one that is not shown only the digest is there.
type ChainHead struct {
	Chain
	Seq    uint64 `json:"seq,omitempty" doc:"Number of its last record"`
	Hash   Hash   `json:"hash,omitzero" doc:"Hash of its last record"`
	First  uint64 `json:"first,omitempty" doc:"Number of its first record that retention has left"`
	Digest Hash   `json:"digest,omitzero" doc:"Stands for all of it where the chain is another tenant's"`
}

// Shown tells whether more than the digest is there.
func (c *ChainHead) Shown() bool { return c.Tenant != "" }

// digest stands for a chain's place in the head; it tells nothing of the tenant to who does not know the chain's hash.
func (c *ChainHead) digest() Hash {
	if !c.Shown() {
		return c.Digest
	}
	b := append(make([]byte, 0, 128), "cordum.audit.place.v1\x00"...)
	b = c.Chain.append(b)
	b = binary.AppendUvarint(b, c.Seq)
	b = append(b, c.Hash[:]...)
	b = binary.AppendUvarint(b, c.First)
	return sha256.Sum256(b)
}

// digest is what is signed.
func (h *Head) digest() Hash {
	b := append(make([]byte, 0, 256+len(h.Chains)*sha256.Size), "cordum.audit.head.v1\x00"...)
	b = binary.AppendUvarint(b, uint64(h.Version))
	b = appendString(b, h.Store)
	b = binary.AppendUvarint(b, h.Number)
	b = binary.AppendVarint(b, h.At.UnixNano())
	b = append(b, h.Previous[:]...)
	b = appendString(b, h.Key)
	b = binary.AppendUvarint(b, uint64(len(h.Chains)))
	for i := range h.Chains {
		d := h.Chains[i].digest()
		b = append(b, d[:]...)
	}
	return sha256.Sum256(b)
}

const (
	headTag = "cordum.audit.head.signature.v1"
	cutTag  = "cordum.audit.cut.signature.v1"
)

// Hash names a head: the one after it carries it.
func (h *Head) Hash() Hash {
	d := h.digest()
	return sha256.Sum256(append(d[:], h.Signature...))
}

// Check says what is wrong with a head's signature; nil: it is the key's. ErrUnsigned, ErrSignature.
func (h *Head) Check(key ed25519.PublicKey) error {
	if err := verifies(key, headTag, h.digest(), h.Signature); err != nil {
		return err
	}
	if h.Key != Fingerprint(key) {
		return ErrSignature
	}
	return nil
}

// Of is where a chain stood; nil when the head does not show it.
func (h *Head) Of(c Chain) *ChainHead {
	for i := range h.Chains {
		if h.Chains[i].Shown() && h.Chains[i].Chain == c {
			return &h.Chains[i]
		}
	}
	return nil
}

// For is the head as one tenant may see it: of the chains of others only the digests. The signature still holds.
func (h *Head) For(tenant string) Head {
	return h.show(func(c Chain) bool { return c.Tenant == tenant })
}

// Only is the head with one chain shown.
func (h *Head) Only(one Chain) Head { return h.show(func(c Chain) bool { return c == one }) }

func (h *Head) show(who func(Chain) bool) Head {
	out := *h
	out.Chains = make([]ChainHead, len(h.Chains))
	for i := range h.Chains {
		c := h.Chains[i]
		if c.Shown() && !who(c.Chain) {
			c = ChainHead{Digest: c.digest()}
		}
		out.Chains[i] = c
	}
	return out
}

// SameChains tells whether nothing was recorded between two heads.
func (h *Head) SameChains(other *Head) bool {
	return slices.EqualFunc(h.Chains, other.Chains, func(a, b ChainHead) bool { return a.digest() == b.digest() })
}

// TakeHead reads where every chain stands and signs it. previous is the head before, or nil. What is recorded meanwhile may
// be in it or not: each chain is taken at one moment, not all at the same.
func TakeHead(ctx context.Context, s Reader, by Signer, storeID string, previous *Head, at time.Time) (Head, error) {
	h := Head{Version: headVersion, Store: storeID, Number: 1, At: at.UTC().Round(0), Key: by.name(), Chains: []ChainHead{}}
	if previous != nil {
		h.Number, h.Previous = previous.Number+1, previous.Hash()
	}
	chains, err := Chains(ctx, s, "")
	if err != nil {
		return h, err
	}
	for _, c := range chains {
		st, err := Load(ctx, s, c)
		if err != nil && !errors.Is(err, ErrCorrupt) { // which a check of the chain finds; the others need their head
			return h, fmt.Errorf("take a head: %w", err)
		}
		first, _ := st.Cut.begins(c)
		h.Chains = append(h.Chains, ChainHead{Chain: c, Seq: st.Seq, Hash: st.Hash, First: first})
	}
	h.Signature = by.sign(headTag, h.digest())
	return h, nil
}

// ReadHead reads a head as JSON. It checks no signature: see [Head.Check].
func ReadHead(r io.Reader) (Head, error) {
	var h Head
	dec := json.NewDecoder(io.LimitReader(r, maxHeadBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return h, fmt.Errorf("read a signed head: %w", errors.Join(ErrCorrupt, err))
	}
	if h.Version != headVersion {
		return h, fmt.Errorf("%w: a signed head of version %d; this binary reads version %d", ErrCorrupt, h.Version, headVersion)
	}
	return h, nil
}

// Chains lists the chains of a store, of one tenant or ("") of all, by partition and tenant.
func Chains(ctx context.Context, s Reader, tenant string) ([]Chain, error) {
	var out []Chain
	for p := range s.Partitions() {
		at := store.Range{Table: store.TableAuditHead, Tenant: tenant, Limit: scanRows}
		for more := true; more; more = at.After != nil {
			page, err := s.Scan(ctx, store.Partition(p), at)
			if err != nil {
				return nil, fmt.Errorf("list the audit chains: %w", err)
			}
			for _, rec := range page.Records {
				out = append(out, Chain{store.Partition(p), rec.Key.Tenant})
			}
			at.After = page.Next
		}
	}
	return out, nil
}

// Sign makes a cut's signature.
func (c *Cut) Sign(of Chain, storeID string, by Signer) {
	c.Key = by.name()
	c.Signature = by.sign(cutTag, c.digest(of, storeID))
}

// Check says what is wrong with a cut's signature; nil: it is the key's.
func (c *Cut) Check(of Chain, storeID string, key ed25519.PublicKey) error {
	return verifies(key, cutTag, c.digest(of, storeID), c.Signature)
}

func (c *Cut) digest(of Chain, storeID string) Hash {
	b := append(make([]byte, 0, 128), "cordum.audit.cut.v1\x00"...)
	b = of.append(appendString(b, storeID))
	b = binary.AppendUvarint(b, c.First)
	b = append(b, c.Prev[:]...)
	b = binary.AppendVarint(b, c.At.UnixNano())
	return sha256.Sum256(appendString(b, c.Key))
}
