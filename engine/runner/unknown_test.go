package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store/faults"
)

// unknown is what an error says of a call of which nobody knows whether it was done.
func unknown(t *testing.T, what string, err error) *runner.UnknownError {
	t.Helper()
	var u *runner.UnknownError
	if !errors.As(err, &u) || !errors.Is(err, runner.ErrUnavailable) {
		t.Fatalf("%s: %v, want that the outcome is unknown", what, err)
	}
	return u
}

// bubbleOf is bubble over a store that fails as it is planned.
func bubbleOf(t *testing.T, story func(*testing.T, *world, *faults.Store)) {
	t.Helper()
	bubble(t, func(t *testing.T, w *world) {
		w.halt()
		failing := faults.Wrap(w.store)
		w.store = failing
		w.start()
		story(t, w, failing)
	})
}

// TestUnknownStart: a start that the store did not confirm, or not in time, names the run that there is if it was done, and the next
// try with the same key that is not refused answers that very run: whether the commit was lost, or done and its answer lost, or slow.
func TestUnknownStart(t *testing.T) {
	hang := func(most time.Duration) faults.Action {
		return func(context.Context) error {
			time.Sleep(most)
			return nil
		}
	}
	for name, fault := range map[string]faults.Fault{
		"commit lost": {Method: faults.Commit, Do: faults.Fail(faults.ErrPlanned)},
		"answer lost": {Method: faults.Commit, When: faults.After, Do: faults.Fail(faults.ErrPlanned)},
		"slow":        {Method: faults.Commit, Do: hang(10 * time.Second)},
		"late answer": {Method: faults.Commit, When: faults.After, Do: hang(10 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			bubbleOf(t, func(t *testing.T, w *world, failing *faults.Store) {
				w.put("id: nap\nsteps:\n  - {id: a, type: delay, for: 1h}\n")
				start := func() (runner.Started, error) {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					defer cancel()
					return w.r.Start(ctx, ann, runner.StartRequest{Workflow: "nap", IdempotencyKey: "k", Input: json.RawMessage(`{}`)})
				}
				failing.Plan(fault)
				_, err := start()
				u := unknown(t, "the start", err)
				if !id.IsRun(u.Run) {
					t.Fatalf("it names run %q", u.Run)
				}
				time.Sleep(20 * time.Second) // the store is well again, but for one read
				failing.Plan(faults.Fault{Method: faults.Get, Do: faults.Fail(faults.ErrPlanned)})
				if _, err := start(); !errors.Is(err, runner.ErrUnavailable) || errors.As(err, new(*runner.UnknownError)) {
					t.Fatalf("a try that is refused: %v", err)
				}
				s, err := start()
				if err != nil || s.RunID != u.Run {
					t.Fatalf("the next try: %+v, %v, want run %s", s, err, u.Run)
				}
				if again, err := start(); err != nil || again.RunID != u.Run || !again.Replayed {
					t.Errorf("and the one after it: %+v, %v", again, err)
				}
				if rows, _, err := w.r.Runs(context.Background(), ann, runner.Filter{Limit: 10}); err != nil || len(rows) != 1 {
					t.Errorf("there are %d runs, %v", len(rows), err)
				}
				w.until("the run has ended", func() bool { return w.view(u.Run).State == "succeeded" })
			})
		})
	}
}

// TestUnknownCommand: a command, an answer to an approval and a job of which nobody knows whether they were done say so, with the run
// that they are about; asked again under the same id they are done once.
func TestUnknownCommand(t *testing.T) {
	bubbleOf(t, func(t *testing.T, w *world, failing *faults.Store) {
		ctx := context.Background()
		w.put("id: ask\nsteps:\n  - {id: gate, type: approval}\n  - {id: nap, type: delay, for: 10h, depends_on: [gate]}\n")
		run := w.run("ask", `{}`)
		for _, act := range []func(runner.Caller) error{
			func(c runner.Caller) error {
				_, err := w.r.Command(ctx, c, run, runner.Command{Verb: runner.VerbSignal, Signal: "go"})
				return err
			},
			func(c runner.Caller) error {
				_, err := w.r.Decide(ctx, c, run+".gate~0", runner.Decision{Approve: true})
				return err
			},
			func(c runner.Caller) error {
				_, err := w.r.Command(ctx, c, run, runner.Command{Verb: runner.VerbCancel})
				return err
			},
		} {
			c := ann
			c.Command = t.Name() + string(rune('a'+failing.Calls(faults.Commit)%26))
			failing.Plan(faults.Fault{Method: faults.Commit, When: faults.After, Do: faults.Fail(faults.ErrPlanned)})
			if u := unknown(t, "the call", act(c)); u.Run != run {
				t.Errorf("it names run %q, want %q", u.Run, run)
			}
			time.Sleep(time.Second)
			if err := act(c); err != nil {
				t.Errorf("once more: %v", err)
			}
		}
		if n := w.count(run, "signal_received"); n != 1 {
			t.Errorf("a repeated signal came %d times", n)
		}
		if _, _, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: "job.x"}); err != nil { // stores its definition
			t.Fatal(err)
		}
		failing.Plan(faults.Fault{Method: faults.Commit, Do: faults.Fail(faults.ErrPlanned)})
		_, _, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: "job.x", Input: json.RawMessage(`{}`), IdempotencyKey: "j"})
		u := unknown(t, "the submit", err)
		time.Sleep(time.Second)
		v, _, err := w.r.Submit(ctx, ann, runner.JobRequest{Topic: "job.x", Input: json.RawMessage(`{}`), IdempotencyKey: "j"})
		if err != nil || v.ID != u.Job || id.RunOf(u.Job) != u.Run {
			t.Errorf("the next try: job %s, %v, want %s", v.ID, err, u.Job)
		}
	})
}

// TestJobInputTooLarge: an input that could not be given to a worker is refused before anything is stored.
func TestJobInputTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			input string
			fits  bool
		}{
			"a text at the bound":   {`{"text":"` + strings.Repeat("x", 64<<10) + `"}`, true},
			"a text over the bound": {`{"text":"` + strings.Repeat("x", 64<<10+1) + `"}`, false},
			"many texts":            {`["` + strings.Repeat(strings.Repeat("x", 1000)+`","`, 300) + `"]`, false},
			"a long list":           {"[" + strings.Repeat("1,", 10_000) + "1]", false},
		} {
			v, _, err := w.r.Submit(context.Background(), ann, runner.JobRequest{Topic: "job.x", Input: json.RawMessage(c.input)})
			var invalid *runner.InvalidError
			if c.fits && (err != nil || v.ID == "") || !c.fits && (!errors.As(err, &invalid) || invalid.Code != "payload_too_large") {
				t.Errorf("%s: job %q, %v", name, v.ID, err)
			}
		}
		if rows, _, err := w.r.Jobs(context.Background(), ann, runner.Filter{Limit: 10}); err != nil || len(rows) != 1 {
			t.Errorf("there are %d jobs, %v", len(rows), err)
		}
	})
}
