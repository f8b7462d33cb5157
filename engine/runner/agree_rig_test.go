package runner_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety/kernel"
	"cordum.dev/cordum/store"
)

// crew are engines over one store and one bus, each with a policy store of its own over the documents that they share.
type crew struct {
	t     *testing.T
	store store.Store
	bus   *bus.Memory
	all   []*mate    // written by the story alone
	mu    sync.Mutex // for who reads it beside the story: see mates
	// change is how engines of the crew are other than by default.
	change []func(*runner.Config)
}

// mate is one engine of a crew.
type mate struct {
	*world
	name   string
	crew   *crew
	line   *line  // its connection
	disk   *fence // its way to the store
	policy *kernel.Kernel
	end    func()
}

// crewed plays a story with engines on a clock of its own.
func crewed(t *testing.T, engines int, story func(t *testing.T, c *crew), change ...func(*runner.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &crew{t: t, bus: bus.NewMemory(), store: openStore(t, vfs.NewMem()), change: change}
		t.Cleanup(func() { _ = c.bus.Close() })
		for range engines {
			c.join()
		}
		c.shared()
		story(t, c)
	})
}

// join starts one more engine.
func (c *crew) join() *mate {
	c.t.Helper()
	m := &mate{name: string(rune('a' + len(c.all))), crew: c, line: &line{Bus: c.bus}, disk: &fence{Store: c.store}}
	m.world = &world{t: c.t, store: c.store, bus: c.bus}
	var err error
	m.policy, err = kernel.New(kernel.Config{
		Documents: papers{m}, Shared: true, Logger: quiet(), Registry: prometheus.NewRegistry(),
		Changed:  func(ctx context.Context) error { return m.r.PolicyChanged(ctx) },
		Followed: func(ctx context.Context) error { return m.r.PolicyFollowed(ctx) },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := runner.Config{Owner: m.name, Lanes: 2, Peers: &runner.Peers{}, Kernel: ownKernel{m.policy}, Logger: quiet().With("engine", m.name)}
	for _, f := range c.change {
		f(&cfg)
	}
	if m.r, err = runner.New(cfg, m.disk, m.line); err != nil {
		c.t.Fatal(err)
	}
	m.r.Reach(reach{c})
	if err := m.policy.Load(context.Background()); err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.mu.Lock()
	c.all = append(c.all, m)
	c.mu.Unlock()
	var lives sync.WaitGroup
	lives.Go(func() {
		if err := m.r.Run(ctx); err != nil && !m.line.cut.Load() {
			c.t.Errorf("engine %s ended with %v", m.name, err)
		}
	})
	lives.Go(func() { _ = m.policy.Run(ctx) })
	m.end = sync.OnceFunc(func() { stop(); lives.Wait() })
	c.t.Cleanup(m.end)
	m.until("engine "+m.name+" has a policy and is healthy", func() bool { return m.policy.Ready() && m.r.Health(ctx) == nil })
	return m
}

// shared waits until every partition is somebody's, and every engine has some.
func (c *crew) shared() {
	c.t.Helper()
	c.all[0].until("the partitions are shared", func() bool {
		all := 0
		for _, m := range c.all {
			own := 0
			for p := range m.r.Partitions() {
				if m.r.Owns(p) {
					own++
				}
			}
			if own == 0 || len(c.all) > 1 && own > (m.r.Partitions()+len(c.all)-1)/len(c.all) {
				return false
			}
			all += own
		}
		return all == c.all[0].r.Partitions()
	})
}

// leader is the engine that owns the documents; other is one that does not.
func (c *crew) leader() *mate {
	c.t.Helper()
	var found *mate
	c.all[0].until("somebody leads", func() bool {
		found = c.leaderNow()
		return found != nil
	})
	return found
}

// leaderNow is nil while nobody leads.
func (c *crew) leaderNow() (found *mate) {
	for _, m := range c.mates() {
		if m.r.Owns(0) && !m.line.cut.Load() {
			found = m
		}
	}
	return found
}

// mates are the engines so far.
func (c *crew) mates() []*mate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

func (c *crew) other() *mate {
	lead := c.leader()
	for _, m := range c.all {
		if m != lead && !m.line.cut.Load() {
			return m
		}
	}
	c.t.Fatal("there is no other engine")
	return nil
}

// owner is the engine that owns a run.
func (c *crew) owner(run string) *mate {
	c.t.Helper()
	m := c.ownerNow(run)
	if m == nil {
		c.t.Fatalf("nobody owns run %s", run)
	}
	return m
}

// ownerNow is nil while the run's partition moves.
func (c *crew) ownerNow(run string) *mate {
	for _, m := range c.mates() {
		if p, err := id.Partition(run); err == nil && m.r.Owns(p) {
			return m
		}
	}
	return nil
}

// onOwner does something at the engine that owns the documents, again when it has moved.
func (c *crew) onOwner(do func(*runner.Runner) error) error {
	for {
		lead := c.leaderNow()
		if lead == nil {
			return runner.ErrUnavailable
		}
		if err := do(lead.r); !errors.Is(err, runner.ErrMoved) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// line is an engine's connection to the bus, which a test can cut.
type line struct {
	bus.Bus
	cut atomic.Bool
}

func (l *line) Publish(subject string, data []byte) error {
	if l.cut.Load() {
		return nil // lost on its way
	}
	return l.Bus.Publish(subject, data)
}

func (l *line) PublishRequest(subject, reply string, data []byte) error {
	if l.cut.Load() {
		return nil
	}
	return l.Bus.PublishRequest(subject, reply, data)
}

func (l *line) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	return l.Bus.Subscribe(subject, queue, func(m bus.Msg) {
		if !l.cut.Load() {
			h(m)
		}
	})
}

// fence is an engine's way to the store, which a test can close to reads of documents.
type fence struct {
	store.Store
	blind atomic.Bool
}

var errBlind = errors.New("the store does not answer")

func (f *fence) Get(ctx context.Context, p store.Partition, key store.Key) (store.Record, error) {
	if f.blind.Load() && p == 0 {
		return store.Record{}, errBlind
	}
	return f.Store.Get(ctx, p, key)
}

func (f *fence) Scan(ctx context.Context, p store.Partition, at store.Range) (store.Page, error) {
	if f.blind.Load() && p == 0 {
		return store.Page{}, errBlind
	}
	return f.Store.Scan(ctx, p, at)
}

// ownKernel decides by an engine's own policy store.
type ownKernel struct{ *kernel.Kernel }

func (ownKernel) Remote() runner.RemoteKernel { return nil }

// papers are the documents as an engine's policy store sees them: it reads by its own engine, and the owner writes.
type papers struct{ m *mate }

func (p papers) Doc(ctx context.Context, kind, name string) (kernel.Doc, error) {
	d, err := p.m.r.Doc(ctx, kind, name)
	return kernel.Doc(d), paperError(err)
}

func (p papers) Docs(ctx context.Context, kind, after string, limit int) ([]kernel.Doc, string, error) {
	docs, next, err := p.m.r.Docs(ctx, kind, after, limit)
	out := make([]kernel.Doc, len(docs))
	for i := range docs {
		out[i] = kernel.Doc(docs[i])
	}
	return out, next, paperError(err)
}

func (p papers) ChangeDocs(ctx context.Context, who kernel.Who, act, subject string, changes ...kernel.Change) error {
	own := make([]runner.DocChange, len(changes))
	for i := range changes {
		own[i] = runner.DocChange(changes[i])
	}
	by := runner.Caller{Tenant: who.Tenant, Actor: who.Actor, Reason: who.Reason}
	return paperError(p.m.crew.onOwner(func(r *runner.Runner) error { return r.ChangeDocs(ctx, by, act, subject, own...) }))
}

func paperError(err error) error {
	for from, to := range map[error]error{
		runner.ErrNotFound: kernel.ErrNotFound, runner.ErrConflict: kernel.ErrConflict, runner.ErrUnavailable: kernel.ErrUnavailable,
	} {
		if errors.Is(err, from) {
			return errors.Join(to, err)
		}
	}
	return err
}

// reach asks the owner of a run.
type reach struct{ c *crew }

func (r reach) RetryDead(ctx context.Context, by runner.Caller, job string) (runner.DeadRetried, error) {
	if m := r.c.ownerNow(id.RunOf(job)); m != nil {
		return m.r.RetryDead(ctx, by, job)
	}
	return runner.DeadRetried{}, runner.ErrMoved
}

func (r reach) DeleteDead(ctx context.Context, by runner.Caller, job string) error {
	if m := r.c.ownerNow(id.RunOf(job)); m != nil {
		return m.r.DeleteDead(ctx, by, job)
	}
	return runner.ErrMoved
}
