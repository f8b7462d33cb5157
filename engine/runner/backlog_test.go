package runner_test

import (
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
)

// TestBacklogBeforeAlarms: while the store hangs, more comes in than a lane does at once, and timers come due. What came before a timer
// was due goes before it: a worker that was heard in time is not taken for silent, and what it said in time is not late.
func TestBacklogBeforeAlarms(t *testing.T) {
	const jobs = 1200
	for name, c := range map[string]struct {
		step string
		say  func(k *worker, job *wire.JobRequest)
		hang time.Duration // until half a second after the timers are due: who is later than a second is excused anyway
		want string
	}{
		"heard":    {"heartbeat_timeout: 8s", func(*worker, *wire.JobRequest) {}, 7500 * time.Millisecond, "running"},
		"answered": {"timeout: 12s", func(k *worker, job *wire.JobRequest) { k.done(job) }, 11500 * time.Millisecond, "succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				h := hangingWorld(w)
				w.put("id: wide\nsteps:\n  - {id: a, topic: job.t.work, effect: none, for_each: input.all, max_parallel: 2000, " + c.step + "}\n")
				w.put(asideFlow)
				k := w.newWorker("w1", nil, "job.t.work")
				k.set(func(k *worker) { k.slots = 2 * jobs })
				k.beat()
				synctest.Wait()
				all, _ := json.Marshal(map[string]any{"all": make([]int, jobs)})
				run := w.run("wide", string(all))
				var saying sync.WaitGroup
				for range jobs {
					job := k.next()
					k.accept(job)
					saying.Go(func() {
						time.Sleep(2 * time.Second)
						c.say(k, job)
					})
				}
				time.Sleep(time.Second)
				h.hang(c.hang, func() { w.run("aside", `{}`) })
				h.calm()
				saying.Wait()
				time.Sleep(20 * time.Second)
				if n := len(k.cancelled); n > 0 {
					t.Errorf("%d of %d attempts were taken from a worker that spoke in time", n, jobs)
				}
				if got := w.view(run).State; got != c.want {
					t.Errorf("the run is %s, want %s", got, c.want)
				}
				k.set(func(k *worker) { k.mute = true }) // and timers ring all the same
				w.until("the run has ended", func() bool { return w.view(run).EndedAt != nil })
			})
		})
	}
}
