package pointers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// serving is a listener that runs until the test ends.
func serving(t *testing.T, password string) (*Listener, *Table) {
	t.Helper()
	table := NewTable(time.Now)
	l, err := Listen(context.Background(), ListenerConfig{Addr: "127.0.0.1:0"}, table)
	if err != nil {
		t.Fatal(err)
	}
	l.cfg.Password = password // short ones read better here
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l, table
}

// TestClients: a client as workers have it, in both protocols.
func TestClients(t *testing.T) {
	l, table := serving(t, "geheim geheim geheim")
	ctx := context.Background()
	for _, protocol := range []int{2, 3} {
		c := redis.NewClient(&redis.Options{Addr: l.Addr(), Password: "geheim geheim geheim", DB: 3, Protocol: protocol, ClientName: "w"})
		defer c.Close()
		_ = table.putFor("ctx:j", []byte("in"), 0, false)
		if v, err := c.Get(ctx, "ctx:j").Result(); v != "in" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		if _, err := c.Get(ctx, "ctx:none").Result(); !errors.Is(err, redis.Nil) {
			t.Errorf("nothing there: %v", err)
		}
		large := strings.Repeat("x", MaxValue)
		if err := c.Set(ctx, "res:j", large, time.Hour).Err(); err != nil {
			t.Error(err)
		}
		if got, _, _ := table.Get(ctx, "res:j", MaxValue); string(got) != large {
			t.Errorf("%d bytes were kept", len(got))
		}
		if ok, err := c.SetNX(ctx, "res:j", "again", 0).Result(); ok || err != nil {
			t.Errorf("written twice: %t, %v", ok, err)
		}
		if err := c.Set(ctx, "art:j/1", "a", 100*time.Hour).Err(); err != nil {
			t.Error(err)
		}
		if v, _ := table.look("art:j/1"); v.until.After(time.Now().Add(TTL)) {
			t.Errorf("kept until %s", v.until)
		}
		if n, err := c.Del(ctx, "res:j", "art:j/1").Result(); n != 2 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		if d, err := c.TTL(ctx, "ctx:j").Result(); d < TTL-time.Minute || err != nil {
			t.Errorf("lives for %s, %v", d, err)
		}
		if n, err := c.Exists(ctx, "ctx:j", "ctx:none").Result(); n != 1 || err != nil {
			t.Errorf("%d there, %v", n, err)
		}
		if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range 100 {
				p.Ping(ctx)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		for name, err := range map[string]error{
			"read a result": c.Get(ctx, "res:j").Err(), "write an input": c.Set(ctx, "ctx:j", "x", 0).Err(),
			"forget an input": c.Del(ctx, "ctx:j").Err(), "look at other keys": c.Exists(ctx, "secret").Err(),
			"keep an input longer": c.Expire(ctx, "ctx:j", time.Hour).Err(),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := c.FlushAll(ctx).Err(); err == nil || !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("a command that is not there: %v", err)
		}
	}
}

// TestWireOfStrangers: what is answered, byte for byte, and who is cut off.
func TestWireOfStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		password, say, want string
		stays               bool
	}{
		"no password shown":      {"p", "*2\r\n$3\r\nGET\r\n$5\r\nctx:a\r\n", "-NOAUTH Authentication required.\r\n", true},
		"not even PING":          {"p", "PING\r\n", "-NOAUTH Authentication required.\r\n", true},
		"the password":           {"p", "AUTH p\r\nPING\r\n", "+OK\r\n+PONG\r\n", true},
		"another user":           {"p", "AUTH root p\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n", true},
		"guesses":                {"p", "AUTH a\r\nAUTH b\r\nAUTH c\r\nAUTH p\r\n", strings.Repeat("-WRONGPASS invalid username-password pair or user is disabled.\r\n", 3), false},
		"hello without":          {"p", "HELLO 3\r\n", "-NOAUTH HELLO must", true},
		"hello with a wrong one": {"p", "HELLO 3 AUTH default x\r\nGET ctx:a\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n-NOAUTH", true},
		"a large word before":    {"p", "*2\r\n$4\r\nAUTH\r\n$9999999\r\n", "-ERR Protocol error\r\n", false},
		"none is needed":         {"", "AUTH x\r\n", "-ERR Client sent AUTH, but no password is set\r\n", true},
		"a protocol to come":     {"", "HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n", true},
		"an input, once":         {"", "SET ctx:a b NX\r\nPING\r\n", "-NOPERM workers write results and artifacts, res:* and art:*, and nothing else\r\n+PONG\r\n", true},
		"nothing in 2":           {"", "GET ctx:a\r\n", "$-1\r\n", true},
		"nothing in 3":           {"", "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\nGET ctx:a\r\n", "%6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n5.0.0\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n_\r\n", true},
		"client":                 {"", "CLIENT SETINFO lib-name x\r\nCLIENT KILL x\r\n", "+OK\r\n-ERR unknown subcommand 'KILL'\r\n", true},
		"a form of a page":       {"", "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET res:a b\r\n", "-ERR Protocol error\r\n", false},
		"a page's question":      {"", "GET /res:a HTTP/1.1\r\nHost: x\r\n\r\n", "-ERR Protocol error\r\n", false},
		"a host":                 {"", "Host: 127.0.0.1\r\n", "-ERR Protocol error\r\n", false},
		"a line without end":     {"", strings.Repeat("x", 5000), "-ERR Protocol error\r\n", false},
		"a million words":        {"", "*1000000\r\n", "-ERR Protocol error\r\n", false},
		"a value of 2 GB":        {"", "*3\r\n$3\r\nSET\r\n$5\r\nres:a\r\n$2000000000\r\n", "-ERR Protocol error\r\n", false},
		"a negative word":        {"", "*1\r\n$-1\r\n", "-ERR Protocol error\r\n", false},
		"a word that is longer":  {"", "*1\r\n$4\r\nPINGPING\r\n", "-ERR Protocol error\r\n", false},
		"too few for a command":  {"", "STRLEN\r\n", "-ERR wrong number of arguments for 'strlen' command\r\n", true},
		"an answer in its name":  {"", "*1\r\n$7\r\n\r\n+OK\r\n\r\n", "-ERR unknown command '??+OK??'\r\n", true},
		"a time that is none":    {"", "SET res:a b EX 0\r\nSET res:a b EX\r\nSET res:a b FOO\r\n", "-ERR invalid expire time in 'set' command\r\n-ERR syntax error\r\n-ERR syntax error\r\n", true},
		"empty lines":            {"", "\r\n\r\nPING\r\n", "+PONG\r\n", true},
		"leaving":                {"", "QUIT\r\nPING\r\n", "+OK\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := serving(t, c.password)
			conn, err := net.Dial("tcp", l.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.WriteString(conn, c.say); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(c.want))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != c.want {
				t.Fatalf("answered %q, %v; want %q", got, err, c.want)
			}
			if c.stays {
				return
			}
			if rest, _ := io.ReadAll(bufio.NewReader(conn)); len(bytes.TrimSpace(rest)) > 0 {
				t.Errorf("and then %q", rest)
			}
		})
	}
}

func TestListensHereOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "example.com:0", "127.0.0.1"} {
		if l, err := Listen(context.Background(), ListenerConfig{Addr: addr}, NewTable(time.Now)); err == nil {
			_ = l.Close()
			t.Errorf("listens on %s", addr)
		}
	}
}

func TestShortPassword(t *testing.T) {
	l, err := Listen(context.Background(), ListenerConfig{Addr: "127.0.0.1:0", Password: strings.Repeat("p", MinPassword-1)}, NewTable(time.Now))
	if err == nil {
		_ = l.Close()
		t.Error("a password that can be guessed is taken")
	}
}

// FuzzCommands: whatever comes, the session ends or goes on, and nothing but results and artifacts is ever written.
func FuzzCommands(f *testing.F) {
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$5\r\nres:a\r\n$1\r\nb\r\n"))
	f.Add([]byte("HELLO 3\r\nGET ctx:a\r\nSET ctx:a b EX 1 NX\r\nEXPIRE res:a 5\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		table := NewTable(time.Now)
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			_, _ = far.Write(in)
			_ = far.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		l := newListener(ListenerConfig{}, table)
		s := l.newSession(near)
		_ = s.run()
		if l.uploads.leave(s); len(l.uploads.free) != cap(l.uploads.free) {
			t.Error("room is lost")
		}
		for key := range table.values {
			if !strings.HasPrefix(key, results) && !strings.HasPrefix(key, artifacts) {
				t.Errorf("%q was written", key)
			}
		}
	})
}
