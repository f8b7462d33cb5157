package safety

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Verdict is what the kernel says. The zero value denies.
type Verdict uint8

// The verdicts.
const (
	Deny Verdict = iota
	Allow
)

func (v Verdict) String() string {
	if v == Allow {
		return "ALLOW"
	}
	return "DENY"
}

// ErrInvalidPolicy says that a rule set cannot be used; the one before stays.
var ErrInvalidPolicy = errors.New("invalid policy")

// Snapshot is one immutable set of rules. The zero Snapshot denies everything.
type Snapshot struct {
	fallback Verdict
	digest   string
}

// Digest is the SHA-256 of the snapshot's canonical form, in hex: every decision cites it.
func (s *Snapshot) Digest() string { return s.digest }

// NewSnapshot makes the rule set whose every answer is its default.
func NewSnapshot(fallback Verdict) *Snapshot {
	sum := sha256.Sum256([]byte(`{"default":"` + fallback.String() + `"}`))
	return &Snapshot{fallback: fallback, digest: hex.EncodeToString(sum[:])}
}

// ParseSnapshot makes a snapshot of the parsed values of a policy file: a mapping with the key default, ALLOW or DENY.
func ParseSnapshot(v any) (*Snapshot, error) {
	doc, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: expected a mapping with the key default", ErrInvalidPolicy)
	}
	for k := range doc {
		if k != "default" {
			return nil, fmt.Errorf("%w: unknown field %.64q (known: default)", ErrInvalidPolicy, k)
		}
	}
	switch doc["default"] {
	case "ALLOW", "allow":
		return NewSnapshot(Allow), nil
	case "DENY", "deny":
		return NewSnapshot(Deny), nil
	}
	return nil, fmt.Errorf("%w: default must be ALLOW or DENY", ErrInvalidPolicy)
}

// Request is what is decided about.
type Request struct {
	Tenant    string
	Principal string
	Source    string // api, step
	Workflow  string
	Step      string
	Pack      string
	Tool      string
	Topic     string
	Effect    string
	Requires  []string
	Labels    map[string]string
	Input     json.RawMessage
}

// Decision is the kernel's answer.
type Decision struct {
	Verdict  Verdict
	Rule     string // "default" when no rule matched
	Reason   string
	Snapshot string
	JobHash  string // SHA-256 (hex) of the canonical job it was made for
}

// Evaluate decides. It never fails: what it cannot decide it denies.
func Evaluate(s *Snapshot, r Request) Decision {
	if s == nil || s.digest == "" {
		return Decision{Verdict: Deny, Rule: "default", Reason: "no policy is loaded", JobHash: r.Hash()}
	}
	d := Decision{Verdict: s.fallback, Rule: "default", Snapshot: s.digest, JobHash: r.Hash()}
	if d.Verdict == Deny {
		d.Reason = "no rule allows it and the default is DENY"
	}
	return d
}

// Hash is the SHA-256 of what the worker will get, unambiguous: each part is preceded by its length.
func (r *Request) Hash() string {
	h := sha256.New()
	var n [8]byte
	part := func(s string) {
		for i := range n {
			n[i] = byte(len(s) >> (8 * i))
		}
		_, _ = h.Write(n[:])
		_, _ = h.Write([]byte(s))
	}
	for _, s := range []string{r.Tenant, r.Workflow, r.Step, r.Topic, r.Pack, r.Tool, r.Effect} {
		part(s)
	}
	for _, s := range r.Requires {
		part(s)
	}
	part(string(r.Input))
	return hex.EncodeToString(h.Sum(nil))
}
