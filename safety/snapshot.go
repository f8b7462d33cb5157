package safety

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"cordum.dev/cordum/internal/yamlx"
)

// ErrInvalidPolicy says that a rule set cannot be used; the one before stays.
var ErrInvalidPolicy = errors.New("invalid policy")

// Snapshot is one immutable set of rules; it may be evaluated in many goroutines at once. The zero Snapshot denies
// everything.
type Snapshot struct {
	fallback  Verdict
	digest    string
	canonical []byte
	rules     []*rule       // sorted by name
	output    []*outputRule // sorted by name
	bundles   []ListedBundle
	index     index
	known     known
}

// Digest is the SHA-256 of the snapshot's canonical form, in hex: every decision cites it.
func (s *Snapshot) Digest() string { return s.digest }

// Canonical is the snapshot's canonical form: JSON that ParsePolicy reads back to a snapshot with the same digest. The
// slice belongs to the snapshot.
func (s *Snapshot) Canonical() []byte { return s.canonical }

// RuleCount is how many rules the snapshot has.
func (s *Snapshot) RuleCount() int { return len(s.rules) }

// NewSnapshot makes the rule set whose every answer is its default.
func NewSnapshot(fallback Verdict) *Snapshot {
	if fallback != Allow {
		fallback = Deny
	}
	return seal(&Snapshot{fallback: fallback}, []byte(`{"default":"`+fallback.String()+`"}`))
}

func seal(s *Snapshot, canonical []byte) *Snapshot {
	sum := sha256.Sum256(canonical)
	s.canonical, s.digest = canonical, hex.EncodeToString(sum[:])
	s.known.none = findings(nil).decide(s.fallback, s.digest)
	return s
}

// ParseSnapshot makes a snapshot of the parsed values of a policy file that has no rules: a mapping with the key
// default, ALLOW or DENY. Files with rules are read by ParsePolicy, which knows places.
func ParseSnapshot(v any) (*Snapshot, error) {
	doc, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: expected a mapping with the key default", ErrInvalidPolicy)
	}
	for k := range doc {
		if k != "default" {
			return nil, fmt.Errorf("%w: unknown field %q (known: default)", ErrInvalidPolicy, yamlx.Clip(k))
		}
	}
	text, _ := doc["default"].(string)
	fallback, ok := defaults[text]
	if !ok {
		return nil, fmt.Errorf("%w: default must be ALLOW or DENY", ErrInvalidPolicy)
	}
	return NewSnapshot(fallback), nil
}

// defaults are what the field default may say.
var defaults = map[string]Verdict{"ALLOW": Allow, "allow": Allow, "DENY": Deny, "deny": Deny}
