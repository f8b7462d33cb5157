package runner_test

import (
	"context"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

// TestRedriveOverAnOutage: while the store cannot be read a redrive waits. It refuses nothing for that, leaves nothing out, and does
// not say that it is done.
func TestRedriveOverAnOutage(t *testing.T) {
	for name, method := range map[string]faults.Method{"entries": faults.Get, "the list": faults.Scan} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				w.halt()
				failing := faults.Wrap(w.store)
				w.store = failing
				w.start()
				s := &stubborn{}
				w.newWorker("w1", s.act, "job.t.work")
				for range 5 {
					w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
				}
				s.relent()
				v, err := w.r.StartRedrive(ctx, ann, runner.RedriveRequest{Filter: runner.DeadFilter{Topic: "job.t.work"}, Rate: 1})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(1500 * time.Millisecond)
				failing.Plan(faults.Fault{Method: method, Times: -1, Do: faults.Fail(faults.ErrPlanned)})
				time.Sleep(20 * time.Second)
				failing.Clear()
				w.until("it is over", func() bool {
					v, err = w.r.Redrive(ctx, ann, v.ID)
					return err == nil && v.State != "running"
				})
				if v.State != "done" || v.Retried != 5 || v.Refused != 0 {
					t.Errorf("%+v", v)
				}
				w.until("nothing is dead", func() bool { return len(w.deadOf(runner.DeadFilter{})) == 0 })
			})
		})
	}
}
