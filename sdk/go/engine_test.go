package cordum_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

// patience is how long a test waits for what must come before it says that it did not.
const patience = 30 * time.Second

// answers is the partition that the fake engine answers for.
const answers = "cordum.part.07"

// engine is the engine's side of the wire, as small as it can be: it sends attempts, writes down what comes back, and
// answers as the test says.
type engine struct {
	t      testing.TB
	server *bus.Server
	bus    *bus.NATS

	begins   chan *wire.JobBegin
	results  chan *wire.JobResult
	returns  chan *wire.JobReturn
	progress chan *wire.JobProgress
	beats    chan *wire.Heartbeat
	greets   chan *wire.Handshake
	logs     chan *wire.JobLog

	mu      sync.Mutex
	reply   func(*wire.BusPacket) wire.AckCode // 0 is silence
	settled map[string]bool                    // questions that were answered for good
	again   int                                // how many of them came again
}

func newEngine(t testing.TB) *engine {
	t.Helper()
	s, err := bus.NewServer(bus.ServerConfig{Open: true})
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	return engineOn(t, s)
}

// engineOn starts an engine on a server: the second one of a test is the first one started again.
func engineOn(t testing.TB, s *bus.Server) *engine {
	t.Helper()
	n, err := bus.Connect(bus.ConnectConfig{InProcess: s})
	must(t, err)
	t.Cleanup(func() { n.Close() })
	e := &engine{
		t: t, server: s, bus: n,
		begins:   make(chan *wire.JobBegin, 4096),
		results:  make(chan *wire.JobResult, 4096),
		returns:  make(chan *wire.JobReturn, 4096),
		progress: make(chan *wire.JobProgress, 4096),
		beats:    make(chan *wire.Heartbeat, 4096),
		greets:   make(chan *wire.Handshake, 4096),
		logs:     make(chan *wire.JobLog, 4096),
		reply:    func(*wire.BusPacket) wire.AckCode { return wire.AckCode_ACK_CODE_OK },
		settled:  map[string]bool{},
	}
	for _, subject := range []string{answers, wire.SubjectHeartbeats, wire.SubjectHandshakes, bus.SubjectResult, bus.SubjectProgress} {
		_, err := n.Subscribe(subject, "", e.receive)
		must(t, err)
	}
	must(t, n.Flush())
	return e
}

// answer says what begins and results are answered with from now on.
func (e *engine) answer(reply func(*wire.BusPacket) wire.AckCode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reply = reply
}

// script answers the first questions as listed, the rest with OK.
func script(codes ...wire.AckCode) func(*wire.BusPacket) wire.AckCode {
	return func(*wire.BusPacket) wire.AckCode {
		if len(codes) == 0 {
			return wire.AckCode_ACK_CODE_OK
		}
		code := codes[0]
		codes = codes[1:]
		return code
	}
}

func (e *engine) receive(m bus.Msg) {
	var p wire.BusPacket
	if err := proto.Unmarshal(m.Data, &p); err != nil {
		e.t.Errorf("a packet that does not decode on %s: %v", m.Subject, err)
		return
	}
	if p.GetSenderId() == "" || p.GetProtocolVersion() != 1 || p.GetCreatedAt() == nil {
		e.t.Errorf("an envelope without sender, version or time: %v", &p)
	}
	if m.Reply != "" {
		code, before := e.judge(&p)
		if code != 0 {
			ack := &wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: code}}}
			_ = e.bus.Publish(m.Reply, marshal(e.t, ack)) // the test may be over
		}
		if before {
			return
		}
	}
	switch x := p.GetPayload().(type) {
	case *wire.BusPacket_JobBegin:
		e.begins <- x.JobBegin
	case *wire.BusPacket_JobResult:
		e.results <- x.JobResult
	case *wire.BusPacket_JobReturn:
		e.returns <- x.JobReturn
	case *wire.BusPacket_JobProgress:
		e.progress <- x.JobProgress
	case *wire.BusPacket_JobLog:
		e.logs <- x.JobLog
	case *wire.BusPacket_Handshake:
		e.greets <- x.Handshake
	case *wire.BusPacket_Heartbeat:
		e.beats <- x.Heartbeat
	default:
		e.t.Errorf("a worker sent %T", x)
	}
}

// judge answers a question, and tells whether that was answered for good before: an answer that takes longer than the worker waits
// for it crosses the question's next sending, which is only counted.
func (e *engine) judge(p *wire.BusPacket) (code wire.AckCode, before bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	code = e.reply(p)
	key := fmt.Sprintf("begin %s %s", p.GetJobBegin().GetJobId(), p.GetJobBegin().GetToken())
	if r := p.GetJobResult(); r != nil {
		key = fmt.Sprintf("result %s %s", r.GetJobId(), r.GetToken())
	}
	if e.settled[key] {
		e.again++
		return code, true
	}
	e.settled[key] = code == wire.AckCode_ACK_CODE_OK || code == wire.AckCode_ACK_CODE_STALE || code == wire.AckCode_ACK_CODE_INVALID
	return code, false
}

// repeats counts the questions that came again though they had been answered for good.
func (e *engine) repeats() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.again
}

// job is an attempt as the engine sends it.
func job(id string, change ...func(*wire.JobRequest)) *wire.JobRequest {
	r := &wire.JobRequest{
		JobId: id, Topic: "job.demo.echo", Token: []byte("token of " + id), Input: []byte(`{"text":"hello"}`),
		AnswerSubject: answers, Attempt: 1, TenantId: "default",
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func askBegin(r *wire.JobRequest)  { r.AskBegin = true }
func askAccept(r *wire.JobRequest) { r.AskAccept = true }

// send gives an attempt to the worker "w1".
func (e *engine) send(r *wire.JobRequest) {
	e.t.Helper()
	e.sendTo(bus.WorkerJobs("w1"), r)
}

func (e *engine) sendTo(subject string, r *wire.JobRequest) {
	e.t.Helper()
	p := &wire.BusPacket{ProtocolVersion: 1, Payload: &wire.BusPacket_JobRequest{JobRequest: r}}
	must(e.t, e.bus.Publish(subject, marshal(e.t, p)))
}

func (e *engine) cancel(c *wire.JobCancel) {
	e.t.Helper()
	p := &wire.BusPacket{ProtocolVersion: 1, Payload: &wire.BusPacket_JobCancel{JobCancel: c}}
	must(e.t, e.bus.Publish(bus.SubjectCancel, marshal(e.t, p)))
}

func (e *engine) result() *wire.JobResult { e.t.Helper(); return receive(e.t, e.results) }

// beatThat waits for a heartbeat that says something, and asks for heartbeats meanwhile.
func (e *engine) beatThat(says func(*wire.Heartbeat) bool) *wire.Heartbeat {
	e.t.Helper()
	deadline := time.After(patience)
	ask := time.NewTicker(20 * time.Millisecond)
	defer ask.Stop()
	for {
		select {
		case b := <-e.beats:
			if says(b) {
				return b
			}
		case <-ask.C:
			must(e.t, e.bus.Publish(bus.SubjectAskJobs, nil))
		case <-deadline:
			e.t.Fatal("no such heartbeat came")
		}
	}
}

type text struct {
	Text string `json:"text"`
}

// started is a worker that runs.
type started struct {
	stop  context.CancelFunc
	ended chan error
}

// startWorker runs the worker "w1" until the test is over, and waits until it listens.
func startWorker(t testing.TB, e *engine, register func(*cordum.Worker), change ...func(*cordum.WorkerConfig)) started {
	t.Helper()
	cfg := cordum.WorkerConfig{URL: e.server.URL(), ID: "w1", Pool: "demo", Capacity: 8, DrainTimeout: 5 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	w, err := cordum.NewWorker(cfg)
	must(t, err)
	register(w)
	ctx, stop := context.WithCancel(context.Background())
	s := started{stop, make(chan error, 1)}
	go func() { s.ended <- w.Run(ctx); close(s.ended) }()
	t.Cleanup(func() { stop(); <-s.ended })
	for receive(t, e.beats).GetWorkerId() != "w1" { // it comes unasked: an answer to a question might come late, and tell of before
	}
	return s
}

// echo registers a tool that calls before, if not nil, and gives back what it got.
func echo(before func(context.Context, cordum.Job) error) func(*cordum.Worker) {
	return func(w *cordum.Worker) {
		cordum.Register(w, "demo", "echo", func(ctx context.Context, job cordum.Job, in text) (text, error) {
			if before != nil {
				if err := before(ctx, job); err != nil {
					return text{}, err
				}
			}
			return in, nil
		})
	}
}

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		var none T
		t.Fatalf("no %T came", none)
		return none
	}
}

func marshal(t testing.TB, p *wire.BusPacket) []byte {
	data, err := proto.Marshal(p)
	if err != nil {
		t.Error(err)
	}
	return data
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}
