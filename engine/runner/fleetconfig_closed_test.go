package runner_test

import (
	"context"
	"testing"
	"testing/synctest"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store/faults"
)

// TestDocumentThatCannotBeReadAtTheStart: what a document keeps from workers is not given to them because it could not be read when
// the process began: it does not begin.
func TestDocumentThatCannotBeReadAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		if _, err := w.r.PutConfigDocument(ctx, ann, runner.PoolsDoc, "pools: {p: {draining: true}}", nil); err != nil {
			t.Fatal(err)
		}
		w.halt()
		for n := 1; ; n++ { // whichever of the reads it is that fails
			failing := faults.Wrap(w.store)
			failing.Plan(faults.Fault{Method: faults.Get, When: faults.Before, Do: faults.Fail(faults.ErrPlanned), Nth: n})
			memory := bus.NewMemory()
			r, err := runner.New(runner.Config{Owner: "test", Lanes: 2, Policy: safety.NewSnapshot(safety.Allow), Logger: quiet()}, failing, memory)
			if err != nil {
				t.Fatal(err)
			}
			began, stop := context.WithCancel(ctx)
			over := make(chan error, 1)
			go func() { over <- r.Run(began) }()
			synctest.Wait()
			if r.Health(ctx) == nil {
				if all := r.Pools(ctx, ann); len(all) != 1 || !all[0].Draining {
					t.Errorf("read %d failed, and the pools are %+v", n, all)
				}
			}
			stop()
			<-over
			_ = memory.Close()
			if len(failing.Fired()) == 0 {
				return
			}
		}
	})
}
