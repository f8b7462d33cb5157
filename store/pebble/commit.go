package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"cordum.dev/cordum/store"
)

// commit is one call of Commit under way. It is reused, because a lane makes thousands of them a second.
type commit struct {
	s      *Store
	locked [maxPartitions / 64]uint64 // the partitions that are held, a bit each
	batch  *pebbledb.Batch
	from   pebbledb.Reader // what checks read: the database, or the batch over it
	key    []byte
	staged int
}

var commits = sync.Pool{New: func() any { return new(commit) }}

// Commit applies the transactions whose checks hold in one batch with one fsync. The partitions are held while it checks
// and applies, not while it waits for the disk, so that commits of all partitions share fsyncs.
func (s *Store) Commit(ctx context.Context, txs ...store.Tx) []error {
	errs := make([]error, len(txs))
	if len(txs) == 0 {
		return errs
	}
	if err := s.enter(ctx); err != nil {
		return fill(errs, err)
	}
	defer s.leave()
	if err := s.validate(txs, errs); err != nil {
		return fill(errs, err)
	}
	c := commits.Get().(*commit)
	c.s = s
	err := c.run(txs, errs)
	c.recycle(err)
	if err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
	}
	return errs
}

// validate writes each transaction's own verdict into errs and answers an error that stands for all of them.
func (s *Store) validate(txs []store.Tx, errs []error) error {
	total := 0
	for i := range txs {
		errs[i] = txs[i].Validate(s.meta.Partitions)
		total += txs[i].Size()
	}
	if total > store.MaxCommit {
		return fmt.Errorf("%w: %d bytes in one commit, at most %d", store.ErrInvalid, total, store.MaxCommit)
	}
	return nil
}

func fill(errs []error, err error) []error {
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// run checks, applies and waits. Its error means that the outcome of what had no verdict yet is unknown.
func (c *commit) run(txs []store.Tx, errs []error) error {
	shared := c.lock(txs, errs)
	c.begin(shared)
	for i := range txs {
		if errs[i] == nil {
			errs[i] = c.stage(&txs[i])
		}
	}
	if c.staged == 0 {
		c.unlock()
		return nil
	}
	err := c.s.apply(c.batch)
	if err == nil {
		c.note(txs, errs)
	}
	c.unlock()
	if err != nil {
		return err
	}
	return c.s.await(c.batch)
}

// lock takes the partitions of all transactions that are still in play, in ascending order. It tells whether two of them
// are in the same partition.
func (c *commit) lock(txs []store.Tx, errs []error) (shared bool) {
	for i := range txs {
		if errs[i] != nil {
			continue
		}
		word, bit := txs[i].Partition/64, uint64(1)<<(txs[i].Partition%64)
		shared = shared || c.locked[word]&bit != 0
		c.locked[word] |= bit
	}
	c.eachLocked(func(p *partition) { p.mu.Lock() })
	return shared
}

func (c *commit) unlock() {
	c.eachLocked(func(p *partition) { p.mu.Unlock() })
	c.locked = [len(c.locked)]uint64{}
}

func (c *commit) eachLocked(do func(*partition)) {
	for w, word := range c.locked {
		for ; word != 0; word &= word - 1 {
			do(&c.s.parts[w*64+bits.TrailingZeros64(word)])
		}
	}
}

// begin makes the batch. Only transactions of one partition can see each other, and then the batch must be readable,
// which costs an index.
func (c *commit) begin(readable bool) {
	if readable {
		c.batch = c.s.db.NewIndexedBatch()
		c.from = c.batch
		return
	}
	c.batch = c.s.db.NewBatch()
	c.from = c.s.db
}

// recycle gives everything back. A batch that ended in an error may still be held by Pebble and is left to the garbage
// collector.
func (c *commit) recycle(err error) {
	if err == nil && c.batch != nil {
		_ = c.batch.Close()
	}
	key := c.key[:0]
	*c = commit{key: key}
	commits.Put(c)
}

// stage decides one transaction and, when all its checks hold, adds its writes to the batch.
func (c *commit) stage(tx *store.Tx) error {
	if !c.s.parts[tx.Partition].current(tx.Epoch) {
		return store.ErrFenced
	}
	if err := c.checkAppends(tx); err != nil {
		return err
	}
	for i := range tx.Checks {
		if err := c.check(tx.Partition, &tx.Checks[i]); err != nil {
			return err
		}
	}
	if tx.ID != "" {
		if err := c.stageID(tx); err != nil {
			return err
		}
	}
	c.staged++
	return c.stageWrites(tx)
}

// checkAppends checks every log of a transaction. A rolled-back log is the worst news and is told before any conflict.
func (c *commit) checkAppends(tx *store.Tx) error {
	var conflict error
	for i := range tx.Appends {
		switch err := c.checkAppend(tx.Partition, &tx.Appends[i]); {
		case err == nil:
		case errors.Is(err, store.ErrConflict):
			conflict = err
		default:
			return err
		}
	}
	return conflict
}

// checkAppend finds where a log ends: entries follow each other without a gap, so it has an entry behind Prev exactly when there is
// one where Prev ends. That is two point reads, or none when Prev is known to be the last entry.
func (c *commit) checkAppend(p store.Partition, a *store.Append) error {
	next, longer, err := c.end(p, a)
	switch {
	case err != nil:
		return err
	case longer || a.First < next:
		return store.ErrConflict
	case a.First > next:
		return fmt.Errorf("%w: append to log %q at %d leaves a gap, its next fact is %d", store.ErrInvalid, a.Log.Run, a.First, next)
	}
	return nil
}

// end answers which fact comes behind the entry Prev, and whether the log has that one already. What is known of logs says nothing
// of a batch that others of the same commit may have written to.
func (c *commit) end(p store.Partition, a *store.Append) (next uint64, longer bool, err error) {
	if c.from == c.s.db {
		if at, known := c.s.parts[p].heads.of(a.Log); known && at.last == a.Prev {
			return at.next, false, nil
		}
	}
	next = 1
	if a.Prev > 0 {
		count, err := c.entryCount(p, a)
		if err != nil {
			return 0, false, err
		}
		next = a.Prev + uint64(count)
	}
	c.key = appendLogKey(c.key[:0], p, a.Log, next)
	longer, err = c.exists()
	return next, longer, err
}

func (c *commit) entryCount(p store.Partition, a *store.Append) (uint32, error) {
	c.key = appendLogKey(c.key[:0], p, a.Log, a.Prev)
	v, closer, err := c.from.Get(c.key)
	if errors.Is(err, pebbledb.ErrNotFound) {
		return 0, store.ErrRolledBack
	}
	if err != nil {
		return 0, fmt.Errorf("read log %q: %w", a.Log.Run, err)
	}
	count, _, err := decodeEntry(v)
	if err != nil {
		err = fmt.Errorf("log %q at %d: %w", a.Log.Run, a.Prev, err)
	}
	_ = closer.Close()
	return count, err
}

// unlikely asks the filters of the last level too, which Pebble else leaves out, as Get does: the block where a key would be may
// be of megabytes, next to an entry of a run with a large fan-out.
var unlikely = pebbledb.IterOptions{UseL6Filters: true}

// exists tells whether there is an entry at the key, which there almost never is.
func (c *commit) exists() (bool, error) {
	it, err := c.from.NewIter(&unlikely)
	if err != nil {
		return false, fmt.Errorf("check a log: %w", err)
	}
	found := it.SeekPrefixGE(c.key)
	if err := it.Close(); err != nil {
		return false, fmt.Errorf("check a log: %w", err)
	}
	return found, nil
}

func (c *commit) check(p store.Partition, ck *store.Check) error {
	c.key = appendRecordKey(c.key[:0], p, ck.Key)
	v, closer, err := c.from.Get(c.key)
	if errors.Is(err, pebbledb.ErrNotFound) {
		if ck.Absent {
			return nil
		}
		return store.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("check a record: %w", err)
	}
	same := !ck.Absent && bytes.Equal(v, ck.Value)
	_ = closer.Close()
	if !same {
		return store.ErrConflict
	}
	return nil
}

func (c *commit) stageWrites(tx *store.Tx) error {
	for i := range tx.Puts {
		c.key = appendRecordKey(c.key[:0], tx.Partition, tx.Puts[i].Key)
		if err := c.batch.Set(c.key, tx.Puts[i].Value, nil); err != nil {
			return err
		}
	}
	for i := range tx.Deletes {
		c.key = appendRecordKey(c.key[:0], tx.Partition, tx.Deletes[i])
		if err := c.batch.Delete(c.key, nil); err != nil {
			return err
		}
	}
	for i := range tx.Appends {
		if err := c.stageAppend(tx.Partition, &tx.Appends[i]); err != nil {
			return err
		}
	}
	return c.stageRemovals(tx)
}

// stageAppend writes count and value where they belong, so that a large value is copied once.
func (c *commit) stageAppend(p store.Partition, a *store.Append) error {
	c.key = appendLogKey(c.key[:0], p, a.Log, a.First)
	var buf [5]byte
	count := entryPrefix(buf[:0], a.Count)
	op := c.batch.SetDeferred(len(c.key), len(count)+len(a.Value))
	copy(op.Key, c.key)
	copy(op.Value[copy(op.Value, count):], a.Value)
	return op.Finish()
}
