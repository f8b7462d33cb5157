package runner_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// wide is a workflow with many facts: n jobs behind one gate.
func wide(n int) string {
	var b strings.Builder
	b.WriteString("id: wide\nsteps:\n  - {id: gate, type: approval}\n")
	for i := range n {
		b.WriteString(sprintf("  - {id: s%d, topic: job.t.work, effect: none, depends_on: [gate]}\n", i))
	}
	return b.String()
}

func (w *world) open(run string) {
	w.t.Helper()
	if _, err := w.r.Decide(context.Background(), ann, run+".gate~0", runner.Decision{Approve: true}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) watch(req runner.WatchRequest, buffer int) *runner.Watch {
	w.t.Helper()
	watch, err := w.r.Watch(context.Background(), ann, req, buffer)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(watch.Close)
	return watch
}

// follow reads a watch up to a run's end and checks that nothing is missing, doubled or out of order behind after.
func (w *world) follow(watch *runner.Watch, after uint64) (gaps int) {
	w.t.Helper()
	for {
		m, err := watch.Next(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		switch m.Kind {
		case "snapshot":
			after = m.Snapshot.Seq
		case "gap":
			if m.Seq <= after {
				w.t.Errorf("a gap up to %d behind %d", m.Seq, after)
			}
			gaps, after = gaps+1, m.Seq
		case "event":
			if m.Event.Seq != after+1 || m.Event.Prev != after {
				w.t.Fatalf("event %d behind %d comes behind %d", m.Event.Seq, m.Event.Prev, after)
			}
			after = m.Event.Seq
			if m.Event.Type == "run_succeeded" {
				return gaps
			}
		}
	}
}

func TestWatchShowsEachEventOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(wide(300))
		w.newWorker("w1", succeed, "job.t.work")
		run := w.run("wide", `{}`)
		live := w.watch(runner.WatchRequest{Run: run}, 10_000)
		w.open(run)
		part := w.watch(runner.WatchRequest{Run: run, Resume: true, AfterSeq: 2}, 10_000)
		small := w.watch(runner.WatchRequest{Run: run, Resume: true}, 1) // overflows while it replays: it reads on
		if n := w.follow(live, 0) + w.follow(part, 2) + w.follow(small, 0); n != 0 {
			t.Errorf("%d gaps", n)
		}
		w.ended(run)
		if n := w.follow(w.watch(runner.WatchRequest{Run: run, Resume: true, AfterSeq: 700}, 0), 700); n != 0 {
			t.Errorf("%d gaps after the end", n)
		}
		_, err := w.r.Watch(context.Background(), ann, runner.WatchRequest{Run: run, Resume: true, AfterSeq: 1 << 40}, 0)
		var invalid *runner.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("a seq of the future: %v", err)
		}
	})
}

func TestSlowViewerGetsAGapAndCostsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(wide(300))
		w.newWorker("w1", succeed, "job.t.work")
		run := w.run("wide", `{}`)
		slow := w.watch(runner.WatchRequest{Run: run}, 10)
		quick := w.watch(runner.WatchRequest{Run: run}, 10_000)
		w.open(run)
		v := w.ended(run)
		if n := w.follow(quick, 0); n != 0 {
			t.Errorf("the quick viewer has %d gaps", n)
		}
		var last runner.Message
		events := 0
		for last.Kind != "gap" {
			var err error
			if last, err = slow.Next(context.Background()); err != nil {
				t.Fatal(err)
			}
			if last.Kind == "event" {
				events++
			}
		}
		if events != 10 || last.Seq != v.Seq {
			t.Errorf("%d events, then a gap up to %d of %d", events, last.Seq, v.Seq)
		}
	})
}

func TestWatchOfAWorkflow(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(wide(3))
		w.newWorker("w1", succeed, "job.t.work")
		old := w.run("wide", `{}`)
		for _, flow := range []string{"wide", "*"} {
			watch := w.watch(runner.WatchRequest{Workflow: flow}, 0)
			run := w.run("wide", `{}`)
			w.open(run)
			var kinds []string
			for {
				m, err := watch.Next(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, m.Kind)
				if m.Header != nil && m.Header.ID == run && m.Header.EndedAt != nil {
					break
				}
			}
			if kinds[0] != "header" || !strings.Contains(strings.Join(kinds, " "), "live header") {
				t.Errorf("%s: %v", flow, kinds)
			}
			_ = old
		}
	})
}

func TestWatchEndsWithTheRunner(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(wide(1))
		run := w.run("wide", `{}`)
		watch := w.watch(runner.WatchRequest{Run: run, Resume: true, AfterSeq: w.view(run).Seq}, 0)
		ended := make(chan error, 1)
		go func() {
			for {
				if _, err := watch.Next(context.Background()); err != nil {
					ended <- err
					return
				}
			}
		}()
		time.Sleep(time.Second)
		w.halt()
		is(t, <-ended, runner.ErrUnavailable)
		watch.Close()
		watch.Close()
	})
}

func TestWaitRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
		run := w.run("nap", `{}`)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		seq := w.view(run).Seq
		v, err := w.r.WaitRun(ctx, ann, run, seq)
		if err != nil || v.Seq != seq || v.EndedAt != nil {
			t.Errorf("when the time is over: %+v, %v", v, err)
		}
		v, err = w.r.WaitRun(context.Background(), ann, run, seq)
		if err != nil || v.Seq <= seq {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestWatchShowsOnceWhatCameBetween lets events happen after the viewer has joined and before it reads: they are in the
// replay and in its live queue, and are shown once.
func TestWatchShowsOnceWhatCameBetween(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put("id: gate\nsteps:\n  - {id: ask, type: approval}\n")
		run := w.run("gate", `{}`)
		watch, err := w.r.Watch(ctx, ann, runner.WatchRequest{Run: run, Resume: true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer watch.Close()
		if _, err := w.r.Decide(ctx, ann, run+".ask~0", runner.Decision{Approve: true}); err != nil {
			t.Fatal(err)
		}
		last := w.ended(run).Seq
		quiet, cancel := context.WithTimeout(ctx, time.Minute) // the bubble's: nothing more comes
		defer cancel()
		next := uint64(1)
		for {
			m, err := watch.Next(quiet)
			if err != nil {
				break
			}
			if m.Event == nil {
				continue
			}
			if m.Event.Seq != next {
				t.Fatalf("event %d comes where %d should", m.Event.Seq, next)
			}
			next++
		}
		if next != last+1 {
			t.Errorf("saw %d events of %d", next-1, last)
		}
	})
}
