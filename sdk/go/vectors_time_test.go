package cordum

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/bus/wire"
)

// pipeServer is as much of a NATS server as a connection needs that only publishes: it lives on a pipe in memory, so
// that a test with a clock of its own can wait for it.
type pipeServer struct {
	maxPayload int64
	mu         sync.Mutex
	arrived    []arrival
}

type arrival struct {
	at     time.Time
	packet *wire.BusPacket
}

// Dial implements nats.CustomDialer.
func (s *pipeServer) Dial(string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go s.serve(server)
	return client, nil
}

func (s *pipeServer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	out := make(chan string, 16) // a pipe has no buffer: who reads must not wait for who writes
	defer close(out)
	go func() {
		for line := range out {
			_, _ = io.WriteString(c, line)
		}
	}()
	out <- fmt.Sprintf("INFO {\"server_id\":\"s\",\"version\":\"2.10.0\",\"proto\":1,\"headers\":true,\"max_payload\":%d}\r\n", s.maxPayload)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "PING":
			out <- "PONG\r\n"
		case "PUB":
			if s.take(in, rest) != nil {
				return
			}
		}
	}
}

func (s *pipeServer) take(in io.Reader, head string) error {
	var subject string
	var size int
	if _, err := fmt.Sscan(head, &subject, &size); err != nil {
		return err
	}
	data := make([]byte, size+2)
	if _, err := io.ReadFull(in, data); err != nil {
		return err
	}
	p := &wire.BusPacket{}
	err := proto.Unmarshal(data[:size], p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(s.arrived, arrival{time.Now(), p})
	return err
}

func (s *pipeServer) connect(t *testing.T) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect("nats://127.0.0.1:4222", nats.SetCustomDialer(s), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// serverWith is a connection to a server that takes messages up to a size.
func serverWith(t *testing.T, maxPayload int64) *nats.Conn {
	t.Helper()
	conn := (&pipeServer{maxPayload: maxPayload}).connect(t)
	t.Cleanup(conn.Close)
	return conn
}

// say is a message of progress, as it is said and as it is sent.
type say struct {
	AtMs    int64 `json:"at_ms"`
	Percent int
	Message string
	State   json.RawMessage
}

func runProgress(t *testing.T, c vector) {
	in := read[struct {
		Events []struct {
			AtMs int64 `json:"at_ms"`
			Say  *say
			End  bool
		}
	}](t, c.In)
	want := read[struct{ Sent []say }](t, c.Want)
	synctest.Test(t, func(t *testing.T) {
		s := &pipeServer{maxPayload: 1 << 20}
		conn := s.connect(t)
		defer conn.Close()
		a := vectorAttempt(t, &wire.JobRequest{JobId: "1", Topic: "job.x"}, nil)
		a.worker.conn = conn
		start := time.Now()
		for _, e := range in.Events {
			time.Sleep(time.Until(start.Add(time.Duration(e.AtMs) * time.Millisecond)))
			if e.End {
				a.progress.end()
				continue
			}
			var state any
			if len(e.Say.State) > 0 {
				state = e.Say.State
			}
			if err := newJob(a).Progress(e.Say.Percent, e.Say.Message, state); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait() // until everything is through the pipe
		var got []say
		for _, m := range s.arrived {
			p := m.packet.GetJobProgress()
			got = append(got, say{m.at.Sub(start).Milliseconds(), int(p.GetPercent()), p.GetMessage(), p.GetState()})
		}
		wants(t, fmt.Sprint(got), fmt.Sprint(want.Sent))
	})
}

// toolView is a job as a tool sees it.
type toolView struct {
	ID, Key, Topic, Tenant, Principal, Workflow, Traceparent string
	AttemptID                                                string `json:"attempt_id"`
	RunID                                                    string `json:"run_id"`
	StepID                                                   string `json:"step_id"`
	Attempt, Iteration                                       int
	Labels, Env                                              map[string]string
	Locks                                                    []lockView
}

type lockView struct {
	Name         string
	Shared       bool
	FencingToken int64 `json:"fencing_token"`
}

func runJob(t *testing.T, c vector) {
	in := read[struct{ Request json.RawMessage }](t, c.In)
	r := readRequest(t, in.Request)
	j := newJob(vectorAttempt(t, r, nil))
	got := toolView{
		ID: j.ID, Key: j.Key, Topic: j.Topic, Tenant: j.Tenant, Principal: j.Principal, Workflow: j.Workflow, Traceparent: j.Traceparent,
		AttemptID: j.AttemptID, RunID: j.RunID, StepID: j.StepID, Attempt: j.Attempt, Iteration: j.Iteration, Labels: j.Labels, Env: j.Env,
	}
	for _, l := range r.GetLocks() {
		got.Locks = append(got.Locks, lockView{l.GetName(), l.GetShared(), l.GetFencingToken()})
	}
	wants(t, got, read[toolView](t, c.Want))
}

// logEvent is what is logged, or the end of the attempt.
type logEvent struct {
	AtMs         int64 `json:"at_ms"`
	Stream, Text string
	Times        int
	End          bool
}

// logPacket is a packet of lines: each is its stream and its text.
type logPacket struct {
	AtMs           int64 `json:"at_ms"`
	First, Dropped int64
	Lines          [][2]string
}

func runLogs(t *testing.T, c vector) {
	in := read[struct {
		LogLines int32 `json:"log_lines"`
		Redact   []string
		Events   []logEvent
	}](t, c.In)
	want := read[struct {
		Sent      []logPacket
		SentLines *int `json:"sent_lines"`
		Dropped   int64
	}](t, c.Want)
	synctest.Test(t, func(t *testing.T) {
		s := &pipeServer{maxPayload: 8 << 20}
		conn := s.connect(t)
		defer conn.Close()
		a := vectorAttempt(t, &wire.JobRequest{JobId: "1", Topic: "job.x", AnswerSubject: "answers", LogLines: in.LogLines},
			nil, func(cfg *WorkerConfig) { cfg.Redact = in.Redact })
		a.worker.conn = conn
		start := time.Now()
		for _, e := range in.Events {
			time.Sleep(time.Until(start.Add(time.Duration(e.AtMs) * time.Millisecond)))
			if e.End {
				a.lines.end()
				continue
			}
			for range max(e.Times, 1) {
				a.lines.say(e.Stream, e.Text)
			}
		}
		synctest.Wait()
		got := s.logPackets(start)
		if want.SentLines == nil {
			wants(t, got, want.Sent)
			return
		}
		lines := 0
		for _, p := range got {
			lines += len(p.Lines)
		}
		wants(t, []int64{int64(lines), got[len(got)-1].Dropped}, []int64{int64(*want.SentLines), want.Dropped})
	})
}

// logPackets are the packets of lines that arrived.
func (s *pipeServer) logPackets(start time.Time) (packets []logPacket) {
	for _, m := range s.arrived {
		l := m.packet.GetJobLog()
		p := logPacket{AtMs: m.at.Sub(start).Milliseconds(), First: l.GetFirst(), Dropped: l.GetDropped(), Lines: [][2]string{}}
		for _, line := range l.GetLines() {
			p.Lines = append(p.Lines, [2]string{line.GetStream(), line.GetText()})
		}
		packets = append(packets, p)
	}
	return packets
}
