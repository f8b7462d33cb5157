package builtin

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordum.dev/cordum/sdk/go"
)

func TestCall(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"big":12345678901234567,"method":%q,"body":%q,"type":%q,"n":%q,"flag":%q,"left_out":%q,"key":%q,"agent":%q,"path":%q}`,
			r.Method, body, r.Header.Get("Content-Type"), r.Header.Get("X-N"), r.Header.Get("X-Flag"), r.Header.Get("X-Null"),
			r.Header.Get("Idempotency-Key"), r.UserAgent(), r.URL.RequestURI())
	})
	got, err := newCaller(loopback(t)).call(context.Background(), testJob, call{
		URL: s.URL + "/a%20b?c=d", Method: "post", Body: raw(t, map[string]int{"x": 1}), Success: "status == 201 && body.method == 'POST'",
		Headers: map[string]json.RawMessage{"x-n": raw(t, 7), "X-Flag": raw(t, true), "X-Null": raw(t, nil)},
	}, &redactor{})
	must(t, err)
	want := `{"big":12345678901234567,"method":"POST","body":"{\"x\":1}","type":"application/json","n":"7","flag":"true","left_out":"",` +
		`"key":"07RUN.n~0","agent":"cordum","path":"/a%20b?c=d"}`
	if got.Status != 201 || string(got.Body) != want || got.Base64 || got.Headers["content-type"] != "application/json; charset=utf-8" {
		t.Errorf("got %d %v\n%s, want\n%s", got.Status, got.Headers, got.Body, want)
	}
}

// TestBodies: what is sent and what comes back, by its type.
func TestBodies(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		want              string // of the output
	}{
		"JSON":                     {"application/json", `{"a": 1}`, `{"status":200,"body":{"a":1}}`},
		"JSON of a kind":           {"application/problem+json", `[1]`, `{"status":200,"body":[1]}`},
		"JSON by its name only":    {"application/json", `{"a":`, `{"status":200,"body":"{\"a\":"}`},
		"JSON that nests too deep": {"application/json", strings.Repeat("[", 100), `{"status":200,"body":"` + strings.Repeat("[", 100) + `"}`},
		"text":                     {"text/plain", "häuser\n", `{"status":200,"body":"häuser\n"}`},
		"JSON that says text":      {"text/plain", `{"a":1}`, `{"status":200,"body":"{\"a\":1}"}`},
		"bytes":                    {"image/png", "\x89PNG\r\n", `{"status":200,"body":"iVBORw0K","base64":true}`},
		"text that is none":        {"text/plain", "h\xe4user", `{"status":200,"body":"aOR1c2Vy","base64":true}`},
		"nothing":                  {"", "", `{"status":200,"body":null}`},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{c.contentType}
			_, _ = io.WriteString(w, c.body)
		})
		got, err := get(context.Background(), loopback(t), s.URL)
		must(t, err)
		got.Headers = nil
		out := strings.Replace(string(raw(t, got)), `"headers":null,`, "", 1)
		if out != c.want {
			t.Errorf("%s: got %s, want %s", name, out, c.want)
		}
	}
}

func TestSentBodies(t *testing.T) {
	for body, want := range map[string]string{
		`"text"`:     "text|text/plain; charset=utf-8",
		` {"a": 1} `: `{"a": 1}|application/json`,
		`null`:       "|",
		``:           "|",
		`[]`:         "[]|application/json",
		`0`:          "0|application/json",
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s|%s", sent, r.Header.Get("Content-Type"))
		})
		got, err := newCaller(loopback(t)).call(context.Background(), testJob, call{URL: s.URL, Method: "PUT", Body: json.RawMessage(body)}, &redactor{})
		must(t, err)
		if got.value != want {
			t.Errorf("%s: got %s, want %s", body, got.value, want)
		}
	}
}

// TestJudgement: what becomes of an answer that is no success.
func TestJudgement(t *testing.T) {
	for _, c := range []struct {
		status  int
		success string
		code    string // empty: a success
		kind    cordum.Kind
	}{
		{200, "", "", 0},
		{204, "", "", 0},
		{399, "", "", 0},
		{400, "", CodeHTTPStatus, cordum.KindFatal},
		{404, "", CodeHTTPStatus, cordum.KindFatal},
		{429, "", CodeHTTPStatus, cordum.KindRetryable},
		{500, "", CodeHTTPStatus, cordum.KindRetryable},
		{503, "", CodeHTTPStatus, cordum.KindRetryable},
		{404, "status in [200, 404]", "", 0},
		{200, "body == 'ok'", CodeHTTPStatus, cordum.KindFatal},
		{200, "headers['x-state'] == 'done'", "", 0},
		{200, "body.field == 1", "expr_runtime", cordum.KindFatal},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-State", "done")
			w.WriteHeader(c.status)
			if c.status != 204 {
				_, _ = io.WriteString(w, "canary of the body")
			}
		})
		got, err := newCaller(loopback(t)).call(context.Background(), testJob, call{URL: s.URL, Success: c.success}, &redactor{})
		if c.code == "" {
			if err != nil || got.Status != c.status {
				t.Errorf("%d, %q: %v", c.status, c.success, err)
			}
			continue
		}
		e := coded(t, err, c.code, c.kind)
		holdsNone(t, c.success, e.Error(), "canary")
		if d, ok := e.Details.(outcome); !ok || d.Status != c.status {
			t.Errorf("%d, %q: details %v", c.status, c.success, e.Details)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	header := func(name string, value any) map[string]json.RawMessage {
		return map[string]json.RawMessage{name: raw(t, value)}
	}
	for name, c := range map[string]struct {
		in   call
		code string
	}{
		"no url":                  {call{}, CodeEgressDenied},
		"a long url":              {call{URL: s.URL + "/" + strings.Repeat("a", maxURL)}, cordum.CodeInvalidInput},
		"CONNECT":                 {call{URL: s.URL, Method: "CONNECT"}, cordum.CodeInvalidInput},
		"TRACE":                   {call{URL: s.URL, Method: "TRACE"}, cordum.CodeInvalidInput},
		"a method with a line":    {call{URL: s.URL, Method: "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"}, cordum.CodeInvalidInput},
		"success of other names":  {call{URL: s.URL, Success: "steps.a.output"}, cordum.CodeInvalidInput},
		"success that is none":    {call{URL: s.URL, Success: "status"}, cordum.CodeInvalidInput},
		"a line in a value":       {call{URL: s.URL, Headers: header("X-A", "b\r\nX-C: d")}, CodeEgressDenied},
		"a line feed in a value":  {call{URL: s.URL, Headers: header("X-A", "b\nX-C: d")}, CodeEgressDenied},
		"a zero in a value":       {call{URL: s.URL, Headers: header("X-A", "b\x00c")}, CodeEgressDenied},
		"a line in a name":        {call{URL: s.URL, Headers: header("X-A: b\r\nX-C", "d")}, CodeEgressDenied},
		"an empty name":           {call{URL: s.URL, Headers: header("", "d")}, CodeEgressDenied},
		"a list as a value":       {call{URL: s.URL, Headers: header("X-A", []int{1})}, cordum.CodeInvalidInput},
		"another host":            {call{URL: s.URL, Headers: header("host", "inside.example")}, cordum.CodeInvalidInput},
		"another length":          {call{URL: s.URL, Headers: header("Content-Length", 1)}, cordum.CodeInvalidInput},
		"chunks":                  {call{URL: s.URL, Headers: header("Transfer-Encoding", "chunked")}, cordum.CodeInvalidInput},
		"an upgrade":              {call{URL: s.URL, Headers: header("Upgrade", "h2c")}, cordum.CodeInvalidInput},
		"too much of them":        {call{URL: s.URL, Headers: header("X-A", strings.Repeat("b", maxHeaderBytes))}, cordum.CodeInvalidInput},
		"one twice":               {call{URL: s.URL, Headers: map[string]json.RawMessage{"x-a": raw(t, 1), "X-A": raw(t, 2)}}, cordum.CodeInvalidInput},
		"a user in the url":       {call{URL: strings.Replace(s.URL, "http://", "http://user:hunter2@", 1)}, CodeEgressDenied},
		"a line break in the url": {call{URL: s.URL + "/\r\nX: y"}, CodeEgressDenied},
	} {
		_, err := newCaller(loopback(t)).call(context.Background(), testJob, c.in, &redactor{})
		e := coded(t, err, c.code, cordum.KindFatal)
		holdsNone(t, name, e.Error(), "hunter2", "\r", "\n")
	}
}

// TestLargeAnswers: whatever is endless or swells is given up at the limit.
func TestLargeAnswers(t *testing.T) {
	chunk := make([]byte, 64<<10)
	bomb := gzipped(t, 64<<20)
	for name, handle := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10737418240")
			_, _ = w.Write(chunk)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"one byte over": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, MaxResponse+1)) },
		"a bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		},
		"a large head": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", strings.Repeat("a", 2*MaxResponseHeaders))
		},
	} {
		s := serve(t, handle)
		began := time.Now()
		_, err := get(soon(t), loopback(t), s.URL)
		coded(t, err, CodeResponseTooLarge, cordum.KindFatal)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("a"), MaxResponse)) })
	if got, err := get(soon(t), loopback(t), s.URL); err != nil || len(got.value.(string)) != MaxResponse {
		t.Errorf("what just fits: %v", err)
	}
}

func gzipped(t *testing.T, size int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(make([]byte, size))
	must(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

func TestHeadOfALargeBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "10737418240") })
	got, err := newCaller(loopback(t)).call(soon(t), testJob, call{URL: s.URL, Method: "HEAD"}, &redactor{})
	if err != nil || got.Headers["content-length"] != "10737418240" || string(got.Body) != "null" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestRedirects: they are followed a few times, and what the step says to one host is not said to another.
func TestRedirects(t *testing.T) {
	var hops atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := hops.Add(1)
		if r.Header.Get("Referer") != "" {
			t.Errorf("hop %d: %s", n, r.Header.Get("Referer"))
		}
		var last int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &last)
		if int(n) <= last {
			http.Redirect(w, r, fmt.Sprintf("/%d?hop=%d", last, n), http.StatusFound)
		}
	})
	_, err := get(soon(t), loopback(t), s.URL+fmt.Sprintf("/%d", MaxRedirects))
	must(t, err)
	hops.Store(0)
	_, err = get(soon(t), loopback(t), s.URL+"/1000000")
	coded(t, err, CodeTooManyRedirects, cordum.KindFatal)
	if n := hops.Load(); n != MaxRedirects+1 {
		t.Errorf("%d requests", n)
	}
}

func TestRedirectElsewhere(t *testing.T) {
	var last http.Header
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { last = r.Header.Clone() })
	status := http.StatusFound
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
	in := call{URL: s.URL, Headers: map[string]json.RawMessage{"X-Api-Key": raw(t, "canary"), "Authorization": raw(t, "canary"), "Accept": raw(t, "text/plain")}}
	_, err := newCaller(loopback(t)).call(soon(t), testJob, in, &redactor{})
	must(t, err)
	holdsNone(t, "the other host", fmt.Sprint(last), "canary", testJob.ID)
	if last.Get("Accept") != "text/plain" {
		t.Errorf("headers %v", last)
	}

	last, status = nil, http.StatusTemporaryRedirect
	in.Method, in.Body = "POST", raw(t, "a secret")
	_, err = newCaller(loopback(t)).call(soon(t), testJob, in, &redactor{})
	coded(t, err, CodeRedirectRefused, cordum.KindFatal)
	if last != nil {
		t.Error("the body went elsewhere")
	}
}

func TestRedirectOutOfTLS(t *testing.T) {
	plainServer := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	s := httptest.NewTLSServer(http.RedirectHandler(plainServer.URL, http.StatusFound))
	t.Cleanup(s.Close)
	c := newCaller(loopback(t))
	c.client.Transport.(*http.Transport).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	_, err := c.call(soon(t), testJob, call{URL: s.URL}, &redactor{})
	coded(t, err, CodeRedirectRefused, cordum.KindFatal)

	_, err = get(soon(t), loopback(t), s.URL) // whose certificate nobody knows
	coded(t, err, CodeTLS, cordum.KindFatal)
}

// TestUnaskedEncoding: what was not asked for is not unpacked.
func TestUnaskedEncoding(t *testing.T) {
	packed := gzipped(t, 10)
	address := serveRaw(t, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n%s", len(packed), packed)
		}
	})
	got, err := get(soon(t), loopback(t), address)
	must(t, err)
	if !got.Base64 || got.value != base64.StdEncoding.EncodeToString(packed) || got.Headers["content-encoding"] != "deflate" {
		t.Errorf("got %v", got)
	}
}
