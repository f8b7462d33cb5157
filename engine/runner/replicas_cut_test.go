package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/store"
)

// This file is what stands between a replica and the rest of the world, so that a test can take it away.

// gate is what stands between a replica and the world.
type gate struct {
	mu     sync.Mutex
	isCut  bool
	opened chan struct{} // closed while it is open
	held   []func()      // what came meanwhile
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{})}
	close(g.opened)
	return g
}

var errCut = errors.New("cut off")

// pass waits while the gate is closed and answers errCut when there is no way through any more.
func (g *gate) pass() error {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	<-opened
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isCut {
		return errCut
	}
	return nil
}

func (g *gate) cut() {
	g.mu.Lock()
	g.isCut, g.held = true, nil
	g.mu.Unlock()
	g.open()
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
		g.opened = make(chan struct{})
	default: // it is closed: who waits waits for this one
	}
}

func (g *gate) open() {
	g.mu.Lock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
	held := g.held
	g.held = nil
	g.mu.Unlock()
	for _, f := range held {
		f()
	}
}

// enter does f now, when the gate is opened, or never: a handler of the bus must not wait, who unsubscribes waits for it.
func (g *gate) enter(f func()) {
	g.mu.Lock()
	if g.isCut {
		g.mu.Unlock()
		return
	}
	select {
	case <-g.opened:
		g.mu.Unlock()
		f()
	default:
		g.held = append(g.held, f)
		g.mu.Unlock()
	}
}

// acceptance sees in which order the store took epochs: a write of one that is not the newest is stale.
type acceptance struct {
	mu    sync.Mutex
	epoch map[store.Partition]store.Epoch
	wrong []string
	// fenced counts the writes that the store refused as stale.
	fenced int
}

// handle is a replica's way to the store.
type handle struct {
	store.Store
	gate *gate
	away atomic.Bool  // the store does not answer it
	late atomic.Int64 // for how long, in ns, answers about writes, leases and what a partition has are on their way
	// stuck is closed when commits, which hang from when it is set, go on.
	stuck atomic.Pointer[chan struct{}]
	took  *acceptance
	name  string
}

func (h *handle) pass() error {
	if err := h.gate.pass(); err != nil || !h.away.Load() {
		return err
	}
	return errCut
}

// wait is the time that an answer takes.
func (h *handle) wait() {
	if d := h.late.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
}

func (h *handle) Commit(ctx context.Context, txs ...store.Tx) []error {
	if err := h.pass(); err != nil {
		return slices.Repeat([]error{err}, len(txs))
	}
	if stuck := h.stuck.Load(); stuck != nil {
		<-*stuck
	}
	defer h.wait()
	h.took.mu.Lock()
	defer h.took.mu.Unlock()
	errs := h.Store.Commit(ctx, txs...)
	for i, err := range errs {
		if errors.Is(err, store.ErrFenced) {
			h.took.fenced++
		}
		if now := h.took.epoch[txs[i].Partition]; err == nil && txs[i].Epoch != now {
			h.took.wrong = append(h.took.wrong, fmt.Sprintf("%s wrote to partition %d under epoch %d while it was %d", h.name, txs[i].Partition, txs[i].Epoch, now))
		}
	}
	return errs
}

func (h *handle) Acquire(ctx context.Context, p store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	if err := h.pass(); err != nil {
		return store.Lease{}, err
	}
	h.took.mu.Lock()
	defer h.took.mu.Unlock()
	lease, err := h.Store.Acquire(ctx, p, owner, ttl)
	if err == nil {
		if h.took.epoch == nil {
			h.took.epoch = make(map[store.Partition]store.Epoch)
		}
		h.took.epoch[p] = lease.Epoch
	}
	return lease, err
}

func (h *handle) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	if err := h.pass(); err != nil {
		return store.Lease{}, err
	}
	defer h.wait()
	return h.Store.Renew(ctx, l, ttl)
}

func (h *handle) Release(ctx context.Context, l store.Lease) error {
	if err := h.pass(); err != nil {
		return err
	}
	return h.Store.Release(ctx, l)
}

func (h *handle) Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error) {
	if err := h.pass(); err != nil {
		return store.Record{}, err
	}
	return h.Store.Get(ctx, p, k)
}

func (h *handle) Scan(ctx context.Context, p store.Partition, r store.Range) (store.Page, error) {
	if err := h.pass(); err != nil {
		return store.Page{}, err
	}
	defer h.wait()
	return h.Store.Scan(ctx, p, r)
}

func (h *handle) ReadLog(ctx context.Context, p store.Partition, l store.LogID, from uint64, n int) ([]store.Entry, error) {
	if err := h.pass(); err != nil {
		return nil, err
	}
	return h.Store.ReadLog(ctx, p, l, from, n)
}

func (h *handle) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	if err := h.pass(); err != nil {
		return "", err
	}
	return h.Store.PutBlob(ctx, p, tenant, data)
}

func (h *handle) GetBlob(ctx context.Context, p store.Partition, tenant, digest string) ([]byte, error) {
	if err := h.pass(); err != nil {
		return nil, err
	}
	return h.Store.GetBlob(ctx, p, tenant, digest)
}

// plug is a replica's connection to the bus.
type plug struct {
	bus.Bus
	gate   *gate
	deaf   atomic.Bool                 // nothing comes or goes, and nobody says so
	faulty atomic.Pointer[faultyPeers] // what loses, doubles and delays what it says to its peers
}

func (b *plug) Publish(subject string, data []byte) error {
	if err := b.gate.pass(); err != nil || b.deaf.Load() {
		return err
	}
	if f := b.faulty.Load(); f != nil {
		return f.publish(b.Bus, subject, data)
	}
	return b.Bus.Publish(subject, data)
}

func (b *plug) PublishRequest(subject, reply string, data []byte) error {
	if err := b.gate.pass(); err != nil || b.deaf.Load() {
		return err
	}
	return b.Bus.PublishRequest(subject, reply, data)
}

func (b *plug) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := b.gate.pass(); err != nil {
		return nil, err
	}
	if b.deaf.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return b.Bus.Request(ctx, subject, data)
}

func (b *plug) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	if err := b.gate.pass(); err != nil {
		return nil, err
	}
	return b.Bus.Subscribe(subject, queue, func(m bus.Msg) {
		if b.deaf.Load() {
			return
		}
		m.Data = bytes.Clone(m.Data)
		b.gate.enter(func() { h(m) })
	})
}

func (b *plug) Connected() bool { return b.gate.pass() == nil && b.Bus.Connected() }
