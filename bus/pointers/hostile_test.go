package pointers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// These tests are strangers at the listener: many, slow, guessing, and large. Those on a clock of their own talk through pipes.

// lines is a log that counts.
type lines struct{ n atomic.Int64 }

func (l *lines) Write(p []byte) (int, error) { l.n.Add(1); return len(p), nil }

// dial connects to a listener through a pipe.
func dial(l *Listener) net.Conn {
	near, far := net.Pipe()
	l.serve(far)
	return near
}

// piped is a listener without an address.
func piped(t *testing.T, password string) (*Listener, *lines) {
	said := &lines{}
	l := newListener(ListenerConfig{Password: password, Logger: slog.New(slog.NewTextHandler(said, nil))}, NewTable(time.Now))
	t.Cleanup(func() {
		l.hangUp()
		l.all.Wait()
	})
	return l, said
}

// TestCrowd: very many connections that say nothing, and very many that say nonsense or guess, keep nobody from being served, and the log
// stays short.
func TestCrowd(t *testing.T) {
	said := &lines{}
	table := NewTable(time.Now)
	l, err := Listen(context.Background(), ListenerConfig{Addr: "127.0.0.1:0", Password: strings.Repeat("p", MinPassword), Logger: slog.New(slog.NewTextHandler(said, nil))}, table)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- l.Run(ctx) }()
	defer func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}()
	_ = table.Put(ctx, "ctx:j", []byte("in"), 0)
	c := redis.NewClient(&redis.Options{Addr: l.Addr(), Password: strings.Repeat("p", MinPassword), MaxRetries: 20})
	defer c.Close()

	var crowd []net.Conn
	defer func() {
		for _, conn := range crowd {
			_ = conn.Close()
		}
	}()
	for i := range 2 * maxConns {
		conn, err := net.Dial("tcp", l.Addr())
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, conn)
		_, _ = io.WriteString(conn, []string{"", "\x00\x16garbage\r\nPOST / HTTP/1.1\r\n", "AUTH guess\r\nAUTH guess\r\nAUTH guess\r\n"}[i%3])
		if i%512 == 0 {
			if v, err := c.Get(ctx, "ctx:j").Result(); err != nil || v != "in" {
				t.Fatalf("among %d: %q, %v", i, v, err)
			}
		}
	}
	l.mu.Lock()
	n := len(l.sessions)
	l.mu.Unlock()
	if n > maxConns {
		t.Errorf("%d connections, at most %d", n, maxConns)
	}
	_ = c.Close()
	again := redis.NewClient(&redis.Options{Addr: l.Addr(), Password: strings.Repeat("p", MinPassword)})
	defer again.Close()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if v, err := again.Get(ctx, "ctx:j").Result(); err == nil && v == "in" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("behind the crowd: %v", err)
		}
	}
	if n := said.n.Load(); n > 10 {
		t.Errorf("%d lines were written", n)
	}
}

// TestSlow: who does not show the password, or does not finish a command, is cut off; who has shown it may be silent.
func TestSlow(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		say      []string // one every three seconds
		stays    bool
	}{
		"nothing":                  {"p", nil, false},
		"nothing, none is needed":  {"", nil, false},
		"drop by drop":             {"p", strings.Split("*2\r\n$4\r\nAUTH\r\n$99\r\n"+strings.Repeat("x", 99), ""), false},
		"never the password":       {"p", []string{"PING\r\n", "PING\r\n", "PING\r\n", "PING\r\n", "PING\r\n"}, false},
		"in the middle of a value": {"p", []string{"AUTH p\r\n", "*3\r\n$3\r\nSET\r\n$5\r\nres:a\r\n$1000\r\nxxx"}, false},
		"a worker":                 {"p", []string{"AUTH p\r\n", "PING\r\n"}, true},
		"a worker of a laptop":     {"", []string{"PING\r\n"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _ := piped(t, c.password)
				conn := dial(l)
				defer conn.Close()
				cut := make(chan struct{})
				go func() {
					_, _ = io.Copy(io.Discard, conn)
					close(cut)
				}()
				for _, part := range c.say {
					if _, err := io.WriteString(conn, part); err != nil {
						break
					}
					time.Sleep(3 * time.Second)
				}
				select {
				case <-cut:
					if c.stays {
						t.Error("cut off")
					}
				case <-time.After(time.Hour):
					if !c.stays {
						t.Error("still there after an hour")
					}
				}
			})
		})
	}
}

// TestManyLargeValues: of very many that send something large at a time, as much is held as there is room for; the others wait
// their turn, and small commands go on.
func TestManyLargeValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := piped(t, "")
		var slow []net.Conn
		for n := range 50 {
			conn := dial(l)
			defer conn.Close()
			slow = append(slow, conn)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			go func() {
				_, _ = fmt.Fprintf(conn, "*3\r\n$3\r\nSET\r\n$%d\r\nres:%d\r\n$%d\r\nx", len(fmt.Sprint(n))+4, n, MaxValue)
			}()
		}
		synctest.Wait()
		if free := len(l.uploads.free); free*uploadPiece >= MaxValue {
			t.Errorf("room for %d bytes, and others wait", free*uploadPiece)
		}
		conn := dial(l)
		_, _ = io.WriteString(conn, "PING\r\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "+PONG\r\n" || err != nil {
			t.Errorf("somebody small is told %q, %v", line, err)
		}
		_ = conn.Close()
		for _, conn := range slow {
			_ = conn.Close()
		}
		synctest.Wait()
		if len(l.uploads.free) != cap(l.uploads.free) {
			t.Errorf("%d pieces of %d are free", len(l.uploads.free), cap(l.uploads.free))
		}
	})
}

// TestWorkersLeaveRoom: workers who write all that they can keep nobody from being sent a job.
func TestWorkersLeaveRoom(t *testing.T) {
	l, table := serving(t, "")
	ctx := context.Background()
	c := redis.NewClient(&redis.Options{Addr: l.Addr()})
	defer c.Close()
	table.mu.Lock()
	table.bytes = workerBytes - 1<<20 // as if they had
	table.mu.Unlock()
	full := false
	for n := range 3 {
		err := c.Set(ctx, fmt.Sprintf("art:%d", n), strings.Repeat("x", 1<<19), 0).Err()
		full = full || (err != nil && strings.HasPrefix(err.Error(), "OOM"))
	}
	if !full {
		t.Error("workers may write more than their part")
	}
	if err := table.Put(ctx, "ctx:j", make([]byte, 1<<20), 0); err != nil {
		t.Errorf("no room for an input: %v", err)
	}
}
