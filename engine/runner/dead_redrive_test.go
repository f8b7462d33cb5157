package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// stubborn is a worker whose jobs fail until it is told to relent; it notes when attempts came.
type stubborn struct {
	mu      sync.Mutex
	relents bool
	came    []time.Time
}

func (s *stubborn) act(*wire.JobRequest) *wire.JobResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came = append(s.came, time.Now())
	if s.relents {
		return succeed(nil)
	}
	return fatal()
}

func (s *stubborn) relent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relents, s.came = true, nil
}

func (s *stubborn) attempts() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.came...)
}

// TestRedrive: it counts first, keeps to its rate, goes on after a restart, and there is one at a time.
func TestRedrive(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		s := &stubborn{}
		w.newWorker("w1", s.act, "job.t.work")
		for range 20 {
			w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
		}
		s.relent()
		req := runner.RedriveRequest{Filter: runner.DeadFilter{Topic: "job.t.work"}, Rate: 2, DryRun: true}
		v, err := w.r.StartRedrive(ctx, ann, req)
		if err != nil || v.Matched != 20 || v.State != "dry_run" || v.Reasons["failed"] != 20 || len(s.attempts()) != 0 {
			t.Fatalf("%+v %v", v, err)
		}
		req.DryRun = false
		if v, err = w.r.StartRedrive(ctx, ann, req); err != nil || v.State != "running" || v.ID == "" {
			t.Fatalf("%+v %v", v, err)
		}
		_, err = w.r.StartRedrive(ctx, ann, req)
		is(t, err, runner.ErrConflict)
		time.Sleep(4 * time.Second)
		half, err := w.r.Redrive(ctx, ann, v.ID)
		if err != nil || half.Retried < 6 || half.Retried > 9 {
			t.Errorf("after 4 s at 2 a second: %+v %v", half, err)
		}
		w.restart()
		w.until("it is done", func() bool {
			v, err = w.r.Redrive(ctx, ann, v.ID)
			return err == nil && v.State == "done"
		})
		if v.Retried < 16 || v.Retried > 20 || v.Refused != 0 || v.EndedAt == nil { // what was done in the last second before the stop may not be counted
			t.Errorf("%+v", v)
		}
		w.until("nothing is dead", func() bool { return len(w.deadOf(runner.DeadFilter{})) == 0 })
		came := s.attempts()
		if len(came) != 20 {
			t.Errorf("%d attempts", len(came))
		}
		for i := 4; i < len(came); i++ {
			if came[i].Sub(came[i-4]) < time.Second {
				t.Errorf("attempts %d to %d came within %s", i-4, i, came[i].Sub(came[i-4]))
			}
		}
		_, err = w.r.Redrive(ctx, bea, v.ID)
		is(t, err, runner.ErrNotFound)
	})
}

// TestRedriveIsStopped: nothing more is retried, over a restart too; what dies again is left alone.
func TestRedriveIsStopped(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		s := &stubborn{}
		w.newWorker("w1", s.act, "job.t.work")
		for range 10 {
			w.submitEnded(runner.JobRequest{Topic: "job.t.work"})
			time.Sleep(time.Second)
		}
		v, err := w.r.StartRedrive(ctx, ann, runner.RedriveRequest{Filter: runner.DeadFilter{Reason: "failed"}, Rate: 1})
		if err != nil {
			t.Fatal(err)
		}
		w.until("some were retried", func() bool {
			v, err = w.r.Redrive(ctx, ann, v.ID)
			return err == nil && v.Retried >= 3
		})
		_, err = w.r.StopRedrive(ctx, bea, v.ID)
		is(t, err, runner.ErrNotFound)
		if v, err = w.r.StopRedrive(ctx, ann, v.ID); err != nil || v.State != "stopped" {
			t.Fatalf("%+v %v", v, err)
		}
		w.restart()
		time.Sleep(time.Minute)
		if v, err = w.r.Redrive(ctx, ann, v.ID); err != nil || v.State != "stopped" || v.Retried > 4 {
			t.Errorf("%+v %v", v, err)
		}
		if v, err = w.r.StopRedrive(ctx, ann, v.ID); err != nil || v.State != "stopped" {
			t.Errorf("%+v %v", v, err)
		}
		v, err = w.r.StartRedrive(ctx, ann, runner.RedriveRequest{Filter: runner.DeadFilter{Reason: "failed"}, Rate: 100})
		if err != nil {
			t.Fatal(err)
		}
		w.until("it is done", func() bool {
			v, err = w.r.Redrive(ctx, ann, v.ID)
			return err == nil && v.State == "done"
		})
		if v.Retried != 10 || len(w.deadOf(runner.DeadFilter{})) != 10 {
			t.Errorf("%+v, %d entries", v, len(w.deadOf(runner.DeadFilter{})))
		}
	})
}

// TestDeadLettersAreTheBadJobs: over a store that fails on purpose, stops at any moment and commands at random there is one
// entry for each job that ended badly and each compensation that is held, and no other.
func TestDeadLettersAreTheBadJobs(t *testing.T) {
	for seed := range seeds(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 5))
				w := stillWorld(t)
				_, runs := w.sagasOverFaults(rng, seed, 3, 8*time.Second)
				for _, v := range w.deadOf(runner.DeadFilter{}) {
					if rng.IntN(2) == 0 {
						_, _ = w.r.RetryDead(context.Background(), ann, v.ID)
					}
				}
				time.Sleep(10 * time.Minute)
				for _, run := range runs {
					_, _ = w.r.Command(context.Background(), ann, run, runner.Command{Verb: runner.VerbResume})
				}
				time.Sleep(10 * time.Minute)
				w.deadAsViewed()
			})
		})
	}
}

// deadAsViewed checks the entries against what the runs show.
func (w *world) deadAsViewed() {
	w.t.Helper()
	entries := map[string]int{}
	for _, v := range w.deadOf(runner.DeadFilter{State: "dead"}) {
		entries[v.ID]++
	}
	all, _, err := w.r.Runs(context.Background(), ann, runner.Filter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	want := 0
	for _, row := range all {
		for _, s := range w.view(row.ID).Steps {
			switch s.State {
			case "failed", "timed_out", "denied", "held":
			default:
				continue
			}
			if s.JobID == "" {
				continue
			}
			want++
			if entries[s.JobID] != 1 {
				w.t.Errorf("%s of %s is %s and has %d entries", s.Path, row.ID, s.State, entries[s.JobID])
			}
			delete(entries, s.JobID)
		}
		w.whole(row.ID)
	}
	if len(entries) > 0 {
		w.t.Errorf("entries of jobs that are not bad: %v", entries)
	}
	w.t.Logf("%d entries", want)
}
