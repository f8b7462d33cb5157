package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
)

// opened is one bus under test: two connections of the same network, which are one and the same for Memory.
type opened struct {
	a, b bus.Bus
}

// implementations opens each bus there is. The contract holds for all of them, also across connections.
func implementations() map[string]func(t *testing.T) opened {
	return map[string]func(t *testing.T) opened{
		"memory": func(t *testing.T) opened {
			m := bus.NewMemory()
			t.Cleanup(func() { m.Close() })
			return opened{m, m}
		},
		"in process": func(t *testing.T) opened {
			s := startServer(t, bus.ServerConfig{DontListen: true})
			return opened{connect(t, bus.ConnectConfig{InProcess: s}), connect(t, bus.ConnectConfig{InProcess: s})}
		},
		"loopback": func(t *testing.T) opened {
			s := startServer(t, bus.ServerConfig{Open: true})
			return opened{connect(t, bus.ConnectConfig{InProcess: s}), connect(t, bus.ConnectConfig{URL: s.URL()})}
		},
	}
}

func TestContract(t *testing.T) {
	contract := map[string]func(t *testing.T, o opened){
		"keeps order":                    keepsOrder,
		"wildcards":                      wildcards,
		"each member of a queue in turn": queueGroups,
		"request and reply":              requestReply,
		"no responders":                  noResponders,
		"no responders to a subject":     noRespondersMessage,
		"tells that nobody listens":      unheard,
		"request ends with its context":  requestContext,
		"no call after unsubscribe":      unsubscribe,
		"no call after close":            closes,
		"refuses bad subjects":           badSubjects,
		"refuses what is too large":      tooLarge,
		"carries a result of 16 MiB":     largeResult,
		"one handler call at a time":     oneAtATime,
		"the sender may reuse its bytes": reuse,
	}
	for name, open := range implementations() {
		t.Run(name, func(t *testing.T) {
			for rule, check := range contract {
				t.Run(rule, func(t *testing.T) { check(t, open(t)) })
			}
		})
	}
}

func keepsOrder(t *testing.T, o opened) {
	const n = 2000
	got := listen(t, o.b, "order", "")
	for i := range n {
		must(t, o.a.Publish("order", fmt.Append(nil, i)))
	}
	for i := range n {
		if m := receive(t, got); string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.Data)
		}
	}
}

func wildcards(t *testing.T, o opened) {
	one, rest := listen(t, o.b, "worker.*.jobs", ""), listen(t, o.b, "job.>", "")
	for _, subject := range []string{"worker.w1.jobs", "worker.w1.x.jobs", "worker.jobs", "job", "job.a", "job.a.b", "jobs.a"} {
		must(t, o.a.Publish(subject, []byte(subject)))
	}
	must(t, o.a.Publish("worker.end.jobs", nil))
	must(t, o.a.Publish("job.end", nil))
	wantSubjects(t, one, "worker.w1.jobs", "worker.end.jobs")
	wantSubjects(t, rest, "job.a", "job.a.b", "job.end")
}

func queueGroups(t *testing.T, o opened) {
	const n = 300
	members := []<-chan bus.Msg{listen(t, o.b, "job.x", "q"), listen(t, o.b, "job.x", "q"), listen(t, o.a, "job.x", "q")}
	plain := listen(t, o.b, "job.x", "")
	for range n {
		must(t, o.a.Publish("job.x", nil))
	}
	for range n {
		receive(t, plain)
	}
	counts := make([]int, len(members))
	for range n {
		select {
		case <-members[0]:
			counts[0]++
		case <-members[1]:
			counts[1]++
		case <-members[2]:
			counts[2]++
		case <-time.After(patience):
			t.Fatalf("only %v messages came", counts)
		}
	}
	for i, c := range counts {
		if c == 0 {
			t.Errorf("member %d got nothing: %v", i, counts)
		}
		if len(members[i]) > 0 {
			t.Errorf("a message reached two members")
		}
	}
}

func requestReply(t *testing.T, o opened) {
	subscribe(t, o.b, "echo", "", func(m bus.Msg) {
		if err := o.b.Publish(m.Reply, append([]byte("re: "), m.Data...)); err != nil {
			t.Error(err)
		}
	})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			answer, err := o.a.Request(ctx, "echo", fmt.Append(nil, i))
			if err != nil || string(answer) != fmt.Sprintf("re: %d", i) {
				t.Errorf("request %d: %q, %v", i, answer, err)
			}
		})
	}
	wg.Wait()
}

func noResponders(t *testing.T, o opened) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := o.a.Request(ctx, "nobody.here", nil); !errors.Is(err, bus.ErrNoResponders) {
		t.Fatalf("got %v, want ErrNoResponders", err)
	}
}

func noRespondersMessage(t *testing.T, o opened) {
	answers := listen(t, o.a, "answers.7", "")
	must(t, o.a.PublishRequest("job.nobody", "answers.7", []byte("x")))
	if m := receive(t, answers); !m.NoResponders || len(m.Data) != 0 {
		t.Fatalf("got %+v, want the news that nobody listens", m)
	}
}

func requestContext(t *testing.T, o opened) {
	asked := listen(t, o.b, "silent", "")
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := o.a.Request(ctx, "silent", nil)
		failed <- err
	}()
	receive(t, asked)
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
}

func unsubscribe(t *testing.T, o opened) {
	var calls int
	sub, err := o.b.Subscribe("s", "", func(bus.Msg) { calls++ })
	must(t, err)
	must(t, o.b.Flush())
	after := listen(t, o.b, "s", "")
	for range 500 {
		must(t, o.a.Publish("s", nil))
	}
	must(t, sub.Unsubscribe())
	seen := calls // safe to read: no handler runs
	for range 500 {
		receive(t, after)
	}
	if calls != seen {
		t.Fatalf("%d calls after Unsubscribe returned", calls-seen)
	}
	must(t, sub.Unsubscribe())
}

func closes(t *testing.T, o opened) {
	var calls int
	_, err := o.b.Subscribe("s", "", func(bus.Msg) { calls++ })
	must(t, err)
	must(t, o.b.Flush())
	for range 500 {
		must(t, o.a.Publish("s", nil))
	}
	must(t, o.b.Close())
	must(t, o.b.Close())
	seen := calls
	if err := o.b.Publish("s", nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("publish on a closed bus: %v, want ErrClosed", err)
	}
	if _, err := o.b.Subscribe("s", "", func(bus.Msg) {}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("subscribe on a closed bus: %v, want ErrClosed", err)
	}
	if o.b.Connected() {
		t.Error("a closed bus says it is connected")
	}
	if calls != seen {
		t.Fatalf("%d calls after Close returned", calls-seen)
	}
}

func badSubjects(t *testing.T, o opened) {
	for _, subject := range []string{"", ".", "a..b", "a.", ".a", "a b", "a\r\nPUB x"} {
		if _, err := o.a.Subscribe(subject, "", func(bus.Msg) {}); !errors.Is(err, bus.ErrBadSubject) {
			t.Errorf("subscribe %q: %v, want ErrBadSubject", subject, err)
		}
		if err := o.a.Publish(subject, nil); !errors.Is(err, bus.ErrBadSubject) {
			t.Errorf("publish %q: %v, want ErrBadSubject", subject, err)
		}
	}
	for _, subject := range []string{"a.*", "a.>", ">"} {
		if err := o.a.Publish(subject, nil); !errors.Is(err, bus.ErrBadSubject) {
			t.Errorf("publish %q: %v, want ErrBadSubject", subject, err)
		}
	}
	if _, err := o.a.Subscribe("a.>.b", "", func(bus.Msg) {}); !errors.Is(err, bus.ErrBadSubject) {
		t.Errorf("subscribe a.>.b: %v, want ErrBadSubject", err)
	}
}

func tooLarge(t *testing.T, o opened) {
	if err := o.a.Publish("big", make([]byte, bus.MaxPayload+1)); !errors.Is(err, bus.ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
}

func largeResult(t *testing.T, o opened) {
	got := listen(t, o.b, "big", "")
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	must(t, o.a.Publish("big", data))
	if m := receive(t, got); !bytes.Equal(m.Data, data) {
		t.Fatalf("%d bytes came, not the %d sent", len(m.Data), len(data))
	}
}

func oneAtATime(t *testing.T, o opened) {
	const n = 200
	inside, done := 0, make(chan struct{})
	calls := 0
	subscribe(t, o.b, "s", "", func(bus.Msg) {
		inside++ // the race detector sees it, should two calls overlap
		if inside != 1 {
			t.Error("two calls at once")
		}
		inside--
		if calls++; calls == n {
			close(done)
		}
	})
	var wg sync.WaitGroup
	for _, from := range []bus.Bus{o.a, o.b} {
		wg.Go(func() {
			for range n / 2 {
				if err := from.Publish("s", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	await(t, done)
}

func reuse(t *testing.T, o opened) {
	got := listen(t, o.b, "s", "")
	data := []byte("first")
	must(t, o.a.Publish("s", data))
	copy(data, "xxxxx")
	if m := receive(t, got); string(m.Data) != "first" {
		t.Fatalf("got %q", m.Data)
	}
}

func unheard(t *testing.T, o opened) {
	if !o.a.Unheard("job.unheard") {
		t.Error("somebody is said to listen where nobody does")
	}
	sub, err := o.b.Subscribe("job.*", "q", func(bus.Msg) {})
	must(t, err)
	must(t, o.b.Flush())
	if o.a.Unheard("job.unheard") || !o.a.Unheard("job.unheard.deep") {
		t.Error("who listens to a pattern does not count, or counts for what it does not match")
	}
	must(t, sub.Unsubscribe())
	must(t, o.b.Flush())
	if !o.a.Unheard("job.unheard") {
		t.Error("who no longer listens still counts")
	}
}
