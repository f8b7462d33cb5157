package runner_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/faults"
)

const (
	// asideFlow keeps a lane busy with the commits of its runs, and has no worker.
	asideFlow = "id: aside\nsteps:\n  - {id: a, topic: job.t.aside}\n"
	// undoneFlow records who gets its attempt before that is sent.
	undoneFlow = "id: plain\nsteps:\n  - {id: a, topic: job.t.work, idempotent: true, compensate: {topic: job.t.undo}}\n"
)

// TestGrantedWhileTheStoreHangs: a worker shows up and is granted a job at once; the lane that is to send it hangs in a commit of other
// runs, for longer than two heartbeats. None of them can list the job, and it is not lost: it is sent when the store is back, and
// done once, with the first attempt.
func TestGrantedWhileTheStoreHangs(t *testing.T) {
	for name, flow := range map[string]string{
		"no effect": sprintf(plain, "none", ""), "an effect": sprintf(plain, "write", ""), "recorded before it is sent": undoneFlow,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				h := hangingWorld(w)
				w.put(flow)
				w.put(asideFlow)
				run := w.run("plain", `{}`)
				over := h.hang(20*time.Second, func() { w.run("aside", `{}`) })
				k := w.newWorker("w1", nil, "job.t.work")
				k.none(time.Until(over) - 1)

				h.calm()
				job := k.next()
				k.none(time.Minute)
				k.accept(job)
				k.done(job)
				w.states(w.ended(run), "a=succeeded")
				if n := w.step(run, "a").Attempt; n != 1 || w.count(run, "job_released") != 1 {
					t.Errorf("attempt %d: %v", n, w.types(run))
				}
			})
		})
	}
}

// TestBegunAnewWhileTheStoreHangs: the worker that was granted a job begins anew before the job could be sent, and gets it when it is.
func TestBegunAnewWhileTheStoreHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		h := hangingWorld(w)
		w.put(sprintf(plain, "none", ""))
		w.put(asideFlow)
		run := w.run("plain", `{}`)
		over := h.hang(8*time.Second, func() { w.run("aside", `{}`) })
		k := w.newWorker("w1", nil, "job.t.work")
		k.none(2 * time.Second)
		k.set(func(k *worker) { k.incarnation = "2" })
		k.beat()
		k.none(time.Until(over) - 1)

		h.calm()
		job := k.next()
		k.none(time.Minute)
		k.done(job)
		if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
			t.Errorf("%s with attempt %d: %v", v.State, v.Steps[0].Attempt, w.types(run))
		}
	})
}

// TestLostOnTheWayIsNoticed: a job that is sent and does not arrive goes out again when its worker's heartbeats have shown twice that
// it has not got it, also when the lane could say only late that it was sent.
func TestLostOnTheWayIsNoticed(t *testing.T) {
	for name, hang := range map[string]time.Duration{"at once": 0, "said late": 7 * time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				h := hangingWorld(w)
				w.put(sprintf(plain, "none", ""))
				w.put(asideFlow)
				k := w.newWorker("w1", nil, "job.t.work")
				from := time.Now()
				k.set(func(k *worker) { k.forgets = true }) // as if it had not come
				run := w.run("plain", `{}`)
				lost := k.next()
				if hang > 0 {
					h.hang(hang, func() { w.run("aside", `{}`) })
				}
				again := k.next()
				if took := time.Since(from); again.JobId == lost.JobId || took > 10*time.Second+time.Second {
					t.Errorf("%s again, as %s, after %s", lost.JobId, again.JobId, took)
				}
				k.set(func(k *worker) { k.forgets = false; delete(k.have, lost.JobId) })
				h.calm()
				k.done(again)
				w.states(w.ended(run), "a=succeeded")
			})
		})
	}
}

// TestGrantedElsewhereWhileTheStoreHangs is TestGrantedWhileTheStoreHangs where another process grants the job than the one whose store
// hangs, for less than its leases.
func TestGrantedElsewhereWhileTheStoreHangs(t *testing.T) {
	replicaBubble(t, 2, func(t *testing.T, rs *replicas) {
		rs.put(sprintf(plain, "none", ""))
		rs.put(asideFlow)
		place := rs.place()
		other := rs.all[0]
		if other == place {
			other = rs.all[1]
		}
		run := other.run("plain")
		if !other.serves(run) {
			t.Fatal("the run is not that of the process that was asked")
		}
		rs.until("the place knows of it", func() bool { return runner.Waits(place.r, "job.t.work") })
		over := make(chan struct{})
		other.store.stuck.Store(&over)
		var aside sync.WaitGroup
		for range 16 {
			aside.Go(func() { other.run("aside") })
		}
		synctest.Wait()
		k := rs.world(place).newWorker("w1", nil, "job.t.work")
		for range 3 {
			k.none(1200 * time.Millisecond)
			k.beat()
		}
		other.store.stuck.Store(nil)
		close(over)

		aside.Wait()
		job := k.next()
		k.none(time.Minute)
		k.done(job)
		if v := rs.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
			t.Errorf("%s with attempt %d", v.State, v.Steps[0].Attempt)
		}
	})
}

// hanging is a store whose commits can be made to hang.
type hanging struct {
	*faults.Store
	busy sync.WaitGroup
}

// hangingWorld starts a world anew over such a store.
func hangingWorld(w *world) *hanging {
	w.t.Helper()
	w.halt()
	h := &hanging{Store: faults.Wrap(w.store)}
	w.store = h.Store
	w.start()
	return h
}

// hang has commits hang from now on, for so long, and has begin begin something that is to be committed, in every lane. It answers
// when it is over.
func (h *hanging) hang(d time.Duration, begin func()) time.Time {
	over := time.Now().Add(d)
	h.Plan(faults.Fault{Method: faults.Commit, Times: -1, Do: faults.Run(func() { time.Sleep(time.Until(over)) })})
	for range 16 {
		h.busy.Go(begin)
	}
	synctest.Wait()
	return over
}

// calm waits until what was begun is committed.
func (h *hanging) calm() {
	h.busy.Wait()
	h.Clear()
}
