package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/gateway"
)

// notRequests are operations that a client of requests and answers cannot have.
var notRequests = map[string]bool{"openStream": true}

// TestEveryOperation calls each operation of the gateway's table and looks where the request arrives.
func TestEveryOperation(t *testing.T) {
	var arrived string
	mux := http.NewServeMux()
	for _, r := range gateway.Routes() {
		mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, req *http.Request) {
			arrived = r.ID
			for _, name := range []string{"id", "name", "worker"} {
				if v := req.PathValue(name); v != "" && v != "a/b c" {
					t.Errorf("%s: %s arrived as %q", r.ID, name, v)
				}
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "null")
		})
	}
	c := clientOf(t, mux)
	for _, r := range gateway.Routes() {
		if r.ID == "" || notRequests[r.ID] {
			continue
		}
		arrived = ""
		method, ok := methodOf(c, r.ID)
		if !ok {
			t.Errorf("%s is no method of Client; run make gen", r.ID)
			continue
		}
		out := method.Call(argumentsOf(method.Type()))
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
		if arrived != r.ID {
			t.Errorf("%s arrived at %q", r.ID, arrived)
		}
	}
}

// methodOf finds the method of an operation, whose initialisms are in capitals.
func methodOf(c *Client, id string) (reflect.Value, bool) {
	v := reflect.ValueOf(c)
	for i := range v.NumMethod() {
		if strings.EqualFold(v.Type().Method(i).Name, id) {
			return v.Method(i), true
		}
	}
	return reflect.Value{}, false
}

// argumentsOf are the least that a method takes.
func argumentsOf(method reflect.Type) []reflect.Value {
	args := []reflect.Value{reflect.ValueOf(context.Background())}
	for i := 1; i < method.NumIn(); i++ {
		arg := reflect.New(method.In(i)).Elem()
		if arg.Kind() == reflect.String {
			arg.SetString("a/b c")
		}
		args = append(args, arg)
	}
	return args
}

func clientOf(t *testing.T, h http.Handler) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Config{URL: s.URL + "/", Key: "k1", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRequest(t *testing.T) {
	var got http.Request
	var body bytes.Buffer
	c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = *r
		_, _ = body.ReadFrom(r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"run_id": "r1"}`)
	}))
	started, err := c.StartRun(t.Context(), &StartRunParams{IdempotencyKey: new("once")}, RunStart{Workflow: "w", Input: map[string]any{"n": 1}})
	if err != nil || started.RunID != "r1" {
		t.Fatal(started, err)
	}
	want := map[string]string{"Idempotency-Key": "once", "X-Api-Key": "k1", "X-Tenant-Id": "acme", "X-Reason": "", "Content-Type": "application/json"}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if body.String() != `{"input":{"n":1},"workflow":"w"}` {
		t.Errorf("body %s", body.String())
	}
}

func TestParameters(t *testing.T) {
	r := newRequest("GET", "/x/{id}")
	r.segment("id", "../a?b#c")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	r.query("at", &at)
	r.query("list", []RunViewState{"a", "b"})
	r.query("none", (*string)(nil))
	r.query("empty", []string{})
	r.query("no", new(false))
	req, err := r.build(t.Context(), "http://h")
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://h/x/..%2Fa%3Fb%23c?at=2026-01-02T03%3A04%3A05.000006Z&list=a%2Cb&no=false"; req.URL.String() != want {
		t.Errorf("%s\nwant %s", req.URL, want)
	}
	for _, id := range []string{"", ".", ".."} {
		r := newRequest("GET", "/x/{id}/y")
		r.segment("id", id)
		if _, err := r.build(t.Context(), "http://h"); err == nil {
			t.Errorf("%q is taken as an id", id)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		status    int
		head      http.Header
		body      string
		code, say string
		after     time.Duration
	}{
		"a problem": {
			status: 404, body: `{"type":"x","code":"not_found","title":"There is none","status":404,"detail":"No run r1."}`,
			code: "not_found", say: "not_found: There is none: No run r1.",
		},
		"too often":      {status: 429, head: http.Header{"Retry-After": {"3"}}, body: `{"code":"rate_limited","title":"Too many"}`, code: "rate_limited", say: "rate_limited: Too many", after: 3 * time.Second},
		"a proxy's page": {status: 502, body: "<html>", say: "the server answered 502 Bad Gateway"},
		"JSON of others": {status: 500, body: `{"code": "x"}`, say: "the server answered 500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tt.head {
					w.Header()[k] = v
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			_, err := c.GetRun(t.Context(), "r1", nil)
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || Code(err) != tt.code || err.Error() != tt.say || e.RetryAfter != tt.after {
				t.Errorf("%+v: %v", e, err)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	c := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
	if _, err := c.GetRun(t.Context(), "r1", nil); err == nil || Code(err) != "" {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []Config{{URL: "127.0.0.1:8081"}, {URL: "ftp://x"}, {URL: "http://"}, {URL: "http://x?y=1"}, {Key: "a\r\nX-Admin: 1"}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
	if c, err := New(Config{}); err != nil || c.base != DefaultURL {
		t.Error(c, err)
	}
}
