package pebble_test

import (
	"fmt"
	"sync"
	"testing"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// BenchmarkCommit measures what a step costs: a transaction with one append and one put, each fsynced, from callers that
// each own a partition.
//
// On two cores of a cloud machine with a virtual disk, other work running beside it, in transactions a second: 1 caller
// 4,400 (0.23 ms each, about one fsync); 8 callers 16,600; 32 callers 43,000; 64 callers 58,000; two lanes with 32
// partitions in each call 87,000.
//
//	CGO_ENABLED=0 go test -run '^$' -bench Commit ./store/pebble
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 8, 32, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b, pebble.Config{Dir: b.TempDir()})
			commitAll(b, s, callers, 1)
		})
	}
	// As lanes do it: two callers, each with many partitions in one call.
	b.Run("lanes=2/partitions=32", func(b *testing.B) {
		s := open(b, pebble.Config{Dir: b.TempDir()})
		commitAll(b, s, 2, 32)
	})
}

// commitAll lets callers share b.N transactions, each caller putting txs of them into one call.
func commitAll(b *testing.B, s *pebble.Store, callers, txs int) {
	epochs := make([]store.Epoch, s.Partitions())
	for p := range epochs {
		l, err := s.Acquire(b.Context(), store.Partition(p), "bench", 1e12)
		if err != nil {
			b.Fatal(err)
		}
		epochs[p] = l.Epoch
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for round := 0; round*callers*txs < b.N; round++ {
				for _, err := range s.Commit(b.Context(), batchOf(c, txs, round, epochs)...) {
					if err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "txs/s")
}

var benchValue = make([]byte, 200)

// appendsPerRun is how many commits a run of the benchmark lives for.
const appendsPerRun = 4

// batchOf makes one transaction for each partition of a caller: the next facts of a run, with its header row.
func batchOf(caller, txs, round int, epochs []store.Epoch) []store.Tx {
	out := make([]store.Tx, txs)
	for i := range out {
		p := store.Partition((caller*txs + i) % len(epochs))
		run := fmt.Sprintf("%02X01JD0000%012d%04d", p, round/appendsPerRun, caller*txs+i)
		a := store.Append{Log: store.LogID{Tenant: "default", Run: run}, Count: 5, Value: benchValue}
		if k := uint64(round % appendsPerRun); k == 0 {
			a.First = 1
		} else {
			a.Prev, a.First = 5*k-4, 5*k+1
		}
		out[i] = store.Tx{
			Partition: p, Epoch: epochs[p],
			Puts:    []store.Put{{Key: store.Key{Table: store.TableHeader, Tenant: "default", ID: run}, Value: benchValue}},
			Appends: []store.Append{a},
		}
	}
	return out
}
