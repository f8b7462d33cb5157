package runner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

// logRows are the keys of a run's logs in the store.
func (w *world) logRows(run string) (keys []string) {
	w.t.Helper()
	for p := range store.Partition(8) {
		page, err := w.store.Scan(context.Background(), p, store.Range{Table: store.TableLog, Limit: store.MaxScan})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, rec := range page.Records {
			if strings.HasPrefix(rec.Key.ID, run) {
				keys = append(keys, rec.Key.ID)
			}
		}
	}
	return keys
}

// chunked has a log stored in parts.
func (w *world) chunked(k *worker, run string, job *wire.JobRequest, parts int) (want []string) {
	w.t.Helper()
	for n := range parts {
		line := fmt.Sprint("line ", n+1)
		k.log(job, int64(n+1), line)
		want = append(want, line)
		w.logsAre(runner.LogQuery{Run: run}, want...)
		runner.KeepLogs(w.r, run)
		w.until("it is stored", func() bool { return len(w.logRows(run)) == n+1 })
	}
	return want
}

// TestLogOfAnEndThatIsNotDurable: the commit of an attempt's end fails, or nobody knows whether it did. In the end one row is
// left of its log, with every line once.
func TestLogOfAnEndThatIsNotDurable(t *testing.T) {
	for _, when := range []faults.Moment{faults.Before, faults.After} {
		t.Run(when.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.halt()
				failing := faults.Wrap(w.store)
				w.store = failing
				w.start()
				k := w.newWorker("w1", nil, "job.t.work")
				run, job := w.begun(k)
				want := w.chunked(k, run, job, 3)
				failing.Plan(faults.Fault{
					Method: faults.Commit, When: when, Do: faults.Fail(faults.ErrPlanned),
					Match: func(c faults.Call) bool { return slices.ContainsFunc(c.Txs, endsLog) },
				})
				w.until("the result is taken", func() bool { return k.done(job) == wire.AckCode_ACK_CODE_OK })
				w.ended(run)
				if len(failing.Fired()) != 1 {
					t.Fatal("nothing failed")
				}
				w.logsAre(runner.LogQuery{Run: run}, want...)
				if rows := w.logRows(run); len(rows) != 1 {
					t.Errorf("%q are left of it", rows)
				}
			})
		})
	}
}

// endsLog tells whether a transaction makes one row of a log's parts.
func endsLog(tx store.Tx) bool {
	return slices.ContainsFunc(tx.Deletes, func(k store.Key) bool { return k.Table == store.TableLog })
}

// TestLogEndsInTheBatchThatRewritesIt: what is stored of a log is made anew as a whole, and the attempt ends in the same batch: of the
// parts before nothing is left.
func TestLogEndsInTheBatchThatRewritesIt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		failing := faults.Wrap(w.store)
		w.store = failing
		w.start()
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		want := w.chunked(k, run, job, 3)
		failing.Plan(faults.Fault{
			Method: faults.Commit, When: faults.Before, Do: faults.Fail(faults.ErrPlanned),
			Match: func(c faults.Call) bool { return slices.ContainsFunc(c.Txs, keepsLog) },
		})
		k.log(job, 4, "line 4")
		want = append(want, "line 4")
		w.logsAre(runner.LogQuery{Run: run}, want...)
		runner.KeepLogs(w.r, run) // fails: the next one makes it anew
		synctest.Wait()
		goOn := runner.Stall(w.r, run)
		runner.KeepLogs(w.r, run)
		go k.done(job)
		synctest.Wait()
		goOn()
		w.ended(run)
		if len(failing.Fired()) != 1 {
			t.Fatal("nothing failed")
		}
		w.logsAre(runner.LogQuery{Run: run}, want...)
		if rows := w.logRows(run); len(rows) != 1 {
			t.Errorf("%q are left of it", rows)
		}
	})
}

// keepsLog tells whether a transaction stores a part of a log.
func keepsLog(tx store.Tx) bool {
	return slices.ContainsFunc(tx.Puts, func(p store.Put) bool { return p.Key.Table == store.TableLog })
}

// TestLogsOfNobodyWeigh: what waits for the word whose it is counts as what is kept does, and is let go when it is nobody's.
func TestLogsOfNobodyWeigh(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		k := w.newWorker("w1", nil, "job.t.work")
		run, job := w.begun(k)
		goOn := runner.Stall(w.r, run)
		for n := range 10 {
			k.logWith(job, &wire.JobLog{First: 1, Token: fmt.Appendf(nil, "nobody's token %d", n), Lines: linesOf(strings.Repeat("x", 100_000))})
		}
		synctest.Wait()
		if n := runner.LogBytes(w.r); n < 1_000_000 {
			t.Errorf("ten times 100,000 bytes weigh %d", n)
		}
		goOn()
		synctest.Wait()
		if n := runner.LogBytes(w.r); n != 0 {
			t.Errorf("nothing weighs %d", n)
		}
		k.log(job, 1, "mine")
		w.logsAre(runner.LogQuery{Run: run}, "mine")
		k.done(job)
		w.ended(run)
		synctest.Wait()
		if n := runner.LogBytes(w.r); n != 0 {
			t.Errorf("nothing weighs %d", n)
		}
	})
}
