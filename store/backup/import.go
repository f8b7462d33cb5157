package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// importOwner holds the partitions of a store that is being filled, importLease for how long: nobody else may know of it yet.
const (
	importOwner = "cordum-import"
	importLease = 24 * time.Hour
)

// Imported is what an import made of an export.
type Imported struct {
	Header Header
	Counts Counts
	Digest string // of the export, as its last line has it
}

// Import puts an export into a store. open makes it: empty, of the partitions that the header says, with an identity of a higher
// generation; Import does not close it. The store is good only when Import answers nil: an export that was cut off or changed is
// found at its end.
func Import(ctx context.Context, r io.Reader, open func(Header) (store.Store, error)) (Imported, error) {
	return load(ctx, r, About{}, open)
}

func load(ctx context.Context, r io.Reader, about About, open func(Header) (store.Store, error)) (Imported, error) {
	in := newLineReader(r)
	var out Imported
	if err := in.header(&out.Header); err != nil {
		return out, err
	}
	s, err := open(out.Header)
	if err != nil {
		return out, err
	}
	if s.Partitions() != out.Header.Partitions {
		return out, fmt.Errorf("%w: the store has %d partitions, the export %d", store.ErrInvalid, s.Partitions(), out.Header.Partitions)
	}
	to := &loader{store: s, leases: make([]store.Lease, s.Partitions()), about: about}
	end, err := in.each(func(p store.Partition, i store.Item) error {
		out.Counts.add(i)
		return to.put(ctx, p, i)
	})
	if err == nil {
		err = to.flush(ctx)
	}
	if err != nil {
		return out, err
	}
	if end.Counts != out.Counts {
		return out, fmt.Errorf("%w: the export holds %+v, its last line says %+v", ErrDamaged, out.Counts, end.Counts)
	}
	out.Digest = end.SHA256
	return out, to.release(ctx)
}

// lineReader reads the lines of an export.
type lineReader struct {
	in  *bufio.Reader
	sum hash.Hash
	n   int // lines read
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
}

// next answers the next line without digesting it. The slice is the caller's.
func (r *lineReader) next() ([]byte, error) {
	var raw []byte
	for {
		part, err := r.in.ReadSlice('\n')
		raw = append(raw, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(raw) <= maxLine:
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: the export ends in line %d, before its last one", ErrDamaged, r.n+1)
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("read the export: %w", err)
		case err != nil || len(raw) > maxLine:
			return nil, fmt.Errorf("%w: line %d of the export is longer than %d bytes", ErrDamaged, r.n+1, maxLine)
		default:
			r.n++
			return raw, nil
		}
	}
}

func (r *lineReader) decode(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: line %d of the export: %w", ErrDamaged, r.n, err)
	}
	return nil
}

func (r *lineReader) header(h *Header) error {
	raw, err := r.next()
	if err != nil {
		return err
	}
	var is struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if json.Unmarshal(raw, &is) != nil || is.Format != exportFormat {
		return fmt.Errorf("%w: its first line is not that of an export", ErrNotBackup)
	}
	if is.Version != version {
		return fmt.Errorf("%w: version %d of the form is not known here; use a newer cordum", ErrNotBackup, is.Version)
	}
	if err := r.decode(raw, h); err != nil {
		return err
	}
	if h.Level > store.CurrentLevel {
		return fmt.Errorf("%w: level %d, this cordum knows levels up to %d", store.ErrNewer, h.Level, store.CurrentLevel)
	}
	r.sum.Write(raw)
	return nil
}

// each hands over every line up to the last, which it answers.
func (r *lineReader) each(take func(store.Partition, store.Item) error) (ending, error) {
	for {
		raw, err := r.next()
		if err != nil {
			return ending{}, err
		}
		var l line
		if err := r.decode(raw, &l); err != nil {
			return ending{}, err
		}
		if l.End != nil {
			if sum := hex.EncodeToString(r.sum.Sum(nil)); sum != l.End.SHA256 {
				return ending{}, fmt.Errorf("%w: the export has changed: its digest differs", ErrDamaged)
			}
			if text, err := encodeLine(l); err != nil || !bytes.Equal(text, raw) { // nothing else vouches for this line
				return ending{}, fmt.Errorf("%w: the last line of the export has changed", ErrDamaged)
			}
			return *l.End, nil
		}
		r.sum.Write(raw)
		item, is := l.item()
		if !is {
			return ending{}, fmt.Errorf("%w: line %d of the export is neither a record, nor an entry, nor a blob", ErrDamaged, r.n)
		}
		if err := take(l.Partition, item); err != nil {
			return ending{}, fmt.Errorf("line %d of the export: %w", r.n, err)
		}
	}
}

// loader writes what is imported, many things with one commit.
type loader struct {
	store  store.Store
	leases []store.Lease
	about  About
	tx     store.Tx
	logs   map[store.LogID]bool // of tx
	bytes  int
	last   store.LogID // the log that was written last, and its last entry
	prev   uint64
}

func (l *loader) put(ctx context.Context, p store.Partition, i store.Item) error {
	if err := l.own(ctx, p); err != nil {
		return err
	}
	if i.Blob != nil {
		return l.putBlob(ctx, p, i.Blob)
	}
	if err := l.room(ctx, p, i.Entry); err != nil {
		return err
	}
	l.add(i)
	return nil
}

// putBlob stores a blob. One that was not noted where it comes from may be named by what says so nowhere: it is never to be swept, so
// what says that it was put now goes again.
func (l *loader) putBlob(ctx context.Context, p store.Partition, b *store.Blob) error {
	digest, err := l.store.PutBlob(ctx, p, b.Tenant, b.Data)
	switch {
	case err != nil:
		return err
	case digest != b.Digest:
		return fmt.Errorf("%w: blob %s does not have this digest", ErrDamaged, b.Digest)
	}
	if b.Noted {
		return nil
	}
	if err := l.room(ctx, p, nil); err != nil {
		return err
	}
	l.tx.Deletes = append(l.tx.Deletes, store.BlobKey(b.Tenant, digest))
	return nil
}

// room makes a transaction of a partition that something more fits into.
func (l *loader) room(ctx context.Context, p store.Partition, e *store.LogEntry) error {
	full := l.bytes > batchBytes || len(l.tx.Puts)+len(l.tx.Appends)+len(l.tx.Deletes) >= batchItems || (e != nil && l.logs[e.Log])
	if full || l.tx.Partition != p {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	if l.tx.Partition != p {
		l.last = store.LogID{}
	}
	l.tx.Partition, l.tx.Epoch = p, l.leases[p].Epoch
	return nil
}

// add puts a record or an entry into the transaction.
func (l *loader) add(i store.Item) {
	if r := i.Record; r != nil {
		l.tx.Puts = append(l.tx.Puts, store.Put{Key: r.Key, Value: r.Value})
		l.bytes += len(r.Key.Tenant) + len(r.Key.ID) + len(r.Value)
		return
	}
	e := i.Entry
	if e.Log != l.last {
		l.last, l.prev = e.Log, 0
	}
	l.tx.Appends = append(l.tx.Appends, store.Append{Log: e.Log, Prev: l.prev, First: e.First, Count: e.Count, Value: e.Value})
	l.prev = e.First
	if l.logs == nil {
		l.logs = map[store.LogID]bool{}
	}
	l.logs[e.Log] = true
	l.bytes += len(e.Log.Tenant) + len(e.Log.Run) + len(e.Value)
}

// own takes a partition that is met for the first time.
func (l *loader) own(ctx context.Context, p store.Partition) error {
	if int(p) >= len(l.leases) {
		return fmt.Errorf("%w: partition %d of a store with %d", ErrDamaged, p, len(l.leases))
	}
	if l.leases[p].Epoch > 0 {
		return nil
	}
	lease, err := l.store.Acquire(ctx, p, importOwner, importLease)
	l.leases[p] = lease
	return err
}

func (l *loader) flush(ctx context.Context) error {
	if len(l.tx.Puts)+len(l.tx.Appends)+len(l.tx.Deletes) == 0 {
		return nil
	}
	err := l.store.Commit(ctx, l.tx)[0]
	if err == nil {
		err = l.about.reach(CrashLoading)
	}
	l.tx.Puts, l.tx.Appends, l.tx.Deletes = l.tx.Puts[:0], l.tx.Appends[:0], l.tx.Deletes[:0]
	l.bytes, l.logs = 0, nil
	return err
}

func (l *loader) release(ctx context.Context) error {
	var err error
	for _, lease := range l.leases {
		if lease.Epoch > 0 {
			err = errors.Join(err, l.store.Release(ctx, lease))
		}
	}
	return err
}

// ImportStore puts an export into a store that open makes: empty, of so many partitions, and with that identity. The caller
// closes it, and it is good only when ImportStore answers nil.
func ImportStore(ctx context.Context, r io.Reader, about About, open func(who store.Identity, partitions int) (store.Store, error)) (store.Identity, Imported, error) {
	var who store.Identity
	out, err := load(ctx, r, about, func(h Header) (store.Store, error) {
		who = h.identity(about)
		return open(who, h.Partitions)
	})
	if err != nil {
		return who, out, fmt.Errorf("import: %w", err)
	}
	return who, out, nil
}

// ImportFolder makes an embedded store of an export, in a folder that must be empty or not there. Broken off, it can be done again,
// and nobody opens what it left: see [Unfinished].
func ImportFolder(ctx context.Context, r io.Reader, into string, about About) (store.Identity, Imported, error) {
	var who store.Identity
	var out Imported
	err := fill(into, about, func(partial string) error {
		var s *pebble.Store
		var err error
		who, out, err = ImportStore(ctx, r, about, func(who store.Identity, partitions int) (store.Store, error) {
			s, err = pebble.Open(pebble.Config{
				Dir: partial, Filling: true, Partitions: partitions, Identity: &who, Logger: slog.New(slog.DiscardHandler),
			})
			return s, err
		})
		if s != nil {
			err = errors.Join(err, s.Close())
		}
		return err
	})
	return who, out, err
}

// identity is who the store is that an export is put into.
func (h *Header) identity(about About) store.Identity {
	how := store.Restored{
		At: about.At.UTC(), From: "export of " + h.TakenAt.Format(time.RFC3339), TakenAt: h.TakenAt, Before: h.Generation, By: about.By, Reason: about.Reason,
	}
	return store.Identity{ID: h.Store, Generation: store.NextGeneration(h.Generation, how.At), Restored: &how}
}
