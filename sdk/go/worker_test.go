package cordum_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

const (
	silence = wire.AckCode(0)
	ok      = wire.AckCode_ACK_CODE_OK
	stale   = wire.AckCode_ACK_CODE_STALE
	retry   = wire.AckCode_ACK_CODE_RETRY
	invalid = wire.AckCode_ACK_CODE_INVALID
)

func TestJobReachesItsTool(t *testing.T) {
	e := newEngine(t)
	seen := make(chan cordum.Job, 1)
	startWorker(t, e, echo(func(_ context.Context, j cordum.Job) error { seen <- j; return nil }))
	e.send(job("07RUN.step~0@2", func(r *wire.JobRequest) {
		r.Attempt, r.RunId, r.StepId, r.Iteration, r.WorkflowId, r.PrincipalId = 2, "07RUN", "step", 3, "wf", "user:ann"
		r.Labels, r.Env, r.Traceparent = map[string]string{"a": "b"}, map[string]string{"c": "d"}, "00-1-2-01"
	}))
	r := e.result()
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_SUCCEEDED || string(r.GetOutput()) != `{"text":"hello"}` ||
		r.GetJobId() != "07RUN.step~0@2" || string(r.GetToken()) != "token of 07RUN.step~0@2" || r.GetWorkerId() != "w1" {
		t.Errorf("result %v", r)
	}
	j := <-seen
	if j.ID != "07RUN.step~0" || j.AttemptID != "07RUN.step~0@2" || j.Attempt != 2 || j.RunID != "07RUN" ||
		j.StepID != "step" || j.Iteration != 3 || j.Workflow != "wf" || j.Tenant != "default" || j.Principal != "user:ann" ||
		j.Topic != "job.demo.echo" || j.Labels["a"] != "b" || j.Env["c"] != "d" || j.Traceparent != "00-1-2-01" {
		t.Errorf("job %+v", j)
	}
}

func TestJobComesByTopic(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(nil))
	e.sendTo("job.demo.echo", job("1"))
	if r := e.result(); r.GetJobId() != "1" || r.GetStatus() != wire.JobStatus_JOB_STATUS_SUCCEEDED {
		t.Fatalf("result %v", r)
	}
	e.sendTo("job.demo.echo", job("2", func(r *wire.JobRequest) { r.AnswerSubject = "" }))
	if r := e.result(); r.GetJobId() != "2" {
		t.Fatalf("without an answer subject: result %v", r)
	}
}

func TestHowAttemptsFail(t *testing.T) {
	const (
		failed    = wire.JobStatus_JOB_STATUS_FAILED
		retryable = wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE
		fatal     = wire.JobStatus_JOB_STATUS_FAILED_FATAL
	)
	type outcome struct {
		status  wire.JobStatus
		code    string
		message string
		details string
	}
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		tool func() (any, error)
		want outcome
	}{
		"plain":     {func() (any, error) { return nil, boom }, outcome{failed, "error", "boom", ""}},
		"retryable": {func() (any, error) { return nil, cordum.Retryable("busy", boom) }, outcome{retryable, "busy", "boom", ""}},
		"fatal":     {func() (any, error) { return nil, cordum.Fatal("no_disk", boom) }, outcome{fatal, "no_disk", "boom", ""}},
		"wrapped":   {func() (any, error) { return nil, fmt.Errorf("step 3: %w", cordum.Fatal("x", boom)) }, outcome{fatal, "x", "step 3: x: boom", ""}},
		"with details": {func() (any, error) {
			return nil, &cordum.Error{Code: "x", Err: boom, Details: map[string]int{"row": 7}}
		}, outcome{failed, "x", "boom", `{"row":7}`}},
		"no code":         {func() (any, error) { return nil, &cordum.Error{Kind: cordum.KindFatal, Err: boom} }, outcome{fatal, "error", "boom", ""}},
		"code only":       {func() (any, error) { return nil, &cordum.Error{Code: "x"} }, outcome{failed, "x", "x", ""}},
		"bad details":     {func() (any, error) { return nil, &cordum.Error{Code: "x", Err: boom, Details: func() {}} }, outcome{failed, "x", "boom", ""}},
		"panic":           {func() (any, error) { panic("oh") }, outcome{failed, "panic", "oh", ""}},
		"end of its own":  {func() (any, error) { runtime.Goexit(); return nil, nil }, outcome{failed, "panic", "the tool ended its goroutine", ""}},
		"no JSON":         {func() (any, error) { return func() {}, nil }, outcome{fatal, "invalid_output", "json: unsupported type: func()", ""}},
		"no UTF-8":        {func() (any, error) { return nil, cordum.Fatal("a\xffb", errors.New("c\xffd")) }, outcome{fatal, "a\uFFFDb", "c\uFFFDd", ""}},
		"its own context": {func() (any, error) { return nil, fmt.Errorf("db: %w", context.DeadlineExceeded) }, outcome{failed, "error", "db: context deadline exceeded", ""}},
		"too large": {
			func() (any, error) { return strings.Repeat("x", cordum.MaxOutput), nil },
			outcome{fatal, "output_too_large", "the output is 16777218 bytes as JSON, at most 16777216 can be taken: keep it elsewhere and return where", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			startWorker(t, e, func(w *cordum.Worker) {
				cordum.Register(w, "demo", "echo", func(context.Context, cordum.Job, struct{}) (any, error) { return c.tool() })
			})
			e.send(job("1"))
			r := e.result()
			got := outcome{r.GetStatus(), r.GetErrorCode(), r.GetErrorMessage(), string(r.GetErrorDetails())}
			if got != c.want || len(r.GetOutput()) > 0 {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestOutputAtTheLimit: what is just allowed goes through the server.
func TestOutputAtTheLimit(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, func(w *cordum.Worker) {
		cordum.RegisterTopic(w, "job.demo.echo", func(context.Context, cordum.Job, struct{}) (string, error) {
			return strings.Repeat("x", cordum.MaxOutput-2), nil
		})
	})
	e.send(job("1"))
	if r := e.result(); len(r.GetOutput()) != cordum.MaxOutput {
		t.Fatalf("%d bytes, %s %s", len(r.GetOutput()), r.GetErrorCode(), r.GetErrorMessage())
	}
}

// TestServerWithSmallerMessages: an output below our limit and above the server's fails the attempt, once.
func TestServerWithSmallerMessages(t *testing.T) {
	s, err := bus.NewServer(bus.ServerConfig{Open: true, MaxPayload: bus.MinPayload})
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	e := engineOn(t, s)
	startWorker(t, e, func(w *cordum.Worker) {
		cordum.RegisterTopic(w, "job.demo.echo", func(context.Context, cordum.Job, struct{}) (string, error) {
			return strings.Repeat("x", bus.MinPayload), nil
		})
	})
	e.send(job("1"))
	if r := e.result(); r.GetErrorCode() != cordum.CodeOutputTooLarge {
		t.Fatalf("result %v", r)
	}
}

func TestInvalidInputNamesTheFieldNotTheValue(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { t.Error("the tool was called"); return nil }))
	for id, input := range map[string]string{"1": `{"text":{"password":"hunter2"}}`, "2": `{"text":"hunter2`, "3": `"hunter2"`} {
		e.send(job(id, func(r *wire.JobRequest) { r.Input = []byte(input) }))
		r := e.result()
		if r.GetStatus() != wire.JobStatus_JOB_STATUS_FAILED_FATAL || r.GetErrorCode() != cordum.CodeInvalidInput ||
			strings.Contains(r.GetErrorMessage(), "hunter2") {
			t.Errorf("input %s: result %v", id, r)
		}
	}
	e.send(job("4", func(r *wire.JobRequest) { r.Input, r.Topic = nil, "job.demo.none" }))
	if r := receive(t, e.returns); r.GetReason() != "unknown_topic" || r.GetJobId() != "4" || string(r.GetToken()) != "token of 4" {
		t.Errorf("return %v", r)
	}
}

// TestAttemptRunsOnce sends an attempt again in every phase of its life.
func TestAttemptRunsOnce(t *testing.T) {
	e := newEngine(t)
	var calls atomic.Int32
	begun, release := make(chan struct{}), make(chan struct{})
	startWorker(t, e, echo(func(context.Context, cordum.Job) error {
		if calls.Add(1) == 1 {
			close(begun)
		}
		<-release
		return nil
	}))
	e.answer(func(*wire.BusPacket) wire.AckCode { return silence })
	again := func() { e.send(job("1", askAccept)) }
	again()
	receive(t, begun)
	receive(t, e.progress)
	again()
	receive(t, e.progress) // it says again that it was taken
	close(release)
	e.result()
	took := time.Hour
	for range 4 { // the machine may be busy; by itself it is sent after ever longer silences, the first of half a second
		sent := time.Now()
		again()
		e.result()
		took = min(took, time.Since(sent))
	}
	if took > 450*time.Millisecond {
		t.Errorf("the unacknowledged result was not sent again at once but after %v", took)
	}
	e.answer(script())
	e.result()
	e.beatIdle()
	e.send(job("2"))
	for e.result().GetJobId() != "2" { // by itself it was also sent, when that took long
	}
	repeats := e.repeats()
	again()
	e.send(job("3"))
	if r := e.result(); r.GetJobId() != "3" || e.repeats() != repeats {
		t.Errorf("an acknowledged attempt came again: %v", r)
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls for three attempts", calls.Load())
	}
	e.send(job("1", func(r *wire.JobRequest) { r.Token = []byte("another") }))
	if r := e.result(); string(r.GetToken()) != "another" {
		t.Errorf("a new token is a new attempt: %v", r)
	}
}

// beatIdle waits until the worker has nothing.
func (e *engine) beatIdle() {
	e.t.Helper()
	for len(e.beats) > 0 {
		<-e.beats
	}
	e.beatThat(func(b *wire.Heartbeat) bool { return len(b.GetJobs()) == 0 })
}

func TestFullWorkerGivesBack(t *testing.T) {
	e := newEngine(t)
	release := make(chan struct{})
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { <-release; return nil }),
		func(c *cordum.WorkerConfig) { c.Capacity = 2 })
	for _, id := range []string{"1", "2", "3"} {
		e.send(job(id))
	}
	if r := receive(t, e.returns); r.GetJobId() != "3" || r.GetReason() != "full" || string(r.GetToken()) != "token of 3" || r.GetWorkerId() != "w1" {
		t.Fatalf("return %v", r)
	}
	close(release)
	e.result()
	e.send(job("3")) // the same attempt: it did not begin
	for range 2 {
		e.result()
	}
	if len(e.returns) > 0 {
		t.Fatalf("returned again: %v", <-e.returns)
	}
}

// TestRoomIsTold: a worker that gave an attempt back for want of room beats as soon as it has some, and only then.
func TestRoomIsTold(t *testing.T) {
	e := newEngine(t)
	release := make(chan struct{})
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { <-release; return nil }),
		func(c *cordum.WorkerConfig) { c.Capacity, c.Heartbeat = 1, time.Hour })
	e.send(job("1"))
	e.send(job("2"))
	receive(t, e.returns)
	close(release)
	if b := receive(t, e.beats); b.GetActiveJobs() != 0 {
		t.Errorf("it beat with %d jobs", b.GetActiveJobs())
	}
	e.result()
	e.send(job("3"))
	e.result()
	e.send(job("4"))
	e.result()
	if n := len(e.beats); n > 0 {
		t.Errorf("it beat %d times for jobs that it took", n)
	}
}

// TestSlotIsFreeWithTheResult: whoever has the result may send the next job, acknowledged or not.
func TestSlotIsFreeWithTheResult(t *testing.T) {
	e := newEngine(t)
	e.answer(func(*wire.BusPacket) wire.AckCode { return silence })
	startWorker(t, e, echo(nil), func(c *cordum.WorkerConfig) { c.Capacity, c.DrainTimeout = 1, time.Millisecond })
	for i := range 200 {
		id := fmt.Sprint(i)
		e.send(job(id))
		for e.result().GetJobId() != id { // older ones are repeated
		}
	}
	if len(e.returns) > 0 {
		t.Fatalf("returned: %v", <-e.returns)
	}
}

func TestAsksForLeave(t *testing.T) {
	for name, c := range map[string]struct {
		codes []wire.AckCode
		runs  bool
	}{
		"given":           {[]wire.AckCode{ok}, true},
		"given later":     {[]wire.AckCode{retry, retry, ok}, true},
		"asked again":     {[]wire.AckCode{silence, ok}, true},
		"another's turn":  {[]wire.AckCode{stale}, false},
		"later another's": {[]wire.AckCode{retry, silence, stale}, false},
		"refused":         {[]wire.AckCode{invalid}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			var calls atomic.Int32
			startWorker(t, e, echo(func(context.Context, cordum.Job) error { calls.Add(1); return nil }))
			e.answer(script(c.codes...))
			e.send(job("1", askBegin))
			for i := range c.codes {
				b := receive(t, e.begins)
				if b.GetJobId() != "1" || string(b.GetToken()) != "token of 1" || b.GetWorkerId() != "w1" {
					t.Fatalf("begin %d: %v", i, b)
				}
			}
			if c.runs {
				e.result()
			}
			e.beatIdle()
			e.send(job("2"))
			if r := e.result(); r.GetJobId() != "2" {
				t.Errorf("result %v", r)
			}
			repeats := e.repeats()
			e.send(job("1", askBegin)) // dropped or done: it does not come twice
			e.send(job("3"))
			if r := e.result(); r.GetJobId() != "3" || len(e.begins) > 0 || e.repeats() != repeats {
				t.Errorf("result %v, %d begins, %d repeats", r, len(e.begins), e.repeats()-repeats)
			}
			want := int32(2)
			if c.runs {
				want = 3
			}
			if calls.Load() != want {
				t.Errorf("%d calls, want %d", calls.Load(), want)
			}
		})
	}
}

func TestSaysThatItTookAnAttempt(t *testing.T) {
	e := newEngine(t)
	release := make(chan struct{})
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { <-release; return nil }))
	e.send(job("1", askAccept))
	p := receive(t, e.progress)
	if p.GetJobId() != "1" || p.GetStatus() != wire.JobStatus_JOB_STATUS_RUNNING || string(p.GetToken()) != "token of 1" || p.GetWorkerId() != "w1" {
		t.Errorf("progress %v", p)
	}
	close(release)
	e.result()
}

func TestResultIsSentUntilAcknowledged(t *testing.T) {
	for name, c := range map[string]struct {
		codes []wire.AckCode
	}{
		"at once":       {[]wire.AckCode{ok}},
		"after silence": {[]wire.AckCode{silence, ok}},
		"after refusal": {[]wire.AckCode{retry, retry, retry, ok}},
		"stale":         {[]wire.AckCode{stale}},
		"invalid":       {[]wire.AckCode{invalid}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			startWorker(t, e, echo(nil))
			codes := c.codes
			e.answer(func(*wire.BusPacket) wire.AckCode { // the last one for ever: what it ends is not asked again
				code := codes[0]
				codes = codes[min(1, len(codes)-1):]
				return code
			})
			e.send(job("1"))
			for range c.codes {
				e.result()
			}
			e.beatIdle()
			repeats, heard := e.repeats(), false
			e.answer(func(p *wire.BusPacket) wire.AckCode {
				if p.GetJobResult().GetJobId() == "2" && !heard {
					heard = true
					return silence
				}
				return ok
			})
			e.send(job("2"))
			for range 2 { // so long that an open question is asked again
				if r := e.result(); r.GetJobId() != "2" {
					t.Errorf("result %v", r)
				}
			}
			if e.repeats() != repeats {
				t.Errorf("sent again after a definite answer")
			}
		})
	}
}

// TestEngineStartsAgain: nobody listens for a while; results wait, are listed, and arrive.
func TestEngineStartsAgain(t *testing.T) {
	e := newEngine(t)
	release := make(chan struct{})
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { <-release; return nil }))
	e.send(job("1"))
	e.send(job("2", func(r *wire.JobRequest) { r.Topic = "job.demo.echo" }))
	must(t, e.bus.Flush())
	e.bus.Close()
	close(release)

	next := engineOn(t, e.server)
	next.answer(func(*wire.BusPacket) wire.AckCode { return retry })
	b := next.beatThat(func(b *wire.Heartbeat) bool { return len(b.GetJobs()) == 2 })
	var held []string
	for _, j := range b.GetJobs() {
		held = append(held, j.GetJobId()+" "+string(j.GetToken()))
	}
	slices.Sort(held)
	if !slices.Equal(held, []string{"1 token of 1", "2 token of 2"}) {
		t.Errorf("it says it has %v", held)
	}
	next.answer(script())
	ids := map[string]bool{}
	for len(ids) < 2 {
		ids[next.result().GetJobId()] = true
	}
	next.beatIdle()
}

// TestServerStartsAgain takes the whole server away under a worker that is busy.
func TestServerStartsAgain(t *testing.T) {
	e := newEngine(t)
	addr := e.server.Addr()
	release := make(chan struct{})
	startWorker(t, e, echo(func(context.Context, cordum.Job) error { <-release; return nil }))
	e.send(job("1", askAccept))
	receive(t, e.progress)
	e.server.Close()
	close(release)

	s, err := bus.NewServer(bus.ServerConfig{Open: true, Port: portOf(t, addr)})
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	next := engineOn(t, s)
	next.beatThat(func(b *wire.Heartbeat) bool { return b.GetWorkerId() == "w1" })
	if r := next.result(); r.GetJobId() != "1" {
		t.Fatalf("result %v", r)
	}
	next.send(job("2"))
	for next.result().GetJobId() != "2" { // the first may have been sent twice
	}
}

func TestManyAtOnce(t *testing.T) {
	e := newEngine(t)
	var calls sync.Map
	startWorker(t, e, echo(func(_ context.Context, j cordum.Job) error {
		if _, twice := calls.LoadOrStore(j.AttemptID, true); twice {
			t.Errorf("%s ran twice", j.AttemptID)
		}
		return nil
	}), func(c *cordum.WorkerConfig) { c.Capacity = 4096 })
	lossy := 0
	e.answer(func(*wire.BusPacket) wire.AckCode {
		if lossy++; lossy%11 == 0 {
			return silence
		} else if lossy%5 == 0 {
			return retry
		}
		return ok
	})
	const n = 400
	for i := range n {
		r := job(fmt.Sprint(i))
		r.AskBegin = i%2 == 0
		e.send(r)
		if i%3 == 0 {
			e.send(r)
		}
	}
	done := map[string]bool{}
	for len(done) < n {
		done[e.result().GetJobId()] = true
	}
	e.beatIdle()
}
