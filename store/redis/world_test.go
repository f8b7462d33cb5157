package redis_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/redis"
)

// trips counts round trips, connecting aside.
type trips struct {
	mu      sync.Mutex
	n       int
	scripts int // commands that run a script
}

func (c *trips) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *trips) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

func (c *trips) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		c.count(cmds...)
		return next(ctx, cmds)
	}
}

func (c *trips) count(cmds ...goredis.Cmder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	scripts := 0
	for _, cmd := range cmds {
		if name := cmd.Name(); name == "eval" || name == "evalsha" {
			scripts++
		}
	}
	c.scripts += scripts
	if scripts > 0 {
		c.n++
	}
}

// since answers how many trips and scripts there were, and counts anew.
func (c *trips) since() (trips, scripts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	trips, scripts = c.n, c.scripts
	c.n, c.scripts = 0, 0
	return trips, scripts
}

// wire is a stretch of network before a server, which can be cut.
type wire struct {
	net.Listener
	server string
	conns  sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]struct{}
	deaf  int           // so many answers get lost, each with its connection
	every int           // if not 0, one short answer in so many gets lost
	said  int           // short answers
	held  chan struct{} // requests wait until it is closed
	heard chan struct{} // gets one for each request that is held
	ends  []func()      // releases whatever is held
}

// newWire stretches a wire before a server.
func newWire(t *testing.T, server *redisd.Server) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, server: server.Addr, open: map[net.Conn]struct{}{}, heard: make(chan struct{}, 100)}
	w.conns.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			w.conns.Go(func() { w.join(near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		for _, end := range w.ends {
			end()
		}
		w.conns.Wait()
	})
	return w
}

func (w *wire) join(near net.Conn) {
	far, err := net.Dial("tcp", w.server)
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.open[near], w.open[far] = struct{}{}, struct{}{}
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.carry(far, near, w.mayAsk) })
	both.Go(func() { w.carry(near, far, w.mayAnswer) })
	both.Wait()
	w.mu.Lock()
	delete(w.open, near)
	delete(w.open, far)
	w.mu.Unlock()
}

// carry copies from one end to the other while may allows. What was asked is carried to the end even when the one who
// asked has gone.
func (w *wire) carry(to, from net.Conn, may func(n int) bool) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !may(n) {
			_ = from.Close()
			return
		}
		if _, writeErr := to.Write(buf[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

func (w *wire) mayAsk(int) bool {
	w.mu.Lock()
	held := w.held
	w.mu.Unlock()
	if held != nil {
		w.heard <- struct{}{}
		<-held
	}
	return true
}

func (w *wire) mayAnswer(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.every > 0 && n < shortAnswer {
		if w.said++; w.said%w.every == 0 {
			return false
		}
	}
	if w.deaf == 0 {
		return true
	}
	w.deaf--
	return false
}

// shortAnswer is what is not a part of a long one, which would never get through.
const shortAnswer = 4 << 10

// loseEvery loses one short answer in n from now on, with its connection.
func (w *wire) loseEvery(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.every = n
}

// loseAnswers loses the next n answers.
func (w *wire) loseAnswers(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = n
}

// hold keeps requests from now on, until release is called. Only what comes meanwhile is held.
func (w *wire) hold() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := make(chan struct{})
	w.held = held
	release = sync.OnceFunc(func() { close(held) })
	w.ends = append(w.ends, release)
	return release
}

// let lets new requests through; those that are held stay so.
func (w *wire) let() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = nil
}

// cut ends all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
}

func (w *wire) addr() string { return w.Addr().String() }

const tenant = "acme"

func recordKey(id string) store.Key {
	return store.Key{Table: store.TableHeader, Tenant: tenant, ID: id}
}

func putOf(id, value string) []store.Put {
	return []store.Put{{Key: recordKey(id), Value: []byte(value)}}
}

func acquire(t testing.TB, s *redis.Store, p store.Partition) store.Epoch {
	t.Helper()
	l, err := s.Acquire(t.Context(), p, "owner", time.Hour)
	if err != nil {
		t.Fatalf("Acquire(%d): %v", p, err)
	}
	return l.Epoch
}

func commit(t testing.TB, s *redis.Store, tx store.Tx) {
	t.Helper()
	if err := s.Commit(t.Context(), tx)[0]; err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantValue(t testing.TB, s *redis.Store, id, want string) {
	t.Helper()
	r, err := s.Get(t.Context(), 0, recordKey(id))
	if err != nil || string(r.Value) != want {
		t.Errorf("%s is %q, %v, want %q", id, r.Value, err, want)
	}
}
