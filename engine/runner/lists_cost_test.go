package runner_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// countingStore counts what is asked of a store, and what it answers.
type countingStore struct {
	store.Store
	calls, records atomic.Int64
}

func (s *countingStore) Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error) {
	s.calls.Add(1)
	s.records.Add(1)
	return s.Store.Get(ctx, p, k)
}

func (s *countingStore) Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error) {
	page, err := s.Store.Scan(ctx, p, r)
	s.calls.Add(1)
	s.records.Add(int64(len(page.Records)))
	return page, err
}

func (s *countingStore) ReadLog(ctx context.Context, p store.Partition, l store.LogID, from uint64, n int) ([]store.Entry, error) {
	entries, err := s.Store.ReadLog(ctx, p, l, from, n)
	s.calls.Add(1)
	s.records.Add(int64(len(entries)))
	return entries, err
}

// manyPartitions is how many a store has by default.
const manyPartitions = 64

// throng is a world whose store gets ever more runs of all kinds, as copies of those that were played.
type throng struct {
	*world
	counts *countingStore
	played []string
	made   uint64
}

func newThrong(t *testing.T) *throng {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: manyPartitions, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := &throng{world: &world{t: t, bus: bus.NewMemory(), checked: true}, counts: &countingStore{Store: s}}
	c.store = c.counts
	t.Cleanup(func() { _ = c.bus.Close() })
	c.start()
	c.flows()
	c.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
		if j.StepId == "c" {
			return fatal()
		}
		return succeed(j)
	}, "job.t.work")
	c.newWorker("w2", func(*wire.JobRequest) *wire.JobResult { return fatal() }, "job.t.fails", "job.t.undo")
	for range 4 {
		c.play()
	}
	c.halt()
	return c
}

// play brings one run of each kind as far as it goes.
func (c *throng) play() {
	c.t.Helper()
	gate := c.run("gate", `{}`)
	c.until("it waits", func() bool { return c.view(gate).State == "waiting" })
	chain := c.run("chain", `{}`)
	c.compensation(chain, "held")
	nap := c.run("nap", `{}`)
	c.until("it sleeps", func() bool { return c.view(nap).State == "waiting" })
	c.played = append(
		c.played, gate, chain, nap, c.ended(c.run("work", `{}`)).ID, c.ended(c.run("fails", `{}`)).ID,
		c.submitEnded(runner.JobRequest{Topic: "job.t.work"}).RunID, c.submitEnded(runner.JobRequest{Topic: "job.t.fails"}).RunID,
	)
}

// grow copies what was played n times, each run in its own partition: a list that goes by time meets all kinds in turn.
func (c *throng) grow(n int) {
	c.t.Helper()
	ctx := context.Background()
	for p := range manyPartitions {
		lease, err := c.counts.Acquire(ctx, store.Partition(p), "copies", time.Hour)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, run := range c.played {
			if run[:2] != fmt.Sprintf("%02X", p) {
				continue
			}
			pattern := c.itemsOf(store.Partition(p), run)
			var txs []store.Tx // one for each entry of a log
			for range pattern {
				txs = append(txs, store.Tx{Partition: store.Partition(p), Epoch: lease.Epoch})
			}
			for range n {
				c.copy(txs, run, pattern)
			}
			for _, tx := range txs {
				if err := c.counts.Commit(ctx, tx)[0]; err != nil {
					c.t.Fatal(err)
				}
			}
		}
		if err := c.counts.Release(ctx, lease); err != nil {
			c.t.Fatal(err)
		}
	}
}

// itemsOf are what the store keeps of a run but for the audit log.
func (c *throng) itemsOf(p store.Partition, run string) (items []store.Item) {
	c.t.Helper()
	err := c.counts.Store.(store.Walker).Walk(context.Background(), p, func(i store.Item) error {
		r := i.Record
		if i.Entry != nil && i.Entry.Log.Run == run || r != nil && r.Key.Table != store.TableAudit && strings.Contains(r.Key.ID, run) {
			items = append(items, i)
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return items
}

// copy puts one more run like another one into transactions. It seems to have begun at any time of the last hour.
func (c *throng) copy(txs []store.Tx, of string, pattern []store.Item) {
	c.made++
	var u ulid.ULID
	_ = u.SetTime(ulid.Timestamp(time.Now().Add(-time.Duration(c.made*7919%3600) * time.Second)))
	_ = u.SetEntropy(fmt.Appendf(nil, "%010d", c.made))
	run := of[:2] + u.String()
	other := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(of), []byte(run)) }
	prev := uint64(0)
	for n, i := range pattern {
		tx := &txs[n]
		if e := i.Entry; e != nil {
			tx.Appends = append(tx.Appends, store.Append{
				Log: store.LogID{Tenant: e.Log.Tenant, Run: run}, Prev: prev, First: e.First, Count: e.Count, Value: other(e.Value),
			})
			prev = e.First
			continue
		}
		key := i.Record.Key
		key.ID = string(other([]byte(key.ID)))
		tx.Puts = append(tx.Puts, store.Put{Key: key, Value: other(i.Record.Value)})
	}
}

// costed is a list, and what a page of it may cost.
type costed struct {
	name string
	page func(cursor string, limit int) (items int, next string, err error)
	// records and calls are what a page of so many items may read and ask.
	records, calls func(limit int) int
}

// runLists are the lists of runs and jobs, by every combination of filters.
func (c *throng) runLists() (lists []costed) {
	ctx := context.Background()
	// One index: two rows of each partition at least, as many again as the page has, and a header of each run.
	one := func(n int) int { return 6*n + 4*manyPartitions }
	// Runs among jobs are looked for in the index of every state.
	among := func(n int) int { return 8*n + 10*2*manyPartitions }
	for _, workflow := range []string{"", "work", "fails", "gate", "absent"} {
		for _, state := range []string{"", "succeeded", "failed", "waiting", "timed_out"} {
			for _, kind := range []string{"", "workflow", "job"} {
				f := runner.Filter{Workflow: workflow, State: state, Kind: kind}
				l := costed{name: fmt.Sprintf("runs %+v", f), records: one, calls: one, page: func(cursor string, limit int) (int, string, error) {
					f := f
					f.Cursor, f.Limit = cursor, limit
					rows, next, err := c.r.Runs(ctx, ann, f)
					return len(rows), next, err
				}}
				switch {
				case workflow != "" && state != "":
					l.records, l.calls = func(n int) int { return n + 10_000 + 256 }, func(n int) int { return n + 600 }
				case workflow+state == "" && kind != "job":
					l.records, l.calls = among, among
				}
				lists = append(lists, l)
			}
		}
	}
	for _, state := range []string{"", "succeeded", "failed", "running", "denied"} {
		lists = append(lists, costed{name: "jobs " + state, page: func(cursor string, limit int) (int, string, error) {
			rows, next, err := c.r.Jobs(ctx, ann, runner.Filter{State: state, Cursor: cursor, Limit: limit})
			return len(rows), next, err
		}, records: func(n int) int { return one(n) + 16*n }, calls: func(n int) int { return one(n) + 8*n }}) // each is read whole
	}
	return lists
}

// otherLists are the lists of what lies beside runs.
func (c *throng) otherLists() (lists []costed) {
	ctx := context.Background()
	looked := func(most int) func(int) int { return func(n int) int { return most + 6*n + 4*manyPartitions } }
	for _, f := range []runner.Filter{{}, {State: "waiting"}, {State: "approved"}, {Workflow: "gate"}, {Workflow: "absent"}} {
		lists = append(lists, costed{name: fmt.Sprintf("approvals %+v", f), page: func(cursor string, limit int) (int, string, error) {
			f := f
			f.Cursor, f.Limit = cursor, limit
			rows, next, err := c.r.Approvals(ctx, ann, f)
			return len(rows), next, err
		}, records: looked(2*2_000 + 512), calls: looked(256)})
	}
	for _, f := range []runner.DeadFilter{{}, {Workflow: "fails"}, {Workflow: "absent"}, {State: "retrying"}, {Until: time.Now().Add(-time.Hour)}} {
		lists = append(lists, costed{name: fmt.Sprintf("dead letters %+v", f), page: func(cursor string, limit int) (int, string, error) {
			rows, next, err := c.r.DeadLetters(ctx, ann, f, cursor, limit)
			return len(rows), next, err
		}, records: looked(10_000 + 128*manyPartitions), calls: looked(256)})
	}
	lists = append(lists, costed{name: "held compensations", page: func(cursor string, limit int) (int, string, error) {
		rows, next, err := c.r.Held(ctx, ann, cursor, limit)
		return len(rows), next, err
	}, records: func(n int) int { return 24*n + 4*manyPartitions }, calls: func(n int) int { return 12*n + 4*manyPartitions }}) // each run is read whole
	for _, q := range []runner.AuditQuery{{}, {Actor: "user:ann"}, {Actor: "user:nobody"}, {Forward: true}} {
		lists = append(lists, costed{name: fmt.Sprintf("audit %+v", q), page: func(cursor string, limit int) (int, string, error) {
			q := q
			q.Cursor, q.Limit = cursor, limit
			rows, next, err := c.r.AuditRecords(ctx, ann, q)
			if q.Forward && len(rows) == 0 {
				next = ""
			}
			return len(rows), next, err
		}, records: looked(20_000), calls: looked(20_000 / 16)})
	}
	return lists
}

// TestListsCostWhatTheyShow: what is read for a page follows from its length, whatever the filter, whichever page it is and however
// much is stored. A time is bounded by that on any machine.
func TestListsCostWhatTheyShow(t *testing.T) {
	t.Parallel()
	c := newThrong(t)
	sizes := []int{20, 100}
	if testing.Short() {
		sizes = []int{10}
	}
	for _, more := range sizes {
		c.grow(more)
		c.start()
		for _, l := range append(c.runLists(), c.otherLists()...) {
			for _, limit := range []int{1, 50} {
				c.checkCost(l, limit)
			}
		}
		c.halt()
	}
}

// pagesChecked is how many pages of a list are looked at.
const pagesChecked = 12

func (c *throng) checkCost(l costed, limit int) {
	c.t.Helper()
	cursor := ""
	for n := range pagesChecked {
		c.counts.calls.Store(0)
		c.counts.records.Store(0)
		_, next, err := l.page(cursor, limit)
		if err != nil {
			c.t.Fatalf("%s, page %d: %v", l.name, n, err)
		}
		calls, records := int(c.counts.calls.Load()), int(c.counts.records.Load())
		if calls > l.calls(limit) || records > l.records(limit) {
			c.t.Errorf("%s, page %d of %d, with %d runs stored: %d calls (at most %d) read %d records (at most %d)",
				l.name, n, limit, int(c.made), calls, l.calls(limit), records, l.records(limit))
		}
		if cursor = next; cursor == "" {
			return
		}
	}
}
