package store

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// The checks of a request live beside the contract, so that every implementation refuses the same things. Each answers
// nil or an error that wraps ErrInvalid; none of them repeats a value in its message.

// Validate checks a transaction against the limits. It looks at no record.
func (t *Tx) Validate(partitions int) error {
	if err := t.Partition.Validate(partitions); err != nil {
		return err
	}
	if strings.IndexByte(t.ID, 0) >= 0 || len(t.ID) > MaxKeyBytes {
		return fmt.Errorf("%w: transaction id has a NUL byte or more than %d bytes", ErrInvalid, MaxKeyBytes)
	}
	if err := t.validateRecords(); err != nil {
		return err
	}
	if err := t.validateAppends(); err != nil {
		return err
	}
	if err := t.validateRemovals(); err != nil {
		return err
	}
	if size := t.Size(); size > MaxTxBytes {
		return fmt.Errorf("%w: transaction of %d bytes, at most %d", ErrInvalid, size, MaxTxBytes)
	}
	return nil
}

func (t *Tx) validateRecords() error {
	for i := range t.Checks {
		c := &t.Checks[i]
		if err := c.Key.Validate(); err != nil {
			return err
		}
		if c.Absent && len(c.Value) > 0 {
			return fmt.Errorf("%w: a check for absence has a value", ErrInvalid)
		}
	}
	for i := range t.Puts {
		if err := t.Puts[i].Key.Validate(); err != nil {
			return err
		}
		if err := validateValue(t.Puts[i].Value); err != nil {
			return err
		}
	}
	for i := range t.Deletes {
		if err := t.Deletes[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) validateAppends() error {
	for i := range t.Appends {
		a := &t.Appends[i]
		if err := a.Log.Validate(); err != nil {
			return err
		}
		if err := validateValue(a.Value); err != nil {
			return err
		}
		switch {
		case a.Count == 0:
			return fmt.Errorf("%w: append of no fact to log %q", ErrInvalid, a.Log.Run)
		case a.First <= a.Prev || (a.Prev == 0 && a.First != 1):
			return fmt.Errorf("%w: append to log %q begins at %d behind %d", ErrInvalid, a.Log.Run, a.First, a.Prev)
		case a.First+uint64(a.Count) < a.First:
			return fmt.Errorf("%w: append to log %q runs over the greatest number", ErrInvalid, a.Log.Run)
		}
	}
	return t.validateOncePerLog()
}

// validateOncePerLog refuses two appends to one log: an entry is what one commit wrote.
func (t *Tx) validateOncePerLog() error {
	if len(t.Appends) < 2 {
		return nil
	}
	if len(t.Appends) <= 8 { // comparing pairs costs less than a map
		for i := range t.Appends {
			for j := range i {
				if t.Appends[i].Log == t.Appends[j].Log {
					return errTwoAppends(t.Appends[i].Log)
				}
			}
		}
		return nil
	}
	seen := make(map[LogID]struct{}, len(t.Appends))
	for i := range t.Appends {
		seen[t.Appends[i].Log] = struct{}{}
		if len(seen) != i+1 {
			return errTwoAppends(t.Appends[i].Log)
		}
	}
	return nil
}

func errTwoAppends(l LogID) error {
	return fmt.Errorf("%w: two appends to log %q in one transaction", ErrInvalid, l.Run)
}

// validateRemovals refuses to remove a log that the same transaction writes to.
func (t *Tx) validateRemovals() error {
	for i := range t.Drops {
		if err := t.Drops[i].Validate(); err != nil {
			return err
		}
		for k := range t.Appends {
			if t.Appends[k].Log == t.Drops[i] {
				return fmt.Errorf("%w: log %q is appended to and dropped", ErrInvalid, t.Drops[i].Run)
			}
		}
	}
	for i := range t.Sweeps {
		if err := ValidateBlob(t.Sweeps[i].Tenant, nil); err != nil {
			return err
		}
		if _, err := ParseDigest(t.Sweeps[i].Digest); err != nil {
			return err
		}
	}
	return nil
}

// Size is the weight of a transaction in bytes: keys, values and log entries that it writes or checks.
func (t *Tx) Size() int {
	n := len(t.ID)
	for i := range t.Checks {
		n += t.Checks[i].Key.size() + len(t.Checks[i].Value)
	}
	for i := range t.Puts {
		n += t.Puts[i].Key.size() + len(t.Puts[i].Value)
	}
	for i := range t.Deletes {
		n += t.Deletes[i].size()
	}
	for i := range t.Appends {
		a := &t.Appends[i]
		n += len(a.Log.Tenant) + len(a.Log.Run) + len(a.Value)
	}
	for i := range t.Drops {
		n += len(t.Drops[i].Tenant) + len(t.Drops[i].Run)
	}
	for i := range t.Sweeps {
		n += len(t.Sweeps[i].Tenant) + len(t.Sweeps[i].Digest)
	}
	return n
}

// Validate checks that a store with that many partitions has this one.
func (p Partition) Validate(partitions int) error {
	if int(p) >= partitions {
		return fmt.Errorf("%w: partition %d of a store with %d", ErrInvalid, p, partitions)
	}
	return nil
}

// Validate checks a key: a known table, a tenant and an id without NUL bytes, not too long.
func (k Key) Validate() error {
	if !k.Table.Known() {
		return fmt.Errorf("%w: unknown table %d", ErrInvalid, k.Table)
	}
	if err := validateName("tenant", k.Tenant); err != nil {
		return err
	}
	if err := validateName("id", k.ID); err != nil {
		return err
	}
	if k.size() > MaxKeyBytes {
		return fmt.Errorf("%w: key of %d bytes, at most %d", ErrInvalid, k.size(), MaxKeyBytes)
	}
	return nil
}

func (k Key) size() int { return len(k.Tenant) + len(k.ID) }

// Validate checks a log's name as a key is checked.
func (l LogID) Validate() error {
	if err := validateName("tenant", l.Tenant); err != nil {
		return err
	}
	if err := validateName("run", l.Run); err != nil {
		return err
	}
	if n := len(l.Tenant) + len(l.Run); n > MaxKeyBytes {
		return fmt.Errorf("%w: log name of %d bytes, at most %d", ErrInvalid, n, MaxKeyBytes)
	}
	return nil
}

// Validate checks a range; it may be empty.
func (r *Range) Validate() error {
	if !r.Table.Known() {
		return fmt.Errorf("%w: unknown table %d", ErrInvalid, r.Table)
	}
	if !r.Table.Ordered() {
		return fmt.Errorf("%w: table %d is not ordered and cannot be scanned", ErrInvalid, r.Table)
	}
	if r.Limit < 0 || r.Limit > MaxScan {
		return fmt.Errorf("%w: scan limit %d, want 1 to %d or 0 for %d", ErrInvalid, r.Limit, MaxScan, DefaultScan)
	}
	if r.Tenant == "" && (r.From != "" || r.To != "") {
		return fmt.Errorf("%w: a scan of all tenants has no From and no To; go on with After", ErrInvalid)
	}
	if strings.IndexByte(r.Tenant, 0) >= 0 || len(r.Tenant)+max(len(r.From), len(r.To)) > MaxKeyBytes {
		return fmt.Errorf("%w: scan bounds hold a NUL byte or more than %d bytes", ErrInvalid, MaxKeyBytes)
	}
	if r.After == nil {
		return nil
	}
	if err := r.After.Validate(); err != nil {
		return fmt.Errorf("place to go on: %w", err)
	}
	if r.After.Table != r.Table || (r.Tenant != "" && r.After.Tenant != r.Tenant) {
		return fmt.Errorf("%w: the place to go on is in another table or tenant", ErrInvalid)
	}
	return nil
}

// Size is the limit in force: Limit, or DefaultScan for 0.
func (r *Range) Size() int {
	if r.Limit == 0 {
		return DefaultScan
	}
	return r.Limit
}

// DigestPrefix begins every blob digest.
const DigestPrefix = "sha256:"

// ParseDigest reads the 32 bytes of a blob digest as [Store.PutBlob] writes them: lower-case hexadecimal.
func ParseDigest(digest string) (sum [32]byte, err error) {
	digits, ok := strings.CutPrefix(digest, DigestPrefix)
	if !ok || len(digits) != 2*len(sum) || digits != strings.ToLower(digits) {
		return sum, errDigest()
	}
	if _, err := hex.Decode(sum[:], []byte(digits)); err != nil {
		return sum, errDigest()
	}
	return sum, nil
}

func errDigest() error {
	return fmt.Errorf("%w: a blob digest is %q and 64 lower-case hexadecimal digits", ErrInvalid, DigestPrefix)
}

// ValidateBlob checks where a blob shall be put and how large it is.
func ValidateBlob(tenant string, data []byte) error {
	if err := validateName("tenant", tenant); err != nil {
		return err
	}
	if len(tenant) > MaxKeyBytes {
		return fmt.Errorf("%w: tenant of %d bytes, at most %d", ErrInvalid, len(tenant), MaxKeyBytes)
	}
	return validateValue(data)
}

func validateName(what, s string) error {
	if s == "" {
		return fmt.Errorf("%w: %s is empty", ErrInvalid, what)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("%w: %s holds a NUL byte", ErrInvalid, what)
	}
	return nil
}

func validateValue(v []byte) error {
	if len(v) > MaxValueBytes {
		return fmt.Errorf("%w: value of %d bytes, at most %d", ErrInvalid, len(v), MaxValueBytes)
	}
	return nil
}
