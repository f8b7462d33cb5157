package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// Watch follows a run, or a workflow's runs, wherever they are. It is used by one goroutine; Close may be called by any.
type Watch interface {
	// Next blocks for the next message. When ctx ends first the answer is its error and nothing is lost. After Close it is an
	// error that matches runner.ErrUnavailable.
	Next(ctx context.Context) (runner.Message, error)
	// Close ends the watch. It may be called more than once.
	Close()
}

// errClosed says that a watch was closed.
var errClosed = fmt.Errorf("the watch is closed: %w", runner.ErrUnavailable)

// Watch is the call of that name.
func (c *Client) Watch(ctx context.Context, who runner.Caller, req runner.WatchRequest, buffer int) (Watch, error) {
	if req.Run == "" || req.Workflow != "" { // or neither, which an engine refuses
		return c.watchFlow(ctx, who, req, buffer)
	}
	w := &runWatch{c: c, who: who, req: req, buffer: buffer}
	w.closing, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	m, err := w.Next(ctx)
	if err != nil {
		w.Close()
		return nil, err
	}
	w.first = &m
	return w, nil
}

// runWatch follows a run, at its owner. When the owner changes it goes on behind what it has shown.
type runWatch struct {
	c       *Client
	who     runner.Caller
	req     runner.WatchRequest
	buffer  int
	closing context.Context //nolint:containedctx // Close ends what Next waits for
	stop    context.CancelFunc

	first   *runner.Message // that was read to see whether there is anything to watch
	st      *stream
	began   bool // something was shown: what begins a stream is not shown again
	pause   time.Duration
	nothing time.Time // since when there is no owner
}

// Close implements Watch.
func (w *runWatch) Close() { w.stop() }

// Next implements Watch.
func (w *runWatch) Next(ctx context.Context) (runner.Message, error) {
	if m := w.first; m != nil {
		w.first = nil
		return *m, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.closing, cancel)()
	for {
		m, shown, err := w.step(ctx)
		switch {
		case w.closing.Err() != nil:
			w.drop()
			return m, errClosed
		case err != nil || shown:
			return m, err
		}
	}
}

// step reads the next message, or finds the owner again.
func (w *runWatch) step(ctx context.Context) (m runner.Message, shown bool, err error) {
	if w.st == nil {
		if err := w.open(ctx); err != nil {
			return m, false, err
		}
	}
	item, ok, err := w.st.Next(ctx)
	switch {
	case errors.Is(err, errStreamMoved):
		w.drop()
		return m, false, w.await(ctx)
	case err != nil && ctx.Err() == nil, !ok && err == nil:
		w.drop()
		return m, false, errors.Join(err, noneAsClosed(err))
	case err != nil:
		return m, false, err
	}
	w.nothing, w.pause = time.Time{}, 0
	if err := decode(item, &m); err != nil {
		return m, false, fmt.Errorf("watch: %w: %w", err, runner.ErrUnavailable)
	}
	return m, w.note(&m), nil
}

// noneAsClosed is the error for a stream that ended without one.
func noneAsClosed(err error) error {
	if err == nil {
		return errClosed
	}
	return nil
}

// note keeps where the stream stands, and tells whether a message is shown: of what begins a stream only that of the first.
func (w *runWatch) note(m *runner.Message) bool {
	switch m.Kind {
	case "snapshot", "event", "gap":
		w.req.AfterSeq, w.req.Resume = m.Seq, true
	case "replay", "live":
		if w.began && m.Kind == "replay" {
			return false
		}
		w.req.Resume = true
		if m.Kind == "replay" {
			w.req.AfterSeq = m.Seq - 1
		} else {
			first := !w.began
			w.req.AfterSeq = max(w.req.AfterSeq, m.Seq)
			w.began = true
			return first
		}
	}
	return true
}

func (w *runWatch) open(ctx context.Context) error {
	n, err := w.c.countOfPartitions(ctx, "Watch")
	if err != nil {
		return err
	}
	args := []any{w.who, w.req, w.buffer}
	w.st, err = w.c.open(ctx, "Watch", w.c.partitionOf("Watch", args, n), args...)
	return err
}

// drop ends the stream of the owner so far.
func (w *runWatch) drop() {
	if w.st != nil {
		w.st.close()
		w.st = nil
	}
}

// await waits a moment for an owner. A watch that has shown nothing yet does not wait for ever: its viewer should know.
func (w *runWatch) await(ctx context.Context) error {
	now := time.Now()
	if w.nothing.IsZero() {
		w.nothing = now
	}
	if now.Sub(w.nothing) > defaultDeadline {
		return fmt.Errorf("nobody owns run %s: %w", w.req.Run, runner.ErrUnavailable)
	}
	w.pause = min(max(2*w.pause, backOffMin), backOffMax)
	return sleep(ctx, w.pause)
}

// flowWatch follows a workflow's runs: those of every engine.
type flowWatch struct {
	c      *Client
	who    runner.Caller
	req    runner.WatchRequest
	buffer int
	stop   context.CancelFunc
	work   sync.WaitGroup
	bell   chan struct{} // holds a token

	mu    sync.Mutex
	queue []runner.Message
	lost  bool
	live  bool
	shown map[string]uint64 // newest seq of each run that was shown
	at    map[int]bool      // partitions at whose owners there is a stream
	err   error
}

// watchFlow begins with the list of one engine, which has the runs of all; then every engine shows what changes with it.
func (c *Client) watchFlow(ctx context.Context, who runner.Caller, req runner.WatchRequest, buffer int) (Watch, error) {
	n, err := c.countOfPartitions(ctx, "Watch")
	if err != nil {
		return nil, err
	}
	w := &flowWatch{
		c: c, who: who, req: req, buffer: max(buffer, 1), bell: make(chan struct{}, 1), shown: map[string]uint64{}, at: map[int]bool{},
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	began := make(chan error, 1)
	w.follow(own, rand.IntN(n), began) //nolint:gosec // any
	select {
	case err = <-began:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	w.work.Go(func() { w.lookAround(own) })
	return w, nil
}

// Close implements Watch.
func (w *flowWatch) Close() {
	w.stop()
	w.work.Wait()
	w.mu.Lock()
	w.err = errClosed
	w.mu.Unlock()
	w.ring()
}

// Next implements Watch.
func (w *flowWatch) Next(ctx context.Context) (runner.Message, error) {
	for {
		if m, ok, err := w.take(); ok || err != nil {
			return m, err
		}
		select {
		case <-ctx.Done():
			return runner.Message{}, ctx.Err()
		case <-w.bell:
		}
	}
}

func (w *flowWatch) take() (m runner.Message, ok bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.queue) > 0:
		m, w.queue = w.queue[0], w.queue[1:]
		return m, true, nil
	case w.lost:
		w.lost = false
		return runner.Message{Kind: "gap"}, true, nil
	}
	return m, false, w.err
}

func (w *flowWatch) ring() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// lookAround follows every engine that there is, and those that come.
func (w *flowWatch) lookAround(ctx context.Context) {
	for {
		ask, cancel := context.WithTimeout(ctx, defaultDeadline)
		at, err := w.c.oneOfEach(ask)
		cancel()
		if err == nil {
			w.cover(ctx, at)
		}
		if sleep(ctx, lookAround) != nil {
			return
		}
	}
}

// cover begins to follow the engines that are not followed yet.
func (w *flowWatch) cover(ctx context.Context, at []int) {
	for _, p := range at {
		w.mu.Lock()
		there := w.at[p]
		w.mu.Unlock()
		if !there {
			w.follow(ctx, p, nil)
		}
	}
}

// follow shows what one engine shows until it goes away, or does not own the partition any more. began, if it is not nil, gets
// the word whether there is anything to watch.
func (w *flowWatch) follow(ctx context.Context, p int, began chan<- error) {
	w.mu.Lock()
	w.at[p] = true
	w.mu.Unlock()
	w.work.Go(func() {
		err := w.show(ctx, p, began)
		if began != nil {
			select {
			case began <- errors.Join(err, noneAsClosed(err)):
			default:
			}
		}
		w.mu.Lock()
		delete(w.at, p)
		w.mu.Unlock()
	})
}

// show reads the stream of one engine.
func (w *flowWatch) show(ctx context.Context, p int, began chan<- error) error {
	st, err := w.c.open(ctx, "Watch", p, w.who, w.req, w.buffer)
	if err != nil {
		return err
	}
	defer st.close()
	for {
		item, ok, err := st.Next(ctx)
		if err != nil || !ok {
			return err
		}
		var m runner.Message
		if err := decode(item, &m); err != nil {
			return err
		}
		if began != nil {
			select {
			case began <- nil:
			default:
			}
		}
		w.offer(m)
	}
}

// offer shows a message unless it was shown, or notes that it did not fit.
func (w *flowWatch) offer(m runner.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case m.Kind == "live" && w.live:
		return
	case m.Kind == "live":
		w.live = true
	case m.Kind == "gap":
		w.lost = true
		w.ring()
		return
	case m.Header != nil:
		if m.Seq <= w.shown[m.Header.ID] {
			return
		}
		if len(w.shown) >= maxShown {
			maps.DeleteFunc(w.shown, func(string, uint64) bool { return rand.IntN(2) == 0 }) //nolint:gosec // any half
		}
		w.shown[m.Header.ID] = m.Seq
	}
	if w.lost || len(w.queue) >= w.buffer+len(w.shown) {
		w.lost = true
	} else {
		w.queue = append(w.queue, m)
	}
	w.ring()
}
