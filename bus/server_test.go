package bus_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/bus"
)

func TestServerRefusesBadConfig(t *testing.T) {
	for name, cfg := range map[string]bus.ServerConfig{
		"port too large":         {Port: 65536},
		"payload too small":      {MaxPayload: bus.MinPayload - 1},
		"payload too large":      {MaxPayload: bus.MaxPayload + 1},
		"open to the world":      {Open: true, Host: "0.0.0.0"},
		"open to a name":         {Open: true, Host: "example.org"},
		"open, with credentials": {Open: true, Worker: bus.Credentials{Token: "t"}},
	} {
		if _, err := bus.NewServer(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestServerNamesATakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port

	s, err := bus.NewServer(bus.ServerConfig{Port: port, Open: true})
	must(t, err)
	err = s.Run(t.Context())
	if !errors.Is(err, bus.ErrPortTaken) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Fatalf("got %v, want ErrPortTaken with port %d", err, port)
	}
}

func TestServerRunEndsWithItsContext(t *testing.T) {
	s, err := bus.NewServer(bus.ServerConfig{Open: true})
	must(t, err)
	must(t, s.Start())
	addr := s.Addr()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	n := connect(t, bus.ConnectConfig{InProcess: s})
	must(t, n.Flush())
	cancel()
	must(t, <-ended)
	if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		c.Close()
		t.Fatal("it still listens")
	}
	if err := s.Start(); !errors.Is(err, bus.ErrClosed) {
		t.Fatalf("start after the end: %v, want ErrClosed", err)
	}
}

func TestServerWithoutListenerHasNoAddress(t *testing.T) {
	s := startServer(t, bus.ServerConfig{DontListen: true})
	if s.Addr() != "" || s.URL() != "" {
		t.Fatalf("it listens on %q", s.Addr())
	}
}

func TestServerRefusesStrangers(t *testing.T) {
	s := startServer(t, bus.ServerConfig{Worker: bus.Credentials{User: "worker", Password: "secret", Token: "token"}})
	none := startServer(t, bus.ServerConfig{})
	for name, c := range map[string]struct {
		server *bus.Server
		shown  bus.Credentials
	}{
		"nothing":               {s, bus.Credentials{}},
		"wrong password":        {s, bus.Credentials{User: "worker", Password: "wrong"}},
		"no password":           {s, bus.Credentials{User: "worker"}},
		"wrong token":           {s, bus.Credentials{Token: "other"}},
		"the engine's name":     {s, bus.Credentials{User: "cordum-engine"}},
		"no credentials to ask": {none, bus.Credentials{}},
		"empty user and token":  {none, bus.Credentials{User: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := bus.Connect(bus.ConnectConfig{URL: c.server.URL(), Credentials: c.shown})
			if err == nil {
				n.Close()
				t.Fatal("let in")
			}
			if !errors.Is(err, nats.ErrAuthorization) {
				t.Fatalf("got %v, want an authorization error", err)
			}
		})
	}
}

// TestWorkerPermissions checks every subject there is, from the worker's side and seen by the engine.
func TestWorkerPermissions(t *testing.T) {
	secret := bus.Credentials{User: "worker", Password: "secret", Token: "token"}
	s := startServer(t, bus.ServerConfig{Worker: secret})
	engine := connect(t, bus.ConnectConfig{InProcess: s})
	for name, shown := range map[string]bus.Credentials{
		"password": {User: secret.User, Password: secret.Password},
		"token":    {Token: secret.Token},
	} {
		t.Run(name, func(t *testing.T) {
			worker := connect(t, bus.ConnectConfig{URL: s.URL(), Credentials: shown})
			checkPublish(t, engine, worker)
			checkSubscribe(t, engine, worker)
		})
	}
}

func checkPublish(t *testing.T, engine, worker bus.Bus) {
	got := listen(t, engine, ">", "")
	for _, subject := range []string{
		"sys.job.cancel", "sys.job.submit", "job.demo.echo", "worker.w1.jobs", "cordum.jobs.ask", "cordum.part.00.x",
		"cordum.blob.get", "sys.audit.x", bus.InboxPrefix + ".x", "$SYS.REQ.SERVER.PING",
	} {
		must(t, worker.Publish(subject, nil)) // the server drops it and says so later
	}
	allowed := []string{bus.Part(0), bus.SubjectHeartbeat, bus.SubjectProgress, bus.SubjectResult, "_INBOX.a.b"}
	for _, subject := range allowed {
		must(t, worker.Publish(subject, nil))
	}
	wantSubjects(t, got, allowed...)
}

func checkSubscribe(t *testing.T, engine, worker bus.Bus) {
	for _, pattern := range []string{">", "cordum.part.00", "cordum.part.*", "sys.>", "sys.job.result", bus.InboxPrefix + ".>", "$SYS.>"} {
		_, err := worker.Subscribe(pattern, "", func(m bus.Msg) { t.Errorf("a worker heard %q on %q", m.Subject, pattern) })
		must(t, err) // the server refuses it and says so later
	}
	heard := make(chan bus.Msg, 16)
	for _, pattern := range []string{"worker.w1.jobs", "job.demo.echo", "sys.job.cancel", "cordum.jobs.ask", "_INBOX.x.*"} {
		subscribe(t, worker, pattern, "", func(m bus.Msg) { heard <- m })
	}
	for _, subject := range []string{
		bus.Part(0), "sys.job.result", bus.InboxPrefix + ".1",
		"worker.w1.jobs", "job.demo.echo", "sys.job.cancel", "cordum.jobs.ask", "_INBOX.x.1",
	} {
		must(t, engine.Publish(subject, nil))
	}
	seen := map[string]bool{}
	for range 5 {
		seen[receive(t, heard).Subject] = true
	}
	if len(seen) != 5 {
		t.Fatalf("heard %v", seen)
	}
}

// TestReconnects stops the server under a connection and starts another one on the same port.
func TestReconnects(t *testing.T) {
	first := startServer(t, bus.ServerConfig{Open: true})
	_, port, err := net.SplitHostPort(first.Addr())
	must(t, err)
	n := connect(t, bus.ConnectConfig{URL: first.URL()})
	got := listen(t, n, "s", "")
	first.Close()
	until(t, func() bool { return !n.Connected() })

	number, err := strconv.Atoi(port)
	must(t, err)
	second := startServer(t, bus.ServerConfig{Open: true, Port: number})
	until(t, n.Connected)
	must(t, n.Flush())
	must(t, connect(t, bus.ConnectConfig{InProcess: second}).Publish("s", []byte("back")))
	if m := receive(t, got); string(m.Data) != "back" {
		t.Fatalf("got %q", m.Data)
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	stopped, err := bus.NewServer(bus.ServerConfig{DontListen: true})
	must(t, err)
	for name, cfg := range map[string]bus.ConnectConfig{
		"nowhere":            {},
		"two places":         {URL: "nats://127.0.0.1:1", InProcess: stopped},
		"nobody listens":     {URL: "nats://127.0.0.1:1"},
		"server not started": {InProcess: stopped},
	} {
		if n, err := bus.Connect(cfg); err == nil {
			n.Close()
			t.Errorf("%s: connected", name)
		}
	}
}

// until waits for a condition that nothing announces.
func until(t testing.TB, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
		time.Sleep(time.Millisecond)
	}
}
