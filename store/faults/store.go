package faults

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cordum.dev/cordum/store"
)

// Store is a store that fails as planned. It is safe for concurrent use; with concurrent callers the order of their
// calls, and so which one is the nth, is theirs.
type Store struct {
	under store.Store

	mu    sync.Mutex
	plan  []*planned
	calls [methods]int
	fired []string
}

var _ store.Store = (*Store)(nil)

type planned struct {
	Fault
	seen int
}

// Wrap wraps a store. Without a plan it behaves as the store does. Close closes the store beneath.
func Wrap(s store.Store) *Store { return &Store{under: s} }

// Plan adds faults to those already planned. Several that strike one call do so in the order they were planned, and the
// first error is the answer. It panics on a fault without a method or an action.
func (s *Store) Plan(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		if f.Method == none || int(f.Method) >= methods || f.Do == nil {
			panic(fmt.Sprintf("faults: %s has no method or no action", f))
		}
		s.plan = append(s.plan, &planned{Fault: f})
	}
}

// Clear forgets all faults. Calls that hang go on hanging until they are released.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = nil
}

// Calls counts the calls of a method since Wrap, so that a test can run once without faults and then strike each.
func (s *Store) Calls(m Method) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[m]
}

// Fired lists the faults that struck, in order.
func (s *Store) Fired() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.fired...)
}

// meet counts a call and answers the faults that strike it.
func (s *Store) meet(c Call) []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.Method]++
	var hit []Fault
	for _, p := range s.plan {
		if p.Method != c.Method || (p.Match != nil && !p.Match(c)) {
			continue
		}
		p.seen++
		first := max(p.Nth, 1)
		if p.seen >= first && (p.Times < 0 || p.seen < first+max(p.Times, 1)) {
			hit = append(hit, p.Fault)
			s.fired = append(s.fired, p.String())
		}
	}
	return hit
}

// strike carries out the faults of one moment up to the first error.
func strike(ctx context.Context, faults []Fault, when Moment) error {
	for _, f := range faults {
		if f.When != when {
			continue
		}
		if err := f.Do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// through makes one call with its faults around it.
func through[T any](ctx context.Context, s *Store, c Call, do func() (T, error)) (T, error) {
	var zero T
	hit := s.meet(c)
	if err := strike(ctx, hit, Before); err != nil {
		return zero, err
	}
	v, err := do()
	if err := strike(ctx, hit, After); err != nil {
		return zero, err
	}
	return v, err
}

// Partitions asks the store beneath; it never fails.
func (s *Store) Partitions() int { return s.under.Partitions() }

// Level asks the store beneath; it never fails.
func (s *Store) Level() store.Level { return s.under.Level() }

// Describe asks the store beneath and adds that it fails on purpose.
func (s *Store) Describe() string { return s.under.Describe() + " (fails on purpose)" }

// Commit commits, or fails as planned: then each transaction has the planned error.
func (s *Store) Commit(ctx context.Context, txs ...store.Tx) []error {
	errs, err := through(ctx, s, Call{Method: Commit, Txs: txs}, func() ([]error, error) {
		return s.under.Commit(ctx, txs...), nil
	})
	if err == nil {
		return errs
	}
	errs = make([]error, len(txs))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// Committed asks the store beneath, or fails as planned.
func (s *Store) Committed(ctx context.Context, p store.Partition, id string) (bool, error) {
	return through(ctx, s, Call{Method: Committed, Partition: p}, func() (bool, error) { return s.under.Committed(ctx, p, id) })
}

// Get reads, or fails as planned.
func (s *Store) Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error) {
	return through(ctx, s, Call{Method: Get, Partition: p}, func() (store.Record, error) { return s.under.Get(ctx, p, k) })
}

// Scan reads, or fails as planned.
func (s *Store) Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error) {
	return through(ctx, s, Call{Method: Scan, Partition: p}, func() (store.Page, error) { return s.under.Scan(ctx, p, r) })
}

// ReadLog reads, or fails as planned.
func (s *Store) ReadLog(ctx context.Context, p store.Partition, l store.LogID, from uint64, n int) ([]store.Entry, error) {
	return through(ctx, s, Call{Method: ReadLog, Partition: p}, func() ([]store.Entry, error) { return s.under.ReadLog(ctx, p, l, from, n) })
}

// Acquire acquires, or fails as planned.
func (s *Store) Acquire(ctx context.Context, p store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	return through(ctx, s, Call{Method: Acquire, Partition: p}, func() (store.Lease, error) { return s.under.Acquire(ctx, p, owner, ttl) })
}

// Renew renews, or fails as planned.
func (s *Store) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	return through(ctx, s, Call{Method: Renew, Partition: l.Partition}, func() (store.Lease, error) { return s.under.Renew(ctx, l, ttl) })
}

// Release releases, or fails as planned.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	_, err := through(ctx, s, Call{Method: Release, Partition: l.Partition}, func() (struct{}, error) { return struct{}{}, s.under.Release(ctx, l) })
	return err
}

// PutBlob stores, or fails as planned.
func (s *Store) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	return through(ctx, s, Call{Method: PutBlob, Partition: p}, func() (string, error) { return s.under.PutBlob(ctx, p, tenant, data) })
}

// GetBlob reads, or fails as planned.
func (s *Store) GetBlob(ctx context.Context, p store.Partition, tenant, digest string) ([]byte, error) {
	return through(ctx, s, Call{Method: GetBlob, Partition: p}, func() ([]byte, error) { return s.under.GetBlob(ctx, p, tenant, digest) })
}

// Close closes the store beneath, or fails as planned; a fault before it leaves the store open.
func (s *Store) Close() error {
	_, err := through(context.Background(), s, Call{Method: Close}, func() (struct{}, error) { return struct{}{}, s.under.Close() })
	return err
}
