package gateway

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

const testKey = "0123456789abcdef0123456789abcdef"

// api is a gateway with a fake engine behind it.
type api struct {
	t      testing.TB
	g      *Gateway
	engine *fakeEngine
	log    *logText
}

type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newAPI(t testing.TB, change func(*Config)) *api {
	t.Helper()
	a := &api{t: t, engine: newFake(), log: &logText{}}
	cfg := Config{Dev: true, Version: "test", Logger: slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg, Adapt(a.engine))
	if err != nil {
		t.Fatal(err)
	}
	a.g = g
	t.Cleanup(g.CloseStreams)
	return a
}

func withKeys(c *Config) {
	c.Dev = false
	c.APIKeys = []string{testKey}
	c.Rate, c.PublicRate = Rate{PerSecond: -1}, Rate{PerSecond: -1}
}

type got struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// call sends a request. headers are "Name: value" lines; a body is JSON unless they say otherwise.
func (a *api) call(method, target, body string, headers ...string) got {
	a.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "http://localhost:8081"+target, reader)
	r.RemoteAddr = "127.0.0.1:5555"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		switch {
		case name == "Host":
			r.Host = value
		case value == "-":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	a.g.Handler().ServeHTTP(w, r)
	return got{w, a.t}
}

// want checks the status and, for an error, the code and the form of the problem.
func (g got) want(status int, code string) got {
	g.t.Helper()
	if g.Code != status {
		g.t.Fatalf("status %d, want %d; body: %s", g.Code, status, g.Body)
	}
	if code == "" {
		return g
	}
	if ct := g.Header().Get("Content-Type"); ct != "application/problem+json" {
		g.t.Errorf("content type %q of a problem", ct)
	}
	var p Problem
	g.json(&p)
	if p.Code != code || p.Status != status || p.Title == "" || p.Type != problemDocs+code {
		g.t.Errorf("problem %+v, want code %s and status %d", p, code, status)
	}
	return g
}

func (g got) json(v any) got {
	g.t.Helper()
	if err := json.Unmarshal(g.Body.Bytes(), v); err != nil {
		g.t.Fatalf("answer is not JSON: %v: %s", err, g.Body)
	}
	return g
}

// workflow stores one and answers a run of it.
func (a *api) run() string {
	a.t.Helper()
	a.call("POST", prefix+"/workflows", `{"id":"wf","steps":[{"id":"a","topic":"job.x"}]}`).want(http.StatusCreated, "")
	var started struct {
		RunID string `json:"run_id"`
	}
	a.call("POST", prefix+"/workflows/wf/runs", `{"n":1}`).want(http.StatusCreated, "").json(&started)
	return started.RunID
}
