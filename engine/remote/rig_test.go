package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

var ann = runner.Caller{Tenant: "default", Actor: "user:ann"}

// site is a store and a bus with engines over them, and a client that has no engine of its own.
type site struct {
	t       testing.TB
	store   store.Store
	bus     *bus.Memory
	engines []*process
	client  *Client
}

// process is an engine with its server. It can be cut off from its store and its bus, as if it had been killed.
type process struct {
	name   string
	runner *runner.Runner
	line   *line
	cut    *atomic.Bool
	stop   context.CancelFunc
	done   chan struct{}
}

// newSite starts n engines that share a store; one is alone, without peers, when n is 0.
func newSite(t testing.TB, n int) *site {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: vfs.NewMem(), Partitions: 8, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	w := &site{t: t, store: s, bus: bus.NewMemory()}
	t.Cleanup(func() {
		for _, p := range w.engines {
			p.stop()
			<-p.done
		}
		if w.client != nil {
			_ = w.client.Close()
		}
		_ = w.bus.Close()
		_ = s.Close()
	})
	for range max(n, 1) {
		w.start(n > 0)
	}
	w.settled()
	w.client = w.newClient(nil)
	return w
}

func quiet() *slog.Logger {
	if os.Getenv("CORDUM_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func (w *site) newClient(own *runner.Runner) *Client {
	w.t.Helper()
	c, err := NewClient(ClientConfig{Own: own, Logger: quiet()}, w.bus)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// start starts another engine.
func (w *site) start(shared bool) *process {
	w.t.Helper()
	p := &process{name: fmt.Sprintf("engine-%d", len(w.engines)), cut: &atomic.Bool{}, done: make(chan struct{})}
	cfg := runner.Config{Owner: p.name, Lanes: 2, Policy: safety.NewSnapshot(safety.Allow), Logger: quiet()}
	if shared {
		// Short leases, so that a test does not wait long for a killed one's.
		cfg.Peers = &runner.Peers{
			Lease: 2 * time.Second, Renew: 300 * time.Millisecond, Beat: 100 * time.Millisecond, Away: time.Second,
			Listen: 200 * time.Millisecond, Drain: 10 * time.Second,
		}
	}
	p.line = &line{Bus: w.bus, cut: p.cut}
	var err error
	if p.runner, err = runner.New(cfg, &shelf{Store: w.store, cut: p.cut}, p.line); err != nil {
		w.t.Fatal(err)
	}
	server := NewServer(p.line, p.runner, quiet())
	ctx, stop := context.WithCancel(context.Background())
	serve, stopServer := context.WithCancel(context.Background())
	p.stop = stop
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Run(serve)
	}()
	go func() {
		defer close(p.done)
		_ = p.runner.Run(ctx)
		stopServer()
		<-served
	}()
	w.engines = append(w.engines, p)
	return p
}

// settled waits until every partition has an owner and nobody has more than its share.
func (w *site) settled() {
	w.t.Helper()
	w.until("the partitions are shared", func() bool {
		owned, most, alive := 0, 0, 0
		for _, p := range w.engines {
			if p.cut.Load() {
				continue
			}
			alive++
			n := 0
			for at := range w.store.Partitions() {
				if p.runner.Owns(at) {
					n++
				}
			}
			owned, most = owned+n, max(most, n)
			if p.runner.Health(w.t.Context()) != nil {
				return false
			}
		}
		return owned == w.store.Partitions() && most <= (w.store.Partitions()+alive-1)/alive
	})
}

// ownerOf is which engine owns a partition: a busy machine may let a lease run out, and then nobody does for a moment.
func (w *site) ownerOf(partition int) (owner int) {
	w.t.Helper()
	w.until("the partition has an owner", func() bool {
		owner = slices.IndexFunc(w.engines, func(p *process) bool { return p.runner.Owns(partition) })
		return owner >= 0
	})
	return owner
}

// kill cuts an engine off without a word.
func (p *process) kill() {
	p.cut.Store(true)
	p.stop()
}

// until waits for a condition.
func (w *site) until(what string, holds func() bool) {
	w.t.Helper()
	until(w.t, what, holds)
}

func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to pass: %s", what)
		}
	}
}

// within is a context with more time than anything takes.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var errCut = errors.New("cut off")

// shelf is a store that can be cut off.
type shelf struct {
	store.Store
	cut *atomic.Bool
}

func (s *shelf) Commit(ctx context.Context, txs ...store.Tx) []error {
	if s.cut.Load() {
		errs := make([]error, len(txs))
		for i := range errs {
			errs[i] = errCut
		}
		return errs
	}
	return s.Store.Commit(ctx, txs...)
}

func (s *shelf) Acquire(ctx context.Context, p store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	if s.cut.Load() {
		return store.Lease{}, errCut
	}
	return s.Store.Acquire(ctx, p, owner, ttl)
}

func (s *shelf) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	if s.cut.Load() {
		return l, errCut
	}
	return s.Store.Renew(ctx, l, ttl)
}

func (s *shelf) Release(ctx context.Context, l store.Lease) error {
	if s.cut.Load() {
		return errCut
	}
	return s.Store.Release(ctx, l)
}

// line is a connection of a bus that can be cut off.
type line struct {
	bus.Bus
	cut    *atomic.Bool
	before atomic.Pointer[func(subject string, data []byte)] // is called with what is published; nil: nothing is
	missed atomic.Int64                                      // calls about the system that came while it was cut off
}

func (l *line) Publish(subject string, data []byte) error {
	if l.cut.Load() {
		return nil
	}
	if before := l.before.Load(); before != nil {
		(*before)(subject, data)
	}
	return l.Bus.Publish(subject, data)
}

func (l *line) PublishRequest(subject, reply string, data []byte) error {
	if l.cut.Load() {
		return nil
	}
	return l.Bus.PublishRequest(subject, reply, data)
}

func (l *line) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if l.cut.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return l.Bus.Request(ctx, subject, data)
}

func (l *line) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	return l.Bus.Subscribe(subject, queue, func(m bus.Msg) {
		switch {
		case !l.cut.Load():
			h(m)
		case subject == callSubject(systemPartition):
			l.missed.Add(1)
		}
	})
}
