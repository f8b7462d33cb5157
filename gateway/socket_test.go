package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// socket is a WebSocket client of a test.
type socket struct {
	*websocket.Conn
	t testing.TB
}

func dial(t testing.TB, addr string, header http.Header, protocols ...string) (*socket, *http.Response, error) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: 5 * time.Second}
	conn, resp, err := d.Dial("ws://"+addr+prefix+"/stream", header)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { conn.Close() })
	return &socket{conn, t}, resp, nil
}

func connect(t testing.TB, addr string) *socket {
	t.Helper()
	s, _, err := dial(t, addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *socket) say(format string, args ...any) {
	s.t.Helper()
	if err := s.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) next() StreamMessage {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(10 * time.Second))
	var m StreamMessage
	if err := s.ReadJSON(&m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// types reads n messages and answers their types, with seqs where they have them.
func (s *socket) types(n int) string {
	s.t.Helper()
	var out []string
	for range n {
		m := s.next()
		switch {
		case m.Event != nil:
			out = append(out, fmt.Sprintf("event %d", m.Event.Seq))
		case m.Seq != nil:
			out = append(out, fmt.Sprintf("%s %d", m.Type, *m.Seq))
		case m.Error != nil:
			out = append(out, "error "+m.Error.Code)
		default:
			out = append(out, m.Type)
		}
	}
	return strings.Join(out, ", ")
}

// closed reads until the connection ends and answers its close code; 1006 when there was none.
func (s *socket) closed() int {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, _, err := s.ReadMessage()
		if err == nil {
			continue
		}
		var c *websocket.CloseError
		if errors.As(err, &c) {
			return c.Code
		}
		var n net.Error
		if errors.As(err, &n) && n.Timeout() {
			s.t.Fatal("still open")
		}
		return websocket.CloseAbnormalClosure
	}
}
