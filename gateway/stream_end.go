package gateway

import (
	"context"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// Settled tells whether nothing happens to a run any more by itself: it has ended, and nothing of it is being undone.
func Settled(run *runner.RunView) bool {
	return run.EndedAt != nil && run.Compensation != "running" && run.Compensation != "held"
}

// runWatch follows one run and says when there is nothing left to tell: after the run is settled and its last event was
// handed out. The engine's own watch goes on for ever.
type runWatch struct {
	Watch
	g      *Gateway
	caller runner.Caller
	run    string

	seq     uint64 // what was told so far
	live    bool   // the past was told; the end never comes before that
	settled bool   // the run is known to be settled
	over    bool   // the next message is the end
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
		w.seq, w.settled = m.Snapshot.Seq, Settled(m.Snapshot)
	case "event":
		w.seq = m.Event.Seq
		return w.live && (w.settled || maySettle(m.Event.Type))
	case "live", "gap":
		w.seq, w.live = max(w.seq, m.Seq), true
		return true
	}
	return false
}

// maySettle tells whether an event may be the last one of a run.
func maySettle(eventType string) bool {
	return strings.HasPrefix(eventType, "run_") || strings.HasPrefix(eventType, "compensation_")
}

// told asks the engine whether the run is settled and no event is left. When it cannot be asked, the stream goes on.
func (w *runWatch) told(ctx context.Context) bool {
	if !w.settled {
		view, err := w.g.engine.View(ctx, w.caller, w.run)
		w.settled = err == nil && Settled(&view)
	}
	if !w.settled {
		return false
	}
	rest, _, err := w.g.engine.Timeline(ctx, w.caller, w.run, w.seq, 1)
	return err == nil && len(rest) == 0
}
