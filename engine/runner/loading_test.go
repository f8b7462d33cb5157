package runner_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/faults"
)

const (
	longSleep = "id: sleeps\nsteps:\n  - {id: d, type: delay, for: 24h}\n"
	quickJob  = "id: quick\nsteps:\n  - {id: a, topic: job.t, effect: none}\n"
)

// sleeperBehind answers a run that sleeps and is not in memory, in a world whose store fails on demand, and a worker for others.
func sleeperBehind(t *testing.T, w *world) (run string, p store.Partition, flaky *faults.Store) {
	t.Helper()
	w.put(longSleep)
	w.put(quickJob)
	run = w.run("sleeps", `{}`)
	w.until("it sleeps", func() bool { return w.step(run, "d").State == "waiting" })
	w.halt()
	flaky = faults.Wrap(w.store)
	w.store = flaky
	w.start()
	w.newWorker("w", succeed, "job.t")
	n, err := id.Partition(run)
	if err != nil {
		t.Fatal(err)
	}
	return run, store.Partition(n), flaky
}

// hangReads makes reads of logs of a partition hang until what it answers is called, once or more often.
func hangReads(flaky *faults.Store, p store.Partition) (release func()) {
	over := make(chan struct{})
	flaky.Plan(faults.Fault{Method: faults.ReadLog, Times: -1, Do: faults.Hang(over), Match: func(c faults.Call) bool { return c.Partition == p }})
	return sync.OnceFunc(func() { close(over) })
}

// TestNobodyWaitsForAnothersLoad: while a run is read that is not in memory, the other runs of its lane go on; what came for it is
// done afterwards, in order.
func TestNobodyWaitsForAnothersLoad(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		run, p, flaky := sleeperBehind(t, w)
		release := hangReads(flaky, p)
		defer release()
		said := make(chan error, 3)
		for _, v := range []runner.Verb{runner.VerbPause, runner.VerbResume, runner.VerbCancel} {
			go func() {
				_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: v})
				said <- err
			}()
			time.Sleep(time.Second)
		}
		for range 32 { // of every lane
			w.ended(w.run("quick", `{}`))
		}
		select {
		case err := <-said:
			t.Fatalf("answered without the run: %v", err)
		default:
		}
		release()
		for range 3 {
			if err := <-said; err != nil {
				t.Error(err)
			}
		}
		if v := w.ended(run); v.State != "cancelled" || w.count(run, "run_paused") != 1 || w.count(run, "run_resumed") != 1 {
			t.Errorf("%s: %v", v.State, w.types(run))
		}
	})
}

// TestStrangersLoadAnswersNobodyElse: who asks for a run under another tenant's name is told that there is none, and nobody else is.
func TestStrangersLoadAnswersNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		run, p, flaky := sleeperBehind(t, w)
		over := make(chan struct{})
		flaky.Plan(faults.Fault{Method: faults.Get, Do: faults.Hang(over), Match: func(c faults.Call) bool { return c.Partition == p }})
		ask := func(c runner.Caller, said chan error) {
			_, err := w.r.Command(context.Background(), c, run, runner.Command{Verb: runner.VerbCancel})
			said <- err
		}
		stranger, owner := make(chan error, 1), make(chan error, 1)
		go ask(runner.Caller{Tenant: "other", Actor: "user:eve"}, stranger)
		time.Sleep(time.Second)
		go ask(ann, owner)
		time.Sleep(time.Second)
		close(over)
		is(t, <-stranger, runner.ErrNotFound)
		if err := <-owner; err != nil {
			t.Error(err)
		}
		if v := w.ended(run); v.State != "cancelled" {
			t.Error(v.State)
		}
	})
}

// TestLoadThatFails: who waits for a run that cannot be read now is told so, and later it can be.
func TestLoadThatFails(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		run, p, flaky := sleeperBehind(t, w)
		flaky.Plan(faults.Fault{
			Method: faults.ReadLog, Times: 2, Do: faults.Fail(faults.ErrPlanned), Match: func(c faults.Call) bool { return c.Partition == p },
		})
		_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
		is(t, err, runner.ErrUnavailable)
		flaky.Clear()
		w.command(run, runner.VerbCancel)
		if v := w.ended(run); v.State != "cancelled" {
			t.Error(v.State)
		}
	})
}

// TestLoadThatIsOvertaken: while a run is read for who waits, its lane writes to it and lets go of it again. What was read is as the
// run was before: nobody is answered by it.
func TestLoadThatIsOvertaken(t *testing.T) {
	bubbleOf(t, func(t *testing.T, w *world, flaky *faults.Store) {
		w.put(longSleep)
		run := w.run("sleeps", `{}`)
		w.until("it sleeps", func() bool { return w.step(run, "d").State == "waiting" })
		n, err := id.Partition(run)
		if err != nil {
			t.Fatal(err)
		}
		its := func(c faults.Call) bool { return c.Partition == store.Partition(n) }
		// The lane cannot note a fault at once, and has to read the run for that a moment later.
		flaky.Plan(faults.Fault{Method: faults.ReadLog, Do: faults.Fail(faults.ErrPlanned), Match: its})
		runner.Panic(w.r, ann.Tenant, run)
		synctest.Wait()
		// Meanwhile somebody asks, and the end of the log is on its way for long.
		over := make(chan struct{})
		flaky.Plan(faults.Fault{Method: faults.ReadLog, Nth: 2, When: faults.After, Do: faults.Hang(over), Match: its})
		said := make(chan error, 1)
		go func() {
			_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbResume})
			said <- err
		}()
		synctest.Wait()
		// The fault is noted, but the lane is not told so.
		flaky.Plan(faults.Fault{Method: faults.Commit, When: faults.After, Do: faults.Fail(faults.ErrPlanned)})
		time.Sleep(time.Second)
		if fired := flaky.Fired(); len(fired) != 3 {
			t.Fatalf("only this went wrong: %v", fired)
		}
		close(over)
		if err := <-said; err != nil {
			t.Errorf("resume: %v", err)
		}
		if v := w.view(run); v.State != "waiting" || w.count(run, "run_faulted") != 1 || w.count(run, "run_resumed") != 1 {
			t.Errorf("%s: %v", v.State, w.types(run))
		}
	})
}

// TestStopWhileLoading: a process that stops answers who waits for a run that is being read.
func TestStopWhileLoading(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		run, p, flaky := sleeperBehind(t, w)
		release := hangReads(flaky, p)
		defer release()
		said := make(chan error, 1)
		go func() {
			_, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbCancel})
			said <- err
		}()
		time.Sleep(time.Second)
		w.stop()
		is(t, <-said, runner.ErrUnavailable)
		release()
		if err := <-w.done; err != nil {
			t.Error(err)
		}
		w.stop = nil
		flaky.Clear()
		w.start()
		if v := w.view(run); v.State != "waiting" {
			t.Error(v.State)
		}
	})
}

// TestTakeOverReadsBeforeItServes: a partition is served by who takes it over when the runs under way in it have been read, and
// nothing else waits for that.
func TestTakeOverReadsBeforeItServes(t *testing.T) {
	replicaBubble(t, 1, func(t *testing.T, rs *replicas) {
		rs.put("id: wf\nsteps:\n  - {id: a, topic: job.t.work, effect: none}\n")
		k := rs.world(rs.all[0]).newWorker("w", nil, "job.t.work")
		flaky := faults.Wrap(rs.store)
		rs.store = flaky
		rs.add()
		run := rs.all[0].run("wf")
		job := k.next()
		k.accept(job)
		n, err := id.Partition(run)
		if err != nil {
			t.Fatal(err)
		}
		release := hangReads(flaky, store.Partition(n))
		defer release()
		rs.all[0].kill()
		heir := rs.all[1]
		rs.until("the others are taken over", func() bool { return len(runner.Owned(heir.r)) >= rs.store.Partitions()-1 })
		time.Sleep(time.Second)
		if heir.serves(run) {
			t.Error("the partition is served, and a run in it is not known yet")
		}
		release()
		rs.until("it is served", func() bool { return heir.serves(run) })
		k.done(job)
		if v := rs.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
			t.Errorf("%s, attempt %d", v.State, v.Steps[0].Attempt)
		}
	})
}
