package builtin

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"cordum.dev/cordum/sdk/go"
)

var testJob = cordum.Job{ID: "07RUN.n~0", Key: "07RUN.n~0", AttemptID: "07RUN.n~0@2", Attempt: 2, Tenant: "default", RunID: "07RUN", StepID: "n"}

// onLoopback opens the test's own servers, and keeps a guard that is broken from calling anybody else.
func onLoopback(t testing.TB) Egress {
	return Egress{Allow: []string{"127.0.0.0/8"}, witness: func(at netip.AddrPort) error {
		if !at.Addr().Unmap().IsLoopback() {
			t.Errorf("%v would have been called", at)
			return errStopped
		}
		return nil
	}}
}

func loopback(t testing.TB) *guard {
	t.Helper()
	g, err := newGuard(onLoopback(t))
	must(t, err)
	return g
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// serveRaw answers each connection as the test says, without HTTP's rules.
func serveRaw(t testing.TB, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { defer conn.Close(); answer(conn) })
		}
	})
	return "http://" + l.Addr().String()
}

// readHead takes a request off a connection, up to the empty line.
func readHead(conn net.Conn) {
	var seen []byte
	for b := make([]byte, 1); !bytes.HasSuffix(seen, []byte("\r\n\r\n")); seen = append(seen, b[0]) {
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}

// get calls an address with everything else left out.
func get(ctx context.Context, g *guard, address string) (*answer, error) {
	return newCaller(g).call(ctx, testJob, call{URL: address}, &redactor{})
}

func coded(t testing.TB, err error, code string, kind cordum.Kind) *cordum.Error {
	t.Helper()
	var e *cordum.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a failure with the code %s", err, code)
	}
	if e.Code != code || e.Kind != kind {
		t.Errorf("got %s of kind %d (%v), want %s of kind %d", e.Code, e.Kind, e, code, kind)
	}
	return e
}

func raw(t testing.TB, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return data
}

// nameServer answers every question for an address in memory, with the next of its answers each time; the last one
// stays. Nobody is asked.
type nameServer struct {
	mu      sync.Mutex
	answers []netip.Addr
	asked   int
}

func (n *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
}

// serve speaks DNS as over TCP: each message has its length before it (RFC 1035 §4.2.2).
func (n *nameServer) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		reply := n.reply(question)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// reply is the question with an answer behind it, where the address is of the kind that was asked for.
func (n *nameServer) reply(question []byte) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	reply := append([]byte(nil), question[:end+5]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer, one question, nothing else yet
	address := n.next(kind == 1)
	if len(address) == 0 {
		return reply
	}
	reply[7] = 1                         // one answer:
	reply = append(reply, 0xc0, 12)      // the name of the question,
	reply = append(reply, 0, byte(kind)) // its kind,
	reply = append(reply, 0, 1, 0, 0, 0, 0, 0, byte(len(address)))
	return append(reply, address...)
}

// next is the current answer if it is of the family that is asked for; the question for the IPv4 address, which every
// look-up asks, moves on.
func (n *nameServer) next(four bool) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.answers[min(n.asked, len(n.answers)-1)]
	if four {
		n.asked++
	}
	if a.Is4() != four {
		return nil
	}
	return a.AsSlice()
}

// soon is a context for what must be over soon.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// holdsNone fails when a text holds one of the words that must not be in it.
func holdsNone(t testing.TB, where, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(text, word) {
			t.Errorf("%s holds %q: %s", where, word, text)
		}
	}
}
