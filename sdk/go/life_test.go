package cordum_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

func TestCancel(t *testing.T) {
	e := newEngine(t)
	begun, causes := make(chan struct{}, 1), make(chan error, 1)
	startWorker(t, e, echo(func(ctx context.Context, _ cordum.Job) error {
		begun <- struct{}{}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}))
	e.send(job("1"))
	receive(t, begun)
	e.cancel(&wire.JobCancel{JobId: "1", Token: []byte("of another attempt")})
	e.cancel(&wire.JobCancel{JobId: "11", Token: []byte("token of 1")})
	e.cancel(&wire.JobCancel{JobId: "1", Token: []byte("token of 1"), Reason: "not needed", RequestedBy: "user:ann"})
	var cause *cordum.CancelledError
	if !errors.As(receive(t, causes), &cause) || cause.Reason != "not needed" || cause.By != "user:ann" {
		t.Errorf("cause %+v", cause)
	}
	r := e.result()
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_CANCELLED || r.GetErrorCode() != cordum.CodeCancelled {
		t.Errorf("result %v", r)
	}
	e.send(job("2"))
	receive(t, begun)
	e.cancel(&wire.JobCancel{JobId: "2"}) // CAP's cancels know no token
	if r := e.result(); r.GetStatus() != wire.JobStatus_JOB_STATUS_CANCELLED {
		t.Errorf("result %v", r)
	}
}

// TestCancelComesTooLate: a tool that finishes all the same has succeeded, one that fails has failed.
func TestCancelComesTooLate(t *testing.T) {
	e := newEngine(t)
	begun := make(chan struct{}, 1)
	startWorker(t, e, echo(func(ctx context.Context, j cordum.Job) error {
		begun <- struct{}{}
		<-ctx.Done()
		if j.ID == "2" {
			return errors.New("half done")
		}
		return nil
	}))
	for id, want := range map[string]wire.JobStatus{"1": wire.JobStatus_JOB_STATUS_SUCCEEDED, "2": wire.JobStatus_JOB_STATUS_FAILED} {
		e.send(job(id))
		receive(t, begun)
		e.cancel(&wire.JobCancel{JobId: id})
		if r := e.result(); r.GetStatus() != want {
			t.Errorf("result %v", r)
		}
	}
}

func TestCancelBeforeLeave(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { t.Error("it ran"); return nil }))
	e.answer(func(p *wire.BusPacket) wire.AckCode {
		if p.GetJobBegin() != nil {
			return retry
		}
		return ok
	})
	e.send(job("1", askBegin))
	receive(t, e.begins)
	e.cancel(&wire.JobCancel{JobId: "1"})
	if r := e.result(); r.GetStatus() != wire.JobStatus_JOB_STATUS_CANCELLED {
		t.Errorf("result %v", r)
	}
	e.beatIdle()
}

func TestCancelOutrunsItsJob(t *testing.T) {
	e := newEngine(t)
	begun := make(chan struct{})
	startWorker(t, e, echo(func(ctx context.Context, j cordum.Job) error {
		switch j.ID {
		case "0":
			close(begun)
			<-ctx.Done()
		case "1", "2":
			t.Errorf("%s ran", j.ID)
		}
		return ctx.Err()
	}))
	e.send(job("0"))
	receive(t, begun)
	e.cancel(&wire.JobCancel{JobId: "1", Token: []byte("token of 1")})
	e.cancel(&wire.JobCancel{JobId: "2"})
	e.cancel(&wire.JobCancel{JobId: "3", Token: []byte("of another attempt")})
	e.cancel(&wire.JobCancel{JobId: "0"})
	e.result() // cancels are taken in order
	for id, want := range map[string]wire.JobStatus{
		"1": wire.JobStatus_JOB_STATUS_CANCELLED, "2": wire.JobStatus_JOB_STATUS_CANCELLED, "3": wire.JobStatus_JOB_STATUS_SUCCEEDED,
	} {
		e.send(job(id))
		if r := e.result(); r.GetJobId() != id || r.GetStatus() != want {
			t.Errorf("result %v", r)
		}
	}
}

func TestTimeoutHint(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(ctx context.Context, _ cordum.Job) error {
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), cordum.ErrTimedOut) {
			t.Errorf("cause %v", context.Cause(ctx))
		}
		return context.Cause(ctx)
	}))
	e.send(job("1", func(r *wire.JobRequest) { r.TimeoutMs = 20 }))
	r := e.result()
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_TIMEOUT || r.GetErrorCode() != cordum.CodeTimeout || r.GetExecutionMs() < 20 {
		t.Errorf("result %v", r)
	}
}

func TestProgressIsCappedAndTheLastOneWins(t *testing.T) {
	e := newEngine(t)
	const said = 5000
	startWorker(t, e, echo(func(_ context.Context, j cordum.Job) error {
		if err := j.Progress(0, "begin", map[string]int{"row": 1}); err != nil {
			t.Error(err)
		}
		for i := range said {
			if err := j.Progress(i/100, "copying", nil); err != nil {
				t.Error(err)
			}
		}
		if err := j.Progress(250, "c\xff", strings.Repeat("x", cordum.MaxState)); err == nil {
			t.Error("a state that is too large was taken")
		}
		return j.Progress(250, "done \xff", map[string]int{"row": 2})
	}))
	started := time.Now()
	e.send(job("1", func(r *wire.JobRequest) { r.StepId = "s" }))
	e.result()
	took := time.Since(started)
	if limit := 3 + int(took/(100*time.Millisecond)); len(e.progress) > limit {
		t.Errorf("%d messages in %v", len(e.progress), took)
	}
	first := <-e.progress
	if first.GetMessage() != "begin" || string(first.GetState()) != `{"row":1}` || first.GetStepId() != "s" {
		t.Errorf("first %v", first)
	}
	last := first
	for len(e.progress) > 0 {
		last = <-e.progress
	}
	if last.GetPercent() != 100 || last.GetMessage() != "done \uFFFD" || string(last.GetState()) != `{"row":2}` {
		t.Errorf("last %v", last)
	}
}

// TestProgressOfASlowTool: what waits is sent while the tool still runs, and a checkpoint is not lost to what is said
// after it.
func TestProgressOfASlowTool(t *testing.T) {
	e := newEngine(t)
	release := make(chan struct{})
	startWorker(t, e, echo(func(_ context.Context, j cordum.Job) error {
		for _, say := range []struct {
			message string
			state   any
		}{{"one", nil}, {"two", 2}, {"three", nil}} {
			if err := j.Progress(50, say.message, say.state); err != nil {
				t.Error(err)
			}
		}
		<-release
		return nil
	}))
	e.send(job("1"))
	if p := receive(t, e.progress); p.GetMessage() != "one" {
		t.Errorf("first %v", p)
	}
	if p := receive(t, e.progress); p.GetMessage() != "three" || string(p.GetState()) != "2" {
		t.Errorf("second %v", p)
	}
	close(release)
	e.result()
}

func TestStateOfAnEarlierAttempt(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(_ context.Context, j cordum.Job) error {
		var state struct{ Row int }
		found, err := j.LastState(&state)
		if found != (j.ID == "1") || (found && state.Row != 7) {
			t.Errorf("job %s: %v, %+v", j.ID, found, state)
		}
		return err
	}))
	e.send(job("1", func(r *wire.JobRequest) { r.ProgressState = []byte(`{"row":7}`) }))
	e.send(job("2"))
	e.send(job("3", func(r *wire.JobRequest) { r.ProgressState = []byte(`{"row":"x"}`) }))
	failures := 0
	for range 3 {
		if e.result().GetStatus() != wire.JobStatus_JOB_STATUS_SUCCEEDED {
			failures++
		}
	}
	if failures != 1 {
		t.Errorf("%d failures, want that of the state that does not decode", failures)
	}
}

func TestHeartbeat(t *testing.T) {
	e := newEngine(t)
	w, err := cordum.NewWorker(cordum.WorkerConfig{
		URL: e.server.URL(), ID: "w1", Pool: "gpu", Capacity: 3, Capabilities: []string{"cuda"},
		Labels: map[string]string{"zone": "a"}, Heartbeat: 20 * time.Millisecond,
	})
	must(t, err)
	echo(nil)(w)
	cordum.RegisterTopic(w, "job.demo.also", func(context.Context, cordum.Job, any) (any, error) { return nil, nil })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	b := receive(t, e.beats)
	b2 := receive(t, e.beats) // the second comes by itself
	stop()
	must(t, <-ended)
	if b.GetIncarnation() == "" || b.GetIncarnation() != b2.GetIncarnation() {
		t.Errorf("incarnations %q and %q", b.GetIncarnation(), b2.GetIncarnation())
	}
	b.Incarnation = ""
	want := `{"worker_id":"w1","capabilities":["cuda"],"pool":"gpu","max_parallel_jobs":3,"labels":{"zone":"a"},` +
		`"direct":true,"topics":["job.demo.also","job.demo.echo"],"lists_jobs":true}`
	if got := asJSON(t, b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	last := e.beatThat((*wire.Heartbeat).GetLeaving)
	if !last.GetDraining() || len(last.GetJobs()) > 0 {
		t.Errorf("last %v", last)
	}
}

// TestWorkerWaitsForItsServer starts the worker first.
func TestWorkerWaitsForItsServer(t *testing.T) {
	first := newEngine(t)
	url, addr := first.server.URL(), first.server.Addr()
	first.server.Close()
	w, err := cordum.NewWorker(cordum.WorkerConfig{URL: url, ID: "w1"})
	must(t, err)
	echo(nil)(w)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()

	s, err := bus.NewServer(bus.ServerConfig{Open: true, Port: portOf(t, addr)})
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	e := engineOn(t, s)
	e.beatThat(func(b *wire.Heartbeat) bool { return b.GetWorkerId() == "w1" })
	e.send(job("1"))
	e.result()
	stop()
	must(t, receive(t, ended))
}

func TestWorkerOnAConnectionOfItsOwner(t *testing.T) {
	s, err := bus.NewServer(bus.ServerConfig{DontListen: true})
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	e := engineOn(t, s)
	mine, err := bus.Connect(bus.ConnectConfig{InProcess: s})
	must(t, err)
	t.Cleanup(func() { mine.Close() })
	worker := startWorker(t, e, echo(nil), func(c *cordum.WorkerConfig) { c.URL, c.Conn = "", mine.Conn() })
	e.send(job("1"))
	e.result()
	worker.stop()
	must(t, receive(t, worker.ended))
	if !mine.Connected() {
		t.Error("the owner's connection was closed")
	}
}

// TestWorkerWithCredentials: the rights of a worker are enough for all it does.
func TestWorkerWithCredentials(t *testing.T) {
	s, err := bus.NewServer(bus.ServerConfig{Worker: bus.Credentials{User: "worker", Password: "secret"}})
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	e := engineOn(t, s)
	startWorker(t, e, echo(func(ctx context.Context, j cordum.Job) error {
		if j.ID == "3" {
			<-ctx.Done()
		}
		return errors.Join(ctx.Err(), j.Progress(50, "half", nil))
	}), func(c *cordum.WorkerConfig) { c.User, c.Password = "worker", "secret" })
	e.send(job("1", askBegin, askAccept))
	e.result()
	e.sendTo("job.demo.echo", job("2", func(r *wire.JobRequest) { r.AnswerSubject = "" }))
	e.result()
	e.send(job("3"))
	e.cancel(&wire.JobCancel{JobId: "3"})
	e.result()
	e.beatIdle()
	if len(e.progress) < 3 {
		t.Errorf("%d progress messages", len(e.progress))
	}
}

func TestClosedConnectionEndsTheWorker(t *testing.T) {
	e := newEngine(t)
	conn, err := nats.Connect(e.server.URL())
	must(t, err)
	s := startWorker(t, e, echo(nil), func(c *cordum.WorkerConfig) { c.URL, c.Conn = "", conn })
	conn.Close()
	if err := receive(t, s.ended); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Fatalf("got %v", err)
	}
}

func TestMistakesAreSaid(t *testing.T) {
	for name, cfg := range map[string]cordum.WorkerConfig{
		"id":         {ID: "a.b"},
		"wildcard":   {ID: "*"},
		"capacity":   {Capacity: -1},
		"heartbeat":  {Heartbeat: -1},
		"two ways":   {URL: "nats://127.0.0.1:1", Conn: &nats.Conn{}},
		"not UTF-8":  {Pool: "\xff"},
		"bad labels": {Labels: map[string]string{"a": "\xff"}},
	} {
		if _, err := cordum.NewWorker(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	tool := func(context.Context, cordum.Job, any) (any, error) { return nil, nil }
	for name, c := range map[string]struct {
		register func(*cordum.Worker)
		want     string
	}{
		"no tools":       {func(*cordum.Worker) {}, "no tools"},
		"no pack":        {func(w *cordum.Worker) { cordum.Register(w, "", "x", tool) }, "pack"},
		"no topic":       {func(w *cordum.Worker) { cordum.RegisterTopic(w, "demo.echo", tool) }, "no topic"},
		"empty part":     {func(w *cordum.Worker) { cordum.Register(w, "a..b", "x", tool) }, "empty part"},
		"wildcard":       {func(w *cordum.Worker) { cordum.Register(w, "a", "*", tool) }, "wildcards"},
		"twice":          {func(w *cordum.Worker) { cordum.Register(w, "a", "b", tool); cordum.Register(w, "a", "b", tool) }, "two tools"},
		"not UTF-8":      {func(w *cordum.Worker) { cordum.Register(w, "a", "\xff", tool) }, "no topic"},
		"nobody's fault": {func(w *cordum.Worker) { cordum.Register(w, "a", "b", tool) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			w, err := cordum.NewWorker(cordum.WorkerConfig{URL: e.server.URL()})
			must(t, err)
			c.register(w)
			ctx, stop := context.WithCancel(context.Background())
			if c.want == "" {
				stop()
			}
			defer stop()
			err = w.Run(ctx)
			if c.want == "" {
				must(t, err)
			} else if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if err := w.Run(ctx); err == nil {
				t.Error("it ran a second time")
			}
		})
	}
}

func portOf(t testing.TB, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	must(t, err)
	n, err := strconv.Atoi(port)
	must(t, err)
	return n
}
