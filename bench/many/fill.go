package many

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// spread is over how long the copies seem to have begun.
const spread = 30 * 24 * time.Hour

// leaseOf is how long the filler holds a partition: longer than it takes.
const leaseOf = time.Hour

// runsPerCommit is how many copies go into one commit of a partition.
const runsPerCommit = 64

// copies says how often one run is copied.
type copies struct {
	run string
	n   int
}

// pattern is everything that a store keeps of one run.
type pattern struct {
	id      []byte
	records []store.Record
	entries []store.LogEntry
}

// fill copies runs of a stopped server's store within it.
func fill(ctx context.Context, dir string, all []copies) error {
	s, err := pebble.Open(pebble.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("open the store to fill: %w", err)
	}
	f := filler{s: s, leases: make([]store.Lease, s.Partitions()), entropy: ulid.Monotonic(rand.Reader, 0), rnd: mrand.New(mrand.NewPCG(1, 2))}
	err = f.fill(ctx, all)
	return errors.Join(err, f.release(ctx), s.Close())
}

type filler struct {
	s       *pebble.Store
	leases  []store.Lease
	entropy *ulid.MonotonicEntropy
	rnd     *mrand.Rand // the same mixture every time
	made    int
}

func (f *filler) fill(ctx context.Context, all []copies) error {
	total := 0
	patterns := make(map[string]*pattern, len(all))
	for _, c := range all {
		total += c.n
		patterns[c.run] = &pattern{id: []byte(c.run)}
	}
	for p := range f.leases {
		lease, err := f.s.Acquire(ctx, store.Partition(p), "bench", leaseOf)
		if err != nil {
			return fmt.Errorf("take partition %d: %w", p, err)
		}
		f.leases[p] = lease
		if err := f.learn(ctx, store.Partition(p), patterns); err != nil {
			return err
		}
	}
	left := make([]int, len(all))
	for i := range all {
		left[i] = all[i].n
	}
	next, failed := make(chan []store.Tx, 1), make(chan error, 1)
	go func() { // copies are made while those before are written
		var err error
		for txs := range next {
			if err == nil {
				err = errors.Join(f.s.Commit(ctx, txs...)...)
			}
		}
		failed <- err
	}()
	f.copyAll(all, patterns, left, total, next)
	close(next)
	if err := <-failed; err != nil {
		return fmt.Errorf("write copies: %w", err)
	}
	return nil
}

// copyAll sends the copies on, some for each partition at a time.
func (f *filler) copyAll(all []copies, patterns map[string]*pattern, left []int, total int, next chan<- []store.Tx) {
	began := time.Now().Add(-spread)
	for f.made < total {
		txs := make([]store.Tx, len(f.leases))
		for p := range txs {
			txs[p] = store.Tx{Partition: store.Partition(p), Epoch: f.leases[p].Epoch}
			for range runsPerCommit {
				kind := f.pick(left, total-f.made)
				if kind < 0 {
					break
				}
				left[kind]--
				at := began.Add(spread * time.Duration(f.made) / time.Duration(total))
				f.copy(&txs[p], patterns[all[kind].run], at)
				f.made++
			}
		}
		next <- txs
	}
}

// pick chooses the kind of the next copy, so that all are mixed; -1 when nothing is left.
func (f *filler) pick(left []int, total int) int {
	if total <= 0 {
		return -1
	}
	n := f.rnd.IntN(total)
	for kind, l := range left {
		if n -= l; n < 0 {
			return kind
		}
	}
	return -1
}

// learn collects what a partition keeps of the runs that are copied.
func (f *filler) learn(ctx context.Context, p store.Partition, patterns map[string]*pattern) error {
	err := f.s.Walk(ctx, p, func(i store.Item) error {
		switch {
		case i.Entry != nil:
			if of := patterns[i.Entry.Log.Run]; of != nil {
				of.entries = append(of.entries, *i.Entry)
			}
		case i.Record != nil && i.Record.Key.Table != store.TableAudit:
			for _, of := range patterns {
				if bytes.Contains([]byte(i.Record.Key.ID), of.id) {
					of.records = append(of.records, *i.Record)
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what is copied: %w", err)
	}
	return nil
}

// copy adds one more run like a pattern to a transaction. Ids are as long as each other, so that every record still decodes.
func (f *filler) copy(tx *store.Tx, of *pattern, at time.Time) {
	run := []byte(id.Run(int(tx.Partition), ulid.MustNew(ulid.Timestamp(at), f.entropy)))
	other := func(b []byte) []byte { return bytes.ReplaceAll(b, of.id, run) }
	for _, r := range of.records {
		key := r.Key
		key.ID = string(other([]byte(key.ID)))
		tx.Puts = append(tx.Puts, store.Put{Key: key, Value: other(r.Value)})
	}
	prev := uint64(0)
	for _, e := range of.entries {
		tx.Appends = append(tx.Appends, store.Append{
			Log: store.LogID{Tenant: e.Log.Tenant, Run: string(run)}, Prev: prev, First: e.First, Count: e.Count, Value: other(e.Value),
		})
		prev = e.First
	}
}

func (f *filler) release(ctx context.Context) error {
	var errs []error
	for _, l := range f.leases {
		if l.Epoch != 0 {
			errs = append(errs, f.s.Release(ctx, l))
		}
	}
	return errors.Join(errs...)
}
