package builtin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// patienceOfTests is how long a test waits for what must come.
const patienceOfTests = 30 * time.Second

// engine is the engine's side of the wire: it sends jobs to the built-in worker and takes their results.
type engine struct {
	t       *testing.T
	bus     *bus.NATS
	results chan *wire.JobResult
	packets packets
}

// packets keeps everything that the worker sent, as it was sent.
type packets struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *packets) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Write(b)
}

func (p *packets) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

// start runs the built-in worker on a server of its own until the test ends.
func start(t *testing.T, cfg Config) *engine {
	t.Helper()
	server, err := bus.NewServer(bus.ServerConfig{DontListen: true})
	must(t, err)
	must(t, server.Start())
	t.Cleanup(server.Close)
	e := &engine{t: t, results: make(chan *wire.JobResult, 16)}
	e.bus, err = bus.Connect(bus.ConnectConfig{InProcess: server})
	must(t, err)
	t.Cleanup(func() { e.bus.Close() })
	ready := make(chan struct{})
	var once sync.Once
	_, err = e.bus.Subscribe(bus.SubjectHeartbeat+".*", "", func(bus.Msg) { once.Do(func() { close(ready) }) })
	must(t, err)
	_, err = e.bus.Subscribe(bus.Part(0), "", e.take)
	must(t, err)
	must(t, e.bus.Flush())

	cfg.Conn = e.bus.Conn()
	w, err := NewWorker(cfg)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })
	select {
	case <-ready:
	case <-time.After(patienceOfTests):
		t.Fatal("the worker does not beat")
	}
	return e
}

func (e *engine) take(m bus.Msg) {
	var p wire.BusPacket
	if err := proto.Unmarshal(m.Data, &p); err != nil {
		e.t.Error(err)
	}
	_, _ = e.packets.Write(m.Data)
	data, err := proto.Marshal(&wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: wire.AckCode_ACK_CODE_OK}}})
	if err := errors.Join(err, e.bus.Publish(m.Reply, data)); err != nil {
		e.t.Error(err)
	}
	if r := p.GetJobResult(); r != nil {
		e.results <- r
	}
}

// do sends one job and waits for its result.
func (e *engine) do(topic, input string) *wire.JobResult {
	e.t.Helper()
	data, err := proto.Marshal(&wire.BusPacket{Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{
		JobId: fmt.Sprintf("07RUN.n~%d", time.Now().UnixNano()), Token: []byte("t"), Topic: topic, Input: []byte(input),
		AnswerSubject: bus.Part(0), TenantId: "default", RunId: "07RUN", StepId: "n",
	}}})
	must(e.t, errors.Join(err, e.bus.Publish(bus.WorkerJobs(DefaultID), data)))
	select {
	case r := <-e.results:
		return r
	case <-time.After(patienceOfTests):
		e.t.Fatal("no result came")
		return nil
	}
}

func TestWorkerServesItsTools(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	e := start(t, Config{Egress: onLoopback(t), Logger: slog.New(slog.DiscardHandler)})
	if r := e.do("job.cordum.notify", `{"message":"hello"}`); string(r.GetOutput()) != `{"delivered":true,"channel":"log"}` {
		t.Errorf("result %v", r)
	}
	r := e.do("job.cordum.http", `{"url":"`+s.URL+`"}`)
	var got answer
	if err := json.Unmarshal(r.GetOutput(), &got); err != nil || got.Status != 200 || string(got.Body) != `"hello"` {
		t.Errorf("result %v, %v", r, err)
	}
	for input, code := range map[string]string{
		`{"url":"http://10.0.0.1/"}`:       CodeEgressDenied,
		`{"url":7}`:                        "invalid_input",
		`[]`:                               "invalid_input",
		`{"url":{"$secret":"NONE"}}`:       CodeSecretMissing,
		`{"url":{"$secret":"NONE","x":1}}`: "secret_in_expression",
		`{"url":"` + s.URL + `","success":"status == 201"}`: CodeHTTPStatus,
	} {
		if r := e.do("job.cordum.http", input); r.GetErrorCode() != code {
			t.Errorf("%s: %v, want the code %s", input, r, code)
		}
	}
}

// TestCanary: servers that give back everything they get, in every way they have, learn a secret; nobody else does: not
// the engine, not the log.
func TestCanary(t *testing.T) {
	const value = "canary+s3cr3t/\"value\""
	seen := false
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = seen || r.Header.Get("X-Token") == value || strings.Contains(string(body), "canary") || strings.Contains(r.URL.RawQuery, "canary")
		w.Header().Set("X-Echo", r.Header.Get("X-Token")+r.URL.RawQuery)
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			quoted := strings.ReplaceAll(string(mustJSON(r.Header)), "canary", `\u0063anary`)
			fmt.Fprintf(w, `{"headers":%s,"body":%s}`, quoted, mustJSON(string(body)))
		case "/bytes":
			_, _ = w.Write(append([]byte{0xff, 0xfe}, body...))
		case "/redirect":
			http.Redirect(w, r, "http://10.0.0.1/?"+r.URL.RawQuery, http.StatusFound)
		case "/fail":
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(body)
		default:
			fmt.Fprintf(w, "%s %s %s", r.URL, r.Header, body)
		}
	})
	var log packets
	e := start(t, Config{
		Egress: onLoopback(t), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Secrets: Secrets{Lookup: func(string) (string, bool) { return value, true }}, Channels: Channels{WebhookURL: s.URL + "/fail"},
	})
	const secret = `{"$secret":"TOKEN"}`
	for _, path := range []string{"/text", "/json", "/bytes", "/fail"} {
		seen = false
		r := e.do("job.cordum.http", fmt.Sprintf(`{"url":"%s%s","method":"POST","headers":{"X-Token":%s},"body":%s}`, s.URL, path, secret, secret))
		if !seen {
			t.Errorf("%s did not get the secret", path)
		}
		var got struct{ Body string }
		_ = json.Unmarshal(r.GetOutput(), &got) // a body that is no text leaves it empty
		if data, err := base64.StdEncoding.DecodeString(got.Body); err == nil {
			holdsNone(t, path, string(data), "canary")
		}
	}
	for _, input := range []string{
		fmt.Sprintf(`{"url":{"$secret":["%s/redirect?q=",%s]}}`, s.URL, secret),
		fmt.Sprintf(`{"url":{"$secret":["http://10.0.0.1/",%s]}}`, secret),
		fmt.Sprintf(`{"url":{"$secret":["http://",%s]}}`, secret),
		fmt.Sprintf(`{"url":"%s","method":%s}`, s.URL, secret),
		fmt.Sprintf(`{"url":"%s","success":%s}`, s.URL, secret),
		fmt.Sprintf(`{"url":"%s","headers":{%s:"x y\n"}}`, s.URL, mustJSON("X-"+value)),
		fmt.Sprintf(`{"url":"%s","body":{"a":[%s]}}`, s.URL, secret),
	} {
		e.do("job.cordum.http", input)
	}
	for _, channel := range []string{"log", "webhook", "slack"} {
		e.do("job.cordum.notify", fmt.Sprintf(`{"message":{"$secret":["the word is ",%s]},"channel":"%s"}`, secret, channel))
	}
	e.do("job.cordum.notify", fmt.Sprintf(`{"message":"hello","channel":%s}`, secret))
	e.do("job.cordum.notify", fmt.Sprintf(`{"message":"hello","level":%s}`, secret))
	if !strings.Contains(log.String(), "the word is [secrets.TOKEN]") || !strings.Contains(e.packets.String(), "[secrets.TOKEN]") {
		t.Error("nothing was hidden: the test looks in the wrong place")
	}
	for where, text := range map[string]string{"the log": log.String(), "a packet": e.packets.String()} {
		holdsNone(t, where, text, "canary", "s3cr3t", "Y2FuYXJ5", "636166617279")
	}
}
