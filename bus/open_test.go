package bus_test

import (
	"bytes"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
)

// patience is how long a test waits for what must come before it says that it did not.
const patience = 30 * time.Second

func startServer(t testing.TB, cfg bus.ServerConfig) *bus.Server {
	t.Helper()
	s, err := bus.NewServer(cfg)
	must(t, err)
	must(t, s.Start())
	t.Cleanup(s.Close)
	return s
}

func connect(t testing.TB, cfg bus.ConnectConfig) *bus.NATS {
	t.Helper()
	n, err := bus.Connect(cfg)
	must(t, err)
	t.Cleanup(func() { n.Close() })
	return n
}

func subscribe(t testing.TB, b bus.Bus, subject, queue string, h bus.Handler) {
	t.Helper()
	_, err := b.Subscribe(subject, queue, h)
	must(t, err)
	must(t, b.Flush())
}

// listen collects what comes to a subject.
func listen(t testing.TB, b bus.Bus, subject, queue string) <-chan bus.Msg {
	t.Helper()
	got := make(chan bus.Msg, 4096)
	subscribe(t, b, subject, queue, func(m bus.Msg) {
		m.Data = bytes.Clone(m.Data)
		got <- m
	})
	return got
}

func receive(t testing.TB, from <-chan bus.Msg) bus.Msg {
	t.Helper()
	select {
	case m := <-from:
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
		return bus.Msg{}
	}
}

func await(t testing.TB, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it did not happen")
	}
}

func wantSubjects(t testing.TB, from <-chan bus.Msg, want ...string) {
	t.Helper()
	for _, subject := range want {
		if m := receive(t, from); m.Subject != subject {
			t.Fatalf("got %q, want %q", m.Subject, subject)
		}
	}
	if len(from) > 0 {
		t.Fatalf("an extra message on %q", (<-from).Subject)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
