package runner_test

import (
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestTamperedBetween: a job that is not what people let start any more is taken back at the moment of its sending, and they are
// asked about what it is now. What they say then is about that.
func TestTamperedBetween(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		governed(t, w, twoSREs)
		w.put(oneJob)
		run := w.run("wf", `{"v": 7}`)
		before := w.waiting(run, "deploy")
		for _, who := range []string{"bob", "cid"} {
			if err := w.approve(sre(who), before); err != nil {
				t.Fatal(err)
			}
		}
		runner.Tamper(w.r, ann.Tenant, run, 0, []byte(`{"v":8}`)) // released, and no worker is there yet
		sent := w.counting("job.deploy", nil)
		a := w.waiting(run, "deploy")
		if a.Round != 2 || a.Why != "the job's input has changed" || a.Hash == before.Hash || sent.count() != 0 {
			t.Fatalf("round %d (%s), %d sent", a.Round, a.Why, sent.count())
		}
		if w.count(run, "job_withheld") != 1 {
			t.Error("nothing says that the job was taken back")
		}
		if err := w.approve(sre("bob"), before); err == nil {
			t.Error("what was shown before could be approved")
		}
		for _, who := range []string{"bob", "cid"} {
			if err := w.approve(sre(who), a); err != nil {
				t.Fatal(err)
			}
		}
		w.until("it is sent", func() bool { return sent.count() == 1 })
	})
}
