package runner_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

// TestNobodyIsRefusedForWhatNeverWas: of two people who answer an approval in one batch whose commit fails, the second is not told
// that it was decided already, and so is not who asks again; a command after a cancel in that batch is not told so either.
func TestNobodyIsRefusedForWhatNeverWas(t *testing.T) {
	cancel := func(w *world, run string) error {
		_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
		return err
	}
	approve := func(w *world, run string) error {
		_, err := w.r.Decide(context.Background(), sre("bob"), run+".gate~0", runner.Decision{Approve: true})
		return err
	}
	for name, act := range map[string]func(*world, string) error{"approved twice": approve, "cancelled, then approved": cancel} {
		t.Run(name, func(t *testing.T) {
			bubbleOf(t, func(t *testing.T, w *world, failing *faults.Store) {
				w.put("id: ask\nsteps:\n  - {id: gate, type: approval}\n")
				run := w.run("ask", `{}`)
				synctest.Wait()
				release, said := make(chan struct{}), make(chan error, 2)
				failing.Plan(faults.Fault{Method: faults.Commit, Do: faults.Hang(release)}, faults.Fault{Method: faults.Commit, Nth: 2, Do: faults.Fail(faults.ErrPlanned)})
				go func() { // while this is written, the others come together
					_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbSignal, Signal: "hello"})
					if err != nil {
						t.Error(err)
					}
				}()
				synctest.Wait()
				go func() { said <- act(w, run) }()
				synctest.Wait()
				go func() { said <- approve(w, run) }()
				synctest.Wait()
				close(release)
				for range 2 {
					if err := <-said; !errors.Is(err, runner.ErrUnavailable) || errors.Is(err, runner.ErrConflict) {
						t.Errorf("the answer is %v, want that nobody knows", err)
					}
				}
				synctest.Wait()
				if v := w.view(run); v.EndedAt != nil {
					t.Errorf("the run is %s, after a commit that failed", v.State)
				}
			})
		})
	}
}
