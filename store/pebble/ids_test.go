package pebble_test

import (
	"fmt"
	"testing"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// TestTransactionIDsAreForgotten: an id is known for an hour whatever the clock does in small steps, and hours later it
// takes no room.
func TestTransactionIDsAreForgotten(t *testing.T) {
	fs, now := vfs.NewMem(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cfg := pebble.Config{Dir: "db", FS: fs, Clock: func() time.Time { return now }}
	s := open(t, cfg)
	l, err := s.Acquire(t.Context(), 3, "o", 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	begin := now
	var written []time.Duration
	for now.Sub(begin) < 4*time.Hour {
		at := now.Sub(begin)
		if err := s.Commit(t.Context(), store.Tx{Partition: 3, Epoch: l.Epoch, ID: fmt.Sprint("tx-", at)})[0]; err != nil {
			t.Fatal(err)
		}
		written = append(written, at)
		for _, w := range written {
			known, err := s.Committed(t.Context(), 3, fmt.Sprint("tx-", w))
			if err != nil {
				t.Fatal(err)
			}
			if age := at - w; (age <= time.Hour && !known) || (age > 90*time.Minute && known) {
				t.Errorf("at %v: the id of %v is known: %v", at, w, known)
			}
		}
		now = now.Add(7 * time.Minute)
	}
	now = now.Add(-2 * time.Hour) // a clock set back
	if err := s.Commit(t.Context(), store.Tx{Partition: 3, Epoch: l.Epoch, ID: "back"})[0]; err != nil {
		t.Fatal(err)
	}
	if known, err := s.Committed(t.Context(), 3, "back"); !known || err != nil {
		t.Errorf("after the clock was set back: %v, %v", known, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := rawCount(t, fs, "\x00\x03\x04", "\x00\x03\x05"); n > 20 {
		t.Errorf("%d ids are kept of %d", n, len(written))
	}
}

// rawCount counts keys of a range with Pebble alone.
func rawCount(t *testing.T, fs vfs.FS, lower, upper string) int {
	t.Helper()
	db, err := pebbledb.Open("db", &pebbledb.Options{FS: fs, FormatMajorVersion: pebbledb.FormatTableFormatV6, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	it, err := db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(lower), UpperBound: []byte(upper)})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}
