package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// TestListsByWorkflowAndState: whatever is asked for, the pages together are what looking at every run gives, in order, each once.
func TestListsByWorkflowAndState(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		rnd := rand.New(rand.NewPCG(3, 4))
		w.flows()
		w.newWorker("w1", succeed, "job.t.work")
		w.newWorker("w2", func(*wire.JobRequest) *wire.JobResult { return fatal() }, "job.t.fails")
		var all []string
		for range 150 {
			name := []string{"work", "work", "work", "fails", "gate", "job", "job", "job"}[rnd.IntN(8)]
			switch run := ""; name {
			case "job":
				w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
			case "gate":
				run = w.run("gate", `{}`)
				w.until("it waits", func() bool { return w.view(run).State == "waiting" })
				if rnd.IntN(2) == 0 {
					w.command(run, runner.VerbCancel)
					w.ended(run)
				}
				all = append(all, run)
			default:
				run = w.ended(w.run(name, `{}`)).ID
				all = append(all, run)
			}
			time.Sleep(time.Millisecond)
		}
		slices.Reverse(all)
		for _, workflow := range []string{"", "work", "fails", "gate", "nap"} {
			for _, state := range []string{"", "succeeded", "failed", "waiting", "cancelled", "timed_out"} {
				var want []string
				for _, run := range all {
					v := w.view(run)
					if (workflow == "" || v.Workflow == workflow) && (state == "" || v.State == state) {
						want = append(want, run)
					}
				}
				for _, limit := range []int{1, 7, 1000} {
					got := w.pages(runner.Filter{Workflow: workflow, State: state, Limit: limit})
					if !slices.Equal(got, want) {
						t.Errorf("workflow %q, state %q, by %d: %d runs, want %d", workflow, state, limit, len(got), len(want))
					}
				}
			}
		}
	})
}

// TestListsOfNothingInCommon: a workflow and a state that share no run, and lie between each other all over a store, are one empty page
// without a cursor, as far as a page's bound goes; beyond that there is a cursor, and no page reads more than its bound.
func TestListsOfNothingInCommon(t *testing.T) {
	for rows, pages := range map[int]int{300: 1, 2000: 1, 5000: 3} {
		bubble(t, func(t *testing.T, w *world) {
			w.halt()
			counts := &countingStore{Store: w.store}
			w.store, w.checked = counts, true // the rows have no runs
			w.interleave(rows)
			w.start()
			f, got := runner.Filter{Workflow: "w", State: "failed", Limit: 50}, 0
			for next := "-"; next != ""; got++ {
				counts.calls.Store(0)
				counts.records.Store(0)
				list, cursor, err := w.r.Runs(context.Background(), ann, f)
				if err != nil || len(list) > 0 {
					t.Fatalf("%d runs, %v", len(list), err)
				}
				if counts.calls.Load() > 600 || counts.records.Load() > 10_000+256 {
					t.Errorf("a page read %d times %d rows", counts.calls.Load(), counts.records.Load())
				}
				f.Cursor, next = cursor, cursor
			}
			if got > pages {
				t.Errorf("%d rows between three times as many are %d pages, want %d at most", rows, got, pages)
			}
		})
	}
}

// interleave puts rows of runs of a workflow into a partition's index, and behind each three of others that failed.
func (w *world) interleave(rows int) {
	w.t.Helper()
	lease, err := w.store.Acquire(context.Background(), 3, "copies", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	tx := store.Tx{Partition: 3, Epoch: lease.Epoch}
	for n := range 4 * rows {
		var u ulid.ULID
		_ = u.SetTime(ulid.Timestamp(time.Now()) + uint64(n)) //nolint:gosec // never below zero
		key := store.Key{Table: store.TableByState, Tenant: "default", ID: "workflow/failed\x01" + id.Run(3, u)}
		if n%4 == 0 {
			key.Table, key.ID = store.TableRecent, "w\x01"+id.Run(3, u)
		}
		tx.Puts = append(tx.Puts, store.Put{Key: key, Value: []byte{1}})
	}
	if err := w.store.Commit(context.Background(), tx)[0]; err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Release(context.Background(), lease); err != nil {
		w.t.Fatal(err)
	}
}

// TestFullPageIsTheLast: a page that is full has no cursor when no run is left.
func TestFullPageIsTheLast(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.flows()
		w.newWorker("w1", succeed, "job.t.work")
		for range 3 {
			w.ended(w.run("work", `{}`))
		}
		for limit, more := range map[int]bool{2: true, 3: false} {
			list, cursor, err := w.r.Runs(context.Background(), ann, runner.Filter{Workflow: "work", State: "succeeded", Limit: limit})
			if err != nil || len(list) != limit || (cursor != "") != more {
				t.Errorf("by %d: %d runs, cursor %q, %v", limit, len(list), cursor, err)
			}
		}
	})
}

// pages reads a list to its end.
func (w *world) pages(f runner.Filter) (runs []string) {
	w.t.Helper()
	for n := 0; ; n++ {
		rows, next, err := w.r.Runs(context.Background(), ann, f)
		if err != nil || n > 10_000 {
			w.t.Fatal(fmt.Errorf("page %d: %w", n, err))
		}
		for _, row := range rows {
			runs = append(runs, row.ID)
		}
		if f.Cursor = next; next == "" {
			return runs
		}
	}
}
