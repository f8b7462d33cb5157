package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestKeys(t *testing.T) {
	a := newAPI(t, withKeys)
	path := prefix + "/runs"
	a.call("GET", path, "").want(401, "unauthenticated")
	a.call("GET", path, "", "X-API-Key: "+testKey).want(200, "")
	a.call("GET", path, "", "Authorization: Bearer "+testKey).want(200, "")
	a.call("GET", path, "", "Authorization: bearer "+testKey, "X-Tenant-ID: default").want(200, "")
	for _, wrong := range []string{testKey[:16], testKey[:31] + "0", testKey + "0", strings.ToUpper(testKey)} {
		a.call("GET", path, "", "X-API-Key: "+wrong).want(401, "unauthenticated")
	}
	a.call("GET", path, "", "Authorization: Basic "+testKey).want(401, "unauthenticated")
	a.call("GET", path, "", "X-API-Key: "+testKey, "Authorization: Bearer other").want(401, "unauthenticated")
	for _, name := range secretQueries {
		a.call("GET", path+"?"+name+"="+testKey, "", "X-API-Key: "+testKey).want(401, "credentials_in_query")
	}
	a.call("GET", path, "", "X-API-Key: "+testKey, "X-Tenant-ID: acme").want(403, "tenant_mismatch")
	a.call("GET", path, "", "X-API-Key: "+testKey, "X-Principal-Id: root").want(200, "")
	if c := a.engine.lastCaller(); !strings.HasPrefix(c.Actor, "key:") || strings.Contains(c.Actor, testKey[:8]) || c.Tenant != "default" {
		t.Errorf("caller %+v", c)
	}
	if strings.Contains(a.log.String(), testKey) {
		t.Error("the key is in the log")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no keys":        {},
		"short key":      {APIKeys: []string{"secret"}},
		"keys in dev":    {Dev: true, APIKeys: []string{testKey}},
		"origin":         {Dev: true, Origins: []string{"https://a.example/path"}},
		"any origin":     {Dev: true, Origins: []string{"*"}},
		"ping too rare":  {Dev: true, Ping: time.Hour},
		"negative pause": {Dev: true, Ping: -1},
	} {
		if _, err := New(cfg, Adapt(newFake())); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q is more than one line", name, err)
		}
	}
	if _, err := New(Config{Dev: true}, nil); err == nil {
		t.Error("no engine: taken")
	}
}

func TestSpoofedHeadersAreIgnored(t *testing.T) {
	a := newAPI(t, withKeys)
	key := "X-API-Key: " + testKey
	a.call("POST", prefix+"/workflows", `{"id":"wf","steps":[{"id":"a","topic":"job.x"}]}`, key).want(201, "")
	a.call("GET", prefix+"/workflows/wf", "", key, "X-HTTP-Method-Override: DELETE", "X-Method-Override: POST").want(200, "")
	a.call("GET", prefix+"/runs", "", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-For: 127.0.0.1").want(401, "unauthenticated")
	a.call("GET", prefix+"/runs", "", key, "X-Original-URL: /nothing", "X-Forwarded-Host: evil").want(200, "")
}

func TestOtherSpellingsOfPaths(t *testing.T) {
	a := newAPI(t, withKeys)
	for _, path := range []string{
		"/api/v1/runs/", "//api/v1/runs", "/api//v1/runs", "/api/v1/./runs", "/api/v1/x/../runs", "/api/v1/runs;x", "/api/v1/runs.json",
		"/api/v1%2fruns", "/api/v1/%2e%2e/v1/runs", "/API/v1/runs", "/api/v1/Runs", "/api/v1/runs%00", "/api/v1/runs/healthz/x/y",
		"/healthz/", "/api/v1/healthz", "/api/v1/metrics", "/api/v1/%252e%252e/healthz", "/api/v1\\runs",
	} {
		r := httptest.NewRequest("GET", "http://localhost/", nil)
		u, err := r.URL.Parse("http://localhost/")
		if err != nil {
			t.Fatal(err)
		}
		u.Path, u.RawPath = unescaped(path), path
		r.URL = u
		r.Header.Set("X-API-Key", testKey)
		w := httptest.NewRecorder()
		a.g.Handler().ServeHTTP(w, r)
		if w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, content type %q", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	for _, suffix := range []string{"/health", "/healthz", "/ready", "/metrics", "/configs", "/login", ";x", "/..", "%2f", ".json"} {
		for _, path := range []string{"/api/v1/runs", "/api/v1/workflows", "/api/v1/approvals", "/api/v1/stream"} {
			if code := a.call("GET", path+suffix, "").Code; code != 401 && code != 404 {
				t.Errorf("%s%s: %d without credentials", path, suffix, code)
			}
		}
	}
}

func unescaped(path string) string {
	return strings.NewReplacer("%2f", "/", "%2e", ".", "%00", "\x00", "%252e", "%2e").Replace(path)
}

func TestUnroutedAnswersAreProblems(t *testing.T) {
	a := newAPI(t, nil)
	a.call("GET", "/api/v2/runs", "").want(404, "not_found")
	w := a.call("DELETE", prefix+"/runs", "").want(405, "method_not_allowed")
	if allow := w.Header().Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", allow)
	}
	a.call("PUT", prefix+"/workflows/x", "").want(405, "method_not_allowed")
	a.call("OPTIONS", prefix+"/runs", "").want(405, "method_not_allowed")
	a.call("TRACE", prefix+"/runs", "").want(405, "method_not_allowed")
	a.call("HEAD", prefix+"/runs", "").want(200, "")
}

func TestContentTypes(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	for _, ct := range []string{
		"text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/json;charset=utf-7",
		"application/json; charset=utf-16", "application/yaml", "nonsense", "-", "application/json, text/plain",
	} {
		a.call("POST", prefix+"/workflows/wf/runs", `{}`, "Content-Type: "+ct).want(415, "unsupported_media_type")
		a.call("POST", prefix+"/jobs", `{"topic":"x"}`, "Content-Type: "+ct).want(415, "unsupported_media_type")
	}
	a.call("POST", prefix+"/jobs", `{"topic":"x"}`, "Content-Type: application/json; charset=UTF-8").want(202, "")
	for _, enc := range []string{"gzip", "br", "zstd", "deflate", "gzip, identity"} {
		a.call("POST", prefix+"/jobs", `{"topic":"x"}`, "Content-Encoding: "+enc).want(415, "unsupported_encoding")
	}
	if _, _, jobs := a.engine.count(); jobs != 1 {
		t.Errorf("%d jobs were made", jobs)
	}
}

func TestBodySizes(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	long := `"` + strings.Repeat("x", MaxBody-2) + `"`
	a.call("POST", prefix+"/workflows/wf/runs", long).want(201, "")
	a.call("POST", prefix+"/workflows/wf/runs", long+" ").want(413, "body_too_large")
	a.call("POST", prefix+"/workflows", strings.Repeat(" ", MaxDefinitionBody+1)).want(413, "body_too_large")

	endless := &counter{r: zeros{}}
	r := httptest.NewRequest("POST", "http://localhost"+prefix+"/workflows", endless)
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.g.Handler().ServeHTTP(w, r)
	if w.Code != 413 || endless.n > MaxDefinitionBody+(1<<20) {
		t.Errorf("status %d after %d bytes of an endless body", w.Code, endless.n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestBadJSON(t *testing.T) {
	a := newAPI(t, nil)
	a.run()
	_, before, _ := a.engine.count()
	for _, tt := range []struct{ body, code string }{
		{`{`, "invalid_json"},
		{`{"a":1,}`, "invalid_json"},
		{`{"a":1} x`, "invalid_json"},
		{`{} {}`, "invalid_json"},
		{`// hi` + "\n{}", "invalid_json"},
		{strings.Repeat("[", 100_000), "json_too_deep"},
		{strings.Repeat("[", 65) + strings.Repeat("]", 65), "json_too_deep"},
		{`{"a":{"b":1,"b":2}}`, "duplicate_key"},
		{"{\"a\":\"\xff\"}", "invalid_utf8"},
	} {
		a.call("POST", prefix+"/workflows/wf/runs", tt.body).want(400, tt.code)
		a.call("POST", prefix+"/runs", tt.body).want(400, tt.code)
	}
	a.call("POST", prefix+"/workflows/wf/runs", strings.Repeat("[", 64)+strings.Repeat("]", 64)).want(201, "")
	var p Problem
	a.call("POST", prefix+"/workflows/wf/runs", "{\n  \"a\": ?\n}").want(400, "invalid_json").json(&p)
	if p.Errors[0].Line != 2 || p.Errors[0].Column != 8 {
		t.Errorf("place %+v", p.Errors)
	}
	if _, runs, _ := a.engine.count(); runs != before+1 {
		t.Errorf("%d runs were made", runs-before-1)
	}
}

// A value that is sent never comes back, whatever is wrong with it.
func TestErrorsEchoNothing(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	routes := []string{
		"/runs", "/jobs", "/workflows", "/workflows/wf/runs", "/workflows/dry-run", "/workflows/wf/dry-run", "/batches", "/approvals/x/decide",
		"/runs/" + run + "/signal", "/runs/" + run + "/cancel", "/runs/" + run + "/rollback", "/runs/" + run + "/retry",
		"/runs/" + run + "/fork", "/runs/" + run + "/compensations/a/skip",
	}
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(routes).Draw(t, "route")
		body := rapid.SampledFrom([]string{
			`{"workflow":["canary"]}`, `{"topic":{"x":"canary"}}`, `{"name":["canary"]}`, `{"decision":"canary"}`, `{"canary`,
			`"canary"`, `{"force":"canary"}`, `{"priority":"canary","topic":"t"}`, `{"reason":{"a":"canary"}}`, "canary",
			`{"from":["canary"]}`, `{"from":"a","outputs":"canary"}`, `{"to":{"canary":1}}`, `{"definition":"canary","input":1}`,
			`{"definition":{"id":"x","steps":"canary"}}`, `{"filter":{"state":"canary"},"action":"cancel"}`, `{"filter":"canary","action":"canary"}`,
		}).Draw(t, "body")
		cut := rapid.IntRange(0, len(body)).Draw(t, "cut")
		for _, sent := range []string{body, body[:cut]} {
			w := a.call("POST", prefix+path, sent)
			if w.Code >= 400 && strings.Contains(w.Body.String(), "canary") {
				t.Fatalf("POST %s %s: %s", path, sent, w.Body)
			}
			if w.Code >= 500 {
				t.Fatalf("POST %s %s: status %d", path, sent, w.Code)
			}
		}
	})
	if strings.Contains(a.log.String(), "canary") {
		t.Error("a body is in the log")
	}
}

func TestCrossSiteRequests(t *testing.T) {
	a := newAPI(t, func(c *Config) { c.Origins = []string{"https://dash.example.com"} })
	a.run()
	path := prefix + "/workflows/wf/runs"
	a.call("POST", path, `{}`, "Sec-Fetch-Site: cross-site").want(403, "cross_origin")
	a.call("POST", path, `{}`, "Sec-Fetch-Site: same-site").want(403, "cross_origin")
	a.call("POST", path, `{}`, "Sec-Fetch-Site: same-origin").want(201, "")
	for _, origin := range []string{"null", "https://dash.example.com.evil", "http://dash.example.com", "https://sub.dash.example.com", "https://dash.example.com:8443"} {
		a.call("POST", path, `{}`, "Origin: "+origin).want(403, "cross_origin")
		if acao := a.call("GET", prefix+"/runs", "", "Origin: "+origin).want(200, "").Header().Get("Access-Control-Allow-Origin"); acao != "" {
			t.Errorf("origin %s is allowed as %q", origin, acao)
		}
	}
	a.call("POST", path, `{}`, "Origin: http://localhost:8081").want(201, "")
	w := a.call("POST", path, `{}`, "Origin: https://dash.example.com").want(201, "")
	if w.Header().Get("Access-Control-Allow-Origin") != "https://dash.example.com" || w.Header().Get("Vary") != "Origin" {
		t.Errorf("headers %v", w.Header())
	}
	w = a.call("OPTIONS", path, "", "Origin: https://dash.example.com", "Access-Control-Request-Method: POST").want(204, "")
	if !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("headers %v", w.Header())
	}
}

func TestHosts(t *testing.T) {
	a := newAPI(t, nil)
	for _, host := range []string{"evil.example", "evil.example:8081", "127.0.0.1.evil.example", "10.0.0.1", "localhost.", "[2001:db8::1]:80", ""} {
		a.call("GET", "/healthz", "", "Host: "+host).want(421, "misdirected_request")
	}
	for _, host := range []string{"localhost", "LOCALHOST:1", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081", "cordum.localhost"} {
		a.call("GET", "/healthz", "", "Host: "+host).want(200, "")
	}
	b := newAPI(t, func(c *Config) { withKeys(c); c.Hosts = []string{"api.example.com"} })
	b.call("GET", "/healthz", "", "Host: api.example.com:443").want(200, "")
	b.call("GET", "/healthz", "", "Host: other.example.com").want(421, "misdirected_request")
}

func TestHeadersOfAnswers(t *testing.T) {
	a := newAPI(t, nil)
	for _, path := range []string{"/healthz", "/nothing/here", prefix + "/runs", "/health", "/metrics"} {
		h := a.call("GET", path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Server") != "" || h.Get("Content-Security-Policy") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
	many := make([]string, 0, MaxHeaders+1)
	for i := range MaxHeaders + 1 {
		many = append(many, fmt.Sprintf("X-H-%d: v", i))
	}
	a.call("GET", "/healthz", "", many...).want(431, "too_many_headers")
}

func TestPanicIsOneAnswer(t *testing.T) {
	a := newAPI(t, nil)
	a.engine.boom = true
	body := a.call("GET", prefix+"/runs", "").want(500, "internal").Body.String()
	if strings.Contains(body, "boom") || strings.Contains(body, "goroutine") {
		t.Errorf("the cause is in the answer: %s", body)
	}
	if log := a.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "stack") {
		t.Errorf("the cause is not in the log: %s", log)
	}
	a.engine.boom = false
	a.call("GET", prefix+"/runs", "").want(200, "")
}

func TestRateLimit(t *testing.T) {
	a := newAPI(t, func(c *Config) {
		withKeys(c)
		c.Rate, c.PublicRate = Rate{PerSecond: 1, Burst: 3}, Rate{PerSecond: 0.5, Burst: 2}
	})
	now := time.Unix(0, 0)
	a.g.callerRate = newBuckets(a.g.cfg.Rate, func() time.Time { return now })
	a.g.publicRate = newBuckets(a.g.cfg.PublicRate, func() time.Time { return now })
	for range 3 {
		a.call("GET", prefix+"/runs", "", "X-API-Key: "+testKey).want(200, "")
	}
	w := a.call("GET", prefix+"/runs", "", "X-API-Key: "+testKey).want(429, "rate_limited")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	a.call("GET", prefix+"/runs", "", "X-API-Key: guess").want(401, "unauthenticated")
	a.call("GET", prefix+"/runs", "", "X-API-Key: guess2").want(401, "unauthenticated")
	w = a.call("GET", prefix+"/runs", "", "X-API-Key: guess3").want(429, "rate_limited")
	if w.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	now = now.Add(2 * time.Second)
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+testKey).want(200, "")
	now = now.Add(BucketTTL + BucketSweep)
	a.call("GET", "/healthz", "").want(200, "")
	if n := len(a.g.publicRate.byKey); n != 1 {
		t.Errorf("%d buckets are left", n)
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	for _, public := range []bool{false, true} {
		a := newAPI(t, func(c *Config) { withKeys(c); c.MetricsPublic = public })
		r := httptest.NewRequest("GET", "http://localhost/metrics", nil)
		r.RemoteAddr = "192.0.2.7:4444"
		r.Header.Set("X-Forwarded-For", "127.0.0.1")
		w := httptest.NewRecorder()
		a.g.Handler().ServeHTTP(w, r)
		if (w.Code == 200) != public {
			t.Errorf("public %v: status %d", public, w.Code)
		}
	}
}

// serveOn runs the gateway on a free port, as a process does.
func (a *api) serveOn() (addr string, stop func() error) {
	a.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.g.Run(ctx, ln) }()
	var once bool
	stop = func() error {
		if once {
			return nil
		}
		once = true
		cancel()
		return <-done
	}
	a.t.Cleanup(func() { _ = stop() })
	return ln.Addr().String(), stop
}

func TestRawConnections(t *testing.T) {
	a := newAPI(t, func(c *Config) { c.BodyTimeout = 200 * time.Millisecond })
	addr, stop := a.serveOn()
	for _, tt := range []struct {
		name, send string
		status     int
	}{
		{"huge header", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", 431},
		{"both lengths", "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
		{"two lengths", "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n{}", 400},
		{"bad chunk", "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		{"too long", "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10737418240\r\n\r\n", 413},
		{"slow body", "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 408},
		{"short body", "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}", 408},
		{"body for a reader", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10737418240\r\n\r\n", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.WriteString(conn, tt.send); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
		})
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}
