package cordum

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/bus/wire"
)

// Worker serves the tools registered with it. It runs once.
type Worker struct {
	cfg      WorkerConfig
	log      *slog.Logger
	tools    map[string]tool // by topic
	problems []error         // of registration

	conn        *nats.Conn // set by Run, like outbox and incarnation
	outbox      *outbox
	incarnation string
	topics      []*nats.Subscription // of topics, shared with other workers
	beatNow     chan struct{}        // one token: beat at once
	empty       chan struct{}        // one token: draining, and nothing is held

	mu                  sync.Mutex
	cpu                 cpuMeter
	started             bool
	draining            bool
	held                map[key]*attempt
	past                remembered // attempts that ended
	early               remembered // attempts that were cancelled before they came
	active              int        // asking and running
	unacknowledged      int        // reporting
	unacknowledgedBytes int
	turnedAway          bool // an attempt was given back for want of room, and nobody was told since that there is some
}

// NewWorker checks the configuration. Nothing is started and nobody is called: that is Run's.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	return &Worker{
		cfg:     cfg,
		log:     cfg.Logger,
		tools:   map[string]tool{},
		beatNow: make(chan struct{}, 1),
		empty:   make(chan struct{}, 1),
		held:    map[key]*attempt{},
		past:    remembered{limit: maxRemembered},
		early:   remembered{limit: maxEarlyCancels},
	}, nil
}

// ID is the worker's name on the wire.
func (w *Worker) ID() string { return w.cfg.ID }

// Run connects and serves until ctx ends. Then it drains: it takes nothing more, lets tools finish and sends results
// until they are acknowledged, at most for the drain timeout. What did not begin is given back. It returns nil when
// nothing was left, ErrDrainTimeout (in the error) when something was, and other errors at the start: a mistake in the
// registrations, a connection that cannot be.
//
// A server that is away is waited for, at the start and later; tools run on meanwhile and their results are kept.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.start(); err != nil {
		return err
	}
	conn, closeConn, err := w.cfg.connect()
	if err != nil {
		return err
	}
	defer closeConn()
	w.conn, w.outbox, w.incarnation = conn, newOutbox(conn), rand.Text()
	status := conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer conn.RemoveStatusListener(status)
	subs, err := w.listen()
	defer unsubscribe(subs)
	if err != nil {
		return err
	}
	w.greet()
	w.beat(false)
	return w.serve(ctx, status)
}

func (w *Worker) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started {
		return errors.New("cordum: a worker runs once: make a new one")
	}
	w.started = true
	if len(w.tools) == 0 && len(w.problems) == 0 {
		return errors.New("cordum: the worker has no tools: register some before Run")
	}
	return errors.Join(w.problems...)
}

// listen makes the subscriptions: answers first, then news, then jobs. Those made before an error are returned with it.
func (w *Worker) listen() ([]*nats.Subscription, error) {
	type interest struct {
		subject, queue string
		handle         nats.MsgHandler
	}
	interests := []interest{
		{wire.SubjectCancel, "", w.onCancel},
		{wire.SubjectAskJobs, "", func(*nats.Msg) { w.beatSoon() }},
		{wire.SubjectWorkerJobs(w.cfg.ID), "", w.onJob},
	}
	for topic := range w.tools {
		interests = append(interests, interest{topic, topic, w.onJob}) // the queue that CAP's workers use
	}
	sub, err := w.outbox.listen()
	subs := []*nats.Subscription{sub}
	for _, i := range interests {
		if err != nil {
			break
		}
		sub, err = subscribe(w.conn, i.subject, i.queue, i.handle)
		subs = append(subs, sub)
		if i.queue != "" {
			w.topics = append(w.topics, sub)
		}
	}
	if err != nil {
		return subs, fmt.Errorf("cordum: cannot subscribe: %w", err)
	}
	return subs, nil
}

func unsubscribe(subs []*nats.Subscription) {
	for _, sub := range subs {
		_ = sub.Unsubscribe() // a connection that is closed has ended it; nil is refused
	}
}

// serve is the worker's loop: it beats, repeats questions, and drains when ctx ends.
func (w *Worker) serve(ctx context.Context, status <-chan nats.Status) error {
	beat := time.NewTicker(w.cfg.Heartbeat)
	defer beat.Stop()
	resend := time.NewTimer(0)
	defer resend.Stop()
	stop := ctx.Done()
	var drained <-chan time.Time
	for {
		select {
		case <-stop:
			stop, drained = nil, time.After(w.cfg.DrainTimeout)
			w.drain()
		case <-w.empty:
			return w.leave(nil)
		case <-drained:
			return w.leave(w.abandon())
		case <-beat.C:
			w.beat(false)
		case <-w.beatNow:
			w.beat(false)
		case s := <-status:
			if s == nats.CLOSED {
				return errors.Join(errors.New("cordum: the connection was closed"), w.conn.LastError(), w.abandon())
			}
			w.greet()
			w.beat(false)
			w.outbox.sendAll()
		case <-w.outbox.wake:
			resend.Reset(0)
		case now := <-resend.C:
			if sleep := w.outbox.sendDue(now); sleep >= 0 {
				resend.Reset(sleep)
			}
		}
	}
}

// drain makes the worker take nothing more and says so. What is on its way is given back.
func (w *Worker) drain() {
	for _, sub := range w.topics {
		if err := sub.Drain(); err != nil {
			w.log.Warn("cannot leave a topic: its jobs are given back", "topic", sub.Subject, "error", err)
		}
	}
	w.mu.Lock()
	w.draining = true
	w.checkEmpty()
	w.mu.Unlock()
	w.beatSoon()
}

// leave says goodbye. The beat lists what was left, so that nobody waits for it.
func (w *Worker) leave(err error) error {
	if !w.conn.IsConnected() {
		return err // nobody hears it: the lease tells
	}
	w.beat(true)
	if flush := w.conn.FlushTimeout(stopGrace); flush != nil {
		w.log.Warn("the last heartbeat may be lost", "error", flush)
	}
	return err
}

// abandon ends what the drain timeout found: it gives back what did not begin, stops the tools, and waits a moment for
// them to return and for their results.
func (w *Worker) abandon() error {
	w.mu.Lock()
	for _, a := range w.held {
		switch a.phase {
		case asking:
			w.giveBack(a.request, returnDraining)
			w.outbox.drop(a.question)
			w.active--
			w.release(a)
		case running:
			a.cancel(ErrStopped)
		}
	}
	w.checkEmpty()
	w.mu.Unlock()
	if w.waitEmpty(stopGrace) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active == 0 && w.unacknowledged == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d tools still run and %d results are not acknowledged", ErrDrainTimeout, w.active, w.unacknowledged)
}

// waitEmpty goes on repeating questions until nothing is held.
func (w *Worker) waitEmpty(limit time.Duration) bool {
	over := time.After(limit)
	again := time.NewTicker(refusedMin)
	defer again.Stop()
	for {
		select {
		case <-w.empty:
			return true
		case <-over:
			return false
		case now := <-again.C:
			w.outbox.sendDue(now)
		}
	}
}

// release ends an attempt. The caller holds mu.
func (w *Worker) release(a *attempt) {
	delete(w.held, a.key)
	w.past.add(a.key)
	w.roomMade()
	w.checkEmpty()
}

// checkEmpty tells the loop when nothing is left of a draining worker. The caller holds mu.
func (w *Worker) checkEmpty() {
	if !w.draining || len(w.held) > 0 {
		return
	}
	select {
	case w.empty <- struct{}{}:
	default:
	}
}
