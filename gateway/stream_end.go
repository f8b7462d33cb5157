package gateway

import (
	"context"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// runWatch follows one run and says when there is nothing left to tell: after the run has ended and its last event was
// handed out. The engine's own watch goes on for ever.
type runWatch struct {
	Watch
	g      *Gateway
	caller runner.Caller
	run    string

	seq   uint64 // what was told so far
	live  bool   // the past was told; the end never comes before that
	ended bool   // the run is known to have ended
	over  bool   // the next message is the end
}

// Next answers the engine's messages, and then the end.
func (w *runWatch) Next(ctx context.Context) (runner.Message, error) {
	if w.over {
		return runner.Message{Kind: "end", Seq: w.seq}, nil
	}
	m, err := w.Watch.Next(ctx)
	if err != nil {
		return m, err
	}
	if w.note(m) {
		w.over = w.told(ctx)
	}
	return m, nil
}

// note keeps what a message says and tells whether the run may be told to its end by it.
func (w *runWatch) note(m runner.Message) bool {
	switch m.Kind {
	case "snapshot":
		w.seq, w.ended = m.Snapshot.Seq, m.Snapshot.EndedAt != nil
	case "event":
		w.seq = m.Event.Seq
		return w.live && (w.ended || strings.HasPrefix(m.Event.Type, "run_"))
	case "live", "gap":
		w.seq, w.live = max(w.seq, m.Seq), true
		return true
	}
	return false
}

// told asks the engine whether the run has ended and no event is left. When it cannot be asked, the stream goes on.
func (w *runWatch) told(ctx context.Context) bool {
	if !w.ended {
		view, err := w.g.engine.View(ctx, w.caller, w.run)
		w.ended = err == nil && view.EndedAt != nil
	}
	if !w.ended {
		return false
	}
	rest, _, err := w.g.engine.Timeline(ctx, w.caller, w.run, w.seq, 1)
	return err == nil && len(rest) == 0
}
