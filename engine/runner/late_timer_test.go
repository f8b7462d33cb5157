package runner_test

import (
	"bytes"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// TestTimeoutWhileNobodyListened: an attempt's time is over while no engine runs, and its worker has answered, or lives and goes on. It
// is not ended before there was time to say so again; when nothing is said, it is.
func TestTimeoutWhileNobodyListened(t *testing.T) {
	for name, c := range map[string]struct {
		step, want string
		says       bool
	}{
		"answers again":       {"timeout: 20s", "succeeded", true},
		"answers again, all":  {"timeout: 20s, total_timeout: 30s", "succeeded", true},
		"says nothing":        {"timeout: 20s", "timed_out", false},
		"says nothing at all": {"timeout: 20s, total_timeout: 30s", "timed_out", false},
		"beats again":         {"heartbeat_timeout: 10s", "succeeded", true},
		"is cancelled, heard": {"", "succeeded", true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, " + c.step + "}\n")
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("one", `{}`)
				job := k.next()
				k.accept(job)
				if c.step == "" {
					w.command(run, "cancel")
				}
				w.halt()
				k.set(func(k *worker) { k.mute = !c.says })
				time.Sleep(time.Minute)
				w.start()
				began := time.Now()
				time.Sleep(5 * time.Second) // as late as a worker of ours asks again
				held, loaded, folded, err := runner.StatesOf(t.Context(), w.r, ann.Tenant, run)
				if err != nil || !bytes.Equal(held, loaded) || !bytes.Equal(held, folded) {
					t.Errorf("what is put off differs from what is stored: %v", err)
				}
				if c.says {
					k.done(job)
				}
				v := w.ended(run)
				if got := v.Steps[0].State; got != c.want {
					t.Errorf("%s, want %s: %v", got, c.want, w.types(run))
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("ended %s after the start", took)
				}
			})
		})
	}
}
