package runner_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

const keyed = `
id: keyed
concurrency: {key: "${input.db}-${labels.team}", limit: %d, when_busy: %s}
labels: {team: "t-${input.team}"}
steps:
  - {id: a, topic: job.t.work, effect: write, compensate: {topic: job.t.undo}}
`

// ask starts a run for a database.
func (w *world) ask(db string) (string, error) {
	s, err := w.r.Start(context.Background(), ann, runner.StartRequest{
		Workflow: "keyed", Input: json.RawMessage(sprintf(`{"db":%q,"team":"x"}`, db)),
	})
	return s.RunID, err
}

func (w *world) must(db string) string {
	w.t.Helper()
	run, err := w.ask(db)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

func (w *world) state(run, want string) {
	w.t.Helper()
	w.until(run+" is "+want, func() bool { return w.view(run).State == want })
}

func TestConcurrencyQueues(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(keyed, 2, "queue"))
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		var runs []string
		for range 5 {
			runs = append(runs, w.must("p"))
			time.Sleep(time.Millisecond) // ids are in order of time
		}
		other := w.must("q")
		first, second, third := k.takeStep("a"), k.takeStep("a"), k.takeStep("a")
		w.state(runs[2], "pending")
		if third.RunId != other && second.RunId != other && first.RunId != other {
			t.Errorf("another key waits, too")
		}
		if v := w.view(runs[0]); v.Labels["team"] != "t-x" {
			t.Errorf("labels %v", v.Labels)
		}
		w.restart()
		for i, run := range runs[2:] {
			w.state(run, "pending")
			w.do(runs[i], runner.Command{Verb: runner.VerbCancel})
			<-k.cancelled
			switch runs[i] {
			case first.RunId:
				k.done(first)
			case second.RunId:
				k.done(second)
			case third.RunId:
				k.done(third)
			}
			w.ended(runs[i])
			next := k.takeStep("a") // the oldest that waits
			if next.RunId != run {
				t.Fatalf("run %s was admitted, want %s", next.RunId, run)
			}
			first = next
		}
		// The last two are under way. A run that has failed and undoes keeps its key.
		queued := w.must("p")
		k.answer(first, fatal())
		w.ended(runs[4])
		w.until("the next is admitted", func() bool { return w.view(queued).State == "running" })
		last := k.takeStep("a")
		k.done(last)
		w.ended(queued)
		w.do(queued, runner.Command{Verb: runner.VerbRollback})
		u.done(u.takeStep("a"))
		if v := w.ended(queued); v.Compensation != "done" {
			t.Errorf("compensation %s", v.Compensation)
		}
		w.whole(queued, runs[0], runs[4])
	})
}

func TestConcurrencyKeepsTheKeyWhileItUndoes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(keyed, 1, "queue"))
		k := w.newWorker("w1", nil, "job.t.work")
		u := w.newWorker("w2", nil, "job.t.undo")
		one := w.must("p")
		k.done(k.takeStep("a"))
		w.ended(one)
		w.do(one, runner.Command{Verb: runner.VerbRollback})
		undo := u.takeStep("a")
		two := w.must("p")
		three := w.must("p")
		w.restart()
		k.none(time.Minute)
		w.do(two, runner.Command{Verb: runner.VerbCancel}) // legal while it waits
		w.ended(two)
		u.done(undo)
		if j := k.takeStep("a"); j.RunId != three {
			t.Errorf("run %s was admitted, want %s", j.RunId, three)
		}
		if v := w.view(two); v.State != "cancelled" {
			t.Errorf("the run that waited is %s", v.State)
		}
	})
}

func TestConcurrencyRejects(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(keyed, 1, "reject"))
		k := w.newWorker("w1", nil, "job.t.work")
		one := w.must("p")
		_, err := w.ask("p")
		is(t, err, runner.ErrConflict)
		w.restart()
		_, err = w.ask("p")
		is(t, err, runner.ErrConflict)
		k.done(k.takeStep("a"))
		w.ended(one)
		w.must("p")
	})
}

func TestConcurrencyCancelsTheOldest(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(keyed, 1, "cancel_oldest"))
		k := w.newWorker("w1", nil, "job.t.work")
		one := w.must("p")
		first := k.takeStep("a")
		two, three := w.must("p"), w.must("p")
		<-k.cancelled
		k.answer(first, fatal())
		if j := k.takeStep("a"); j.RunId != three {
			t.Errorf("run %s has the key, want %s", j.RunId, three)
		}
		if a, b := w.ended(one).State, w.ended(two).State; a != "cancelled" || b != "cancelled" {
			t.Errorf("the older ones are %s and %s", a, b)
		}
	})
}

func TestConcurrencyKeyThatCannotBeRendered(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put("id: keyed\nconcurrency: {key: \"${input.a.b.c}\"}\nsteps:\n  - {id: a, type: delay, for: 1s}\n")
		_, err := w.r.Start(context.Background(), ann, runner.StartRequest{Workflow: "keyed", Input: json.RawMessage(`{"a":1}`)})
		wantInvalid(t, err, "invalid_input")
	})
}
