package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
)

var eve = runner.Caller{Tenant: "other", Actor: "user:eve"}

func TestIdempotencyKeys(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 30d}\n")
		start := func(c runner.Caller, key, input string) (runner.Started, error) {
			return w.r.Start(ctx, c, runner.StartRequest{Workflow: "nap", IdempotencyKey: key, Input: json.RawMessage(input)})
		}
		var mu sync.Mutex
		runs := map[string]int{}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				s, err := start(ann, "k", `{"n":1}`)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				runs[s.RunID]++
			})
		}
		all.Wait()
		if len(runs) != 1 {
			t.Fatalf("one key made %d runs", len(runs))
		}
		_, err := start(ann, "k", `{"n":2}`)
		is(t, err, runner.ErrIdempotency)
		bob := ann
		bob.Actor = "user:bob"
		if s, err := start(bob, "k", `{"n":1}`); err != nil || s.Replayed || runs[s.RunID] > 0 {
			t.Errorf("another actor's key: %+v, %v", s, err)
		}
		other := ann // whom another tenant calls the same
		other.Tenant = "acme"
		if _, err := w.r.PutWorkflow(ctx, other, []byte("id: nap\nsteps:\n  - {id: a, type: delay, for: 30d}\n"), runner.FormatYAML); err != nil {
			t.Fatal(err)
		}
		if s, err := start(other, "k", `{"n":1}`); err != nil || s.Replayed || runs[s.RunID] > 0 {
			t.Errorf("another tenant's key: %+v, %v", s, err)
		}
		w.restart()
		if s, err := start(ann, "k", `{"n":1}`); err != nil || !s.Replayed || runs[s.RunID] != 50 {
			t.Errorf("after a restart: %+v, %v", s, err)
		}
		time.Sleep(25 * time.Hour)
		if s, err := start(ann, "k", `{"n":2}`); err != nil || s.Replayed {
			t.Errorf("a day later: %+v, %v", s, err)
		}
		left := 0
		for p := range w.store.Partitions() {
			page, err := w.store.Scan(ctx, store.Partition(p), store.Range{Table: store.TableDedupe})
			if err != nil {
				t.Fatal(err)
			}
			left += len(page.Records)
		}
		if left != 1 {
			t.Errorf("%d keys are remembered, want 1: old ones are not swept", left)
		}
	})
}

func TestCommandIDs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put("id: ask\nsteps:\n  - {id: gate, type: approval}\n  - {id: nap, type: delay, for: 1h}\n")
		run := w.run("ask", `{}`)
		c := ann
		c.Command = "c1"
		for range 3 {
			a, err := w.r.Decide(ctx, c, run+".gate~0", runner.Decision{Approve: true, Comment: "yes"})
			if err != nil || a.State != "approved" {
				t.Fatalf("%+v, %v", a, err)
			}
		}
		_, err := w.r.Decide(ctx, c, run+".gate~0", runner.Decision{Approve: false})
		is(t, err, runner.ErrIdempotency)
		c.Command = "c2"
		for range 2 {
			if _, err := w.r.Command(ctx, c, run, runner.Command{Verb: runner.VerbSignal, Signal: "go"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.count(run, "signal_received"); n != 1 {
			t.Errorf("a repeated signal came %d times", n)
		}
	})
}

func TestApprovals(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put("id: ask\nsteps:\n  - {id: gate, type: approval, title: Go on, context: {n: \"${input.n}\"}}\n")
		run := w.run("ask", `{"n":3}`)
		id := run + ".gate~0"
		a, err := w.r.Approval(ctx, ann, id)
		if err != nil || a.State != "waiting" || string(a.Context) != `{"n":3}` || a.Hash == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		_, err = w.r.Decide(ctx, eve, id, runner.Decision{Approve: true})
		is(t, err, runner.ErrNotFound)
		_, err = w.r.Decide(ctx, ann, id, runner.Decision{Approve: true, ExpectHash: "else"})
		is(t, err, runner.ErrConflict)
		if _, err = w.r.Decide(ctx, ann, id, runner.Decision{Approve: false, ExpectHash: a.Hash}); err != nil {
			t.Fatal(err)
		}
		_, err = w.r.Decide(ctx, ann, id, runner.Decision{Approve: true})
		is(t, err, runner.ErrConflict)
		v := w.ended(run)
		w.states(v, "gate=rejected")
		_, err = w.r.Decide(ctx, ann, run+".none~0", runner.Decision{Approve: true})
		is(t, err, runner.ErrNotFound)
	})
}

func TestListsPage(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put("id: ask\nsteps:\n  - {id: gate, type: approval}\n")
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
		var want []string
		for i := range 60 {
			time.Sleep(time.Millisecond)
			run := w.run([]string{"ask", "nap"}[i%2], `{}`)
			want = append([]string{run}, want...)
			if i%6 == 0 {
				if _, err := w.r.Decide(ctx, ann, run+".gate~0", runner.Decision{Approve: true}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got []string
		pages(t, func(cursor string) (string, error) {
			rows, next, err := w.r.Runs(ctx, ann, runner.Filter{Limit: 7, Cursor: cursor})
			for _, r := range rows {
				got = append(got, r.ID)
			}
			return next, err
		})
		if !slices.Equal(got, want) {
			t.Errorf("runs are %d, in another order or number than the %d started", len(got), len(want))
		}
		got = nil
		pages(t, func(cursor string) (string, error) {
			rows, next, err := w.r.Runs(ctx, ann, runner.Filter{Limit: 4, Cursor: cursor, Workflow: "ask", State: "waiting"})
			for _, r := range rows {
				got = append(got, r.ID)
			}
			return next, err
		})
		if len(got) != 20 {
			t.Errorf("%d runs wait, want 20", len(got))
		}
		got = nil
		pages(t, func(cursor string) (string, error) {
			rows, next, err := w.r.Approvals(ctx, ann, runner.Filter{Limit: 6, Cursor: cursor})
			for _, r := range rows {
				got = append(got, r.State[:1]+r.ID)
			}
			return next, err
		})
		if len(got) != 30 || got[19][0] != 'w' || got[20][0] != 'a' {
			t.Errorf("%d approvals: %v", len(got), got)
		}
		if newest, err := w.r.LatestRun(ctx, ann, "nap"); err != nil || newest != want[0] {
			t.Errorf("newest %s, %v", newest, err)
		}
		for _, bad := range []string{"x", "AAAA", "YzE6Li4v", strings.Repeat("A", 5000)} {
			_, _, err := w.r.Runs(ctx, ann, runner.Filter{Cursor: bad})
			is(t, err, runner.ErrInvalidCursor)
			_, _, err = w.r.Approvals(ctx, ann, runner.Filter{Cursor: bad})
			is(t, err, runner.ErrInvalidCursor)
		}
		if rows, _, _ := w.r.Runs(ctx, eve, runner.Filter{}); len(rows) != 0 {
			t.Error("another tenant sees runs")
		}
	})
}

// pages follows a list to its end.
func pages(t *testing.T, page func(cursor string) (string, error)) {
	t.Helper()
	cursor := ""
	for range 100 {
		next, err := page(cursor)
		if err != nil {
			t.Fatal(err)
		}
		if next == "" {
			return
		}
		cursor = next
	}
	t.Fatal("a list does not end")
}

func TestTenantsAreApart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(sprintf(plain, "none", ""))
		run := w.run("plain", `{}`)
		for name, call := range map[string]func(run string) error{
			"view":     func(run string) error { _, err := w.r.View(ctx, eve, run); return err },
			"wait":     func(run string) error { _, err := w.r.WaitRun(ctx, eve, run, 0); return err },
			"timeline": func(run string) error { _, _, err := w.r.Timeline(ctx, eve, run, 0, 0); return err },
			"cancel": func(run string) error {
				_, err := w.r.Command(ctx, eve, run, runner.Command{Verb: runner.VerbCancel, Force: true})
				return err
			},
			"signal": func(run string) error {
				_, err := w.r.Command(ctx, eve, run, runner.Command{Verb: runner.VerbSignal, Signal: "x"})
				return err
			},
			"rerun":     func(run string) error { _, err := w.r.Rerun(ctx, eve, run); return err },
			"job":       func(run string) error { _, err := w.r.Job(ctx, eve, run+".a~0"); return err },
			"canceljob": func(run string) error { _, err := w.r.CancelJob(ctx, eve, run+".a~0"); return err },
			"approval":  func(run string) error { _, err := w.r.Approval(ctx, eve, run+".a~0"); return err },
			"watch": func(run string) error {
				_, err := w.r.Watch(ctx, eve, runner.WatchRequest{Run: run}, 0)
				return err
			},
			"start": func(string) error {
				_, err := w.r.Start(ctx, eve, runner.StartRequest{Workflow: "plain"})
				return err
			},
			"workflow": func(string) error { _, err := w.r.Workflow(ctx, eve, "plain", ""); return err },
		} {
			theirs, none := call(run), call(run[:20]+"00000000")
			if !errors.Is(theirs, runner.ErrNotFound) || !errors.Is(none, runner.ErrNotFound) {
				t.Errorf("%s: %v; of what is not there: %v", name, theirs, none)
			}
		}
		if v := w.view(run); v.EndedAt != nil || w.count(run, "signal_received") != 0 {
			t.Error("another tenant changed the run")
		}
	})
}

func TestRerunSignalJobsAndInput(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.put(`
id: typed
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - {id: a, topic: job.t.work, effect: none, input: {n: "${input.n}"}}
`)
		var invalid *runner.InvalidError
		for _, bad := range []string{`{}`, `{"n":"x"}`, `{`, `[]`} {
			if _, err := w.r.Start(ctx, ann, runner.StartRequest{Workflow: "typed", Input: json.RawMessage(bad)}); !errors.As(err, &invalid) {
				t.Errorf("input %s: %v", bad, err)
			}
		}
		k := w.newWorker("w1", func(j *wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: j.Input}
		}, "job.t.work")
		first := w.ended(w.run("typed", `{"n":7}`))
		again, err := w.r.Rerun(ctx, ann, first.ID)
		if err != nil || again.RunID == first.ID {
			t.Fatalf("%+v, %v", again, err)
		}
		if v := w.ended(again.RunID); v.RerunOf != first.ID || string(v.Steps[0].Output) != `{"n":7}` {
			t.Errorf("rerun %+v", v)
		}
		_ = k
		job, replayed, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: "job.t.work", Input: json.RawMessage(`{"x":1}`), IdempotencyKey: "j"})
		if err != nil || replayed {
			t.Fatal(err)
		}
		w.ended(job.RunID)
		same, replayed, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: "job.t.work", Input: json.RawMessage(`{"x":1}`), IdempotencyKey: "j"})
		if err != nil || !replayed || same.ID != job.ID || same.State != "succeeded" || string(same.Output) != `{"x":1}` {
			t.Errorf("%+v, %v", same, err)
		}
		queued, _, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: "job.t.nobody"})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := w.r.CancelJob(ctx, ann, queued.ID); err != nil || v.State != "cancelled" {
			t.Errorf("%+v, %v", v, err)
		}
		if jobs, _, err := w.r.Jobs(ctx, ann, runner.Filter{State: "cancelled"}); err != nil || len(jobs) != 1 {
			t.Errorf("%d jobs, %v", len(jobs), err)
		}
		if runs, _, _ := w.r.Runs(ctx, ann, runner.Filter{}); len(runs) != 2 {
			t.Errorf("%d runs: jobs of the jobs API are among them", len(runs))
		}
		_, err = w.r.CancelJob(ctx, ann, first.ID+".a~0")
		is(t, err, runner.ErrConflict)
	})
}

func TestPolicyDenies(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		w.cfg.Policy = safety.NewSnapshot(safety.Deny)
		w.start()
		w.put(sprintf(plain, "none", ", retry: {max_attempts: 5}"))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		v := w.ended(run)
		w.states(v, "a=denied")
		k.none(time.Hour)
		if types := w.types(run); !slices.Contains(types, "job_decided a") || slices.Contains(types, "job_released a") {
			t.Errorf("%v", types)
		}
	})
}

func TestLongChainCostsTheSamePerStep(t *testing.T) {
	cost := func(steps int) time.Duration {
		var b strings.Builder
		b.WriteString("id: long\nsteps:\n  - {id: s0, topic: job.t.work, effect: none}\n")
		for i := 1; i < steps; i++ {
			b.WriteString(sprintf("  - {id: s%d, topic: job.t.work, effect: none, depends_on: [s%d]}\n", i, i-1))
		}
		w := newWorld(t)
		w.put(b.String())
		w.newWorker("w1", succeed, "job.t.work")
		began := time.Now()
		run := w.run("long", `{}`)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		watch, err := w.r.Watch(ctx, ann, runner.WatchRequest{Workflow: "long"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer watch.Close()
		for {
			m, err := watch.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if m.Header != nil && m.Header.ID == run && m.Header.EndedAt != nil {
				return time.Since(began) / time.Duration(steps)
			}
		}
	}
	most := 10_000
	if testing.Short() {
		most = 2000
	}
	short, long := time.Hour, time.Hour
	for range 4 { // other work shares the machine: it has to be busy all the time to spoil every measure
		short, long = min(short, cost(1000)), min(long, cost(most))
		t.Logf("a step costs %s in a chain of 1,000, %s in one of %d", short, long, most)
		if long <= 3*short { // what grows with the steps costs ten times as much
			return
		}
	}
	t.Errorf("a step of a chain of %d costs %s, of 1,000 %s", most, long, short)
}

// TestCommandsThatChangeNothing: one that finds the run as it should be is remembered under its key like any other.
func TestCommandsThatChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
		run := w.run("nap", `{}`)
		resume := func() error {
			again := ann
			again.Command = "k"
			_, err := w.r.Command(context.Background(), again, run, runner.Command{Verb: runner.VerbResume})
			return err
		}
		before := w.view(run).Seq
		if err := resume(); err != nil {
			t.Fatal(err)
		}
		if got := w.view(run).Seq; got != before {
			t.Errorf("%d facts of what changes nothing", got-before)
		}
		w.restart()
		w.command(run, runner.VerbCancel)
		w.ended(run)
		if err := resume(); err != nil {
			t.Errorf("said again: %v", err)
		}
		other := ann
		other.Command = "l"
		_, err := w.r.Command(context.Background(), other, run, runner.Command{Verb: runner.VerbResume})
		is(t, err, runner.ErrConflict)
	})
}
