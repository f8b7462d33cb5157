package sim

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// This file is what stands between an engine of a team and the world: it can be held up as a stopped process is, and cut off one way
// or both.

// gate holds up what goes through it, while it is closed.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed while it is open
	held   []func()      // what came meanwhile
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{})}
	close(g.opened)
	return g
}

// pass waits while the gate is closed.
func (g *gate) pass() {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	<-opened
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
		g.opened = make(chan struct{})
	default: // whoever waits waits for this one
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

// enter does f now, or when the gate is opened: a handler of the bus must not wait, whoever unsubscribes waits for it.
func (g *gate) enter(f func()) {
	g.mu.Lock()
	select {
	case <-g.opened:
		g.mu.Unlock()
		f()
	default:
		g.held = append(g.held, f)
		g.mu.Unlock()
	}
}

// link is an engine's connection to the bus. Of what it does not carry nobody is told.
type link struct {
	shaky
	name    string
	gate    *gate
	law     *law
	in, out atomic.Bool // nothing comes in, goes out
}

func (l *link) mend() {
	l.in.Store(false)
	l.out.Store(false)
}

// Publish implements bus.Bus.
func (l *link) Publish(subject string, data []byte) error {
	if !l.gone.Load() {
		l.law.says(l.name, data)
	}
	kept := bytes.Clone(data)
	return l.leave(func() error { return l.shaky.Publish(subject, kept) })
}

// PublishRequest implements bus.Bus.
func (l *link) PublishRequest(subject, reply string, data []byte) error {
	if !l.gone.Load() {
		l.law.says(l.name, data)
	}
	kept := bytes.Clone(data)
	return l.leave(func() error {
		return l.rough.carry(subject, func() error { return l.shaky.PublishRequest(subject, reply, kept) })
	})
}

// leave sends something: now, or when the process goes on. Whoever sends it does not wait: locks may be held, and who waits for one
// keeps the clock of a game from going on.
func (l *link) leave(send func() error) (err error) {
	l.gate.enter(func() {
		if !l.out.Load() {
			err = send()
		}
	})
	return err
}

// Request implements bus.Bus.
func (l *link) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	l.gate.pass()
	if l.out.Load() || l.in.Load() || l.gone.Load() || l.cut.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return l.Memory.Request(ctx, subject, data)
}

// Subscribe implements bus.Bus.
func (l *link) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	l.gate.pass()
	return l.shaky.Subscribe(subject, queue, func(m bus.Msg) {
		if l.in.Load() {
			return
		}
		m.Data = bytes.Clone(m.Data)
		l.gate.enter(func() {
			if !l.gone.Load() {
				h(m)
			}
		})
	})
}

// says looks who sends a job: the owner of its partition, as the store has it at that moment (I16).
func (l *law) says(who string, data []byte) {
	var p wire.BusPacket
	if proto.Unmarshal(data, &p) != nil || p.GetJobRequest() == nil {
		return
	}
	job := p.GetJobRequest()
	at, err := id.Partition(job.RunId)
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner := l.owners[store.Partition(at)]; err != nil || owner.who != who {
		l.broken("%s sends job %s, and partition %d is owned by %q", who, job.JobId, at, owner.who)
	}
}

// owner is who may write to a partition.
type owner struct {
	who   string
	epoch store.Epoch
}

// misses takes that an engine is heard no more. Where it gave jobs to workers, each of the others gives its own until one of them
// does, and a worker that gets too much of them gives it back.
func (l *law) misses(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fleet != nil && l.fleet.moves && l.owners[0].who == who {
		l.fleet.begins()
	}
}

// acquired takes that a partition is somebody's from here on.
func (l *law) acquired(who string, lease store.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.owners[lease.Partition]
	if lease.Epoch <= before.epoch {
		l.broken("%s gets partition %d under epoch %d, and %d was given", who, lease.Partition, lease.Epoch, before.epoch)
	}
	if before.who != "" && before.who != who {
		l.moved++
		if l.fleet != nil {
			l.fleet.doubts()
		}
	}
	l.owners[lease.Partition] = owner{who, lease.Epoch}
	if l.fleet != nil && lease.Partition == 0 {
		l.fleet.begins() // the fleet is another one, which learns who has what
	}
}

// wrote takes that the store took a write (I16).
func (l *law) wrote(who string, tx *store.Tx) {
	if now := l.owners[tx.Partition]; now.epoch != tx.Epoch || now.who != who {
		l.broken("%s writes to partition %d under epoch %d, and %s has it under %d", who, tx.Partition, tx.Epoch, now.who, now.epoch)
	}
}

// errAway is what an engine is told whose store does not answer.
var errAway = errors.New("the store does not answer")

// reach is an engine's way to the store. There may be no way to it, or none back: then it does what it is asked to, and nobody hears.
type reach struct {
	store.Store
	gone     *atomic.Bool
	gate     *gate
	out, in  atomic.Bool
	who      string               // asks
	slow     atomic.Int64         // how long the answer to a commit takes, in ns
	hangs    atomic.Pointer[hang] // one of the next commits does; nil: none
	identity store.Identity
}

func (r *reach) mend() {
	r.out.Store(false)
	r.in.Store(false)
	r.slow.Store(0)
	r.hangs.Store(nil)
}

// Identity implements store.Identified.
func (r *reach) Identity() store.Identity { return r.identity }

// there asks, and back hears what was said.
func (r *reach) there() error {
	r.gate.pass()
	switch {
	case r.gone.Load():
		return errGone
	case r.out.Load():
		return errAway
	}
	return nil
}

func (r *reach) back(err error) error {
	r.gate.pass()
	switch {
	case r.gone.Load():
		return errGone
	case r.in.Load():
		return errAway
	}
	return err
}

// Commit implements store.Store.
func (r *reach) Commit(ctx context.Context, txs ...store.Tx) []error {
	if h := r.hangs.Load(); h != nil && h.due(r.who) {
		h.last()
	}
	if err := r.there(); err != nil {
		return slices.Repeat([]error{err}, len(txs))
	}
	errs := r.Store.Commit(ctx, txs...)
	time.Sleep(time.Duration(r.slow.Load()))
	if err := r.back(nil); err != nil {
		return slices.Repeat([]error{err}, len(txs))
	}
	return errs
}

// asked is one question to a store.
func asked[T any](r *reach, ask func() (T, error)) (T, error) {
	var none T
	if err := r.there(); err != nil {
		return none, err
	}
	out, err := ask()
	if err = r.back(err); err != nil {
		return none, err
	}
	return out, nil
}

// Committed implements store.Store.
func (r *reach) Committed(ctx context.Context, p store.Partition, tx string) (bool, error) {
	return asked(r, func() (bool, error) { return r.Store.Committed(ctx, p, tx) })
}

// Acquire implements store.Store.
func (r *reach) Acquire(ctx context.Context, p store.Partition, who string, ttl time.Duration) (store.Lease, error) {
	return asked(r, func() (store.Lease, error) { return r.Store.Acquire(ctx, p, who, ttl) })
}

// Renew implements store.Store.
func (r *reach) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	return asked(r, func() (store.Lease, error) { return r.Store.Renew(ctx, l, ttl) })
}

// Release implements store.Store.
func (r *reach) Release(ctx context.Context, l store.Lease) error {
	_, err := asked(r, func() (bool, error) { return true, r.Store.Release(ctx, l) })
	return err
}

// Get implements store.Store.
func (r *reach) Get(ctx context.Context, p store.Partition, k store.Key) (store.Record, error) {
	return asked(r, func() (store.Record, error) { return r.Store.Get(ctx, p, k) })
}

// Scan implements store.Store.
func (r *reach) Scan(ctx context.Context, p store.Partition, of store.Range) (store.Page, error) {
	return asked(r, func() (store.Page, error) { return r.Store.Scan(ctx, p, of) })
}

// ReadLog implements store.Store.
func (r *reach) ReadLog(ctx context.Context, p store.Partition, l store.LogID, from uint64, n int) ([]store.Entry, error) {
	return asked(r, func() ([]store.Entry, error) { return r.Store.ReadLog(ctx, p, l, from, n) })
}

// PutBlob implements store.Store.
func (r *reach) PutBlob(ctx context.Context, p store.Partition, tenant string, data []byte) (string, error) {
	return asked(r, func() (string, error) { return r.Store.PutBlob(ctx, p, tenant, data) })
}

// GetBlob implements store.Store.
func (r *reach) GetBlob(ctx context.Context, p store.Partition, tenant, digest string) ([]byte, error) {
	return asked(r, func() ([]byte, error) { return r.Store.GetBlob(ctx, p, tenant, digest) })
}
