package runner_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// TestLogEndsInTheBatchThatStoresIt: what is stored every few seconds and what an attempt's end stores meet in one commit; the
// end's counts, whether it is the first time that the log is stored or not.
func TestLogEndsInTheBatchThatStoresIt(t *testing.T) {
	for name, before := range map[string]time.Duration{"never stored before": 0, "stored before": time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				k := w.newWorker("w1", nil, "job.t.work")
				run, job := w.begun(k)
				all := runner.LogQuery{Run: run}
				k.log(job, 1, "one")
				w.logsAre(all, "one")
				time.Sleep(before)
				k.log(job, 2, "two")
				w.logsAre(all, "one", "two")

				goOn := runner.Stall(w.r, run)
				runner.KeepLogs(w.r, run)
				// The last line is left out by its worker: only the end of the log says so.
				k.logWith(job, &wire.JobLog{First: 3, Dropped: 5})
				go k.done(job)
				synctest.Wait()
				goOn()
				w.ended(run)
				w.logsAre(all, "one", "two", "(5 left out)")
				w.restart()
				w.logsAre(all, "one", "two", "(5 left out)")
			})
		})
	}
}
