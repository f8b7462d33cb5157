package remote

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// ClientConfig shapes a Client. Zero fields mean their default.
type ClientConfig struct {
	// Own is the engine of this process: what it owns is not asked of anybody else. Default: none.
	Own    *runner.Runner
	Logger *slog.Logger // default slog.Default()
}

// Client is an engine that may be in other processes: it has every call of the API. It is safe for concurrent use.
type Client struct {
	bus   bus.Bus
	own   *runner.Runner
	log   *slog.Logger
	inbox string // begins the subjects of its answers
	sub   bus.Subscription

	mu         sync.Mutex
	waiting    map[string]receiver // by call id
	partitions int                 // of the store; 0: not known yet
	prepared   map[string]bool     // kinds of single jobs whose definitions are known to be kept
	healthy    time.Time           // when an engine answered last

	unsure runner.UnsureStarts
}

// receiver gets what comes back for a call. It must not wait.
type receiver interface {
	receive(m bus.Msg, a answer)
	nobody() // nobody listened to what was sent
}

// NewClient begins to listen for answers, until Close.
func NewClient(cfg ClientConfig, b bus.Bus) (*Client, error) {
	c := &Client{
		bus: b, own: cfg.Own, log: cfg.Logger, inbox: inboxPrefix + newID() + ".",
		waiting: map[string]receiver{}, prepared: map[string]bool{},
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if c.own != nil {
		c.partitions = c.own.Partitions()
	}
	var err error
	if c.sub, err = b.Subscribe(c.inbox+"*", "", c.hear); err != nil {
		return nil, fmt.Errorf("listen for answers of engines: %w", err)
	}
	return c, nil
}

// Close stops listening. Calls that are under way end with their contexts.
func (c *Client) Close() error { return c.sub.Unsubscribe() }

// hear gives what came back to who waits for it.
func (c *Client) hear(m bus.Msg) {
	c.mu.Lock()
	to := c.waiting[strings.TrimPrefix(m.Subject, c.inbox)]
	c.mu.Unlock()
	switch {
	case to == nil:
		if m.Reply != "" {
			_ = c.bus.Publish(m.Reply, frameGone) // a stream that nobody reads any more; it is sent again if this is lost
		}
	case m.NoResponders:
		to.nobody()
	default:
		var a answer
		if err := decode(m.Data, &a); err != nil {
			c.log.Warn("answer of an engine cannot be read", "error", err)
			return
		}
		to.receive(m, a)
	}
}

func (c *Client) expect(id string, to receiver) (forget func()) {
	c.mu.Lock()
	c.waiting[id] = to
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}
}

// call makes a call: of this process's own engine where that owns what it is about, else of who does. results are pointers to
// where the results go.
func (c *Client) call(ctx context.Context, name string, args []any, results ...any) (err error) {
	m := methods[name]
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	n, err := c.countOfPartitions(ctx, name)
	if err != nil {
		return err
	}
	w := newWait(c, name, &m, args)
	defer func() { w.noted(err) }()
	for pause := backOffMin; ; pause = min(2*pause, backOffMax) {
		again, err := w.attempt(ctx, n, results)
		if !again {
			return err
		}
		if err := w.given(ctx); err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return w.late(err)
		}
	}
}

// anybody is nil when an engine answers, whatever it owns.
func (c *Client) anybody(ctx context.Context) error {
	if !c.bus.Connected() {
		return fmt.Errorf("the bus is not connected: %w", runner.ErrUnavailable)
	}
	c.mu.Lock()
	n := max(c.partitions, 1)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, presenceWait)
	defer cancel()
	m := methods["Partitions"]
	m.at = anywhere
	for {
		var count int
		again, err := newWait(c, "Partitions", &m, nil).attempt(ctx, n, []any{&count})
		if !again && err == nil {
			return nil
		}
		if again {
			err = sleep(ctx, backOffMin)
		}
		if err != nil {
			return fmt.Errorf("no engine answers: %w", runner.ErrUnavailable)
		}
	}
}

// local makes the call in this process.
func (c *Client) local(ctx context.Context, m *method, args, results []any) error {
	types, _, _ := m.signature()
	in := make([]reflect.Value, len(args))
	for i, a := range args {
		in[i] = reflect.New(types[i]).Elem()
		if a != nil {
			in[i].Set(reflect.ValueOf(a))
		}
	}
	out, err := m.do(ctx, c.own, in)
	for i, v := range out {
		reflect.ValueOf(results[i]).Elem().Set(v)
	}
	return err
}

// countOfPartitions answers how many partitions there are, which is asked once.
func (c *Client) countOfPartitions(ctx context.Context, name string) (int, error) {
	c.mu.Lock()
	n := c.partitions
	c.mu.Unlock()
	if n > 0 || name == "Partitions" {
		return max(n, 1), nil
	}
	if err := c.call(ctx, "Partitions", nil, &n); err != nil {
		return 0, fmt.Errorf("find the engines: %w", err)
	}
	c.mu.Lock()
	c.partitions = n
	c.mu.Unlock()
	return n, nil
}

// partitionOf is whose owner a stream is asked of.
func (c *Client) partitionOf(name string, args []any, partitions int) int {
	p, any := streams[name].at(args, partitions)
	if any {
		p = rand.IntN(partitions) //nolint:gosec // spreads load, decides nothing
	}
	return p
}

// sleep waits, or answers the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
