package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/store"
)

// piece is what one call of Commit has for one partition: its transactions go into one script, in order.
type piece struct {
	p     store.Partition
	call  *call
	txs   []*store.Tx
	at    []int // whose places they have in the call
	bytes int
}

// call is one call of Commit under way.
type call struct {
	errs []error // each place is written by one unit only
	left atomic.Int32
	done chan struct{}
}

// settle gives the answers of a piece; the last one ends the call.
func (c *call) settle(piece *piece, err func(i int) error) {
	for i, at := range piece.at {
		c.errs[at] = err(i)
	}
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

// Commit sends what the call has for each partition in one script, together with what other callers have for it, and all
// partitions of a server in one round trip. A caller whose context ends before its transactions were taken up is told
// so; afterwards it waits for the answer, at most for [patience].
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
	c := &call{errs: errs, done: make(chan struct{})}
	pieces := split(c, txs)
	if len(pieces) == 0 {
		return errs
	}
	c.left.Store(int32(len(pieces)))
	s.submit(ctx, pieces)
	select {
	case <-c.done:
	case <-ctx.Done():
		s.withdraw(ctx, pieces)
		<-c.done
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

// split sorts the transactions that are still in play by their partition.
func split(c *call, txs []store.Tx) []*piece {
	var pieces []*piece
	at := make(map[store.Partition]*piece, len(txs))
	for i := range txs {
		if c.errs[i] != nil {
			continue
		}
		p := txs[i].Partition
		piece := at[p]
		if piece == nil {
			piece = newPiece(p, c)
			at[p] = piece
			pieces = append(pieces, piece)
		}
		piece.txs = append(piece.txs, &txs[i])
		piece.at = append(piece.at, i)
		piece.bytes += txs[i].Size()
	}
	return pieces
}

func newPiece(p store.Partition, c *call) *piece { return &piece{p: p, call: c} }

// unit is one script's worth of pieces of one partition. Its number makes a second copy do nothing.
type unit struct {
	pieces []*piece
	number uint64
	req    request
}

// openUnit is a unit that was given up without an answer: a copy of it may still be on its way.
type openUnit struct {
	number uint64
	epoch  store.Epoch // the newest of its transactions'
}

// encoder writes the arguments of commit.lua.
type encoder struct {
	names *names
	p     store.Partition
	keys  []string
	at    map[string]int // the number of a key; the partition's head is 1
	args  []any
}

// encode makes the request of a unit.
func (s *Store) encode(u *unit, p store.Partition) {
	e := encoder{names: &s.names, p: p, at: map[string]int{}}
	e.args = append(e.args, s.writer, strconv.FormatUint(u.number, 10), int(idKept/time.Second))
	bytes := 0
	for _, piece := range u.pieces {
		bytes += piece.bytes
		for _, tx := range piece.txs {
			e.tx(tx)
		}
	}
	u.req = request{p: p, script: commitScript, keys: e.keys, args: e.args, bytes: bytes}
}

func (e *encoder) key(name string) int {
	n, ok := e.at[name]
	if !ok {
		e.keys = append(e.keys, name)
		n = len(e.keys) + 1
		e.at[name] = n
	}
	return n
}

func (e *encoder) tx(tx *store.Tx) {
	id := 0
	if tx.ID != "" {
		id = e.key(e.names.txID(e.p, tx.ID))
	}
	e.args = append(e.args, strconv.FormatUint(uint64(tx.Epoch), 10), id, len(tx.Appends), len(tx.Checks), len(tx.Puts), len(tx.Deletes), len(tx.Drops), len(tx.Sweeps))
	for i := range tx.Appends {
		a, prev := &tx.Appends[i], ""
		if a.Prev > 0 {
			prev = digits(a.Prev)
		}
		e.args = append(e.args, e.key(e.names.log(e.p, a.Log)), prev, digits(a.First), digits(a.First+uint64(a.Count)), a.Value)
	}
	for i := range tx.Checks {
		c, mode := &tx.Checks[i], "1"
		if c.Absent {
			mode = "0"
		}
		rows, member := e.names.record(e.p, c.Key)
		e.args = append(e.args, e.key(rows), member, mode, c.Value)
	}
	for i := range tx.Puts {
		rows, index, member := e.place(tx.Puts[i].Key)
		e.args = append(e.args, rows, index, member, tx.Puts[i].Value)
	}
	for _, k := range tx.Deletes {
		rows, index, member := e.place(k)
		e.args = append(e.args, rows, index, member)
	}
	for _, l := range tx.Drops {
		e.args = append(e.args, e.key(e.names.log(e.p, l)))
	}
	for _, w := range tx.Sweeps {
		rows, index, member := e.place(store.BlobKey(w.Tenant, w.Digest))
		blob := e.key(e.names.blob(e.p, w.Tenant, strings.TrimPrefix(w.Digest, store.DigestPrefix)))
		e.args = append(e.args, blob, rows, index, member, store.BlobTime(w.Before))
	}
}

// place is where a record is written: its key or rows, and the index of an ordered table, else 0.
func (e *encoder) place(k store.Key) (rows, index int, member string) {
	name, member := e.names.record(e.p, k)
	rows = e.key(name)
	if member != "" {
		index = e.key(e.names.index(e.p, k.Table))
	}
	return rows, index, member
}
