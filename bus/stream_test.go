package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cordum.dev/cordum/bus"
)

// streamed is a server with streams and a connection of its own.
func streamed(t *testing.T, dir string) (*bus.Server, *bus.NATS, *bus.Streams) {
	t.Helper()
	s := startServer(t, bus.ServerConfig{Open: true, StreamDir: dir})
	n := connect(t, bus.ConnectConfig{InProcess: s})
	streams, err := bus.OpenStreams(context.Background(), n, bus.StreamConfig{AckWait: 2 * time.Second})
	must(t, err)
	return s, n, streams
}

// taken collects what a consumer hands over.
func taken(t *testing.T, s *bus.Streams) (<-chan bus.Msg, bus.Subscription) {
	t.Helper()
	got := make(chan bus.Msg, 100)
	sub, err := s.Results(func(m bus.Msg) { m.Data = append([]byte(nil), m.Data...); got <- m })
	must(t, err)
	return got, sub
}

// TestResultsAreKept: what is said while nobody takes results is taken later, across a restart of the server, and comes again
// until it is settled.
func TestResultsAreKept(t *testing.T) {
	dir := t.TempDir()
	s, n, _ := streamed(t, dir)
	must(t, n.Publish(bus.SubjectResult, []byte("a")))
	must(t, n.Publish(bus.SubjectHeartbeat, []byte("b")))
	must(t, n.Publish(bus.SubjectResult, []byte("c")))
	kept(t, n, bus.StreamSystem, 2)
	n.Close()
	s.Close()

	_, n, streams := streamed(t, dir)
	got, sub := taken(t, streams)
	first, second := receive(t, got), receive(t, got)
	if string(first.Data) != "a" || string(second.Data) != "c" || !first.Kept {
		t.Fatalf("%q, %q, kept %t", first.Data, second.Data, first.Kept)
	}
	must(t, bus.Settle(n, first.Reply, true, 0))
	must(t, bus.Settle(n, second.Reply, false, 10*time.Millisecond))
	again := receive(t, got)
	if string(again.Data) != "c" {
		t.Fatalf("%q came again", again.Data)
	}
	must(t, bus.Settle(n, again.Reply, true, 0))
	must(t, n.Flush())
	must(t, sub.Unsubscribe())
	if err := bus.Settle(n, "_INBOX.x", true, 0); err == nil {
		t.Error("an inbox was settled")
	}
}

// TestJobsAreKeptOnce: a job that is sent twice is kept once, and whoever listens gets it each time. What a stream keeps is
// not taken for somebody who listens.
func TestJobsAreKeptOnce(t *testing.T) {
	_, n, streams := streamed(t, t.TempDir())
	if !n.Unheard("job.a") || !n.Unheard("worker.w.jobs") {
		t.Error("the stream counts as somebody who listens")
	}
	got := listen(t, n, "job.a", "q")
	must(t, n.Flush())
	if n.Unheard("job.a") {
		t.Error("who listens does not count")
	}
	for range 3 {
		must(t, streams.Publish("job.a", "_CORDUM.unheard.x", "attempt", []byte("1")))
	}
	for range 3 {
		receive(t, got)
	}
	must(t, streams.Publish("job.a", "", "another", []byte("2"))) // kept after those, so they are looked at by then
	kept(t, n, bus.StreamJobs, 2)
}

// kept waits until a stream has kept so many messages, and fails when they are more.
func kept(t *testing.T, n *bus.NATS, stream string, want uint64) {
	t.Helper()
	js, err := jetstream.New(n.Conn())
	must(t, err)
	s, err := js.Stream(context.Background(), stream)
	must(t, err)
	for deadline := time.Now().Add(10 * time.Second); ; {
		info, err := s.Info(context.Background())
		must(t, err)
		switch {
		case info.State.Msgs == want:
			return
		case info.State.Msgs > want || time.Now().After(deadline):
			t.Fatalf("%s keeps %d messages, not %d", stream, info.State.Msgs, want)
		}
	}
}

// TestUnsettledComesAtOnce: what an engine was given that died before it settled it comes to the next one when it begins, not
// after the wait that is for engines that live.
func TestUnsettledComesAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, bus.ServerConfig{Open: true, StreamDir: dir})
	open := func(s *bus.Server) (*bus.NATS, <-chan bus.Msg) {
		n := connect(t, bus.ConnectConfig{InProcess: s})
		streams, err := bus.OpenStreams(context.Background(), n, bus.StreamConfig{AckWait: time.Hour})
		must(t, err)
		got, _ := taken(t, streams)
		return n, got
	}
	n, got := open(s)
	for _, text := range []string{"a", "b", "c"} {
		must(t, n.Publish(bus.SubjectResult, []byte(text)))
	}
	for _, text := range []string{"a", "b", "c"} {
		m := receive(t, got)
		if string(m.Data) != text {
			t.Fatalf("%q, not %q", m.Data, text)
		}
		if text == "a" {
			must(t, bus.Settle(n, m.Reply, true, 0))
		}
	}
	floor(t, n, 1)
	n.Close()
	s.Close()

	n, got = open(startServer(t, bus.ServerConfig{Open: true, StreamDir: dir}))
	for _, text := range []string{"b", "c"} {
		m := receive(t, got)
		if string(m.Data) != text {
			t.Fatalf("%q came again, not %q", m.Data, text)
		}
		must(t, bus.Settle(n, m.Reply, true, 0))
	}
	floor(t, n, 3)
}

// floor waits until everything up to a place in the stream is settled.
func floor(t *testing.T, n *bus.NATS, want uint64) {
	t.Helper()
	js, err := jetstream.New(n.Conn())
	must(t, err)
	c, err := js.Consumer(context.Background(), bus.StreamSystem, bus.DurableResults)
	must(t, err)
	for deadline := time.Now().Add(10 * time.Second); ; {
		info, err := c.Info(context.Background())
		must(t, err)
		switch {
		case info.AckFloor.Stream == want:
			return
		case time.Now().After(deadline):
			t.Fatalf("settled up to %d, not %d", info.AckFloor.Stream, want)
		}
	}
}

// TestPoisonedIds: a worker that names a result's message id first cannot keep the result from being taken.
func TestPoisonedIds(t *testing.T) {
	s, n, streams := streamed(t, t.TempDir())
	conn, err := nats.Connect(s.URL())
	must(t, err)
	defer conn.Close()
	plain := listen(t, n, bus.SubjectResult, "")
	got, sub := taken(t, streams)
	defer sub.Unsubscribe()
	must(t, n.Flush())
	for i, text := range []string{"poison", "the result"} {
		m := nats.NewMsg(bus.SubjectResult)
		m.Data = []byte(text)
		m.Header.Set(jetstream.MsgIDHeader, "sys.job.result:job")
		must(t, conn.PublishMsg(m))
		must(t, conn.Flush())
		if m := receive(t, plain); string(m.Data) != text {
			t.Fatalf("message %d is %q", i, m.Data)
		}
	}
	if m := receive(t, got); string(m.Data) != "poison" {
		t.Errorf("%q was kept", m.Data)
	}
	deadline := time.Now().Add(time.Minute)
	for n := 0; ; n++ { // after a tenth of a second the id is nobody's any more
		m := nats.NewMsg(bus.SubjectResult)
		m.Data = fmt.Append(nil, n)
		m.Header.Set(jetstream.MsgIDHeader, "sys.job.result:job")
		must(t, conn.PublishMsg(m))
		select {
		case <-got:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the id stays poisoned")
		}
	}
}

// TestResultsAreShared: an engine that starts leaves the consumer as it is, from which another one is taking results, and each
// result goes to one of the two.
func TestResultsAreShared(t *testing.T) {
	s := startServer(t, bus.ServerConfig{Open: true, StreamDir: t.TempDir()})
	open := func() (*bus.NATS, <-chan bus.Msg) {
		n := connect(t, bus.ConnectConfig{InProcess: s})
		streams, err := bus.OpenStreams(context.Background(), n, bus.StreamConfig{AckWait: time.Hour, Shared: true})
		must(t, err)
		got, _ := taken(t, streams)
		return n, got
	}
	n, first := open()
	must(t, n.Publish(bus.SubjectResult, []byte("a")))
	one := receive(t, first)
	_, second := open()
	const more = 20
	for i := range more {
		must(t, n.Publish(bus.SubjectResult, fmt.Appendf(nil, "%d", i)))
	}
	must(t, bus.Settle(n, one.Reply, true, 0))
	seen := make(map[string]bool)
	deadline := time.After(time.Minute)
	for len(seen) < more {
		var m bus.Msg
		select {
		case m = <-first:
		case m = <-second:
		case <-deadline:
			t.Fatalf("%d of %d results came", len(seen), more)
		}
		if seen[string(m.Data)] || string(m.Data) == "a" {
			t.Fatalf("%q came twice", m.Data)
		}
		seen[string(m.Data)] = true
		must(t, bus.Settle(n, m.Reply, true, 0))
	}
}
