package gateway

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestStreamOfARun(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	s := connect(t, addr)
	s.say(`{"id":"a","subscribe":{"run":%q}}`, run)
	if got := s.types(2); got != "snapshot 1, live 1" {
		t.Fatalf("got %s", got)
	}
	a.engine.advance(run, 2)
	if got := s.types(2); got != "event 2, event 3" {
		t.Fatalf("got %s", got)
	}
	s.Close()

	a.engine.advance(run, 2)
	s = connect(t, addr)
	s.say(`{"subscribe":{"run":%q,"after_seq":3}}`, run)
	if got := s.types(4); got != "replay 4, event 4, event 5, live 5" {
		t.Fatalf("resumed with %s", got)
	}
	a.engine.finish(run)
	m := s.next()
	if m.Event == nil || m.Event.Seq != 6 || m.Event.Prev != 5 || m.ID != run {
		t.Fatalf("got %+v", m)
	}
	if got := s.types(1); got != "end 6" {
		t.Fatalf("got %s", got)
	}
	eventually(t, "the watches are closed", func() bool { return a.engine.watching() == 0 })

	s.say(`{"id":"late","subscribe":{"run":%q}}`, run)
	if got := s.types(3); got != "snapshot 6, live 6, end 6" {
		t.Fatalf("an ended run is told as %s", got)
	}
	s.say(`{"id":"later","subscribe":{"run":%q,"after_seq":5}}`, run)
	if got := s.types(4); got != "replay 6, event 6, live 6, end 6" {
		t.Fatalf("the end of an ended run is told as %s", got)
	}
}

func TestStreamOfAWorkflow(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	s := connect(t, addr)
	s.say(`{"id":"w","subscribe":{"workflow":"wf"}}`)
	if got := s.types(2); got != "header, live 0" {
		t.Fatalf("got %s", got)
	}
	a.engine.advance(run, 1)
	if m := s.next(); m.Header == nil || m.Header.Seq != 2 || m.ID != "w" {
		t.Fatalf("got %+v", m)
	}
	s.say(`{"unsubscribe":"w"}`)
	if got := s.types(1); got != "unsubscribed" {
		t.Fatalf("got %s", got)
	}
	s.say(`{"id":"w","subscribe":{"workflow":"*"}}`)
	if got := s.types(2); got != "header, live 0" {
		t.Fatalf("got %s", got)
	}
}

func TestStreamErrorsAreTyped(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	s := connect(t, addr)
	for _, tt := range []struct{ send, code string }{
		{`{"subscribe":{"run":"` + run + `","after_seq":-1}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"` + run + `","after_seq":18446744073709551616}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"` + run + `","after_seq":1.5}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"` + run + `","after_seq":"x"}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"` + run + `","after_seq":99}}`, "invalid_after_seq"},
		{`{"subscribe":{"workflow":"wf","after_seq":1}}`, "invalid_after_seq"},
		{`{"subscribe":{"run":"0701JDPV6V2K8Q00000000009999"}}`, "not_found"},
		{`{"subscribe":{"run":"*"}}`, "not_found"},
		{`{"subscribe":{"run":"` + strings.Repeat("x", 300) + `"}}`, "not_found"},
		{`{"subscribe":{}}`, "invalid_argument"},
		{`{"subscribe":{"run":"a","workflow":"b"}}`, "invalid_argument"},
		{`{"subscribe":{"run":"a","tenant":"b"}}`, "unknown_field"},
		{`{}`, "invalid_body"},
		{`[]`, "invalid_body"},
		{`{`, "invalid_json"},
		{`{"unsubscribe":"none"}`, "not_found"},
	} {
		s.say("%s", tt.send)
		if got := s.types(1); got != "error "+tt.code {
			t.Errorf("%s: %s", clip(tt.send), got)
		}
	}
	s.say(`{"id":"a","subscribe":{"run":%q}}`, run)
	s.say(`{"id":"a","subscribe":{"run":%q}}`, run)
	got := s.types(3)
	if !strings.Contains(got, "error duplicate_subscription") || !strings.Contains(got, "snapshot 1, ") {
		t.Errorf("got %s", got)
	}
}

func TestStreamCloseCodes(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	tests := []struct {
		name string
		do   func(*socket)
		code int
	}{
		{"too large", func(s *socket) { s.say(`{"id":%q}`, strings.Repeat("x", MaxMessage)) }, 1009},
		{"binary", func(s *socket) { _ = s.WriteMessage(websocket.BinaryMessage, []byte("{}")) }, 1003},
		{"not UTF-8", func(s *socket) { _ = s.WriteMessage(websocket.TextMessage, []byte("\xff")) }, 1007},
		{"too many messages", func(s *socket) {
			for range ClientBurst * 2 {
				_ = s.WriteMessage(websocket.TextMessage, []byte("{}"))
			}
		}, 1008},
		{"too many pings", func(s *socket) {
			for range ClientBurst * 2 {
				_ = s.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		}, 1008},
		{"too many subscriptions", func(s *socket) {
			for i := range MaxSubscriptions + 1 {
				_ = s.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"s%d","subscribe":{"run":%q}}`, i, run))
			}
		}, 1008},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := connect(t, addr)
			done := make(chan struct{})
			go func() { defer close(done); tt.do(s) }()
			if got := s.closed(); got != tt.code {
				t.Errorf("closed with %d, want %d", got, tt.code)
			}
			s.Close()
			<-done
		})
	}
	eventually(t, "all viewers are gone", func() bool { return a.g.viewers.count() == 0 && a.engine.watching() == 0 })
}

// Frames that break the protocol are answered with 1002.
func TestStreamBadFrames(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	long := append([]byte{0x81, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<63)...)
	for name, frame := range map[string][]byte{
		"unmasked":           {0x81, 0x02, '{', '}'},
		"reserved bits":      {0xf1, 0x80, 0, 0, 0, 0},
		"reserved opcode":    {0x83, 0x80, 0, 0, 0, 0},
		"fragmented control": {0x09, 0x80, 0, 0, 0, 0},
		"long ping":          append([]byte{0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0}, make([]byte, 126)...),
		"length 2^63":        append(long, 0, 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			s := connect(t, addr)
			if _, err := s.NetConn().Write(frame); err != nil {
				t.Fatal(err)
			}
			if got := s.closed(); got != websocket.CloseProtocolError && (name != "length 2^63" || got != websocket.CloseMessageTooBig) {
				t.Errorf("closed with %d", got)
			}
		})
	}
}

func TestStreamHandshake(t *testing.T) {
	a := newAPI(t, func(c *Config) { withKeys(c); c.Origins = []string{"https://dash.example.com"} })
	addr, _ := a.serveOn()
	key := http.Header{"X-Api-Key": {testKey}}
	refused := func(name string, status int, h http.Header, protocols ...string) {
		t.Helper()
		_, resp, err := dial(t, addr, h, protocols...)
		if err == nil || resp == nil || resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v, %+v", name, err, resp)
		}
	}
	with := func(name, value string) http.Header {
		h := key.Clone()
		h.Set(name, value)
		return h
	}
	refused("no credentials", 401, nil)
	refused("wrong protocol key", 401, nil, streamProtocol, keyProtocol+base64.RawURLEncoding.EncodeToString([]byte("no")))
	refused("foreign origin", 403, with("Origin", "https://evil.example"))
	refused("foreign origin with cookie", 403, http.Header{"X-Api-Key": {testKey}, "Origin": {"null"}, "Cookie": {"session=1"}})
	refused("other tenant", 403, with("X-Tenant-ID", "acme"))

	protocolKey := keyProtocol + base64.RawURLEncoding.EncodeToString([]byte(testKey))
	for name, tt := range map[string]struct {
		header    http.Header
		protocols []string
		agreed    string
	}{
		"key in a header":         {header: key},
		"own origin":              {header: with("Origin", "http://"+addr)},
		"configured origin":       {header: with("Origin", "https://dash.example.com")},
		"both protocols":          {protocols: []string{streamProtocol, protocolKey}, agreed: streamProtocol},
		"only the key's protocol": {protocols: []string{protocolKey}, agreed: protocolKey},
	} {
		_, resp, err := dial(t, addr, tt.header, tt.protocols...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != tt.agreed {
			t.Errorf("%s: agreed to %q", name, got)
		}
	}
	a.call("GET", prefix+"/stream", "", "X-API-Key: "+testKey).want(400, "bad_upgrade")
	a.call("GET", prefix+"/runs", "", "Sec-WebSocket-Protocol: "+protocolKey).want(401, "unauthenticated")
}

// A viewer that reads nothing turns its run into a gap and is dropped; another one sees every event.
func TestSlowViewerHurtsNobody(t *testing.T) {
	a := newAPI(t, nil)
	a.g.slowAfter, a.g.writeTimeout = 500*time.Millisecond, 500*time.Millisecond
	addr, _ := a.serveOn()
	run := a.run()
	slow, fast := connect(t, addr), connect(t, addr)
	if tcp, ok := slow.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	for i := range MaxSubscriptions {
		slow.say(`{"id":"s%d","subscribe":{"run":%q}}`, i, run)
	}
	fast.say(`{"id":"f","subscribe":{"run":%q}}`, run)
	if got := fast.types(2); got != "snapshot 1, live 1" {
		t.Fatalf("got %s", got)
	}
	begun := time.Now()
	last := uint64(1)
	for a.g.viewers.count() == 2 {
		a.engine.advance(run, 50)
		for range 50 {
			m := fast.next()
			if m.Event == nil || m.Event.Prev != last {
				t.Fatalf("the fast viewer got %+v behind %d", m, last)
			}
			last = m.Event.Seq
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the slow viewer is still there")
		}
	}
	t.Logf("dropped after %s and %d events", time.Since(begun).Round(time.Second), last)
}

func TestStopEndsStreams(t *testing.T) {
	a := newAPI(t, nil)
	addr, stop := a.serveOn()
	run := a.run()
	s := connect(t, addr)
	s.say(`{"subscribe":{"run":%q}}`, run)
	s.types(2)
	sse := startSSE(t, addr, "run="+run, "")
	sse.event(t)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	if got := s.closed(); got != websocket.CloseGoingAway {
		t.Errorf("closed with %d", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if a.engine.watching() != 0 {
		t.Error("a watch is left")
	}
}

func TestPingsKeepAlive(t *testing.T) {
	a := newAPI(t, func(c *Config) { c.Ping = 10 * time.Millisecond })
	addr, _ := a.serveOn()
	s := connect(t, addr)
	pinged := make(chan struct{}, 100)
	s.SetPingHandler(func(string) error { pinged <- struct{}{}; return nil })
	go s.closed()
	for range 3 {
		select {
		case <-pinged:
		case <-time.After(30 * time.Second):
			t.Fatal("no ping came")
		}
	}
	s.Close()
}

// events is an open SSE response.
type events struct {
	resp *http.Response
	*bufio.Scanner
}

func startSSE(t testing.TB, addr, query, last string) *events {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+prefix+"/stream/sse?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &events{resp, bufio.NewScanner(resp.Body)}
}

// event reads one event as "name id", and its data.
func (e *events) event(t testing.TB) (string, StreamMessage) {
	t.Helper()
	name, id := "", ""
	var m StreamMessage
	for e.Scan() {
		field, value, _ := strings.Cut(e.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &m); err != nil {
				t.Fatal(err)
			}
		case "":
			return strings.TrimSpace(name + " " + id), m
		}
	}
	return "over", m
}

func TestSSE(t *testing.T) {
	a := newAPI(t, nil)
	addr, _ := a.serveOn()
	run := a.run()
	e := startSSE(t, addr, "run="+run, "")
	want := func(e *events, names ...string) {
		t.Helper()
		for _, name := range names {
			if got, _ := e.event(t); got != name {
				t.Fatalf("got %q, want %q", got, name)
			}
		}
	}
	want(e, "snapshot 1", "live")
	a.engine.advance(run, 2)
	want(e, "event 2", "event 3")
	e.resp.Body.Close()

	a.engine.advance(run, 1)
	e = startSSE(t, addr, "run="+run, "2")
	want(e, "replay", "event 3", "event 4", "live")
	a.engine.finish(run)
	want(e, "event 5", "end", "over")

	if e := startSSE(t, addr, "run="+run, "5"); e.resp.StatusCode != http.StatusNoContent {
		t.Errorf("a run that was told to its end answers %d", e.resp.StatusCode)
	}
	a.engine.hold(run)
	if e := startSSE(t, addr, "run="+run, "5"); e.resp.StatusCode != http.StatusOK {
		t.Errorf("a run that has ended and whose compensation is held answers %d: there is more to come", e.resp.StatusCode)
	} else {
		e.resp.Body.Close()
	}
	e = startSSE(t, addr, "workflow=wf", "")
	want(e, "header", "live")
	e.resp.Body.Close()

	a.call("GET", prefix+"/stream/sse?run="+run+"&after_seq=-1", "").want(400, "invalid_after_seq")
	a.call("GET", prefix+"/stream/sse?run="+run+"&after_seq=99", "").want(400, "invalid_after_seq")
	a.call("GET", prefix+"/stream/sse?run="+run, "", "Last-Event-ID: x").want(400, "invalid_after_seq")
	a.call("GET", prefix+"/stream/sse", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/stream/sse?run=x&run=y", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/stream/sse?run=nope", "").want(404, "not_found")
	eventually(t, "all viewers are gone", func() bool { return a.g.viewers.count() == 0 })
}
