package redis_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

const (
	crashes      = 8
	crashWriters = 4 // one per partition
	crashAfter   = 150
)

// TestKilledServer kills a server that fsyncs before it answers in the middle of commits, again and again. Afterwards
// everything acknowledged is there, nothing was applied twice, and no commit is there in part: neither with a store that
// waits for the server to come back, nor with one that gives up soon and reads back.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	for name, patience := range map[string]time.Duration{"patient": 20 * time.Second, "hasty": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redisd.Start(t, redisd.Durable...)
			disturb(t, fresh(server).Hurried(max(patience/4, 10*time.Millisecond), patience), kill(server))
		})
	}
}

func TestKilledPrimary(t *testing.T) {
	t.Parallel()
	nodes := redisd.StartCluster(t, 3, redisd.Durable...)
	disturb(t, fresh(nodes...).Hurried(time.Second, 20*time.Second), kill(nodes...))
}

// kill kills one server after another and starts it again.
func kill(servers ...*redisd.Server) func(i int) {
	return func(i int) {
		victim := servers[i%len(servers)]
		victim.Kill()
		victim.Restart()
	}
}

// TestCutConnections: answers get lost and connections end while callers share round trips. Nothing is done twice, and
// callers notice nothing.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	w := newWire(t, server)
	cfg := fresh(server).Hurried(500*time.Millisecond, 20*time.Second)
	cfg.Addrs = []string{w.addr()}
	disturb(t, cfg, func(i int) {
		w.loseAnswers(1 + i%3)
		if i%2 == 1 {
			w.cut()
		}
	})
}

// writer has tickets, one after another, that it wants to have done exactly once.
type writer struct {
	s    *redis.Store
	p    store.Partition
	e    store.Epoch
	next int // number of the ticket
	prev uint64

	acked   map[int]bool
	unknown int
}

// disturb does something bad again and again while writers commit, and checks what is left.
func disturb(t *testing.T, cfg redis.Config, bad func(i int)) {
	cfg.Partitions = crashWriters
	s := open(t, cfg)
	var done atomic.Int64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	ws := make([]*writer, crashWriters)
	for p := range ws {
		ws[p] = &writer{s: s, p: store.Partition(p), e: settle(t, s, store.Partition(p)), acked: map[int]bool{}}
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := ws[p].write(t); err != nil {
					t.Errorf("partition %d, ticket %d: %v", p, ws[p].next, err)
					return
				}
				done.Add(1)
			}
		})
	}
	begun := time.Now()
	for i := range crashes {
		until := done.Load() + crashAfter
		for deadline := time.Now().Add(30 * time.Second); done.Load() < until; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) || t.Failed() {
				t.Fatalf("writers stand still after %d disturbances", i)
			}
		}
		bad(i)
	}
	close(stop)
	writers.Wait()
	unknown := 0
	for _, w := range ws {
		w.check(t)
		unknown += w.unknown
	}
	t.Logf("disturbed %d times, %d commits, %d of them read back, in %v", crashes, done.Load(), unknown, time.Since(begun).Round(time.Millisecond))
}

// settle gets a partition from a store that may be too hasty for a busy machine.
func settle(t *testing.T, s *redis.Store, p store.Partition) store.Epoch {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		l, err := s.Acquire(t.Context(), p, "owner", time.Hour)
		if err == nil {
			return l.Epoch
		}
		if !errors.Is(err, redis.ErrRefused) && !errors.Is(err, redis.ErrUnknown) || time.Now().After(deadline) {
			t.Fatalf("Acquire(%d): %v", p, err)
		}
	}
}

// write brings one ticket through: an unknown outcome is read back, and tried again under another id when it was none.
func (w *writer) write(t *testing.T) error {
	w.next++
	for try := 0; ; try++ {
		id := fmt.Sprintf("%d/%d", w.next, try)
		value := strconv.Itoa(w.next)
		tx := store.Tx{
			Partition: w.p, Epoch: w.e, ID: id,
			Puts:    append(putOf("x", value), putOf("ticket "+value, id)...),
			Deletes: []store.Key{recordKey("ticket " + strconv.Itoa(w.next-1))},
			Appends: []store.Append{entryOf(w.prev, w.prev+1, value)},
		}
		err := w.s.Commit(t.Context(), tx)[0]
		if err == nil {
			break
		}
		if !errors.Is(err, redis.ErrRefused) && !errors.Is(err, redis.ErrUnknown) {
			return err
		}
		w.unknown++
		known, err := w.readBack(t, id)
		if err != nil {
			return err
		}
		if known {
			break
		}
	}
	w.prev++
	w.acked[w.next] = true
	return nil
}

// readBack asks until the server answers.
func (w *writer) readBack(t *testing.T, id string) (bool, error) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		known, err := w.s.Committed(t.Context(), w.p, id)
		if err == nil || time.Now().After(deadline) {
			return known, err
		}
	}
}

// check compares a partition with what was acknowledged.
func (w *writer) check(t *testing.T) {
	t.Helper()
	seen := map[int]int{}
	last := 0
	for from := uint64(1); ; {
		es, err := w.s.ReadLog(t.Context(), w.p, store.LogID{Tenant: tenant, Run: "r"}, from, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(es) == 0 {
			break
		}
		for _, e := range es {
			n, err := strconv.Atoi(string(e.Value))
			if err != nil || n != last+1 {
				t.Fatalf("partition %d: ticket %q stands behind %d", w.p, e.Value, last)
			}
			seen[n]++
			last = n
			from = e.First + 1
		}
	}
	for n := range w.acked {
		if seen[n] != 1 {
			t.Errorf("partition %d: ticket %d was acknowledged and is there %d times", w.p, n, seen[n])
		}
	}
	r, err := w.s.Get(t.Context(), w.p, recordKey("x"))
	if err != nil || string(r.Value) != strconv.Itoa(last) {
		t.Errorf("partition %d: the record is of ticket %q, the log ends with %d; %v", w.p, r.Value, last, err)
	}
	page, err := w.s.Scan(t.Context(), w.p, store.Range{Table: store.TableHeader, Tenant: tenant, From: "ticket"})
	if err != nil || len(page.Records) != 2 || page.Records[0].Key.ID != "ticket "+strconv.Itoa(last) {
		t.Errorf("partition %d: markers %v, %v, want that of ticket %d", w.p, page.Records, err, last)
	}
}
