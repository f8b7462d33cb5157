package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"cordum.dev/cordum/store"
)

// ErrCannotWalk says that a store cannot hand over all it keeps.
var ErrCannotWalk = errors.New("this kind of store cannot be exported")

// Export writes everything that a store keeps as lines of JSON: a header, a line for each record, log entry and blob, and a last
// one with counts and a digest of all before. Text that is not UTF-8 in a key cannot be written and is an error. Nothing may write
// to the store meanwhile.
func Export(ctx context.Context, s store.Store, w io.Writer, about About) (Counts, error) {
	from, is := s.(store.Walker)
	if !is {
		return Counts{}, ErrCannotWalk
	}
	out := newLineWriter(w)
	who := identityOf(s)
	out.write(Header{
		Format: exportFormat, Version: version, TakenAt: about.At.UTC(), By: about.By, Reason: about.Reason,
		Store: who.ID, Generation: who.Generation, Level: s.Level(), Partitions: s.Partitions(),
	})
	var counts Counts
	for p := range store.Partition(s.Partitions()) {
		err := from.Walk(ctx, p, func(i store.Item) error {
			counts.add(i)
			out.write(lineOf(p, i))
			return out.err
		})
		if err != nil {
			return counts, fmt.Errorf("export: %w", err)
		}
	}
	out.write(line{End: &ending{Counts: counts, SHA256: hex.EncodeToString(out.sum.Sum(nil))}})
	return counts, out.flush()
}

func identityOf(s store.Store) store.Identity {
	if known, is := s.(store.Identified); is {
		return known.Identity()
	}
	return store.Identity{Generation: 1}
}

// lineWriter writes lines of JSON and digests them. After an error it writes nothing more.
type lineWriter struct {
	buf *bufio.Writer
	sum hash.Hash
	err error
}

func newLineWriter(w io.Writer) *lineWriter {
	return &lineWriter{buf: bufio.NewWriterSize(w, 1<<20), sum: sha256.New()}
}

// encodeLine is a line as it is written.
func encodeLine(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	return append(raw, '\n'), err
}

func (w *lineWriter) write(v any) {
	if w.err != nil {
		return
	}
	raw, err := encodeLine(v)
	if err != nil {
		w.err = err
		return
	}
	w.sum.Write(raw)
	_, w.err = w.buf.Write(raw)
}

func (w *lineWriter) flush() error {
	return errors.Join(w.err, w.buf.Flush())
}
