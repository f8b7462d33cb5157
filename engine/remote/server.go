package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
)

// Server answers calls for the engine of this process, about the partitions that it owns.
type Server struct {
	bus    bus.Bus
	runner *runner.Runner
	log    *slog.Logger

	bell chan struct{} // rung when there is something for Run to do
	work sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	owned     map[int]bool
	subs      map[int]bus.Subscription
	calls     map[string]*heard // by id
	todo      []task            // calls that are there as a whole
	running   int               // calls, without those that stream
	streaming int               // who watches for long takes no room from calls
	kept      int               // bytes of answers and of parts

	redirected atomic.Uint64
}

// heard is a call that this server was sent.
type heard struct {
	got     pieces
	at      time.Time // when it was sent last
	begun   bool
	stop    context.CancelFunc // of one that was begun
	done    bool
	reply   []byte // of one that is done; nobody changes it
	saying  bool   // the reply is just being sent
	inbox   string // where answers go
	streams bool
}

// task is a call to be done.
type task struct {
	req  request
	call *heard
	body []byte
}

// NewServer makes a server that serves nobody before Run. It must be made before the runner runs, whose partitions it follows.
func NewServer(b bus.Bus, r *runner.Runner, log *slog.Logger) *Server {
	s := &Server{
		bus: b, runner: r, log: log, bell: make(chan struct{}, 1), owned: map[int]bool{}, subs: map[int]bus.Subscription{},
		calls: map[string]*heard{},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	r.OnPartitions(func(p store.Partition) { s.own(int(p), true) }, func(p store.Partition) { s.own(int(p), false) })
	return s
}

// Redirected is how many calls came here whose partition is another process's: who asked asks that one.
func (s *Server) Redirected() uint64 { return s.redirected.Load() }

// own notes that a partition is this process's, or is not any more.
func (s *Server) own(p int, mine bool) {
	s.mu.Lock()
	s.owned[p] = mine
	s.mu.Unlock()
	s.ring()
}

func (s *Server) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Run answers calls until ctx ends. Then it takes no more, and returns when those under way are answered or stopped.
func (s *Server) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer func() {
		s.hangUp()
		stop()
		s.work.Wait()
	}()
	if s.runner.Alone() {
		sub, err := s.bus.Subscribe(anyCall, "", s.hear)
		if err != nil {
			return fmt.Errorf("listen for calls: %w", err)
		}
		s.subs[-1] = sub
	}
	sweep := time.NewTicker(askAgain)
	defer sweep.Stop()
	for {
		s.follow()
		s.start(work)
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			s.sweep(time.Now())
		case <-s.bell:
		}
	}
}

// follow listens for calls about the partitions that are this process's. What cannot be subscribed now is tried again at the
// next look.
func (s *Server) follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, mine := range s.owned {
		sub := s.subs[p]
		switch {
		case mine && sub == nil:
			sub, err := s.bus.Subscribe(callSubject(p), "", s.hear)
			if err != nil {
				s.log.Warn("cannot listen for calls", "partition", p, "error", err)
				continue
			}
			s.subs[p] = sub
		case !mine && sub != nil:
			delete(s.subs, p)
			s.work.Go(func() { _ = sub.Unsubscribe() }) // it waits for the handler, which may want the lock
		}
	}
}

func (s *Server) hangUp() {
	s.mu.Lock()
	s.closed = true
	subs := s.subs
	s.subs = map[int]bus.Subscription{}
	s.mu.Unlock()
	for _, sub := range subs {
		_ = sub.Unsubscribe()
	}
}

// hear takes a call. One that is known is not done again: it is answered again, if it has been answered.
func (s *Server) hear(m bus.Msg) {
	var req request
	if err := decode(m.Data, &req); err != nil || req.ID == "" || !bus.IsInbox(m.Reply) {
		s.log.Warn("call cannot be read", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	h := s.calls[req.ID]
	if h == nil {
		if verdict := s.refused(&req); verdict != answered {
			s.say(m.Reply, answer{Verdict: verdict})
			return
		}
		if len(s.calls) >= maxKnown {
			s.forgetOldest()
		}
		h = &heard{inbox: m.Reply}
		s.calls[req.ID] = h
	}
	h.at = time.Now()
	if h.begun {
		if h.done && req.Part == 0 {
			s.answer(h)
		}
		return
	}
	s.gather(&req, h)
}

// gather takes a part of a call that has not begun, and begins it when that was the last one. The lock is held.
func (s *Server) gather(req *request, h *heard) {
	before := h.got.bytes
	whole, err := h.got.add(req.Part, req.Parts, maxCall, req.Args)
	s.kept += h.got.bytes - before
	if err != nil {
		s.log.Warn("call cannot be read", "method", req.Method, "error", err)
		return
	}
	if whole {
		s.begin(req, h)
	}
}

// refused tells whether a call that is not known is not begun here, and what is said of it then.
func (s *Server) refused(req *request) (verdict int) {
	if !s.runner.Owns(req.Partition) {
		s.redirected.Add(1)
		return moved
	}
	if m, is := methods[req.Method]; is && m.again == once && req.Again {
		return unknownOutcome
	}
	return answered
}

// begin has a call done that is there as a whole. The lock is held.
func (s *Server) begin(req *request, h *heard) {
	h.begun, h.stop = true, func() {}
	body := h.got.joined()
	s.kept -= h.got.bytes
	h.got = pieces{}
	running, most := &s.running, maxCalls
	_, flows := streams[req.Method]
	if flows {
		running, most = &s.streaming, maxStreams
	}
	if *running >= most {
		s.finish(h, written(reply{Failure: failureOf(fmt.Errorf("%d calls are under way: %w", *running, runner.ErrOverloaded))}))
		return
	}
	*running++
	h.streams = flows
	s.todo = append(s.todo, task{*req, h, body})
	s.ring()
}

// start gives every call that is there a goroutine.
func (s *Server) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.todo {
		own, stop := context.WithCancel(ctx)
		if !t.call.streams {
			stop()
			own, stop = context.WithTimeout(ctx, max(t.req.Left-min(returnTime, t.req.Left/4), time.Millisecond))
		}
		t.call.stop = stop
		s.work.Go(func() {
			defer stop()
			if t.call.streams {
				s.pour(own, t)
				return
			}
			s.serve(own, t)
		})
	}
	s.todo = nil
}

// serve does a call and answers it.
func (s *Server) serve(ctx context.Context, t task) {
	out, err := s.do(ctx, t.req.Method, t.body)
	r := written(reply{Results: encodeAll(out), Failure: failureOf(err)})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if errors.Is(err, runner.ErrMoved) {
		s.forget(t.req.ID)
		s.redirected.Add(1)
		s.say(t.call.inbox, answer{Verdict: moved})
		return
	}
	s.finish(t.call, r)
}

// do calls the method. A panic of it is this call's, and nobody else's.
func (s *Server) do(ctx context.Context, name string, body []byte) (out []reflect.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a call panicked", "method", name, "panic", fmt.Sprint(p))
			out, err = nil, fmt.Errorf("%s: a mistake of this program: %w", name, runner.ErrUnavailable)
		}
	}()
	m, is := methods[name]
	if !is {
		return nil, fmt.Errorf("%s: this engine does not know the call: it may be of an older version: %w", name, runner.ErrUnavailable)
	}
	types, _, _ := m.signature()
	args, err := decodeArgs(body, types)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, err, runner.ErrUnavailable)
	}
	return m.do(ctx, s.runner, args)
}

// decodeArgs reads the arguments of a call.
func decodeArgs(body []byte, types []reflect.Type) ([]reflect.Value, error) {
	var raw [][]byte
	if err := decode(body, &raw); err != nil {
		return nil, err
	}
	if len(raw) != len(types) {
		return nil, fmt.Errorf("%w: %d arguments of %d", errMalformed, len(raw), len(types))
	}
	args := make([]reflect.Value, len(raw))
	for i := range raw {
		args[i] = reflect.New(types[i]).Elem()
		if err := decodeValue(raw[i], args[i]); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// written is an answer as it is sent, or, where that is too large, the word that it is.
func written(r reply) []byte {
	out := encode(r)
	if len(out) > maxAnswer {
		out = encode(reply{Failure: failureOf(fmt.Errorf("the answer has %d bytes, at most %d can be sent: %w", len(out), maxAnswer, runner.ErrUnavailable))})
	}
	return out
}

// finish answers a call, and keeps the answer for when it is lost. The lock is held.
func (s *Server) finish(h *heard, reply []byte) {
	h.done, h.at, h.reply = true, time.Now(), reply
	s.answer(h)
	s.kept += len(h.reply)
	for s.kept > maxKept && s.forgetOldest() {
	}
}

// answer sends the reply of a call, beside the lock: a large one takes its time, in which others are heard. Who asks for it while it
// is on its way waits for that. The lock is held.
func (s *Server) answer(h *heard) {
	if h.saying {
		return
	}
	h.saying = true
	s.running++ // what cannot be sent takes room, so that not ever more is done
	inbox, reply := h.inbox, h.reply
	s.work.Go(func() {
		s.sayReply(inbox, reply)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
		h.saying = false
	})
}

func (s *Server) sayReply(inbox string, reply []byte) {
	for part, parts := 0, 1; part < parts; part++ {
		a := answer{Verdict: answered, Part: part}
		a.Data, parts = cut(reply, part)
		a.Parts = parts
		s.say(inbox, a)
	}
}

// say sends a word back. What is lost is asked for again.
func (s *Server) say(inbox string, a answer) {
	if err := s.bus.Publish(inbox, encode(a)); err != nil && !errors.Is(err, bus.ErrClosed) {
		s.log.Warn("answer of a call cannot be sent", "error", err)
	}
}

// sweep stops the calls that nobody waits for any more, and forgets those that were answered long ago. What is lost of streams
// they find themselves.
func (s *Server) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, h := range s.calls {
		silent := now.Sub(h.at)
		switch {
		case h.streams && !h.done:
		case h.begun && !h.done && silent > abandoned:
			h.stop()
		case h.done && silent > remembered, !h.begun && silent > abandoned:
			s.forget(id)
		}
	}
}

// forget drops what is known of a call. The lock is held.
func (s *Server) forget(id string) {
	h := s.calls[id]
	s.kept -= len(h.reply) + h.got.bytes
	delete(s.calls, id)
}

// forgetOldest drops the call that was heard of longest ago and is not under way; false when there is none.
func (s *Server) forgetOldest() bool {
	oldest := ""
	for id, h := range s.calls {
		if (h.done && !h.saying || !h.begun) && (oldest == "" || h.at.Before(s.calls[oldest].at)) {
			oldest = id
		}
	}
	if oldest != "" {
		s.forget(oldest)
	}
	return oldest != ""
}
