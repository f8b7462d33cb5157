package pebble_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

const (
	cuts        = 200
	cutRounds   = 20 // stores that are written to; each is cut cuts/cutRounds times
	cutWriters  = 4  // one per partition
	cutPerRound = cuts / cutRounds
)

// TestPowerCuts cuts the power at random moments while writers commit: a clone of the disk keeps what was synced and a
// random part of what was not. Opened again, everything acknowledged before the cut is there, no transaction is there in
// part, and every log is without a gap.
func TestPowerCuts(t *testing.T) {
	rounds := cutRounds
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			cutPower(t, uint64(round))
		})
	}
}

// image is a disk after a cut, with how many transactions of each writer had been acknowledged before.
type image struct {
	disk  *vfs.MemFS
	acked [cutWriters]uint64
}

func cutPower(t *testing.T, seed uint64) {
	disk := vfs.NewCrashableMem()
	s := open(t, pebble.Config{Dir: "var/lib/db", FS: disk, Partitions: cutWriters})
	var acked [cutWriters]atomic.Uint64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range cutWriters {
		writers.Go(func() { writeUntil(t, s, store.Partition(w), seed, &acked[w], stop) })
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	images := make([]image, cutPerRound)
	for i := range images {
		waitForMore(t, &acked, uint64(rng.IntN(40)))
		for w := range acked {
			images[i].acked[w] = acked[w].Load()
		}
		images[i].disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
	}
	close(stop)
	writers.Wait()
	for i, im := range images {
		checkImage(t, i, im)
	}
	t.Attr("figure", fmt.Sprintf("power cuts on Pebble's crashable file system=%d", len(images)))
}

// waitForMore returns when n more transactions were acknowledged.
func waitForMore(t *testing.T, acked *[cutWriters]atomic.Uint64, n uint64) {
	t.Helper()
	sum := func() (s uint64) {
		for w := range acked {
			s += acked[w].Load()
		}
		return s
	}
	deadline := time.Now().Add(30 * time.Second)
	for until := sum() + n; sum() < until; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatal("writers stand still")
		}
	}
}

// writeUntil commits transaction after transaction into one partition. Transaction n appends fact n, sets two records to
// n, and replaces the marker of n-1 by its own. Some are heavy, so that memtables are flushed in between.
func writeUntil(t *testing.T, s *pebble.Store, p store.Partition, seed uint64, acked *atomic.Uint64, stop <-chan struct{}) {
	l, err := s.Acquire(t.Context(), p, "w", time.Hour)
	if err != nil {
		t.Error(err)
		return
	}
	rng := rand.New(rand.NewPCG(seed, uint64(p)+100))
	for n := uint64(1); ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		value := numbered(n, rng.IntN(4000)*rng.IntN(20))
		err := s.Commit(t.Context(), store.Tx{
			Partition: p, Epoch: l.Epoch, ID: fmt.Sprint(n),
			Puts:    []store.Put{{Key: recordKey("x"), Value: value}, {Key: recordKey("y"), Value: value}, {Key: marker(n)}},
			Deletes: []store.Key{marker(n - 1)},
			Appends: []store.Append{{Log: cutLog, Prev: n - 1, First: n, Count: 1, Value: value}},
		})[0]
		if err != nil {
			t.Errorf("transaction %d: %v", n, err)
			return
		}
		acked.Store(n)
	}
}

var cutLog = store.LogID{Tenant: "acme", Run: "r"}

func marker(n uint64) store.Key { return recordKey(fmt.Sprintf("at %06d", n)) }

// numbered is a value that says n and whose every byte depends on it.
func numbered(n uint64, size int) []byte {
	return append(binary.BigEndian.AppendUint64(nil, n), bytes.Repeat([]byte{byte(n)}, size)...)
}

func checkImage(t *testing.T, i int, im image) {
	t.Helper()
	s := open(t, pebble.Config{Dir: "var/lib/db", FS: im.disk})
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("cut %d: Close: %v", i, err)
		}
	}()
	for w, acked := range im.acked {
		if last := checkPartition(t, s, store.Partition(w)); last < acked {
			t.Errorf("cut %d, partition %d: transaction %d was acknowledged, the newest is %d", i, w, acked, last)
		}
	}
}

// checkPartition checks that a partition is exactly as some transaction left it and answers which.
func checkPartition(t *testing.T, s *pebble.Store, p store.Partition) (last uint64) {
	t.Helper()
	for {
		es, err := s.ReadLog(t.Context(), p, cutLog, last+1, 1000)
		if err != nil {
			t.Fatalf("partition %d: ReadLog: %v", p, err)
		}
		if len(es) == 0 {
			break
		}
		for _, e := range es {
			last++
			if want := numbered(last, len(e.Value)-8); e.First != last || !bytes.Equal(e.Value, want) {
				t.Fatalf("partition %d: entry %d is not entry %d as written", p, e.First, last)
			}
		}
	}
	if last == 0 {
		if _, err := s.Get(t.Context(), p, recordKey("x")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("partition %d: a record without its log entry: %v", p, err)
		}
		return 0
	}
	for _, id := range []string{"x", "y"} {
		r, err := s.Get(t.Context(), p, recordKey(id))
		if err != nil || binary.BigEndian.Uint64(r.Value) != last {
			t.Errorf("partition %d: record %s is not of transaction %d: %v", p, id, last, err)
		}
	}
	page, err := s.Scan(t.Context(), p, store.Range{Table: store.TableHeader, Tenant: "acme", From: "at ", To: "at!"})
	if err != nil || len(page.Records) != 1 || page.Records[0].Key != marker(last) {
		t.Errorf("partition %d: markers %v, want that of %d; %v", p, page.Records, last, err)
	}
	if known, err := s.Committed(t.Context(), p, fmt.Sprint(last)); !known || err != nil {
		t.Errorf("partition %d: transaction %d is known: %v, %v", p, last, known, err)
	}
	return last
}
