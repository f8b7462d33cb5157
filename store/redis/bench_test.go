package redis_test

import (
	"fmt"
	"sync"
	"testing"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// BenchmarkCommit measures what a step costs: a transaction with one append and one put, from callers that each own a
// partition; in a server that fsyncs before it answers, in one that does every second, and in Pebble for comparison.
//
// On two cores of a cloud machine with a virtual disk, with the server and much other work on the same cores, in
// transactions a second (1 caller, 8, 64, two lanes with 32 partitions in each call): appendfsync always 760 to 1,500,
// 1,500 to 2,400, 5,800 to 7,600, 4,600 to 7,000; everysec 5,700, 11,300, 22,400, 21,300; Pebble in the same run 450 to
// 1,200, 3,200 to 9,200, 27,000, 16,000 to 34,000.
//
//	CGO_ENABLED=0 go test -run '^$' -bench Commit ./store/redis
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(b *testing.B) store.Store
	}{
		{"always", func(b *testing.B) store.Store { return openBench(b, "always") }},
		{"everysec", func(b *testing.B) store.Store { return openBench(b, "everysec") }},
		{"pebble", func(b *testing.B) store.Store {
			s, err := pebble.Open(pebble.Config{Dir: b.TempDir(), Logger: quiet()})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			return s
		}},
	} {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", c.name, callers), func(b *testing.B) { commitAll(b, c.open(b), callers, 1) })
		}
		b.Run(c.name+"/lanes=2/partitions=32", func(b *testing.B) { commitAll(b, c.open(b), 2, 32) })
	}
}

func openBench(b *testing.B, fsync string) store.Store {
	cfg := fresh(redisd.Start(b, "--appendonly", "yes", "--appendfsync", fsync))
	cfg.Partitions = 64
	return open(b, cfg)
}

// commitAll lets callers share b.N transactions, each caller putting txs of them into one call.
func commitAll(b *testing.B, s store.Store, callers, txs int) {
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
