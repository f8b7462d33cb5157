package builtin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// TestSlowBody: a byte now and then does not keep a call alive.
func TestSlowBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			if _, err := w.Write([]byte("a")); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	c := newCaller(loopback(t))
	c.patience.slowWindow = 100 * time.Millisecond
	_, err := c.call(soon(t), testJob, call{URL: s.URL}, &redactor{})
	coded(t, err, CodeResponseTooSlow, cordum.KindRetryable)
}

// TestPace: whoever brings enough in every window may take as long as it likes.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		bytes int
		slow  bool
	}{
		"steady":              {slowWindow, slowBytes + 1, false},
		"one byte a second":   {time.Second, 1, true},
		"a pause too long":    {3 * slowWindow, 100 * slowBytes, true},
		"just below the pace": {slowWindow / 2, slowBytes/2 - 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				slow := false
				p := newPace(slowWindow, slowBytes, func() { slow = true; w.CloseWithError(errTooSlow) })
				var writing sync.WaitGroup
				writing.Go(func() {
					for range 20 {
						time.Sleep(c.every - time.Millisecond)
						if _, err := w.Write(make([]byte, c.bytes)); err != nil {
							return
						}
					}
					w.Close()
				})
				_, err := io.Copy(io.Discard, p.count(r))
				p.stop()
				writing.Wait()
				if slow != c.slow || errors.Is(err, errTooSlow) != c.slow {
					t.Errorf("slow %v, %v", slow, err)
				}
			})
		})
	}
}

// silent takes a request and says nothing until its end.
func silent(t *testing.T) (address string, asked chan struct{}) {
	asked, over := make(chan struct{}, 8), make(chan struct{})
	address = serveRaw(t, func(conn net.Conn) {
		readHead(conn)
		asked <- struct{}{}
		<-over
	})
	t.Cleanup(func() { close(over) })
	return address, asked
}

// TestDeadline: a call of a job without a timeout has one all the same.
func TestDeadline(t *testing.T) {
	address, _ := silent(t)
	c := newCaller(loopback(t))
	c.patience.deadline, c.patience.late = 50*time.Millisecond, 10*time.Millisecond
	_, err := c.call(context.Background(), testJob, call{URL: address}, &redactor{})
	coded(t, err, cordum.CodeTimeout, cordum.KindRetryable)
	_, err = c.call(context.Background(), testJob, call{URL: address, Method: "POST"}, &redactor{})
	unknownOutcome(t, coded(t, err, CodeNoAnswer, cordum.KindRetryable))
}

func unknownOutcome(t *testing.T, e *cordum.Error) {
	t.Helper()
	if d, ok := e.Details.(outcome); !ok || d.Outcome != outcomeUnknown {
		t.Errorf("details %v do not say that the outcome is unknown", e.Details)
	}
}

// TestEndedCalls: a call that only reads says that it left nothing behind; of one that may have changed something nobody
// knows, and it does not say otherwise.
func TestEndedCalls(t *testing.T) {
	for name, cause := range map[string]error{
		"timed out": cordum.ErrTimedOut, "cancelled": &cordum.CancelledError{Reason: "enough"}, "stopped": cordum.ErrStopped,
	} {
		address, asked := silent(t)
		c := newCaller(loopback(t))
		c.patience.late, c.patience.cancelled = 10*time.Millisecond, 10*time.Millisecond
		for _, method := range []string{"GET", "POST"} {
			ctx, end := context.WithCancelCause(soon(t))
			go func() { <-asked; end(cause) }()
			_, err := c.call(ctx, testJob, call{URL: address, Method: method}, &redactor{})
			if method == "GET" {
				if !errors.Is(err, cause) {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			unknownOutcome(t, coded(t, err, CodeNoAnswer, cordum.KindRetryable))
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v says that nothing was left behind", name, err)
			}
		}
	}
}

// TestAnswerAfterCancel: it counts.
func TestAnswerAfterCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(soon(t))
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel(&cordum.CancelledError{})
		<-ctx.Done()
		_, _ = io.WriteString(w, "done")
	})
	got, err := newCaller(loopback(t)).call(ctx, testJob, call{URL: s.URL, Method: "POST"}, &redactor{})
	if err != nil || got.value != "done" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestLostConnections: where nothing was sent nothing happened; where something was, nobody knows unless it only reads.
func TestLostConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	closed := "http://" + l.Addr().String()
	must(t, l.Close())
	hangsUp := serveRaw(t, readHead)
	noHTTP := serveRaw(t, func(conn net.Conn) { readHead(conn); _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n") })
	broken := serveRaw(t, func(conn net.Conn) {
		readHead(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncanary")
	})
	for _, c := range []struct{ name, address, method, code string }{
		{"refused", closed, "POST", CodeConnection},
		{"hangs up", hangsUp, "GET", CodeConnection},
		{"hangs up", hangsUp, "POST", CodeNoAnswer},
		{"is no HTTP", noHTTP, "GET", CodeConnection},
		{"is no HTTP", noHTTP, "DELETE", CodeNoAnswer},
		{"breaks off", broken, "GET", CodeConnection},
		{"breaks off", broken, "PATCH", CodeNoAnswer},
	} {
		_, err := newCaller(loopback(t)).call(soon(t), testJob, call{URL: c.address, Method: c.method}, &redactor{})
		e := coded(t, err, c.code, cordum.KindRetryable)
		if holdsNone(t, c.name, e.Error(), "canary", "SSH"); c.code == CodeNoAnswer {
			unknownOutcome(t, e)
		}
	}
}
