package pointers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Errors that a caller decides by.
var (
	// ErrTooLarge says that a value is larger than may be kept.
	ErrTooLarge = errors.New("pointers: too large")
	// ErrFull says that nothing more can be kept now.
	ErrFull = errors.New("pointers: full")
)

// Table holds values in memory, each for a time. It is safe for concurrent use. What it gives out is shared: nobody changes it.
type Table struct {
	now func() time.Time

	mu     sync.Mutex
	values map[string]value
	bytes  int
}

type value struct {
	data  []byte
	until time.Time
}

// NewTable makes an empty one that reads the time from now.
func NewTable(now func() time.Time) *Table {
	return &Table{now: now, values: make(map[string]value)}
}

// Put keeps a copy of a value for a time; 0 is [TTL]. ErrTooLarge and ErrFull say why not.
func (t *Table) Put(_ context.Context, key string, data []byte, ttl time.Duration) error {
	data = bytes.Clone(data)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set(key, data, ttl, MaxBytes, MaxKeys)
}

// errThere says that a key has a value already.
var errThere = errors.New("there is a value")

// putFor keeps a value that is a worker's; if it is to be new, errThere when there is one.
func (t *Table) putFor(key string, data []byte, ttl time.Duration, isNew bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.values[key]; ok && isNew {
		if v.until.After(t.now()) {
			return errThere
		}
		t.drop(key, v)
	}
	return t.set(key, data, ttl, workerBytes, workerKeys)
}

// set keeps a value itself, unless more than so much is held then. The caller holds mu.
func (t *Table) set(key string, data []byte, ttl time.Duration, mostBytes, mostKeys int) error {
	if len(data) > MaxValue || len(key) > maxKey || key == "" {
		return fmt.Errorf("%w: key of %d bytes, value of %d", ErrTooLarge, len(key), len(data))
	}
	if ttl <= 0 {
		ttl = TTL
	}
	old, had := t.values[key]
	grows := len(data) - len(old.data)
	if !had {
		grows += len(key) + keyCost
	}
	if (grows > 0 && t.bytes+grows > mostBytes) || (!had && len(t.values) >= mostKeys) {
		return ErrFull
	}
	t.bytes += grows
	t.values[key] = value{data: data, until: t.now().Add(ttl)}
	return nil
}

// Get answers a value and whether there is one. Of a value with more than so many bytes come one more than that.
func (t *Table) Get(_ context.Context, key string, most int) ([]byte, bool, error) {
	v, ok := t.look(key)
	return v.data[:min(len(v.data), most+1)], ok, nil
}

// Done forgets what a job that has ended needs no more; what is not there is nobody's loss.
func (t *Table) Done(keys ...string) {
	for _, key := range keys {
		t.remove(key)
	}
}

// look answers a value whose time is not over.
func (t *Table) look(key string) (value, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.values[key]
	if ok && !v.until.After(t.now()) {
		t.drop(key, v)
		return value{}, false
	}
	return v, ok
}

func (t *Table) remove(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.values[key]
	if ok {
		t.drop(key, v)
	}
	return ok
}

// expire gives a value that is there another time to live.
func (t *Table) expire(key string, ttl time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.values[key]
	if !ok || !v.until.After(t.now()) {
		return false
	}
	v.until = t.now().Add(ttl)
	t.values[key] = v
	return true
}

// sweep removes values whose time is over.
func (t *Table) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, looked := t.now(), 0
	for key, v := range t.values { // in no order: whatever is left is found another time
		if looked++; looked > sweepKeys {
			return
		}
		if !v.until.After(now) {
			t.drop(key, v)
		}
	}
}

// drop takes a value out. The caller holds mu.
func (t *Table) drop(key string, v value) {
	delete(t.values, key)
	t.bytes -= len(v.data) + len(key) + keyCost
}
