package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"cordum.dev/cordum/store"
)

// rowsWalk goes through rows of an index whose ids are a prefix, a partition, a run's ULID and more: those of the newest runs first,
// over all partitions and some prefixes. It reads a little of each, and more of those that are used up, so that what a page of a
// list costs follows from its length and the number of partitions, never from what is stored.
type rowsWalk struct {
	r       *Runner
	streams []rowStream // the one with the newest row on top: a heap
	begun   bool
}

// rowStream is what is left of one prefix in one partition.
type rowStream struct {
	p      store.Partition
	at     store.Range
	prefix int // length of what stands before the run's id
	rows   []listed
	over   bool
}

// listed is a row of a list that is merged from all partitions.
type listed struct {
	table store.Table
	id    string // without the table's prefix; "" is no row
	order string // id without its partition: its ULID first
	value []byte
}

// walkRows begins below a place; "" at the newest run. n is how many rows will be wanted, more or less.
func (r *Runner) walkRows(table store.Table, tenant string, prefixes []string, below string, n int) *rowsWalk {
	if below == "" {
		below = behindRuns
	}
	w := &rowsWalk{r: r, streams: make([]rowStream, 0, len(prefixes)*len(r.epochs))}
	page := min(max(2*n/(len(prefixes)*len(r.epochs)), firstRows), mostRows)
	for _, prefix := range prefixes {
		for p := range r.epochs {
			from := prefix + partRun(store.Partition(p), "")
			w.streams = append(w.streams, rowStream{p: store.Partition(p), prefix: len(prefix), at: store.Range{
				Table: table, Tenant: tenant, From: from, To: from + below, Reverse: true, Limit: page,
			}})
		}
	}
	return w
}

func partRun(p store.Partition, place string) string { return fmt.Sprintf("%02X%s", p, place) }

// behindRuns is behind the place of every run.
const behindRuns = "~"

// next answers the next row; one without an id is the end.
func (w *rowsWalk) next(ctx context.Context) (listed, error) {
	if !w.begun {
		w.begun = true
		if err := w.fillAll(ctx); err != nil {
			return listed{}, err
		}
	}
	top := &w.streams[0]
	if len(top.rows) == 0 {
		return listed{}, nil
	}
	row := top.rows[0]
	top.rows = top.rows[1:]
	if err := w.fill(ctx, top); err != nil {
		return listed{}, err
	}
	w.sink(0)
	return row, nil
}

// fillAll reads the first page of every stream, a few at a time: with a store that is far away most of it is waiting.
func (w *rowsWalk) fillAll(ctx context.Context) error {
	var errs [readAtOnce]error
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for s := i; s < len(w.streams) && errs[i] == nil; s += len(errs) {
				errs[i] = w.fill(ctx, &w.streams[s])
			}
		})
	}
	all.Wait()
	for i := len(w.streams)/2 - 1; i >= 0; i-- {
		w.sink(i)
	}
	return errors.Join(errs[:]...)
}

// fill reads a page when none is left in memory: twice as much each time.
func (w *rowsWalk) fill(ctx context.Context, s *rowStream) error {
	if len(s.rows) > 0 || s.over {
		return nil
	}
	page, err := w.r.store.Scan(ctx, s.p, s.at)
	if err != nil {
		return fmt.Errorf("read a list: %w", unread(err))
	}
	s.rows = make([]listed, len(page.Records))
	for i, rec := range page.Records {
		name := strings.Clone(rec.Key.ID[s.prefix:])
		s.rows[i] = listed{table: s.at.Table, id: name, order: name[min(2, len(name)):], value: rec.Value}
	}
	s.at.After, s.over = page.Next, page.Next == nil
	s.at.Limit = min(2*s.at.Limit, mostRows)
	return nil
}

func (s *rowStream) top() string {
	if len(s.rows) == 0 {
		return ""
	}
	return s.rows[0].order
}

// sink puts a stream where it belongs in the heap.
func (w *rowsWalk) sink(i int) {
	for {
		newest := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(w.streams) && w.streams[child].top() > w.streams[newest].top() {
				newest = child
			}
		}
		if newest == i {
			return
		}
		w.streams[i], w.streams[newest] = w.streams[newest], w.streams[i]
		i = newest
	}
}
