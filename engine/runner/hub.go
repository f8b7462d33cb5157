package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// hub hands committed facts to viewers. Its queues are bounded: a slow viewer loses messages and is told so, and costs
// nobody else anything.
type hub struct {
	viewers atomic.Int64 // so that a lane without viewers pays one read
	mu      sync.Mutex
	runs    map[string]map[*Watch]bool
	flows   map[string]map[*Watch]bool // tenant, NUL, workflow or "*"
	closed  bool
}

func newHub() *hub {
	return &hub{runs: make(map[string]map[*Watch]bool), flows: make(map[string]map[*Watch]bool)}
}

// publish shows viewers what a commit made true. The lane calls it; it never waits.
func (h *hub) publish(lr *live, facts []stamped, changed bool) {
	if h.viewers.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if watching := h.runs[lr.id]; len(watching) > 0 {
		for _, f := range facts {
			e := event(lr.id, lr.run.Name, f)
			for w := range watching {
				w.offer(Message{Kind: "event", Event: &e, Seq: e.Seq})
			}
		}
	}
	if !changed {
		return
	}
	for _, name := range []string{lr.run.Workflow, "*"} {
		for w := range h.flows[lr.run.Tenant+"\x00"+name] {
			row := lr.headerRow(lr.seq)
			head := row.view(lr.id)
			w.offer(Message{Kind: "header", Header: &head, Seq: head.Seq})
		}
	}
}

func (h *hub) join(w *Watch) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("stopping: %w", ErrUnavailable)
	}
	set := h.flows
	if w.run != "" {
		set = h.runs
	}
	if set[w.topic()] == nil {
		set[w.topic()] = make(map[*Watch]bool)
	}
	set[w.topic()][w] = true
	h.viewers.Add(1)
	return nil
}

func (h *hub) leave(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := h.flows
	if w.run != "" {
		set = h.runs
	}
	if !set[w.topic()][w] {
		return
	}
	delete(set[w.topic()], w)
	if len(set[w.topic()]) == 0 {
		delete(set, w.topic())
	}
	h.viewers.Add(-1)
}

// close ends every watch.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, set := range []map[string]map[*Watch]bool{h.runs, h.flows} {
		for _, group := range set {
			for w := range group {
				w.finish()
			}
		}
	}
}

// Watch is one viewer's bounded queue. It is used by one goroutine; Close may be called by any.
type Watch struct {
	r      *Runner
	caller Caller
	run    string
	flow   string
	logs   bool // lines of logs are shown, too

	mu     sync.Mutex
	queue  []Message
	limit  int
	missed uint64 // seq of what did not fit; the stream goes on behind it
	lost   bool
	over   bool
	bell   chan struct{}

	heads map[string]uint64 // seqs of the headers that the list began with
	ahead []Message         // replay and snapshot, before what is live
	after uint64            // newest seq that was handed out
	next  uint64            // replay goes on behind this seq; replaying says whether it does
	done  bool              // replay is over
}

// Watch begins to follow a run (from a snapshot, or behind AfterSeq) or a workflow's runs. buffer is how many messages may
// wait; 0 is a default.
func (r *Runner) Watch(ctx context.Context, c Caller, req WatchRequest, buffer int) (*Watch, error) {
	if buffer <= 0 || buffer > maxBuffer {
		buffer = defaultBuffer
	}
	w := &Watch{r: r, caller: c, run: req.Run, flow: req.Workflow, logs: req.Logs, limit: buffer, bell: make(chan struct{}, 1)}
	if (req.Run == "") == (req.Workflow == "") {
		return nil, &InvalidError{Code: "invalid_argument", Message: "watch a run or a workflow, one of them"}
	}
	if req.Run != "" {
		if _, err := r.header(ctx, c.Tenant, req.Run); err != nil {
			return nil, asUnavailable(err)
		}
	}
	if err := r.hub.join(w); err != nil {
		return nil, err
	}
	var err error
	switch {
	case req.Run != "" && !r.owns(r.partOf(req.Run)): // behind join: a partition that leaves from here on ends the watch
		err = fmt.Errorf("run %s: %w", req.Run, ErrMoved)
	case req.Run != "":
		err = w.beginRun(ctx, req)
	default:
		err = w.beginFlow(ctx)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Watch) topic() string {
	if w.run != "" {
		return w.run
	}
	return w.caller.Tenant + "\x00" + w.flow
}

// beginRun puts the snapshot, or the word that a replay follows, before what is live.
func (w *Watch) beginRun(ctx context.Context, req WatchRequest) error {
	v, err := w.r.View(ctx, w.caller, w.run)
	if err != nil {
		return err
	}
	if !req.Resume {
		w.after, w.next = v.Seq, v.Seq
		w.ahead = append(w.ahead, Message{Kind: "snapshot", Snapshot: &v, Seq: v.Seq})
		w.ahead = append(w.ahead, Message{Kind: "live", Seq: v.Seq})
		w.done = true
		return nil
	}
	if req.AfterSeq > v.Seq {
		return &InvalidError{Code: "invalid_after_seq", Message: fmt.Sprintf("after_seq is beyond the run's newest fact, %d", v.Seq)}
	}
	w.after, w.next = req.AfterSeq, req.AfterSeq
	w.ahead = append(w.ahead, Message{Kind: "replay", Seq: req.AfterSeq + 1})
	return nil
}

// beginFlow puts the newest runs before what is live.
func (w *Watch) beginFlow(ctx context.Context) error {
	f := Filter{Workflow: w.flow, Limit: defaultLimit}
	if w.flow == "*" {
		f.Workflow = ""
	}
	rows, _, err := w.r.Runs(ctx, w.caller, f)
	if err != nil {
		return err
	}
	w.heads = make(map[string]uint64, len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		w.heads[rows[i].ID] = rows[i].Seq
		w.ahead = append(w.ahead, Message{Kind: "header", Header: &rows[i], Seq: rows[i].Seq})
	}
	w.ahead = append(w.ahead, Message{Kind: "live"})
	w.done = true
	return nil
}

// offer queues a live message, or notes that it did not fit.
func (w *Watch) offer(m Message) {
	w.mu.Lock()
	if w.lost || len(w.queue) >= w.limit {
		w.lost = true
		w.missed = max(w.missed, m.Seq)
	} else {
		w.queue = append(w.queue, m)
	}
	w.mu.Unlock()
	w.ring()
}

func (w *Watch) ring() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// errWatchOver says that the watch was closed.
var errWatchOver = errors.New("the watch is closed")

// Next blocks for the next message. When ctx ends first the answer is its error and nothing is lost. After Close, or when
// the runner stops, it is an error that matches ErrUnavailable.
func (w *Watch) Next(ctx context.Context) (Message, error) {
	for {
		if len(w.ahead) == 0 && !w.done {
			if err := w.readAhead(ctx); err != nil {
				return Message{}, err
			}
		}
		if len(w.ahead) > 0 {
			m := w.ahead[0]
			w.ahead = w.ahead[1:]
			return m, nil
		}
		if m, ok, err := w.take(); ok || err != nil {
			return m, err
		}
		select {
		case <-ctx.Done():
			return Message{}, ctx.Err()
		case <-w.bell:
		}
	}
}

// take answers the oldest live message that was not handed out before. A gap comes where messages were lost, behind those that
// were kept.
func (w *Watch) take() (Message, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 {
		m := w.queue[0]
		w.queue = w.queue[1:]
		if m.Event != nil {
			if m.Event.Seq <= w.after {
				continue // in the snapshot or the replay already
			}
			w.after = m.Event.Seq
		}
		if m.Header != nil && m.Seq <= w.heads[m.Header.ID] {
			continue // older than what the list began with
		}
		return m, true, nil
	}
	if w.lost {
		w.lost = false
		if w.flow != "" {
			return Message{Kind: "gap"}, true, nil
		}
		if w.missed > w.after {
			w.after = w.missed
			return Message{Kind: "gap", Seq: w.missed}, true, nil
		}
	}
	if w.over {
		return Message{}, false, fmt.Errorf("%w: %w", errWatchOver, ErrUnavailable)
	}
	return Message{}, false, nil
}

// readAhead reads the next page of the replay; behind the last one comes the word that the stream is live.
func (w *Watch) readAhead(ctx context.Context) error {
	events, more, err := w.r.Timeline(ctx, w.caller, w.run, w.next, replayPage)
	if err != nil {
		return err
	}
	for i := range events {
		w.ahead = append(w.ahead, Message{Kind: "event", Event: &events[i], Seq: events[i].Seq})
		w.next, w.after = events[i].Seq, events[i].Seq
	}
	if !more && !w.behind() {
		w.done = true
		w.ahead = append(w.ahead, Message{Kind: "live", Seq: w.after})
	}
	return nil
}

// behind tells whether live messages were lost while the replay was read. They are in the store by now: the replay goes on.
func (w *Watch) behind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.lost || w.missed <= w.after {
		return false
	}
	w.queue, w.lost = nil, false
	return true
}

// Close ends the watch. It may be called more than once.
func (w *Watch) Close() {
	w.r.hub.leave(w)
	w.finish()
}

func (w *Watch) finish() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.ring()
}
