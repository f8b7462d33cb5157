package remote

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
)

// deaf is a connection over which nothing is heard while it is shut.
type deaf struct {
	bus.Bus
	shut atomic.Bool
}

func (d *deaf) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	return d.Bus.Subscribe(subject, queue, func(m bus.Msg) {
		if !d.shut.Load() {
			h(m)
		}
	})
}

// newDeaf is a client over such a connection.
func (w *site) newDeaf() (*Client, *deaf) {
	w.t.Helper()
	d := &deaf{Bus: w.bus}
	c, err := NewClient(ClientConfig{Logger: quiet()}, d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c, d
}

// unanswered makes a call for as long as a call to an engine takes that says nothing, and answers what is said of its outcome.
func unanswered(t *testing.T, what string, call func(context.Context) error) *runner.UnknownError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*askAgain)
	defer cancel()
	err := call(ctx)
	var u *runner.UnknownError
	if !errors.As(err, &u) || !id.IsRun(u.Run) {
		t.Fatalf("%s: %v (%+v), want an unknown outcome that names a run", what, err, u)
	}
	return u
}

// TestUnansweredStartsNameTheirRun: of what makes a run, and was done without the caller hearing of it, the error names that run.
func TestUnansweredStartsNameTheirRun(t *testing.T) {
	w := newSite(t, 1)
	w.put(napping)
	c, line := w.newDeaf()
	source := w.run("nap")
	w.ended(source)
	job := runner.JobRequest{Topic: "job.x"}
	if _, _, err := c.Submit(within(t), ann, job); err != nil { // has its definition kept, and asks how many partitions there are
		t.Fatal(err)
	}
	line.shut.Store(true)
	keyed := ann
	keyed.Command = "again"
	for what, call := range map[string]func(context.Context) error{
		"start": func(ctx context.Context) error {
			_, err := c.Start(ctx, ann, runner.StartRequest{Workflow: "nap"})
			return err
		},
		"start with a key": func(ctx context.Context) error {
			_, err := c.Start(ctx, ann, runner.StartRequest{Workflow: "nap", IdempotencyKey: "k"})
			return err
		},
		"rerun": func(ctx context.Context) error {
			_, err := c.Rerun(ctx, keyed, source)
			return err
		},
		"fork": func(ctx context.Context) error {
			_, err := c.Fork(ctx, ann, source, runner.ForkRequest{From: "a"})
			return err
		},
		"job": func(ctx context.Context) error {
			_, _, err := c.Submit(ctx, ann, job)
			return err
		},
	} {
		u := unanswered(t, what, call)
		w.until(what+" is where it was said to be", func() bool {
			_, err := w.client.View(within(t), ann, u.Run)
			return err == nil
		})
		if what == "job" {
			if _, err := w.client.Job(within(t), ann, u.Job); err != nil {
				t.Errorf("job %q: %v", u.Job, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*askAgain)
	defer cancel()
	var u *runner.UnknownError
	if _, err := c.Fork(ctx, ann, source, runner.ForkRequest{From: "a", Preview: true}); errors.As(err, &u) && u.Run != "" {
		t.Errorf("a preview makes no run, and names %s", u.Run)
	}
}

// TestUnansweredStartIsMadeAsSaid: an engine that is cut off says nothing of a start, and does not do it. The next try with the same
// key, at another engine, makes the run that the caller was told of.
func TestUnansweredStartIsMadeAsSaid(t *testing.T) {
	w := newSite(t, 1)
	w.put(napping)
	start := func(ctx context.Context) (runner.Started, error) {
		return w.client.Start(ctx, ann, runner.StartRequest{Workflow: "nap", IdempotencyKey: "k"})
	}
	w.run("nap")
	w.engines[0].cut.Store(true) // it listens still: where nobody does, nothing was begun
	u := unanswered(t, "start", func(ctx context.Context) error { _, err := start(ctx); return err })
	w.engines[0].kill()
	w.start(true)
	w.settled()
	s, err := start(within(t))
	if err != nil || s.RunID != u.Run {
		t.Fatalf("the next try: %+v, %v, want run %s", s, err, u.Run)
	}
	if again, err := start(within(t)); err != nil || again.RunID != u.Run || !again.Replayed {
		t.Errorf("and the one after it: %+v, %v", again, err)
	}
}

// mute is a connection that loses so many of the requests that come next.
type mute struct {
	bus.Bus
	loses atomic.Int32
}

func (m *mute) PublishRequest(subject, reply string, data []byte) error {
	if m.loses.Add(-1) >= 0 {
		return nil
	}
	return m.Bus.PublishRequest(subject, reply, data)
}

// TestSaidAgainIsNotDone: a call that cannot be made twice is said again to an engine that does not know it. The first time may have
// come to another one, which did it and died: it is not done, and the caller is told that nobody knows.
func TestSaidAgainIsNotDone(t *testing.T) {
	w := newSite(t, 1)
	m := &mute{Bus: w.bus}
	c, err := NewClient(ClientConfig{Logger: quiet()}, m)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Doc(within(t), "test", "x"); !errors.Is(err, runner.ErrNotFound) { // asks how many partitions there are
		t.Fatal(err)
	}
	m.loses.Store(1)
	err = c.ChangeDocs(within(t), ann, "config.change", "x", runner.DocChange{Kind: "test", Name: "x", Value: []byte("1")})
	var u *runner.UnknownError
	if !errors.As(err, &u) {
		t.Errorf("said again: %v, want an unknown outcome", err)
	}
	if _, err := c.Doc(within(t), "test", "x"); !errors.Is(err, runner.ErrNotFound) {
		t.Errorf("it was done: %v", err)
	}
}

// TestProposedRunElsewhere: an engine does not take the id of a run that would lie in another partition than its key does, nor one
// for a start that is not repeatable.
func TestProposedRunElsewhere(t *testing.T) {
	w := newSite(t, 0)
	w.put(napping)
	var none runner.UnsureStarts
	other := ann
	other.NewRun = none.Propose(ann, "another key", w.store.Partitions(), time.Now())
	key := "k"
	for p := func(k string) int { n, _ := runner.HomeOfStart(ann, k, w.store.Partitions()); return n }; p(key) == p("another key"); {
		key += "k"
	}
	for _, key := range []string{key, ""} {
		s, err := w.engines[0].runner.Start(within(t), other, runner.StartRequest{Workflow: "nap", IdempotencyKey: key})
		if err != nil || s.RunID == other.NewRun {
			t.Errorf("key %q: run %s, %v", key, s.RunID, err)
		}
	}
}

// TestMovedOnIsNotDenied: an engine that says that a call is not its may not be the only one that heard it. When time runs out after
// that, nobody says that nothing was done.
func TestMovedOnIsNotDenied(t *testing.T) {
	c := &wait{name: "Start", m: &method{}, last: moved, over: true}
	if again, err := c.settle(nil); !again || err != nil {
		t.Fatalf("%v, %v", again, err)
	}
	if err := c.late(context.DeadlineExceeded); errors.Is(err, runner.ErrNotTaken) {
		t.Errorf("it says %v", err)
	}
	c = &wait{name: "Start", m: &method{}, none: true, over: true}
	if again, err := c.settle(nil); !again || err != nil {
		t.Fatalf("%v, %v", again, err)
	}
	if err := c.late(context.DeadlineExceeded); !errors.Is(err, runner.ErrNotTaken) {
		t.Errorf("where nobody listened it says %v", err)
	}
}
