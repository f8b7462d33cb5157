package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// Times for tests in which servers do not answer.
const (
	shortCall     = 250 * time.Millisecond
	shortPatience = time.Second
)

// TestServerRefuses: what a server will not do is told as not written, with what to do, and works again afterwards.
func TestServerRefuses(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	s := open(t, fresh(server).Hurried(shortCall, shortPatience))
	e := acquire(t, s, 0)
	n := 0
	write := func() error {
		n++
		id := fmt.Sprint(n)
		return s.Commit(t.Context(), store.Tx{Epoch: e, ID: id, Puts: putOf("n", id)})[0]
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		begin, end []any
		want       string
	}{
		{"memory is full", []any{"config", "set", "maxmemory", "1"}, []any{"config", "set", "maxmemory", "0"}, "raise maxmemory"},
		{"a replica", []any{"replicaof", "127.0.0.1", "1"}, []any{"replicaof", "no", "one"}, "address of the primary"},
		{"too few replicas", []any{"config", "set", "min-replicas-to-write", "1"}, []any{"config", "set", "min-replicas-to-write", "0"}, "too few replicas"},
	} {
		server.Do(c.begin...)
		err := write()
		wantErr(t, c.name, err, redis.ErrRefused)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		wantValue(t, s, "n", fmt.Sprint(n-1))
		server.Do(c.end...)
		if err := write(); err != nil {
			t.Errorf("%s, and then not: %v", c.name, err)
		}
		wantValue(t, s, "n", fmt.Sprint(n))
	}
	if s.Err() != nil {
		t.Errorf("the store failed: %v", s.Err())
	}
}

// TestBusyServer: somebody's endless script is waited out, and named when that takes too long.
func TestBusyServer(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, append([]string{"--busy-reply-threshold", "10"}, redisd.Durable...)...)
	s := open(t, fresh(server).Hurried(2*time.Second, 3*time.Second)) // the script takes a processor for itself
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
	endless := server.Client()
	defer func() { _ = endless.Close() }()
	ended := make(chan error)
	go func() { ended <- endless.Eval(t.Context(), "while true do end", nil).Err() }()
	ping := server.Client()
	defer func() { _ = ping.Close() }()
	redisd.Wait(t, "the server is busy", func(ctx context.Context) error {
		err := ping.Ping(ctx).Err()
		if err == nil {
			return errors.New("it answers")
		}
		if !strings.HasPrefix(err.Error(), "BUSY ") {
			return err
		}
		return nil
	})
	err := s.Commit(t.Context(), store.Tx{Epoch: e, Puts: putOf("a", "2")})[0]
	if !errors.Is(err, redis.ErrRefused) || !strings.Contains(err.Error(), "somebody's script") {
		t.Errorf("a commit to a busy server: %v", err)
	}
	if err := ping.ScriptKill(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	<-ended
	wantValue(t, s, "a", "1")
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "3")})
}

// TestPassword: a wrong one is told at once, when the store is opened and when the server's changes.
func TestPassword(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, "--requirepass", "right", "--appendonly", "yes", "--appendfsync", "always")
	cfg := fresh(server)
	for _, password := range []string{"", "wrong"} {
		cfg.Password = password
		begun := time.Now()
		_, err := redis.Open(t.Context(), cfg)
		wantErr(t, "password "+password, err, redis.ErrRefused)
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if err != nil && strings.Contains(err.Error(), "wrong password") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	cfg.Password = "right"
	s := open(t, cfg)
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
	server.Do("config", "set", "requirepass", "other")
	server.SetPassword("other")
	server.Do("client", "kill", "type", "normal", "skipme", "yes")
	err := s.Commit(t.Context(), store.Tx{Epoch: e, Puts: putOf("a", "2")})[0]
	wantErr(t, "after the server's password changed", err, redis.ErrRefused)
	server.Do("config", "set", "requirepass", "right")
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "3")})
	wantValue(t, s, "a", "3")
}

// TestSlowServer: a server that answers late is asked again, and has done once what it was asked.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	s := open(t, fresh(server).Hurried(shortCall, 10*time.Second))
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entryOf(0, 1, "first")}})
	server.Do("client", "pause", "700", "all")
	commit(t, s, store.Tx{Epoch: e, ID: "slow", Appends: []store.Append{entryOf(1, 2, "slow")}})
	wantLog(t, s, "first slow")
}

func entryOf(prev, first uint64, value string) store.Append {
	return store.Append{Log: store.LogID{Tenant: tenant, Run: "r"}, Prev: prev, First: first, Count: 1, Value: []byte(value)}
}

func wantLog(t *testing.T, s *redis.Store, want string) {
	t.Helper()
	es, err := s.ReadLog(t.Context(), 0, store.LogID{Tenant: tenant, Run: "r"}, 1, 1000)
	if err != nil {
		t.Fatalf("ReadLog: %v", err)
	}
	var got []string
	for _, e := range es {
		got = append(got, string(e.Value))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

// TestLostAnswers: a connection that ends between a commit and its answer costs the caller nothing: the commit is sent
// again, and its second copy does nothing.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	w := newWire(t, server)
	cfg := fresh(server)
	cfg.Addrs = []string{w.addr()}
	s := open(t, cfg)
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("n", "0")}) // the server knows the script
	for i := range 5 {
		w.loseAnswers(1)
		tx := store.Tx{
			Epoch: e, Checks: []store.Check{{Key: recordKey("n"), Value: fmt.Append(nil, i)}}, Puts: putOf("n", fmt.Sprint(i+1)),
			Appends: []store.Append{entryOf(uint64(i), uint64(i)+1, fmt.Sprint(i))},
		}
		conflict := store.Tx{Epoch: e, Checks: tx.Checks, Puts: putOf("n", "never")}
		errs := s.Commit(t.Context(), tx, conflict)
		if errs[0] != nil || !errors.Is(errs[1], store.ErrConflict) {
			t.Fatalf("commit %d: %v", i, errs)
		}
	}
	w.cut() // idle connections
	commit(t, s, store.Tx{Epoch: e, Appends: []store.Append{entryOf(5, 6, "end")}})
	wantValue(t, s, "n", "5")
	wantLog(t, s, "0 1 2 3 4 end")
}

// TestLateCopy: a commit that was given up is settled by the next look at its partition. The copy that was still on its
// way then changes nothing.
func TestLateCopy(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(s *redis.Store, e store.Epoch) error{
		"committed": func(s *redis.Store, _ store.Epoch) error {
			known, err := s.Committed(t.Context(), 0, "late")
			if err == nil && known {
				err = errors.New("it says that the commit was applied")
			}
			return err
		},
		"read log": func(s *redis.Store, _ store.Epoch) error {
			_, err := s.ReadLog(t.Context(), 0, store.LogID{Tenant: tenant, Run: "r"}, 1, 10)
			return err
		},
		"another commit": func(s *redis.Store, e store.Epoch) error {
			return s.Commit(t.Context(), store.Tx{Epoch: e, Puts: putOf("b", "1")})[0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redisd.Start(t, redisd.Durable...)
			w := newWire(t, server)
			cfg := fresh(server).Hurried(shortCall, shortPatience)
			cfg.Addrs = []string{w.addr()}
			s := open(t, cfg)
			e := acquire(t, s, 0)
			commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "before")})
			release := w.hold()
			err := s.Commit(t.Context(), store.Tx{Epoch: e, ID: "late", Puts: putOf("a", "late"), Appends: []store.Append{entryOf(0, 1, "late")}})[0]
			wantErr(t, "a commit without an answer", err, redis.ErrUnknown)
			w.let() // what is held goes to the server later; nobody waits for its answer any more
			if err := look(s, e); err != nil {
				t.Errorf("after the commit was given up: %v", err)
			}
			before := calls(server)
			release()
			redisd.Wait(t, "the late copies arrive", func(context.Context) error {
				if calls(server) == before {
					return errors.New("nothing came")
				}
				return nil
			})
			wantValue(t, s, "a", "before")
			wantLog(t, s, "")
		})
	}
}

// calls counts the scripts that a server was asked to run.
func calls(server *redisd.Server) string {
	stats, _ := server.Do("info", "commandstats").(string)
	for line := range strings.Lines(stats) {
		if name, rest, _ := strings.Cut(line, ":"); name == "cmdstat_evalsha" {
			n, _, _ := strings.Cut(rest, ",")
			return n
		}
	}
	return ""
}

// TestLateAcquire: a copy of an Acquire that comes late fences nobody.
func TestLateAcquire(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	w := newWire(t, server)
	cfg := fresh(server).Hurried(shortCall, 10*time.Second)
	cfg.Addrs = []string{w.addr()}
	s := open(t, cfg)
	first := acquire(t, s, 0)
	release := w.hold()
	taken := make(chan store.Epoch)
	go func() {
		l, err := s.Acquire(t.Context(), 0, "owner", time.Hour)
		if err != nil {
			t.Errorf("Acquire: %v", err)
		}
		taken <- l.Epoch
	}()
	<-w.heard
	w.let()
	e := <-taken
	if e <= first {
		t.Errorf("epoch %d after %d", e, first)
	}
	before := calls(server)
	release()
	redisd.Wait(t, "the late copy arrives", func(context.Context) error {
		if calls(server) == before {
			return errors.New("nothing came")
		}
		return nil
	})
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "1")})
}

// TestAnswerLostToAnotherOwner: a commit was carried out, its answer got lost, and before it is sent again somebody else
// takes the partition. "Fenced" would say that nothing was written.
func TestAnswerLostToAnotherOwner(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	w := newWire(t, server)
	direct := fresh(server)
	wired := direct.Hurried(10*time.Second, 20*time.Second)
	wired.Addrs = []string{w.addr()}
	other, s := open(t, direct), open(t, wired)
	e := acquire(t, s, 0)
	commit(t, s, store.Tx{Epoch: e, Puts: putOf("a", "before")})

	first := w.hold()
	answer := make(chan error)
	go func() { answer <- s.Commit(t.Context(), store.Tx{Epoch: e, ID: "lost", Puts: putOf("a", "lost")})[0] }()
	<-w.heard
	w.loseAnswers(1)
	second := w.hold()
	first()
	<-w.heard // the commit is sent again
	commit(t, other, store.Tx{Epoch: acquire(t, other, 0), Puts: putOf("b", "other")})
	second()
	w.let()
	err := <-answer
	wantErr(t, "the commit", err, redis.ErrUnknown)
	if errors.Is(err, store.ErrFenced) {
		t.Errorf("it says that nothing was written: %v", err)
	}
	if known, err := s.Committed(t.Context(), 0, "lost"); !known || err != nil {
		t.Errorf("read back: %v, %v", known, err)
	}
	wantErr(t, "the next commit", s.Commit(t.Context(), store.Tx{Epoch: e})[0], store.ErrFenced)
}

// TestLastTryHasTime: no try begins that has no time to be answered; it would make unknown what was known.
func TestLastTryHasTime(t *testing.T) {
	for left, want := range map[time.Duration]bool{100 * time.Millisecond: false, time.Minute: true} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		if got := redis.Pause(ctx, 0); got != want {
			t.Errorf("another try with %v left: %v, want %v", left, got, want)
		}
		cancel()
	}
}
