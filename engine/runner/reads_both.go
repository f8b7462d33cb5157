package runner

import (
	"container/heap"
	"context"
	"fmt"

	"cordum.dev/cordum/store"
)

// A list of runs by workflow and state has no index of its own: it is what two indexes have in common. Both are in the order of
// runs, so that of two places the later one says how far the other index can skip: what is read is little when one of them has
// little, whichever it is.

// bothWalk goes through the runs that are in two indexes, newest first, over all partitions.
type bothWalk struct {
	r       *Runner
	tenant  string
	indexes [2]runIndex
	parts   bothHeap
	looked  int // reads of an index so far
	rows    int // what they answered
}

// runIndex is a part of a table whose ids are a prefix and a run.
type runIndex struct {
	table  store.Table
	prefix string
}

// bothPart is how far the walk has come in one partition.
type bothPart struct {
	p     store.Partition
	rows  [2][]string // runs read ahead of each index, newest first
	page  [2]int      // how many are read at once
	uses  [2]int      // how many places it took to use up what was read last
	place string      // no run behind it is left to be looked at; without its partition
	found bool        // place is a run that is in both
}

// bothHeap has the partition with the latest place on top.
type bothHeap []*bothPart

func (h bothHeap) Len() int           { return len(h) }
func (h bothHeap) Less(i, j int) bool { return h[i].place > h[j].place }
func (h bothHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *bothHeap) Push(x any)        { *h = append(*h, x.(*bothPart)) }
func (h *bothHeap) Pop() any {
	last := len(*h) - 1
	part := (*h)[last]
	*h = (*h)[:last]
	return part
}

// walkBoth begins below a place; "" at the newest run.
func (r *Runner) walkBoth(tenant, below string, a, b runIndex) *bothWalk {
	w := &bothWalk{r: r, tenant: tenant, indexes: [2]runIndex{a, b}}
	if below == "" {
		below = behindRuns
	}
	for p := range r.epochs {
		w.parts = append(w.parts, &bothPart{p: store.Partition(p), place: below, page: [2]int{firstBoth, firstBoth}})
	}
	return w
}

// next answers the next run that is in both; "" when there is none. It gives up when it has read too often: then left is true, and
// from is the place from which on another walk finds the rest.
func (w *bothWalk) next(ctx context.Context) (run, from string, left bool, err error) {
	for len(w.parts) > 0 {
		top := w.parts[0]
		if top.found {
			top.found = false
			return partRun(top.p, top.place), top.place, true, nil
		}
		if w.looked >= maxBoth || w.rows >= maxLooked {
			return "", top.place, true, nil
		}
		over, err := w.advance(ctx, top)
		if err != nil {
			return "", "", false, err
		}
		if over {
			heap.Pop(&w.parts)
		} else {
			heap.Fix(&w.parts, 0)
		}
	}
	return "", "", false, nil
}

// advance brings a partition's place on to the next run that may be in both. It is over when an index has none left.
func (w *bothWalk) advance(ctx context.Context, part *bothPart) (over bool, err error) {
	for i := range w.indexes {
		part.skip(i)
		if len(part.rows[i]) > 0 {
			continue
		}
		if err := w.read(ctx, part, i); err != nil || len(part.rows[i]) == 0 {
			return true, err
		}
	}
	a, b := part.rows[0][0], part.rows[1][0]
	part.place, part.found = max(a, b), a == b
	if a != b { // the older one may be in both, what is between is not
		part.place = min(a, b) + behindRuns
	}
	return false, nil
}

// skip leaves out the rows that are not below the partition's place. Where those at hand were used up in some steps, the next page is
// twice as long; where one place lies behind all of them, most of a page was read for nothing, and the next one is short again.
func (part *bothPart) skip(i int) {
	n := 0
	for n < len(part.rows[i]) && part.rows[i][n] >= part.place {
		n++
	}
	if n == 0 {
		return
	}
	part.uses[i]++
	switch part.rows[i] = part.rows[i][n:]; {
	case len(part.rows[i]) > 0:
	case part.uses[i] > 1:
		part.page[i] = min(2*part.page[i], mostBoth)
	default:
		part.page[i] = firstBoth
	}
}

// read reads some rows of an index below the partition's place.
func (w *bothWalk) read(ctx context.Context, part *bothPart, i int) error {
	w.looked++
	of := w.indexes[i]
	from := of.prefix + partRun(part.p, "")
	page, err := w.r.store.Scan(ctx, part.p, store.Range{
		Table: of.table, Tenant: w.tenant, From: from, To: from + part.place, Reverse: true, Limit: part.page[i],
	})
	if err != nil {
		return fmt.Errorf("read a list: %w", unread(err))
	}
	w.rows += len(page.Records)
	part.rows[i], part.uses[i] = part.rows[i][:0], 0
	for _, rec := range page.Records {
		part.rows[i] = append(part.rows[i], rec.Key.ID[len(from):])
	}
	return nil
}

// runsOfBoth is a page of Runs for a filter of a workflow and a state. A page that is full looks for one more run within its bound:
// that there is a cursor says that there is more, or that nobody knows.
func (r *Runner) runsOfBoth(ctx context.Context, tenant string, f Filter, below string, n int) ([]RunHeader, string, error) {
	w := r.walkBoth(tenant, below,
		runIndex{store.TableRecent, f.Workflow + "\x01"}, runIndex{store.TableByState, statePrefix(f.Kind, f.State)})
	var out []RunHeader
	for last := ""; ; {
		run, from, left, err := w.next(ctx)
		switch {
		case err != nil:
			return nil, "", err
		case run == "" && !left:
			return out, "", nil
		case run == "":
			return out, encodeCursor(from), nil
		case len(out) == n:
			return out, encodeCursor(last), nil
		}
		last = from
		h, err := r.header(ctx, tenant, run)
		if err != nil {
			r.cfg.Logger.Warn("run of a list cannot be read", "run_id", run, "error", err)
			continue
		}
		if h.Kind.String() == f.Kind && h.State == f.State {
			out = append(out, h.view(run))
		}
	}
}
